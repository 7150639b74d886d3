"""Counts wrong guesses by kiosk and by what was guessed at; the fifth locks both for a while.

Both rows are locked before the guess is looked at, so that many at once count one after another.
"""

from collections.abc import Iterable

from django.db import transaction
from django.utils.crypto import salted_hmac

from central.core import lockout
from central.core.lockout import Tries
from central.exchange.models import WrongGuess


def subject(kind: str, name: str) -> str:
    """Return what a guess is counted under; an order's number is nobody's business here."""
    return salted_hmac(__name__, f"{kind} {name}", algorithm="sha256").hexdigest()


def locked(subjects: Iterable[str], now: float) -> float:
    """Return for how many seconds any of these is locked; inside a transaction."""
    longest = 0.0
    for name in sorted(subjects):
        WrongGuess.objects.get_or_create(subject=name)
        row = WrongGuess.objects.select_for_update().get(subject=name)
        longest = max(longest, lockout.locked(_tries(row), now))
    return longest


def failed(subjects: Iterable[str], now: float) -> None:
    with transaction.atomic():
        for name in sorted(subjects):
            row, _ = WrongGuess.objects.select_for_update().get_or_create(subject=name)
            tries = lockout.failed(_tries(row), now)
            row.failures, row.first_at = tries.failures, tries.first_at
            row.locked_until = tries.locked_until
            row.save()


def forgiven(subjects: Iterable[str]) -> None:
    """The one that was counted beforehand was right."""
    with transaction.atomic():
        for name in sorted(subjects):
            row = WrongGuess.objects.select_for_update().get(subject=name)
            before = lockout.FAILURES_MAX if row.locked_until else row.failures
            row.failures, row.locked_until = max(before - 1, 0), 0.0
            row.save()


def _tries(row: WrongGuess) -> Tries:
    return Tries(row.failures, row.first_at, row.locked_until)
