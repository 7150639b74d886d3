"""One line of the whitelist: what central says about one right.

The key is a keyed hash of the cti, so that a stolen list names no ticket. Most rows are plain
(class, good, nothing else) and carry no detail; the rest say it in CBOR. Every row has its own
checksum, since a flipped bit on a card passes SQLite's own check four times in five.
"""

import hashlib
import zlib
from enum import StrEnum

import msgspec

from wire.codec import WireError, decode, encode

LIST_KEY_BYTES = 32


class Standing(StrEnum):
    GOOD = "good"
    BLOCKED = "blocked"
    REFUNDED = "refunded"
    RESCHEDULED = "rescheduled"


class UseElsewhere(msgspec.Struct, frozen=True, array_like=True):
    """A use that another device reported, by its name (admission, person)."""

    checkpoint: str
    admission: bytes
    person: int
    wall: int = 0
    """Unix seconds."""
    place: str = ""
    """Where, in words for the visitor."""


_SHORT = {
    "class_index": "c",
    "standing": "s",
    "least_generation": "g",
    "elsewhere": "u",
    "undone": "x",
    "not_before": "b",
    "expires": "e",
    "leg": "l",
    "id_check": "i",
    "sealed_name": "n",
}
"""A refund must be small on the wire: names of one letter."""


class Entry(msgspec.Struct, frozen=True, omit_defaults=True, rename=_SHORT):
    """What the list holds about one right."""

    class_index: int
    """Row of the list's class table."""
    standing: Standing = Standing.GOOD
    least_generation: int = 0
    elsewhere: tuple[UseElsewhere, ...] = ()
    undone: tuple[tuple[bytes, int], ...] = ()
    """Names (admission, person) of uses that central has withdrawn."""
    not_before: int | None = None
    expires: int | None = None
    leg: int | None = None
    id_check: bytes | None = None
    sealed_name: bytes | None = None


class Row(msgspec.Struct, frozen=True, array_like=True):
    """An entry as it is stored and sent: (key, class_index, detail or None, checksum)."""

    key: int
    class_index: int
    detail: bytes | None
    checksum: int


def key_of(cti: bytes, list_key: bytes) -> int:
    """Return the row key of a right: BLAKE2b-64 (RFC 7693) keyed per list, as signed int64."""
    digest = hashlib.blake2b(cti, digest_size=8, key=list_key).digest()
    return int.from_bytes(digest, "big", signed=True)


def row(key: int, entry: Entry) -> Row:
    """Return `entry` as it is stored under `key`."""
    plain = entry == Entry(entry.class_index)
    detail = None if plain else encode(entry)
    return Row(key, entry.class_index, detail, checksum(key, entry.class_index, detail))


def read(stored: Row) -> Entry:
    """Return the entry of a stored row; raise WireError if it is damaged."""
    if stored.checksum != checksum(stored.key, stored.class_index, stored.detail):
        raise WireError("row checksum")
    if stored.detail is None:
        return Entry(stored.class_index)
    return decode(stored.detail, Entry)


def checksum(key: int, class_index: int, detail: bytes | None) -> int:
    """CRC-32 over a row; finds every single flipped bit."""
    head = key.to_bytes(8, "big", signed=True) + class_index.to_bytes(4, "big")
    return zlib.crc32(head + (b"-" if detail is None else b"+" + detail))
