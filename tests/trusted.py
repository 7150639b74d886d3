"""Whom test devices believe: fixed keys, one for each purpose, and the roles that say so."""

from functools import cache
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec.structs import replace

from edge.store.trust import TrustStore
from wire import cose
from wire.codec import decode, encode
from wire.signed import Purpose, Roles, Signers, bundle, pin, seal

VENUE = "venue"


def key(name: str) -> Ed25519PrivateKey:
    """Return the test key of that name: a purpose's value, or `root`."""
    return Ed25519PrivateKey.from_private_bytes(name.encode().ljust(32, b"."))


def signers(name: str) -> Signers:
    return Signers((key(name).public_key().public_bytes_raw(),))


@cache
def roles(venue: str = VENUE) -> bytes:
    """Return the first roles as they are stored and sent."""
    names = {one.value: signers(one.value) for one in Purpose if one is not Purpose.ROLES}
    first = Roles(1, venue, signers("root"), names)
    return bundle([seal(encode(first), Purpose.ROLES, key("root"))])


def next_roles(
    version: int,
    signer: str,
    purpose: Purpose = Purpose.LIST,
    root: str = "root",
    named: str = "root",
) -> bytes:
    """Return roles by which another key signs that, signed by `root`; `named`: as their root."""
    first = decode(inside(decode(roles(), list[bytes])[0]), Roles)
    names = {**first.signers, purpose.value: signers(signer)}
    following = replace(first, version=version, signers=names, root=signers(named))
    return bundle([seal(encode(following), Purpose.ROLES, key(root))])


def sealed(payload: bytes, purpose: Purpose) -> bytes:
    return seal(payload, purpose, key(purpose.value))


def inside(envelope: bytes) -> bytes:
    """Return what is in an envelope, whoever sealed it."""
    return cose.parts(envelope)[1]


def trusting(directory: Path, venue: str = VENUE) -> TrustStore:
    """Return a device's trust store, which has the roles."""
    store = TrustStore(directory, pin(roles(venue)), venue)
    if not store.version:
        store.add(roles(venue))
    return store
