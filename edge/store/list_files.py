"""What a list consists of on disk, and everything that can be wrong with it.

`list/<version>/` holds snapshot.db, manifest (what its bytes must hash to) and overlay.db. The
snapshot is proved by one hash that central signed, the overlay by the chain of its changes
(edge/store/changes.py).
"""

import hashlib
import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, TypeVar

from edge.store.changes import ListDamaged, Unseal
from edge.store.database import FILE_MODE, open_readonly, sound
from rules.ticket_class import EventRecord, TicketClass
from wire import codec
from wire.codec import WireError
from wire.entry import LIST_KEY_BYTES
from wire.key import KeyRecord
from wire.signed import Purpose, Untrusted
from wire.snapshot import SCHEMA_VERSION, About, Manifest

T = TypeVar("T")

SNAPSHOT, OVERLAY, MANIFEST, CURRENT = "snapshot.db", "overlay.db", "manifest", "current"
INCOMING = "incoming"
"""Beside the versions: what is being fetched."""
SMALL_TABLES: dict[str, tuple[str, type]] = {
    "class": ("idx", TicketClass),
    "event": ("audience", EventRecord),
    "signing_key": ("kid", KeyRecord),
}
"""Table -> (its key, what its bodies are)."""


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
    """Raise ListDamaged unless there is an overlay in order.

    Made anew, it would forget every change; so would one whose table has come to begin elsewhere.
    """
    with closing(open_readonly(overlay)) as database:
        (version,) = database.execute("PRAGMA user_version").fetchone()
        whole = sound(database, "overlay")
    if not version:
        raise ListDamaged("what changed since it was built is gone")
    if not whole:
        raise ListDamaged("SQLite finds its changes malformed")


def about_of(database: sqlite3.Connection) -> About | None:
    """Return what a list file says of itself; raise ListDamaged if that cannot be gone by."""
    row = database.execute("SELECT value FROM meta WHERE name = 'about'").fetchone()
    if row is None:
        return None
    about = codec.decode(_blob(row[0]), About)
    if about.schema > SCHEMA_VERSION:
        raise ListDamaged(f"of a newer Gatehouse (schema {about.schema}); update this device")
    if len(about.list_key) != LIST_KEY_BYTES:
        raise ListDamaged("its key has a wrong length")
    return about


def snapshot_about(database: sqlite3.Connection) -> About:
    """Return what a snapshot says of itself; raise ListDamaged if it says nothing."""
    about = about_of(database)
    if about is None:
        raise ListDamaged("it does not say what it is")
    return about


def small_table(database: sqlite3.Connection, table: str) -> dict[Any, Any]:
    """Read a small table of a snapshot whole."""
    key, kind = SMALL_TABLES[table]
    rows = database.execute(f"SELECT {key}, body FROM {table}")
    return {name: codec.decode(_blob(body), kind) for name, body in rows}


def _blob(value: object) -> bytes:
    """SQLite holds in any column whatever was put there."""
    if not isinstance(value, bytes):
        raise ListDamaged("something else than bytes where its parts stand")
    return value


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
