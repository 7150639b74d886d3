"""Ends what a device may do: its certificates, its denial and its open codes, at one moment."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import transaction

from central.identity import authority
from central.identity.models import Certificate, Denied, Enrolment
from central.venue.models import Device

GRACE_SECONDS = 180 * authority.DAY
"""An expired certificate renews for so long: a gate sleeps through the winter."""

REVOKED_TOKEN = "revoked"
"""No token hashes to this, so that the older way in is shut as well."""


def revoke(device: Device, by: str, now: int) -> int:
    """Revoke all certificates of `device` and deny it; return how many certificates those were.

    The database is the truth: if the file of revoked certificates cannot be written, nothing is
    revoked and the admin sees why. Whoever holds a session at the broker keeps it until the
    broker is told; see docs/decisions/0007-identity.md.
    """
    with _alone(), transaction.atomic():
        Device.objects.select_for_update().get(pk=device.pk)
        Denied.objects.update_or_create(device=device, defaults={"at": now, "by": by})
        Device.objects.filter(pk=device.pk).update(token_hash=REVOKED_TOKEN)
        open_codes = Enrolment.objects.filter(device=device, used_at=None)
        open_codes.update(withdrawn=True)
        ended = Certificate.objects.filter(device=device, revoked_at=None).update(revoked_at=now)
        _write(now)
    return ended


def write_list(now: int) -> Path:
    """Write the revocation list from the database; return its path. Raise AuthorityMissing."""
    with _alone():
        return _write(now)


@contextmanager
def _alone() -> Iterator[None]:
    """Let one process at a time go from the database to the file.

    On PostgreSQL two who revoke do not see each other's rows before the end; the second to write
    the file would leave out what the first had revoked.
    """
    authority.public().mkdir(mode=0o755, parents=True, exist_ok=True)
    with (authority.public() / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _write(now: int) -> Path:
    """A certificate leaves the list when it could not even be renewed any more."""
    revoked = Certificate.objects.filter(
        revoked_at__isnull=False, not_after__gt=now - GRACE_SECONDS
    ).order_by("pk")
    entries = [(int(one.serial, 16), one.revoked_at or now) for one in revoked]
    return authority.write_revocations(authority.load(), entries, now)
