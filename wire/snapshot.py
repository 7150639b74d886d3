"""The whitelist as files and messages: an immutable snapshot, and deltas that bring it up to date.

A snapshot is a SQLite file built once by central and served to every device. A delta is a chained
message of whole rows; it is kept as it was sealed, in a second file, the overlay. A decision asks
what the deltas say, then the snapshot. Sequence and head say exactly which list a device has.

Manifest, delta and heartbeat travel in an envelope (wire/signed.py; purposes list, list and
heartbeat). The head is the hash of a delta itself, not of its envelope, so that a change of keys
breaks no chain.
"""

import hashlib

import msgspec

from wire.codec import encode
from wire.entry import Row

SCHEMA_VERSION = 1

SCHEMA = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE class (idx INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE event (audience TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE signing_key (kid BLOB PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE ticket (
    key INTEGER PRIMARY KEY,
    class INTEGER NOT NULL,
    detail BLOB,
    checksum INTEGER NOT NULL
);
"""
"""`class.body` is a rules.ticket_class.TicketClass, `event.body` an EventRecord, `signing_key.body`
a wire.key.KeyRecord, each as CBOR. `meta` holds `about`, an About."""


class About(msgspec.Struct, frozen=True):
    """What a list file says of itself."""

    schema: int
    venue: str
    list_key: bytes
    sequence: int
    """Number of the last change it holds; grows by one with each delta."""
    head: bytes
    """Hash of the last delta it holds, 32 bytes; zeros before the first."""
    built_at: int
    """Unix seconds."""


class Manifest(msgspec.Struct, frozen=True):
    """What central says of its newest snapshot, before a device fetches it."""

    venue: str
    version: str
    """Name of the file, never used twice."""
    sequence: int
    head: bytes
    compressed_bytes: int
    compressed_sha256: bytes
    file_bytes: int
    file_sha256: bytes
    rows: int
    built_at: int
    """Unix seconds."""
    chunk_bytes: int
    """Of the compressed file; the last chunk is shorter."""
    chunks: bytes
    """The SHA-256 of each chunk, one after another: a download goes on from the last good one."""


class Delta(msgspec.Struct, frozen=True, array_like=True):
    """Change number `sequence` of a list: rows to put in place of what stood under their keys."""

    sequence: int
    previous: bytes
    """Head before this delta."""
    tickets: tuple[Row, ...] = ()
    classes: tuple[tuple[int, bytes], ...] = ()
    events: tuple[tuple[str, bytes], ...] = ()
    signing_keys: tuple[tuple[bytes, bytes], ...] = ()


class Heartbeat(msgspec.Struct, frozen=True):
    """Sent every second: how far the list goes, and what time it is at central."""

    venue: str
    sequence: int
    head: bytes
    wall: float
    """Unix seconds; grows from one heartbeat to the next, also when central was put back."""
    essentials: int = 0
    """Number of the newest Essentials (wire/essentials.py)."""
    roles: int = 1
    """Version of the newest roles (wire/signed.py)."""
    snapshot: int = 0
    """How far the newest snapshot goes."""
    forget: int = 0
    """Snapshots of before this change hold what is to be forgotten; they are replaced."""


def head_after(delta: Delta) -> bytes:
    """Return the head of a list once `delta` is applied."""
    return hashlib.sha256(encode(delta)).digest()
