"""The list as this device has it: a snapshot, and the overlay of what changed since."""

import sqlite3
from dataclasses import dataclass
from pathlib import Path

from rules.ticket_class import EventRecord, TicketClass
from wire import codec
from wire.codec import WireError
from wire.entry import Entry, Row, key_of, read
from wire.key import KeyRecord, KeyRing
from wire.snapshot import SCHEMA, About, Delta, Manifest, head_after
from wire.ticket import Ticket


class ListDamaged(Exception):
    pass


class ChainBroken(Exception):
    pass


@dataclass(frozen=True, slots=True)
class Found:
    entry: Entry | None
    ticket_class: TicketClass | None
    event: EventRecord | None


class Whitelist:
    def __init__(self, directory: Path) -> None:
        self._link = directory / "list" / "current"
        self._opened = ""
        self._databases: list[sqlite3.Connection] = []
        self._overlay_version = -1
        self.ring = KeyRing()
        self.about: About | None = None
        self.health: str | None = None
        self.refresh()

    @property
    def present(self) -> bool:
        return self.about is not None

    def refresh(self) -> bool:
        try:
            target = str(self._link.readlink())
        except OSError:
            return False
        if target != self._opened:
            folder = self._link.parent / target
            self._databases = [
                sqlite3.connect(f"file:{folder / name}?mode=ro", uri=True, isolation_level=None)
                for name in ("overlay.db", "snapshot.db")
            ]
            self._opened, self._overlay_version = target, -1
        version = self._databases[0].execute("PRAGMA data_version").fetchone()[0]
        if version == self._overlay_version:
            return False
        self._overlay_version = version
        self._reload()
        return True

    def _reload(self) -> None:
        classes, events, keys = {}, {}, {}
        for database in reversed(self._databases):
            for idx, body in database.execute("SELECT idx, body FROM class"):
                classes[idx] = codec.decode(body, TicketClass)
            for audience, body in database.execute("SELECT audience, body FROM event"):
                events[audience] = codec.decode(body, EventRecord)
            for kid, body in database.execute("SELECT kid, body FROM signing_key"):
                keys[kid] = codec.decode(body, KeyRecord)
            row = database.execute("SELECT value FROM meta WHERE name = 'about'").fetchone()
            if row:
                self.about = codec.decode(row[0], About)
        self._classes, self._events, self.ring = classes, events, KeyRing(keys.values())

    def look_up(self, ticket: Ticket) -> Found:
        if self.about is None:
            return Found(None, None, None)
        key = key_of(ticket.cti, self.about.list_key)
        event = self._events.get(ticket.audience)
        for database in self._databases:
            row = database.execute(
                "SELECT key, class, detail, checksum FROM ticket WHERE key = ?", (key,)
            ).fetchone()
            if row:
                try:
                    entry = read(Row(*row))
                except WireError as error:
                    raise ListDamaged(str(error)) from None
                return Found(entry, self._classes.get(entry.class_index), event)
        by_code = next(
            (
                c
                for c in self._classes.values()
                if c.audience == ticket.audience and c.code == ticket.ticket_class
            ),
            None,
        )
        return Found(None, by_code, event)


class WhitelistWriter:
    def __init__(self, directory: Path) -> None:
        self._root = directory / "list"

    @property
    def current(self) -> About | None:
        whitelist = Whitelist(self._root.parent)
        return whitelist.about

    def install(self, version: str, snapshot: Path, manifest: Manifest) -> None:
        folder = self._root / version
        folder.mkdir(parents=True)
        snapshot.replace(folder / "snapshot.db")
        overlay = sqlite3.connect(folder / "overlay.db")
        overlay.executescript("PRAGMA journal_mode=WAL;" + SCHEMA)
        overlay.close()
        fresh = self._root / ".current"
        fresh.symlink_to(version)
        fresh.replace(self._root / "current")

    def apply(self, delta: Delta, body_head: bytes) -> About:
        about = self.current
        if about is None or delta.previous != about.head or delta.sequence != about.sequence + 1:
            raise ChainBroken(f"delta {delta.sequence}")
        folder = self._root / str((self._root / "current").readlink())
        overlay = sqlite3.connect(folder / "overlay.db")
        after = About(
            about.schema,
            about.venue,
            about.list_key,
            delta.sequence,
            head_after(delta),
            about.built_at,
        )
        with overlay:
            overlay.executemany(
                "INSERT OR REPLACE INTO ticket VALUES (?, ?, ?, ?)",
                [(r.key, r.class_index, r.detail, r.checksum) for r in delta.tickets],
            )
            overlay.executemany("INSERT OR REPLACE INTO class VALUES (?, ?)", delta.classes)
            overlay.executemany("INSERT OR REPLACE INTO event VALUES (?, ?)", delta.events)
            overlay.executemany(
                "INSERT OR REPLACE INTO signing_key VALUES (?, ?)", delta.signing_keys
            )
            overlay.execute(
                "INSERT OR REPLACE INTO meta VALUES ('about', ?)", (codec.encode(after),)
            )
        overlay.close()
        return after
