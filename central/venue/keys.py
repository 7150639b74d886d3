"""The private halves of ticket signing keys: files of central's user, never in the database."""

import hashlib
import os
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from django.conf import settings

from central.venue.models import SigningKey, Venue
from wire.key import Role, Status


class KeyMissing(Exception):
    """There is no key to sign with; the message says where it should be."""


def make(venue: Venue, seed: bytes | None = None) -> SigningKey:
    """Make a venue's key, active from now on; `seed` makes it reproducible."""
    private = Ed25519PrivateKey.generate()
    if seed is not None:
        private = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"key" + seed).digest())
    public = private.public_key().public_bytes_raw()
    kid = hashlib.sha256(public).digest()[:4]
    path = _path(kid)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    made, _ = SigningKey.objects.update_or_create(
        kid=kid, defaults={"venue": venue, "public": public, "status": Status.ACTIVE.value}
    )
    return made


def active(venue: Venue) -> tuple[bytes, Ed25519PrivateKey]:
    """Return (kid, private key) that signs for `venue`; raise KeyMissing."""
    signing = SigningKey.objects.filter(venue=venue, role=Role.TICKET.value)
    newest = signing.filter(status=Status.ACTIVE.value).order_by("-pk").first()
    if newest is None:
        raise KeyMissing(f"{venue.code} has no active signing key; make one")
    path = _path(bytes(newest.kid))
    try:
        private = load_pem_private_key(path.read_bytes(), None)
    except (OSError, ValueError) as error:
        raise KeyMissing(f"{path}: cannot be read as a key: {error}") from None
    if not isinstance(private, Ed25519PrivateKey):
        raise KeyMissing(f"{path}: not an Ed25519 key")
    return bytes(newest.kid), private


def _path(kid: bytes) -> Path:
    return Path(settings.DIRECTORY) / "keys" / f"{kid.hex()}.pem"
