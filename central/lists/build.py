"""Builds a snapshot: a SQLite file of all rows, compressed, and its manifest."""

import hashlib
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from operator import attrgetter, itemgetter
from pathlib import Path

import zstandard

from wire.codec import encode
from wire.entry import Row
from wire.snapshot import SCHEMA, About, Manifest

LEVEL = 6
"""Keys and checksums are noise: level 9 takes 1 % less room, and more than twice the time."""
CHUNK_BYTES = 1 << 20
"""What a device loses at most of a download that was cut."""
_values = attrgetter("key", "class_index", "detail", "checksum")
CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Contents:
    """Everything a list holds besides its tickets: (key, CBOR) each."""

    about: About
    classes: tuple[tuple[int, bytes], ...]
    events: tuple[tuple[str, bytes], ...]
    signing_keys: tuple[tuple[bytes, bytes], ...]


def build(folder: Path, version: str, contents: Contents, rows: Iterable[Row]) -> Manifest:
    """Write `<version>.db.zst` into `folder`; return its manifest.

    Rows are sorted here: inserted in key order they fill pages without holes, and fast.
    """
    folder.mkdir(parents=True, exist_ok=True)
    plain, packed = folder / f".{version}.db", folder / f"{version}.db.zst"
    plain.unlink(missing_ok=True)
    count = _write(plain, contents, rows)
    raw_hash = hashlib.sha256()
    fresh = packed.with_name(f".{packed.name}")
    with plain.open("rb") as source, fresh.open("wb") as target:
        compressor = zstandard.ZstdCompressor(level=LEVEL).compressobj()
        while piece := source.read(CHUNK):
            raw_hash.update(piece)
            target.write(compressor.compress(piece))
        target.write(compressor.flush())
    packed_hash, chunks = hashlib.sha256(), bytearray()
    with fresh.open("rb") as written:
        while piece := written.read(CHUNK_BYTES):
            packed_hash.update(piece)
            chunks += hashlib.sha256(piece).digest()
    manifest = Manifest(
        venue=contents.about.venue,
        version=version,
        sequence=contents.about.sequence,
        head=contents.about.head,
        compressed_bytes=fresh.stat().st_size,
        compressed_sha256=packed_hash.digest(),
        file_bytes=plain.stat().st_size,
        file_sha256=raw_hash.digest(),
        rows=count,
        built_at=contents.about.built_at,
        chunk_bytes=CHUNK_BYTES,
        chunks=bytes(chunks),
    )
    fresh.rename(packed)
    plain.unlink()
    return manifest


def _write(path: Path, contents: Contents, rows: Iterable[Row]) -> int:
    database = sqlite3.connect(path, isolation_level=None)
    # Nobody reads it before it is complete and hashed, so nothing here needs to be durable.
    database.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;" + SCHEMA)
    ordered = sorted(map(_values, rows), key=itemgetter(0))
    database.execute("BEGIN")
    database.executemany("INSERT INTO ticket VALUES (?, ?, ?, ?)", ordered)
    database.executemany("INSERT INTO class VALUES (?, ?)", contents.classes)
    database.executemany("INSERT INTO event VALUES (?, ?)", contents.events)
    database.executemany("INSERT INTO signing_key VALUES (?, ?)", contents.signing_keys)
    database.execute("INSERT INTO meta VALUES ('about', ?)", (encode(contents.about),))
    database.execute("COMMIT")
    database.close()
    return len(ordered)
