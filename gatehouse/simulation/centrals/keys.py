"""The keys of the simulated venue: for each purpose one, and the roles that say so."""

import hashlib

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gatehouse.simulation.centrals.tickets import VENUE
from wire.codec import encode
from wire.signed import Purpose, Roles, Signers, bundle, pin, seal


def key(name: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(name.encode()).digest())


KEYS: dict[Purpose, Ed25519PrivateKey] = {
    purpose: key(purpose.value) for purpose in Purpose if purpose is not Purpose.ROLES
}


def first_roles() -> bytes:
    def signers(one: Ed25519PrivateKey) -> Signers:
        return Signers((one.public_key().public_bytes_raw(),))

    named = {purpose.value: signers(one) for purpose, one in KEYS.items()}
    roles = Roles(1, VENUE, signers(key("root")), named)
    return bundle([seal(encode(roles), Purpose.ROLES, key("root"))])


ROLES = first_roles()
ROOT = pin(ROLES)


def sealed(payload: bytes, purpose: Purpose) -> bytes:
    """Seal as central does."""
    return seal(payload, purpose, KEYS[purpose])
