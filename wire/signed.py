"""One signed envelope for everything that central tells a device, a key for each purpose.

COSE_Sign1 (RFC 9052, 4.2) with Ed25519. The purpose is external data, so that what was signed as
one thing verifies as nothing else; a ticket (wire/ticket.py) has none and no key in common. Who
may sign for which purpose stands in `Roles`, a record signed by the root keys, as The Update
Framework has it: a threshold of the old root and one of the new must sign the next version.
"""

import hashlib
from collections.abc import Iterable
from enum import StrEnum

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from wire import cose
from wire.codec import WireError, decode, encode
from wire.key import PUBLIC_BYTES, Verify, verifier

KEY_ID_BYTES = 8
CONTEXT = b"gatehouse/1/"
SIGNATURES_MAX = 16


class Purpose(StrEnum):
    """What a signature is for; each has keys of its own."""

    ROLES = "roles"  # Signed by the root keys.
    LIST = "list"  # Manifests of snapshots, and deltas.
    ESSENTIALS = "essentials"  # Keys, classes, events and revocations: enough to judge a signature.
    HEARTBEAT = "heartbeat"
    COMMAND = "command"
    CONFIGURATION = "configuration"
    TIME = "time"
    CLAIM = "claim"  # What a ledger of claims answers (wire/claim.py).


class Untrusted(WireError):
    """Signed by nobody who may, or not signed at all; the message says which."""


class Signers(msgspec.Struct, frozen=True):
    """Who signs for one purpose: public keys of 32 bytes, and how many of them must."""

    keys: tuple[bytes, ...]
    threshold: int = 1


class Roles(msgspec.Struct, frozen=True):
    """Version `version` of who may sign what for a venue."""

    version: int
    venue: str
    root: Signers
    signers: dict[str, Signers]
    """By purpose."""


def key_id(public: bytes) -> bytes:
    """Return the name of a key in envelopes: the first 8 bytes of its SHA-256."""
    return hashlib.sha256(public).digest()[:KEY_ID_BYTES]


def seal(payload: bytes, purpose: Purpose, key: Ed25519PrivateKey) -> bytes:
    """Return `payload` in an envelope."""
    protected = cose.header(key_id(key.public_key().public_bytes_raw()))
    signature = key.sign(cose.to_be_signed(protected, payload, CONTEXT + purpose.encode()))
    return cose.enclose(protected, payload, signature)


def unsealed_by(envelope: bytes, purpose: Purpose, public: bytes) -> bytes:
    """Return what the holder of one key sealed; raise Untrusted, or WireError if it is none."""
    return _unsealed(envelope, purpose, _verifiers((public,)))[0]


class Trust:
    """The signers of one version of the roles, ready to verify."""

    def __init__(self, roles: Roles) -> None:
        self.roles = roles
        self._signers = {name: _verifiers(signers.keys) for name, signers in roles.signers.items()}

    def unseal(self, envelope: bytes, purpose: Purpose) -> bytes:
        """Return what is in an envelope; raise Untrusted, or WireError if it is none."""
        return _unsealed(envelope, purpose, self._signers.get(purpose.value, {}))[0]


def bundle(envelopes: Iterable[bytes]) -> bytes:
    """Return the envelopes of one version of the roles as they are stored and sent."""
    return encode(list(envelopes))


def pin(bundled: bytes) -> bytes:
    """Return what a device is shown of the first roles, to know them by: 32 bytes."""
    return hashlib.sha256(bundled).digest()


def pinned_trust(bundled: bytes, pinned: bytes) -> Trust:
    """Return the trust of the first roles, which are the pinned ones; raise Untrusted or WireError.

    Its own root must have signed it: a pin says which roles are meant, not that they are whole.
    """
    if pin(bundled) != pinned:
        raise Untrusted("these are not the roles that this device was enrolled with")
    envelopes = decode(bundled, list[bytes])
    if not envelopes:
        raise Untrusted("roles that nobody has signed")
    return first_trust(envelopes, decode(cose.parts(envelopes[0])[1], Roles).root)


def following_trust(bundled: bytes, known: Trust) -> Trust:
    """Return the trust of the next version as it was sent; raise Untrusted or WireError."""
    return next_trust(decode(bundled, list[bytes]), known)


def first_trust(envelopes: Iterable[bytes], root: Signers) -> Trust:
    """Return the trust that pinned root keys vouch for; raise Untrusted or WireError."""
    return Trust(_agreed(envelopes, root))


def next_trust(envelopes: Iterable[bytes], known: Trust) -> Trust:
    """Return the trust of the next version, vouched for by the old root and by its own.

    Raise Untrusted for any other version, so that an old one cannot come back.
    """
    roles = _agreed(envelopes, known.roles.root)
    if roles.version != known.roles.version + 1 or roles.venue != known.roles.venue:
        raise Untrusted(
            f"roles {roles.version} of {roles.venue} do not follow {known.roles.version}"
        )
    return Trust(roles)


def _agreed(envelopes: Iterable[bytes], root: Signers) -> Roles:
    """Return the roles that enough of `root`, and enough of their own root, have signed."""
    some = list(envelopes)[: SIGNATURES_MAX + 1]
    if not some or len(some) > SIGNATURES_MAX:
        raise Untrusted(f"1 to {SIGNATURES_MAX} signatures expected")
    payloads = {cose.parts(envelope)[1] for envelope in some}
    if len(payloads) != 1:
        raise Untrusted("the signatures are of different things")
    roles = decode(payloads.pop(), Roles)
    for signers in (root, roles.root, *roles.signers.values()):
        if not 1 <= signers.threshold <= len(set(signers.keys)):
            raise Untrusted("a threshold that nobody or everybody could reach")
        if any(len(public) != PUBLIC_BYTES for public in signers.keys):
            raise Untrusted("a key of a wrong length")
    for signers in (root, roles.root):
        if _count(some, _verifiers(signers.keys)) < signers.threshold:
            raise Untrusted("not signed by enough root keys")
    return roles


def _count(envelopes: list[bytes], verifiers: dict[bytes, Verify]) -> int:
    """Return how many different keys signed."""
    signed: set[bytes] = set()
    for envelope in envelopes:
        try:
            signed.add(_unsealed(envelope, Purpose.ROLES, verifiers)[1])
        except Untrusted:
            continue  # Another root's, or nobody's.
    return len(signed)


def _verifiers(keys: Iterable[bytes]) -> dict[bytes, Verify]:
    return {key_id(public): verifier(public) for public in keys}


def _unsealed(
    envelope: bytes, purpose: Purpose, verifiers: dict[bytes, Verify]
) -> tuple[bytes, bytes]:
    """Return (payload, key id)."""
    protected, payload, signature = cose.parts(envelope)
    kid = cose.kid_of(protected)
    genuine = verifiers.get(kid)
    if genuine is None:
        raise Untrusted(f"no key {kid.hex()} signs {purpose.value} here")
    if not genuine(signature, cose.to_be_signed(protected, payload, CONTEXT + purpose.encode())):
        raise Untrusted(f"not signed by {kid.hex()} as {purpose.value}")
    return payload, kid
