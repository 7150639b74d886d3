"""The list as this device has it: an immutable snapshot, and the overlay of what changed since.

`list/current` is a link to the version in use, swapped when the next one is complete. Door
daemons read, on their store's thread; sync alone writes.
"""

import os
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge.store.changes import Changes, ListDamaged, check_delta
from edge.store.database import (
    FILE_MODE,
    make_directory,
    open_durable,
    open_readonly,
    sound,
    sync_directory,
)
from edge.store.essentials import EssentialsStore, Reading
from edge.store.list_files import (
    CURRENT,
    MANIFEST,
    OVERLAY,
    SMALL_TABLES,
    SNAPSHOT,
    check_made,
    check_snapshot,
    flush,
    small_table,
    snapshot_about,
    verify_snapshot,
    write_durable,
)
from edge.store.trust import TrustStore
from rules.ticket_class import EventRecord, TicketClass
from wire.codec import WireError, decode
from wire.entry import Entry, Row, key_of, read
from wire.key import KeyRing
from wire.signed import Purpose
from wire.snapshot import About, Delta, Manifest
from wire.ticket import Ticket

__all__ = ["ChainBroken", "Found", "ListDamaged", "Whitelist", "WhitelistWriter"]

PATIENCE_MAX = 1024
"""Refreshes between two attempts to open a list that is broken."""
LOOK_UP = "SELECT key, class, detail, checksum FROM ticket WHERE key = ?"


class ChainBroken(Exception):
    """A delta does not follow what this device has."""


@dataclass(frozen=True, slots=True)
class Found:
    """What the list knows of a ticket; `entry` None: it does not hold it."""

    entry: Entry | None
    ticket_class: TicketClass | None
    event: EventRecord | None
    revoked: bool = False
    """By the essentials, where there is no list."""


class Whitelist:
    """For door daemons: read at each decision, on the store's thread."""

    def __init__(
        self, directory: Path, trust: TrustStore, essentials: EssentialsStore | None = None
    ) -> None:
        """`essentials`: what to go by while there is no list, or a damaged one."""
        self._trust = trust
        self._essentials = essentials
        self._link = directory / "list" / CURRENT
        self._path = str(self._link)
        self._version = ""
        self._made = 0
        self._passed, self._patience = 0, 1
        self._snapshot: sqlite3.Connection | None = None
        self._overlay: sqlite3.Connection | None = None
        self._changes: Changes | None = None
        self._built: tuple[dict[Any, Any], ...] = ({}, {}, {})
        """The snapshot's own classes, events and keys."""
        self._moved, self._small = -1, -1
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

    @property
    def essentials(self) -> Reading | None:
        """What there is to go by instead of a list."""
        return self._essentials.held if self._essentials else None

    def refresh(self) -> bool:
        """Follow the list; without one, the essentials. True if what is known has changed."""
        changed = self._refresh()
        if self.present or self._essentials is None:
            return changed
        before = self.essentials
        self._essentials.refresh()
        found = self.essentials
        if found is None or (found is before and not changed and self.ring is found.ring):
            return changed
        self.ring = found.ring
        return True

    def _refresh(self) -> bool:
        """Follow the link if it was swapped, and the overlay if it grew; True if so."""
        try:
            # pathlib would take a twentieth of the whole decision for it.
            version = os.readlink(self._path)  # noqa: PTH115
            made = 0 if self.present else self._made_at(version)
        except OSError:
            return False
        try:
            if version != self._version or (not self.present and self._worth_trying(made)):
                self._open(version)
                return True
            return self._follow_overlay() if self.present else False
        except (ListDamaged, WireError, sqlite3.Error, OSError) as error:
            # Noted, so that a broken list is not opened again at every decision.
            self._version, self._made = version, self._made_at(version)
            self._close()
            self.about, self.health = None, f"list {version}: {error}"
            return True

    def look_up(self, ticket: Ticket) -> Found:
        """Return what the list holds of `ticket`; raise ListDamaged for a damaged row."""
        if self._changes is None or self._snapshot is None:
            known = self.essentials
            return Found(None, *known.look_up(ticket)) if known else Found(None, None, None)
        event = self._events.get(ticket.audience)
        key = key_of(ticket.cti, self._changes.about.list_key)
        try:
            row = self._changes.tickets.get(key)
            if row is None:
                found = self._snapshot.execute(LOOK_UP, (key,)).fetchone()
                if found is None:
                    return Found(None, self._class_of(ticket), event)
                row = Row(*found)
            entry = read(row)
        except (WireError, sqlite3.Error, TypeError, ValueError, OverflowError) as error:
            raise ListDamaged(f"row {key}: {error}") from None
        return Found(entry, self._classes.get(entry.class_index), event)

    def _class_of(self, ticket: Ticket) -> TicketClass | None:
        """For a ticket that is not listed: the class its own claims name."""
        named = (ticket.audience, ticket.ticket_class)
        found = (kind for kind in self._classes.values() if (kind.audience, kind.code) == named)
        return next(found, None)

    def _worth_trying(self, made: int) -> bool:
        """Whether to open a broken list again: put in place anew, or only a moment's trouble.

        Reading all of it takes too long to be done at every decision, so ever more are let pass.
        """
        self._passed += 1
        believed = self._trust.refresh()
        if made == self._made and not believed and self._passed < self._patience:
            return False
        self._passed, self._patience = 0, min(self._patience * 2, PATIENCE_MAX)
        return True

    def _made_at(self, version: str) -> int:
        """When the list was installed: a broken one put in place again has the same name."""
        try:
            return (self._link.parent / version / MANIFEST).stat().st_mtime_ns
        except OSError:
            return 0

    def _open(self, version: str) -> None:
        self._close()
        folder = self._link.parent / version
        verify_snapshot(folder, self._trust.unseal)
        self._snapshot = open_readonly(folder / SNAPSHOT, immutable=True)
        self._changes = Changes(snapshot_about(self._snapshot))
        check_made(folder / OVERLAY)
        self._overlay = open_readonly(folder / OVERLAY)
        self._version, self._moved, self._small = version, -1, -1
        self._follow_overlay()
        self._passed, self._patience, self.health = 0, 1, None

    def _follow_overlay(self) -> bool:
        overlay, changes = self._overlay, self._changes
        if overlay is None or changes is None:
            return False
        (moved,) = overlay.execute("PRAGMA data_version").fetchone()
        if moved == self._moved:
            return False
        changes.follow(overlay, self._trust.unseal)
        if changes.small != self._small:
            self._read_small_tables(changes)
        self.about, self._moved, self._small = changes.about, moved, changes.small
        return True

    def _read_small_tables(self, changes: Changes) -> None:
        if self._snapshot is not None and self._small < 0:
            self._built = tuple(small_table(self._snapshot, table) for table in SMALL_TABLES)
        classes, events, keys = self._built
        self._classes, self._events = classes | changes.classes, events | changes.events
        self.ring = KeyRing((keys | changes.signing_keys).values())

    def _close(self) -> None:
        for database in (self._snapshot, self._overlay):
            if database:
                database.close()
        self._snapshot = self._overlay = self._changes = None


class WhitelistWriter:
    """For sync: installs snapshots, applies deltas."""

    def __init__(self, directory: Path, trust: TrustStore) -> None:
        self._trust = trust
        self._root = directory / "list"
        make_directory(self._root)
        self._overlay: sqlite3.Connection | None = None
        self._changes: Changes | None = None
        self._version, self._roles = "", 0

    @property
    def current(self) -> About | None:
        """What this device has; None where there is no list or it is damaged."""
        try:
            folder = self._folder()
            if folder is None:
                return None
            changes, overlay = self._opened(folder)
            changes.follow(overlay, self._trust.unseal)
        except (ListDamaged, WireError, sqlite3.Error, OSError):
            self._forget_overlay()
            return None
        return changes.about

    def install(self, version: str, snapshot: Path, sealed: bytes) -> None:
        """Make `snapshot` (a file of this disk, taken over) the list in use.

        `sealed`: its manifest as central sealed it. Raise ListDamaged if the file is not what the
        manifest says, Untrusted for a manifest of somebody else's; nothing has changed then.
        """
        manifest = decode(self._trust.unseal(sealed, Purpose.LIST), Manifest)
        try:
            check_snapshot(snapshot, manifest)
        except ListDamaged as damaged:
            raise ListDamaged(f"snapshot {version}: {damaged}") from None
        folder = self._root / version
        if folder.exists():
            # Left by an interrupted or a damaged install; in use it cannot be.
            shutil.rmtree(folder)
        make_directory(folder)
        snapshot.chmod(FILE_MODE)
        snapshot.replace(folder / SNAPSHOT)
        write_durable(folder / MANIFEST, sealed)
        flush(folder / SNAPSHOT)
        open_durable(folder / OVERLAY, "overlay", every_commit=False).close()
        sync_directory(folder)
        sync_directory(self._root)  # The link must not be durable before what it points to.
        previous = self._folder()
        fresh = self._root / ".current"
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(version)
        fresh.replace(self._root / CURRENT)
        sync_directory(self._root)
        self._forget_overlay()
        self._remove_others({version, previous.name if previous else version})

    def apply(self, sealed: bytes) -> About:
        """Keep one delta, as central sealed it.

        Raise Untrusted unless central did, ChainBroken if it does not follow, ListDamaged if it
        holds what no door could read.
        """
        about, folder = self.current, self._folder()
        if about is None or folder is None:
            raise ChainBroken("there is no list to apply it to")
        delta = decode(self._trust.unseal(sealed, Purpose.LIST), Delta)
        if (delta.sequence, delta.previous) != (about.sequence + 1, about.head):
            raise ChainBroken(f"delta {delta.sequence} does not follow {about.sequence}")
        check_delta(delta)
        changes, overlay = self._opened(folder)
        overlay.execute("INSERT INTO change VALUES (?, ?)", (delta.sequence, sealed))
        changes.follow(overlay, self._trust.unseal)
        return changes.about

    def _folder(self) -> Path | None:
        try:
            return self._root / (self._root / CURRENT).readlink()
        except OSError:
            return None

    def _opened(self, folder: Path) -> tuple[Changes, sqlite3.Connection]:
        known = (folder.name, self._trust.version) == (self._version, self._roles)
        if self._overlay is None or self._changes is None or not known:
            # Also when other keys sign than did: doors that start now ask by those.
            self._forget_overlay()
            verify_snapshot(folder, self._trust.unseal)
            with closing(open_readonly(folder / SNAPSHOT, immutable=True)) as snapshot:
                changes = Changes(snapshot_about(snapshot))
            check_made(folder / OVERLAY)
            self._overlay = open_durable(folder / OVERLAY, "overlay", every_commit=False)
            if not sound(self._overlay):
                raise ListDamaged("SQLite finds its changes malformed")
            self._changes = changes
            self._version, self._roles = folder.name, self._trust.version
        return self._changes, self._overlay

    def _forget_overlay(self) -> None:
        if self._overlay:
            self._overlay.close()
        self._overlay, self._changes, self._version = None, None, ""

    def _remove_others(self, kept: set[str]) -> None:
        for folder in self._root.iterdir():
            if folder.is_symlink() or folder.name in kept or not (folder / SNAPSHOT).exists():
                continue
            shutil.rmtree(folder, ignore_errors=True)
