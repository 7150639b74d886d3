"""What a list consists of on disk, and everything that can be wrong with it.

`list/<version>/` holds snapshot.db, manifest (what its bytes must hash to) and overlay.db. The
snapshot is proved by one hash. The overlay grows, so its rows have a checksum each, and the chain
of changes says that it holds all of them.
"""

import hashlib
import os
import sqlite3
import zlib
from collections.abc import Callable, Iterable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from edge.store.database import FILE_MODE, open_readonly, sound
from rules.ticket_class import EventRecord, TicketClass
from wire import codec, entry
from wire.codec import WireError
from wire.entry import LIST_KEY_BYTES
from wire.key import KeyRecord
from wire.signed import Purpose, Untrusted
from wire.snapshot import SCHEMA_VERSION, About, Delta, Manifest

T = TypeVar("T")
Unseal = Callable[[bytes, Purpose], bytes]
"""As `edge.store.trust.TrustStore.unseal`."""

SNAPSHOT, OVERLAY, MANIFEST, CURRENT = "snapshot.db", "overlay.db", "manifest", "current"
SMALL_TABLES: dict[str, tuple[str, type]] = {
    "class": ("idx", TicketClass),
    "event": ("audience", EventRecord),
    "signing_key": ("kid", KeyRecord),
}
"""Table -> (its key, what its bodies are)."""


class ListDamaged(Exception):
    """A list, or a row of it, is not what was written; the message says which."""


def manifest_of(folder: Path, unseal: Unseal) -> Manifest:
    """Return the manifest of an installed list; raise ListDamaged unless central signed it."""
    try:
        sealed = (folder / MANIFEST).read_bytes()
        return codec.decode(unseal(sealed, Purpose.LIST), Manifest)
    except Untrusted as untrusted:
        raise ListDamaged(f"not a list of whom this device believes: {untrusted}") from None


def verify_snapshot(folder: Path, unseal: Unseal) -> None:
    """Raise ListDamaged unless the snapshot's bytes are those that central signed for."""
    manifest = manifest_of(folder, unseal)
    if sha256(folder / SNAPSHOT) != manifest.file_sha256:
        raise ListDamaged("its bytes have changed since it was installed")


def check_snapshot(path: Path, manifest: Manifest) -> None:
    """Raise ListDamaged unless a door can use this file: it comes from another machine."""
    if sha256(path) != manifest.file_sha256:
        raise ListDamaged("other bytes than the manifest says")
    try:
        database = open_readonly(path, immutable=True)
        try:
            if not sound(database):
                raise ListDamaged("SQLite finds it malformed")
            about = about_of(database)
            if about is None or (about.sequence, about.head) != (manifest.sequence, manifest.head):
                raise ListDamaged("it says another head than its manifest")
            (count,) = database.execute("SELECT count(*) FROM ticket").fetchone()
            if count != manifest.rows:
                raise ListDamaged(f"{count} rows instead of {manifest.rows}")
            for table in SMALL_TABLES:
                small_table(database, table)
        finally:
            database.close()
    except (WireError, sqlite3.Error) as error:
        raise ListDamaged(str(error)) from None


def check_made(overlay: Path) -> None:
    """Raise ListDamaged unless there is an overlay: made anew, it would forget every change."""
    with closing(open_readonly(overlay)) as database:
        (version,) = database.execute("PRAGMA user_version").fetchone()
    if not version:
        raise ListDamaged("what changed since it was built is gone")


def check_overlay(overlay: sqlite3.Connection, snapshot: About | None) -> None:
    """Raise ListDamaged unless the overlay holds every change since its snapshot, unharmed."""
    if snapshot is None:
        raise ListDamaged("it does not say what it is")
    if not sound(overlay):
        raise ListDamaged("SQLite finds its changes malformed")
    sequence, head = snapshot.sequence, snapshot.head
    applied = overlay.execute("SELECT sequence, previous, head FROM applied ORDER BY sequence")
    for number, previous, after in applied:
        if (number, previous) != (sequence + 1, head):
            raise ListDamaged(f"the chain of its changes is broken at {number}")
        sequence, head = number, after
    about = about_of(overlay) or snapshot
    if about != msgspec.structs.replace(snapshot, sequence=sequence, head=head):
        raise ListDamaged("it says another head than its changes have")
    for row in overlay.execute("SELECT key, class, detail, checksum FROM ticket"):
        _check_row(row)


def check_delta(delta: Delta) -> None:
    """Raise ListDamaged unless every row can be stored and read: doors would stumble over it."""
    try:
        for row in delta.tickets:
            entry.read(row)
        for index, body in delta.classes:
            entry.checksum(0, index, body)
            codec.decode(body, TicketClass)
        for _, body in delta.events:
            codec.decode(body, EventRecord)
        for _, body in delta.signing_keys:
            codec.decode(body, KeyRecord)
    except (WireError, OverflowError) as error:
        raise ListDamaged(f"delta {delta.sequence} cannot be used: {error}") from None


def about_of(database: sqlite3.Connection, schema: str = "main") -> About | None:
    """Return what a list file says of itself; raise ListDamaged if that cannot be gone by."""
    row = database.execute(f"SELECT value FROM {schema}.meta WHERE name = 'about'").fetchone()
    if row is None:
        return None
    about = codec.decode(row[0], About)
    if about.schema > SCHEMA_VERSION:
        raise ListDamaged(f"of a newer Gatehouse (schema {about.schema}); update this device")
    if len(about.list_key) != LIST_KEY_BYTES:
        raise ListDamaged("its key has a wrong length")
    return about


def small_changed_at(overlay: sqlite3.Connection) -> int:
    """Return the sequence of the last change of a small table; 0 if none was in the overlay."""
    row = overlay.execute("SELECT value FROM main.meta WHERE name = 'small'").fetchone()
    return row[0] if row and isinstance(row[0], int) else 0


def small_table(
    database: sqlite3.Connection, table: str, schema: str = "main", checked: bool = False
) -> dict[Any, Any]:
    """Read a small table whole; `checked`: its rows have checksums, as an overlay's have."""
    key, kind = SMALL_TABLES[table]
    columns = f"{key}, body, checksum" if checked else f"{key}, body"
    found: dict[Any, Any] = {}
    for name, body, *checksum in database.execute(f"SELECT {columns} FROM {schema}.{table}"):
        if checked and checksum != [body_checksum(name, body)]:
            raise ListDamaged(f"a row of its table of {table}s is damaged")
        found[name] = codec.decode(body, kind)
    return found


def body_checksum(key: object, body: bytes) -> int:
    return zlib.crc32(ascii((key, body)).encode())


def put(
    overlay: sqlite3.Connection,
    rows: Iterable[tuple[Any, ...]],
    delta: Delta | None = None,
    after: About | None = None,
) -> None:
    """Write rows in one transaction; with the delta's last ones, that it has been applied."""
    overlay.execute("BEGIN IMMEDIATE")
    try:
        overlay.executemany("INSERT OR REPLACE INTO ticket VALUES (?, ?, ?, ?)", rows)
        if delta and after:
            small = (delta.classes, delta.events, delta.signing_keys)
            if any(small):
                values = (delta.sequence,)
                overlay.execute("INSERT OR REPLACE INTO meta VALUES ('small', ?)", values)
            for table, changed in zip(SMALL_TABLES, small, strict=True):
                overlay.executemany(
                    f"INSERT OR REPLACE INTO {table} VALUES (?, ?, ?)",
                    [(key, body, body_checksum(key, body)) for key, body in changed],
                )
            overlay.execute(
                "INSERT OR REPLACE INTO applied VALUES (?, ?, ?)",
                (delta.sequence, delta.previous, after.head),
            )
            overlay.execute(
                "INSERT OR REPLACE INTO meta VALUES ('about', ?)", (codec.encode(after),)
            )
        overlay.execute("COMMIT")
    except BaseException:
        if overlay.in_transaction:
            overlay.execute("ROLLBACK")
        raise


def sha256(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def write_durable(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with suppress(PermissionError):
        path.chmod(FILE_MODE)
    flush(path)


def flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _check_row(row: tuple[Any, ...]) -> None:
    key, class_index, detail, checksum = row
    try:
        if entry.checksum(key, class_index, detail) == checksum:
            return
    except (TypeError, AttributeError, OverflowError):
        pass
    raise ListDamaged(f"row {key} of its changes is damaged")
