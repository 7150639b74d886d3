"""Key files: a private key that only its owner can read, and the ring of records beside it."""

import json
import os
import secrets
from pathlib import Path
from typing import Any

import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from wire.key import KID_BYTES_MAX, KeyRecord, Status

KID_BYTES = 2
HEX_FIELDS = ("kid", "public")


class KeyFileError(Exception):
    """One sentence: which file, what is wrong with it, what to do."""


def add_key(private: Path, ring: Path, asked: KeyRecord) -> bytes:
    """Draw a key, write it to the new file `private`, add its record to `ring`; return its kid.

    Everything but the key and, where it is empty, the kid comes from `asked`.
    """
    records = read_ring(ring) if ring.exists() else []
    taken = {record.kid for record in records}
    kid = asked.kid or _draw_kid(taken)
    if len(kid) > KID_BYTES_MAX:
        raise KeyFileError(f"the kid {kid.hex()} is too long: 1 to {KID_BYTES_MAX} bytes.")
    if kid in taken:
        raise KeyFileError(f"{ring} holds a key {kid.hex()} already: choose another --kid.")
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    try:
        descriptor = os.open(private, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise KeyFileError(f"{private} exists and is not overwritten: name a new file.") from None
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)
    public = key.public_key().public_bytes_raw()
    write_ring(ring, [*records, msgspec.structs.replace(asked, kid=kid, public=public)])
    return kid


def _draw_kid(taken: set[bytes]) -> bytes:
    while (kid := secrets.token_bytes(KID_BYTES)) in taken:
        pass
    return kid


def read_private_key(path: Path) -> Ed25519PrivateKey:
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError) as error:
        raise KeyFileError(f"{path} is not a private key in PEM without a password.") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyFileError(f"{path} is not an Ed25519 key: make one with keygen.")
    return key


def read_ring(path: Path) -> list[KeyRecord]:
    try:
        plain = json.loads(path.read_text(encoding="utf-8"))
        return [_record(one) for one in plain["keys"]]
    except FileNotFoundError:
        raise KeyFileError(f"{path} is not there: make a ring with keygen.") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise KeyFileError(f"{path} is not a ring of keys ({error}).") from None


def _record(plain: dict[str, Any]) -> KeyRecord:
    read = {**plain, **{name: bytes.fromhex(plain[name]) for name in HEX_FIELDS}}
    return msgspec.convert(read, KeyRecord, builtin_types=(bytes,))


def write_ring(path: Path, records: list[KeyRecord]) -> None:
    """Write the ring beside its place, then move it there: never half a ring."""
    plain = []
    for record in records:
        fields: dict[str, Any] = msgspec.to_builtins(record, builtin_types=(bytes,))
        plain.append({**fields, **{name: fields[name].hex() for name in HEX_FIELDS}})
    beside = path.with_name(f".{path.name}.new")
    beside.write_text(json.dumps({"keys": plain}, indent=2) + "\n", encoding="utf-8")
    beside.replace(path)


def find_record(ring: Path, public: Ed25519PublicKey) -> KeyRecord:
    raw = public.public_bytes_raw()
    for record in read_ring(ring):
        if record.public == raw:
            return record
    raise KeyFileError(f"{ring} has no record of this key: name the ring made with it.")


def set_status(ring: Path, kid: bytes, status: Status) -> None:
    """Change one record; a revoked key stays revoked."""
    records = read_ring(ring)
    found = [record for record in records if record.kid == kid]
    if not found:
        raise KeyFileError(f"{ring} holds no key {kid.hex()}.")
    if found[0].status is Status.REVOKED and status is not Status.REVOKED:
        raise KeyFileError(f"key {kid.hex()} is revoked for good: make a new one with keygen.")
    write_ring(
        ring,
        [
            msgspec.structs.replace(record, status=status) if record.kid == kid else record
            for record in records
        ],
    )
