"""The list as this device has it: an immutable snapshot, and the overlay of what changed since.

`list/<version>/` holds snapshot.db, manifest (what its bytes must hash to) and overlay.db;
`list/current` is a link to the version in use, swapped when the next one is complete. Door
daemons read, sync alone writes. Lists are not signed yet: the place to check it is `_verified`.
"""

import hashlib
import os
import shutil
import sqlite3
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.store.database import (
    FILE_MODE,
    make_directory,
    open_durable,
    open_readonly,
    sync_directory,
)
from rules.ticket_class import EventRecord, TicketClass
from wire import codec
from wire.codec import WireError
from wire.entry import Entry, Row, key_of, read
from wire.key import KeyRecord, KeyRing
from wire.snapshot import About, Delta, Manifest
from wire.ticket import Ticket

SNAPSHOT, OVERLAY, MANIFEST, CURRENT = "snapshot.db", "overlay.db", "manifest", "current"
ROWS_MAX = 500
"""In one transaction: a door waits no longer than these take."""
LOOK_UP = "SELECT key, class, detail, checksum FROM ticket WHERE key = ?"


class ListDamaged(Exception):
    """A list, or a row of it, is not what was written; the message says which."""


class ChainBroken(Exception):
    """A delta does not follow what this device has."""


@dataclass(frozen=True, slots=True)
class Found:
    """What the list knows of a ticket; `entry` None: it does not hold it."""

    entry: Entry | None
    ticket_class: TicketClass | None
    event: EventRecord | None


class Whitelist:
    """For door daemons: read at each decision, on the store's thread."""

    def __init__(self, directory: Path) -> None:
        self._link = directory / "list" / CURRENT
        self._path = str(self._link)
        self._version = ""
        self._made = 0
        self._overlay: sqlite3.Connection | None = None
        self._snapshot: sqlite3.Connection | None = None
        self._overlay_moved = -1
        self._classes: dict[int, TicketClass] = {}
        self._events: dict[str, EventRecord] = {}
        self.ring = KeyRing()
        self.about: About | None = None
        self.health: str | None = "no list yet"
        """Why there is no list to go by; None when there is one."""
        self.refresh()

    @property
    def present(self) -> bool:
        return self.health is None

    def refresh(self) -> bool:
        """Follow the link if it was swapped, and the overlay if it grew; True if so."""
        try:
            # pathlib would take a twentieth of the whole decision for it.
            version = os.readlink(self._path)  # noqa: PTH115
            # A broken list that was put in place again has the same name and is newer.
            made = 0 if self.present else (self._link.parent / version).stat().st_ctime_ns
        except OSError:
            return False
        try:
            if version != self._version or (not self.present and made != self._made):
                self._open(version)
                return True
            return self._follow_overlay() if self.present else False
        except (ListDamaged, WireError, sqlite3.Error, OSError) as error:
            # Noted, so that a broken list is not opened again at every decision.
            self._version, self._made = version, made
            self._rescue_keys()
            self._close()
            self.about, self.health = None, f"list {version}: {error}"
            return True

    def look_up(self, ticket: Ticket) -> Found:
        """Return what the list holds of `ticket`; raise ListDamaged for a damaged row."""
        event = self._events.get(ticket.audience)
        if self.about is None:
            return Found(None, None, None)
        key = key_of(ticket.cti, self.about.list_key)
        for database in (self._overlay, self._snapshot):
            try:
                row = database.execute(LOOK_UP, (key,)).fetchone() if database else None
                if row:
                    entry = read(Row(*row))
                    return Found(entry, self._classes.get(entry.class_index), event)
            except (WireError, sqlite3.Error, TypeError, ValueError, OverflowError) as error:
                raise ListDamaged(f"row {key}: {error}") from None
        return Found(None, self._class_of(ticket), event)

    def _class_of(self, ticket: Ticket) -> TicketClass | None:
        """For a ticket that is not listed: the class its own claims name."""
        named = (ticket.audience, ticket.ticket_class)
        found = (kind for kind in self._classes.values() if (kind.audience, kind.code) == named)
        return next(found, None)

    def _open(self, version: str) -> None:
        self._close()
        folder = self._link.parent / version
        _verified(folder)
        self._snapshot = open_readonly(folder / SNAPSHOT, immutable=True)
        self._overlay = open_readonly(folder / OVERLAY)
        _check_chain(self._overlay, _about(self._snapshot))
        self._version, self._overlay_moved, self.health = version, -1, None
        self._follow_overlay()

    def _follow_overlay(self) -> bool:
        if self._overlay is None or self._snapshot is None:
            return False
        (moved,) = self._overlay.execute("PRAGMA data_version").fetchone()
        if moved == self._overlay_moved:
            return False
        both = (self._snapshot, self._overlay)
        classes = _records(both, "SELECT idx, body FROM class", TicketClass)
        events = _records(both, "SELECT audience, body FROM event", EventRecord)
        keys = _records(both, "SELECT kid, body FROM signing_key", KeyRecord)
        about = _about(self._overlay) or _about(self._snapshot)
        if about is None:
            raise ListDamaged("it does not say what it is")
        self._classes, self._events, self.ring = classes, events, KeyRing(keys.values())
        self.about, self._overlay_moved = about, moved
        return True

    def _rescue_keys(self) -> None:
        """Keep the keys of a damaged list, so that good signatures are still told from bad.

        A key that was damaged itself verifies nothing; it cannot become somebody else's.
        """
        if self.ring.records():
            return
        folder = self._link.parent / self._version
        with suppress(WireError, sqlite3.Error, OSError):
            database = open_readonly(folder / SNAPSHOT, immutable=True)
            keys = _records((database,), "SELECT kid, body FROM signing_key", KeyRecord)
            self.ring = KeyRing(keys.values())
            database.close()

    def _close(self) -> None:
        for database in (self._overlay, self._snapshot):
            if database:
                database.close()
        self._overlay = self._snapshot = None


class WhitelistWriter:
    """For sync: installs snapshots, applies deltas."""

    def __init__(self, directory: Path) -> None:
        self._root = directory / "list"
        make_directory(self._root)
        self._overlay: sqlite3.Connection | None = None
        self._version = ""

    @property
    def current(self) -> About | None:
        """What this device has; None where there is no list or it is damaged."""
        try:
            folder = self._folder()
            if folder is None:
                return None
            if folder.name != self._version:
                _verified(folder)
            snapshot = open_readonly(folder / SNAPSHOT, immutable=True)
            try:
                return _about(self._writable(folder)) or _about(snapshot)
            finally:
                snapshot.close()
        except (ListDamaged, WireError, sqlite3.Error, OSError):
            return None

    def install(self, version: str, snapshot: Path, manifest: Manifest) -> None:
        """Make `snapshot` (a file of this disk, taken over) the list in use.

        Raise ListDamaged if it is not what the manifest says; nothing has changed then.
        """
        if _sha256(snapshot) != manifest.file_sha256:
            raise ListDamaged(f"snapshot {version}: other bytes than the manifest says")
        folder = self._root / version
        if folder.exists():
            # Left by an interrupted or a damaged install; in use it cannot be.
            shutil.rmtree(folder)
        make_directory(folder)
        snapshot.chmod(FILE_MODE)
        snapshot.replace(folder / SNAPSHOT)
        _write_durable(folder / MANIFEST, codec.encode(manifest))
        _flush(folder / SNAPSHOT)
        open_durable(folder / OVERLAY, "overlay").close()
        sync_directory(folder)
        previous = self._folder()
        fresh = self._root / ".current"
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(version)
        fresh.replace(self._root / CURRENT)
        sync_directory(self._root)
        self._forget_overlay()
        self._remove_others({version, previous.name if previous else version})

    def apply(self, delta: Delta, body_head: bytes) -> About:
        """Apply one delta, whose exact bytes hash to `body_head`; raise ChainBroken."""
        about, folder = self.current, self._folder()
        if about is None or folder is None:
            raise ChainBroken("there is no list to apply it to")
        if (delta.sequence, delta.previous) != (about.sequence + 1, about.head):
            raise ChainBroken(f"delta {delta.sequence} does not follow {about.sequence}")
        after = About(
            about.schema,
            about.venue,
            about.list_key,
            delta.sequence,
            body_head,
            about.built_at,
        )
        overlay = self._writable(folder)
        rows = [(r.key, r.class_index, r.detail, r.checksum) for r in delta.tickets]
        # Rows are put in place of others, so that a delta half applied is simply applied again.
        for start in range(0, max(len(rows) - ROWS_MAX, 0), ROWS_MAX):
            _in_transaction(overlay, rows[start : start + ROWS_MAX], None, None)
        last = (len(rows) - 1) // ROWS_MAX * ROWS_MAX if rows else 0
        _in_transaction(overlay, rows[last:], delta, after)
        return after

    def _folder(self) -> Path | None:
        try:
            return self._root / (self._root / CURRENT).readlink()
        except OSError:
            return None

    def _writable(self, folder: Path) -> sqlite3.Connection:
        if self._overlay is None or folder.name != self._version:
            self._forget_overlay()
            self._overlay = open_durable(folder / OVERLAY, "overlay")
            self._version = folder.name
        return self._overlay

    def _forget_overlay(self) -> None:
        if self._overlay:
            self._overlay.close()
        self._overlay, self._version = None, ""

    def _remove_others(self, kept: set[str]) -> None:
        for folder in self._root.iterdir():
            if folder.is_symlink() or folder.name in kept or not (folder / SNAPSHOT).exists():
                continue
            shutil.rmtree(folder, ignore_errors=True)


def _in_transaction(
    overlay: sqlite3.Connection,
    rows: Iterable[tuple[Any, ...]],
    delta: Delta | None,
    after: About | None,
) -> None:
    overlay.execute("BEGIN IMMEDIATE")
    try:
        overlay.executemany("INSERT OR REPLACE INTO ticket VALUES (?, ?, ?, ?)", rows)
        if delta and after:
            overlay.executemany("INSERT OR REPLACE INTO class VALUES (?, ?)", delta.classes)
            overlay.executemany("INSERT OR REPLACE INTO event VALUES (?, ?)", delta.events)
            overlay.executemany(
                "INSERT OR REPLACE INTO signing_key VALUES (?, ?)", delta.signing_keys
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
        overlay.execute("ROLLBACK")
        raise


def _verified(folder: Path) -> None:
    """Raise ListDamaged unless the snapshot's bytes are those of its manifest."""
    manifest = codec.decode((folder / MANIFEST).read_bytes(), Manifest)
    if _sha256(folder / SNAPSHOT) != manifest.file_sha256:
        raise ListDamaged("its bytes have changed since it was installed")


def _check_chain(overlay: sqlite3.Connection, snapshot: About | None) -> None:
    if snapshot is None:
        raise ListDamaged("it does not say what it is")
    sequence, head = snapshot.sequence, snapshot.head
    applied = overlay.execute("SELECT sequence, previous, head FROM applied ORDER BY sequence")
    for number, previous, after in applied:
        if (number, previous) != (sequence + 1, head):
            raise ListDamaged(f"the chain of its changes is broken at {number}")
        sequence, head = number, after
    about = _about(overlay)
    if about and (about.sequence, about.head) != (sequence, head):
        raise ListDamaged("it says another head than its changes have")


def _about(database: sqlite3.Connection) -> About | None:
    row = database.execute("SELECT value FROM meta WHERE name = 'about'").fetchone()
    return codec.decode(row[0], About) if row else None


def _records(
    databases: tuple[sqlite3.Connection, ...], question: str, kind: type
) -> dict[Any, Any]:
    """Read small tables whole; later databases outrank earlier ones."""
    return {
        key: codec.decode(body, kind)
        for database in databases
        for key, body in database.execute(question)
    }


def _sha256(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _write_durable(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with suppress(PermissionError):
        path.chmod(FILE_MODE)
    _flush(path)


def _flush(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
