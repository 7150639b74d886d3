"""Staff cards as central knows them: drawn or taken over, told to gates, and withdrawn.

What a card says is shown once and kept by nobody; zones tell its digest to their gates.
"""

import secrets
from collections.abc import Iterable

import msgspec
from django.db.models import Q, QuerySet

from central.identity.models import Placement, StaffCard
from central.venue.models import Zone
from wire import staff_card
from wire.staff_card import CODE_CHARACTERS_MAX, CODE_CHARACTERS_MIN, RANDOM_BYTES


def draw() -> str:
    """Return what a new card is to say."""
    return staff_card.code(secrets.token_bytes(RANDOM_BYTES))


def digest(code: str) -> str:
    """Return what is kept of a code: 64 hex digits."""
    return staff_card.digest(code.encode())


def fault_of_badge(code: str) -> str:
    """Return why a site's own badge cannot be a staff card, or nothing."""
    if not code.isascii() or not code.isprintable():
        return "只能含英文字母、数字和符号 · letters A–Z, digits and signs of ASCII alone"
    if not CODE_CHARACTERS_MIN <= len(code) <= CODE_CHARACTERS_MAX:
        bounds = f"{CODE_CHARACTERS_MIN}–{CODE_CHARACTERS_MAX}"
        return (
            f"应为 {bounds} 个字符，太短会被猜到；可留空由系统生成"
            f" · {bounds} characters: a shorter one can be guessed. Leave it empty and one is drawn"
        )
    return ""


def good_in(zone: Zone) -> QuerySet[StaffCard]:
    """Return the cards that gates of a zone obey."""
    good = StaffCard.objects.filter(venue=zone.venue_id, withdrawn_at=None)
    return good.filter(Q(everywhere=True) | Q(zones=zone)).distinct().order_by("pk")


def reaches_nobody(card: StaffCard) -> bool:
    """Whether no device stands in any zone that a card is for."""
    here = Placement.objects.filter(zone__venue=card.venue_id)
    return not (here if card.everywhere else here.filter(zone__in=card.zones.all())).exists()


def toml(cards: Iterable[StaffCard]) -> str:
    """Return what zone.toml says of `cards`, to stand behind all else."""
    return "".join(_table(card) for card in cards)


def _table(card: StaffCard) -> str:
    # A JSON string is a TOML string as well.
    told = {"name": card.name, "digest": card.digest, "does": card.does, "minutes": card.minutes}
    lines = (f"{key} = {msgspec.json.encode(told[key]).decode()}\n" for key in told)
    return "\n[[staff]]\n" + "".join(lines)


def withdraw(cards: Iterable[StaffCard], by: str, now: int) -> list[StaffCard]:
    """End `cards` for good; return those that were good until now."""
    return [
        card
        for card in cards
        if StaffCard.objects.filter(pk=card.pk, withdrawn_at=None).update(
            withdrawn_at=now, withdrawn_by=by
        )
    ]
