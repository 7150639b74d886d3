"""Who this device is: `identity/device.toml` in its folder, written when it is enrolled.

    id = "16 hex digits"
    venue = "code"
    root = "64 hex digits"

Nothing of it is changed remotely. Beside it lie what only sync may read: how to reach central
(`link.toml`), certificate and private key.
"""

import os
from pathlib import Path
from typing import Annotated

import msgspec

from edge.runtime import config

FOLDER, FILE = "identity", "device.toml"

DeviceId = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{16}$")]
VenueCode = Annotated[str, msgspec.Meta(pattern="^[A-Za-z0-9_-]{1,32}$")]


class DeviceIdentity(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: DeviceId
    """8 bytes in hex, drawn by central; the same in topics and in the certificate."""
    venue: VenueCode
    """As in the names of topics."""
    root: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    """SHA-256 of the first roles (wire.signed.pin): whom this device believes."""

    @property
    def device(self) -> bytes:
        return bytes.fromhex(self.id)

    @property
    def pin(self) -> bytes:
        return bytes.fromhex(self.root)


def load(directory: Path) -> DeviceIdentity:
    """Return the identity of the device whose folder this is; raise ConfigError."""
    return config.load(directory / FOLDER / FILE, DeviceIdentity)


def enrolled(directory: Path) -> bool:
    """Whether the device has been told who it is."""
    return (directory / FOLDER / FILE).exists()


def stamp(directory: Path) -> tuple[int, int] | None:
    """Return what changes whenever the device becomes somebody, or somebody else."""
    try:
        found = os.stat(f"{directory}/{FOLDER}/{FILE}")  # noqa: PTH116  # Asked twice a second.
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


def text(identity: DeviceIdentity) -> str:
    """Return device.toml."""
    return f'id = "{identity.id}"\nvenue = "{identity.venue}"\nroot = "{identity.root}"\n'
