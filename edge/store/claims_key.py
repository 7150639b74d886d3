"""The key by which a hub signs its answers to claims: made on the hub, and never leaves it.

Hub and sync are one user and either may come first: whoever asks for the key when there is none
makes it, and of two who make it at once both get the one that was there first.
"""

import os
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from edge.runtime import identity
from edge.runtime.config import ConfigError
from edge.store.database import make_directory, sync_directory

FOLDER, KEY = "hub", "claims.key"


def load(directory: Path) -> Ed25519PrivateKey:
    """Return the key of the device whose folder this is, made if need be; raise ConfigError."""
    place = directory / FOLDER / KEY
    try:
        if not place.exists():
            _make(place)
        key = load_pem_private_key(place.read_bytes(), None)
    except (OSError, ValueError, TypeError) as error:
        raise ConfigError(f"{place}: cannot be read as a key: {error}") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigError(f"{place}: not an Ed25519 key")
    return key


def public(key: Ed25519PrivateKey) -> str:
    """Return what stands in zones as `claims_key`."""
    return key.public_key().public_bytes_raw().hex()


def _hand_over(folder: Path, fresh: Path) -> None:
    """Root may ask for the key before any daemon did; it is the user's whose identity it serves."""
    owner = folder.parent / identity.FOLDER
    if os.geteuid() == 0 and owner.exists():
        who = owner.stat()
        for path in (folder, fresh):
            os.chown(path, who.st_uid, who.st_gid)


def _make(place: Path) -> None:
    """On disk whole, or not at all; for its owner alone."""
    make_directory(place.parent)
    made = Ed25519PrivateKey.generate()
    fresh = place.with_name(f".{KEY}.{uuid4().hex}")
    handle = os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
            file.flush()
            os.fsync(file.fileno())
        _hand_over(place.parent, fresh)
        with suppress(FileExistsError):  # Somebody was quicker: theirs is the key.
            os.link(fresh, place)
    finally:
        fresh.unlink()
    sync_directory(place.parent)
