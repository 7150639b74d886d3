"""The list as this device has it: an immutable snapshot, and the overlay of what changed since.

`list/current` is a link to the version in use, swapped when the next one is complete. Door
daemons read, on their store's thread; sync alone writes (edge/store/list_writer.py).
"""

import os
import sqlite3
from pathlib import Path
from typing import Any

import msgspec

from edge.store.changes import Changes, ListDamaged
from edge.store.database import execute, open_readonly
from edge.store.essentials import EssentialsStore, Reading
from edge.store.list_files import (
    CURRENT,
    MANIFEST,
    OVERLAY,
    SMALL_TABLES,
    SNAPSHOT,
    check_made,
    small_table,
    snapshot_about,
    verify_snapshot,
)
from edge.store.trust import TrustStore
from rules.ticket_class import EventRecord, TicketClass
from wire.codec import WireError
from wire.entry import Entry, Row, key_of, read
from wire.key import KeyRing
from wire.snapshot import About
from wire.ticket import Ticket

__all__ = ["Found", "ListDamaged", "Whitelist"]

PATIENCE_MAX = 1024
"""Refreshes between two attempts to open a list that is broken."""
LOOK_UP = "SELECT key, class, detail, checksum FROM ticket WHERE key = ?"


class Found(msgspec.Struct, frozen=True):
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
        if self.health is None or self._essentials is None:
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
            present = self.health is None
            made = 0 if present else self._made_at(version)
        except OSError:
            return False
        try:
            if version != self._version or (not present and self._worth_trying(made)):
                self._open(version)
                return True
            return self._follow_overlay() if present else False
        except (ListDamaged, WireError, UnicodeDecodeError, sqlite3.Error, OSError) as error:
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
                found = execute(self._snapshot, LOOK_UP, (key,)).fetchone()
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
        (moved,) = execute(overlay, "PRAGMA data_version").fetchone()
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
