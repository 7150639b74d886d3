"""The keys by which central speaks to devices: a root, and one for each purpose (wire/signed.py).

The root signs the roles, which say who may sign what; it is needed again only to replace a key,
and `gatehouse central trust` says how to take it away until then. The other keys are files of
central's user, as the ticket keys are.
"""

import os
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from django.conf import settings

from central.venue.models import RolesVersion, Venue
from wire.codec import encode
from wire.signed import Purpose, Roles, Signers, bundle, pin, seal

ROOT = "root"


class TrustMissing(Exception):
    """There is no key to sign with; the message says where it should be."""


def ensure(venue: Venue) -> None:
    """Make a venue's keys and its first roles, if it has none."""
    if RolesVersion.objects.filter(venue=venue).exists():
        return
    root = _make(ROOT)
    signers = {
        purpose.value: Signers((_make(purpose.value).public_key().public_bytes_raw(),))
        for purpose in Purpose
        if purpose is not Purpose.ROLES
    }
    roles = Roles(1, venue.code, Signers((root.public_key().public_bytes_raw(),)), signers)
    bundled = bundle([seal(encode(roles), Purpose.ROLES, root)])
    RolesVersion.objects.create(venue=venue, version=1, bundle=bundled)


def sealed(payload: bytes, purpose: Purpose) -> bytes:
    """Return `payload` in an envelope that devices believe; raise TrustMissing."""
    place = path(purpose.value)
    try:
        made = place.stat().st_mtime_ns
    except OSError as error:
        raise _missing(place, f"cannot be read ({error.strerror})") from None
    return seal(payload, purpose, _load(place, made))


def check(purposes: Iterable[Purpose]) -> None:
    """Raise TrustMissing unless there is a key for each of these."""
    for purpose in purposes:
        load(path(purpose.value))


def newest_roles(venue: Venue) -> int:
    """Return the version of a venue's newest roles; 0 if it has none."""
    found = RolesVersion.objects.filter(venue=venue).order_by("-version").first()
    return found.version if found else 0


def root_pin(venue: Venue) -> bytes:
    """Return what a new device is shown of the first roles, 32 bytes; raise TrustMissing."""
    first = RolesVersion.objects.filter(venue=venue, version=1).first()
    if first is None:
        raise TrustMissing(f"{venue.code} has no signing keys yet: run gatehouse central prepare")
    return pin(bytes(first.bundle))


def path(name: str) -> Path:
    """Where a key lies: of a purpose, or the root's."""
    return Path(settings.DIRECTORY) / "keys" / f"trust-{name}.pem"


def load(place: Path) -> Ed25519PrivateKey:
    """Read a key; raise TrustMissing."""
    try:
        key = load_pem_private_key(place.read_bytes(), None)
    except OSError as error:
        raise _missing(place, f"cannot be read ({error.strerror})") from None
    except (ValueError, TypeError):
        raise _missing(place, "is no key") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise _missing(place, "is no Ed25519 key")
    return key


def write(place: Path, key: Ed25519PrivateKey) -> Path:
    """Write a key durably, for its owner alone; return where."""
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(place, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        file.flush()
        os.fsync(file.fileno())
    return place


def _missing(place: Path, why: str) -> TrustMissing:
    name = place.stem.removeprefix("trust-")
    told = "bring it back from a backup of central's folder"
    if name in set(Purpose) - {Purpose.ROLES}:
        told += f", or make another that devices will follow: gatehouse central trust rotate {name}"
    return TrustMissing(f"{place} {why}: {told}")


@lru_cache(maxsize=32)
def _load(place: Path, _made: int) -> Ed25519PrivateKey:
    """Read a key once for each time it was made."""
    return load(place)


def _make(name: str) -> Ed25519PrivateKey:
    key = Ed25519PrivateKey.generate()
    write(path(name), key)
    return key
