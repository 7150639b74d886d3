"""Keys that sign tickets: who may sign what, and for how long."""

from collections.abc import Iterable
from enum import StrEnum

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

KID_BYTES_MAX = 4


class Role(StrEnum):
    TICKET = "ticket"
    EXCHANGE = "exchange"  # May only raise the generation of a ticket that the list holds.


class Status(StrEnum):
    ACTIVE = "active"
    RETIRED = "retired"  # Signs no more; what it signed stays good.
    REVOKED = "revoked"  # Nothing it ever signed is good.


class KeyRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a venue publishes about one public key.

    The algorithm stands here and is never taken from a token (RFC 8725, 3.1).
    """

    kid: bytes
    public: bytes
    """32 bytes, RFC 8032."""
    algorithm: int = -8
    """COSE EdDSA (RFC 9053, 2.2)."""
    role: Role = Role.TICKET
    audiences: tuple[str, ...] = ()
    """The `aud` values it may sign; empty: any."""
    valid_from: int = 0
    valid_until: int = 2**32 - 1
    """Unix seconds between which a ticket's `iat` must lie."""
    status: Status = Status.ACTIVE


class KeyRing:
    """The key records of a list, loaded once, found by kid."""

    def __init__(self, records: Iterable[KeyRecord] = ()) -> None:
        self._records = {record.kid: record for record in records if record.algorithm == -8}
        self._public = {
            kid: Ed25519PublicKey.from_public_bytes(record.public)
            for kid, record in self._records.items()
            if len(record.public) == 32
        }

    def find(self, kid: bytes) -> tuple[KeyRecord, Ed25519PublicKey] | None:
        if kid not in self._public:
            return None
        return self._records[kid], self._public[kid]

    def records(self) -> list[KeyRecord]:
        return list(self._records.values())
