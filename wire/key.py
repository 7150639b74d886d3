"""Keys that sign tickets: who may sign what, and for how long.

Every code shown is verified, so the quicker of two libraries does it: libsodium takes two thirds
of OpenSSL's time. Without PyNaCl it is `cryptography`, with the same answers.
"""

from collections.abc import Callable, Iterable
from enum import StrEnum

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

try:
    from nacl.bindings import crypto_sign_open
    from nacl.exceptions import CryptoError
except ImportError:
    SODIUM = False
else:
    SODIUM = True

KID_BYTES_MAX = 4
PUBLIC_BYTES, SIGNATURE_BYTES = 32, 64

Verify = Callable[[bytes, bytes], bool]
"""verify(signature, message): whether this key made the signature."""


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
        self._found = {
            kid: (record, verifier(record.public))
            for kid, record in self._records.items()
            if len(record.public) == PUBLIC_BYTES
        }

    def find(self, kid: bytes) -> tuple[KeyRecord, Verify] | None:
        return self._found.get(kid)

    def records(self) -> list[KeyRecord]:
        return list(self._records.values())


def verifier(public: bytes) -> Verify:
    """Return what verifies Ed25519 signatures (RFC 8032) of this public key, 32 bytes."""
    return by_sodium(public) if SODIUM else by_openssl(public)


def by_sodium(public: bytes) -> Verify:
    def verify(signature: bytes, message: bytes) -> bool:
        if len(signature) != SIGNATURE_BYTES:
            return False
        try:
            crypto_sign_open(signature + message, public)
        except CryptoError:
            return False
        return True

    return verify


def by_openssl(public: bytes) -> Verify:
    key = Ed25519PublicKey.from_public_bytes(public)

    def verify(signature: bytes, message: bytes) -> bool:
        try:
            key.verify(signature, message)
        except InvalidSignature:
            return False
        return True

    return verify
