"""Ends what a device may do: its certificates, its tokens, its open codes, at one moment.

The session that it may have at the broker ends by broker.py, which watches for who is Denied.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import transaction

from central.claims import hubs
from central.identity import authority
from central.identity.models import Certificate, Denied, Enrolment
from central.venue.models import Device

GRACE_SECONDS = 180 * authority.DAY
"""An expired certificate renews for so long: a gate sleeps through the winter."""

REVOKED_TOKEN = "revoked"
"""No token hashes to this, so that the older way in is shut as well."""


class ListNotWritten(Exception):
    """They are revoked at central, but the broker and the web server were not told; why."""


def revoke(devices: list[Device], by: str, now: int) -> int:
    """Revoke all certificates of `devices` and deny them; return how many certificates those were.

    The database is the truth, and central itself lets none of them in from here on. Raise
    ListNotWritten if the file for broker and web server could not be written; tried again, the
    same action writes it.
    """
    with one_writer():
        with transaction.atomic():
            ended = sum(_end(device, by, now) for device in sorted(devices, key=lambda one: one.pk))
        publish(now)
    return ended


def _end(device: Device, by: str, now: int) -> int:
    Device.objects.select_for_update().get(pk=device.pk)
    Denied.objects.update_or_create(device=device, defaults={"at": now, "by": by})
    Device.objects.filter(pk=device.pk).update(token_hash=REVOKED_TOKEN)
    Enrolment.objects.filter(device=device, used_at=None).update(withdrawn=True)
    hubs.end(device)
    return Certificate.objects.filter(device=device, revoked_at=None).update(revoked_at=now)


def publish(now: int) -> None:
    """Write the list of what is revoked by now; raise ListNotWritten.

    Only for who holds `one_writer`.
    """
    try:
        if Certificate.objects.filter(revoked_at__isnull=False).exists():
            _write(now)
    except (authority.AuthorityMissing, OSError) as error:
        raise ListNotWritten(str(error)) from None


def write_list(now: int) -> Path:
    """Write the revocation list from the database; return its path. Raise AuthorityMissing."""
    with one_writer():
        return _write(now)


@contextmanager
def one_writer() -> Iterator[None]:
    """Let one process at a time go from the database to the file.

    Otherwise the second of two to write the file could leave out what the first had revoked.
    """
    authority.make_public()
    with (authority.public() / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def write_for(issuing: authority.Issuing, now: int) -> Path:
    """Write the list by these authorities; only for who holds `one_writer`.

    A certificate leaves the list when it could not even be renewed any more.
    """
    revoked = Certificate.objects.filter(
        revoked_at__isnull=False, not_after__gt=now - GRACE_SECONDS
    ).order_by("pk")
    entries = [(int(one.serial, 16), one.revoked_at or now) for one in revoked]
    return authority.write_revocations(issuing, entries, now)


def _write(now: int) -> Path:
    return write_for(authority.load(), now)
