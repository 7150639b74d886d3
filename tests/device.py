"""A device's store, tickets and lists, for tests that need real ones."""

import hashlib
import os
import sqlite3
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.store.journal import Journal
from edge.store.list_writer import WhitelistWriter
from edge.store.whitelist import Whitelist
from rules.ticket_class import EventRecord, TicketClass
from tests.trusted import sealed, trusting
from wire.codec import encode
from wire.entry import Entry, key_of, row
from wire.event import Authorised, ClockQuality, Direction, Rung, Stamp
from wire.key import KeyRecord
from wire.signed import Purpose
from wire.snapshot import SCHEMA, About, Delta, Manifest
from wire.ticket import Ticket
from wire.words import Words

DEVICE, BOOT = b"device-1", b"boot-one"
LIST_KEY = bytes(range(32))
ROTATION_KEY = bytes(range(32, 64))
"""Of the event's moving codes."""
KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))


def stamp(uptime: float = 100.0, boot: bytes = BOOT, wall: float = 1_780_000_000.0) -> Stamp:
    return Stamp(round(wall * 1000), round(uptime * 1000), boot, ClockQuality.UNCONFIRMED)


def ticket(number: int, quantity: int = 1) -> Ticket:
    cti = hashlib.sha256(b"%d" % number).digest()[:16]
    return Ticket(cti, "SHOW", 1_700_000_000, 1_900_000_000, 1_700_000_000, 1, quantity=quantity)


def authorised(number: int, quantity: int = 1, lane: str = "A1") -> Authorised:
    return Authorised(
        lane=lane,
        admission=b"admission%03d" % number,
        scan=b"scan-%07d" % number,
        cti=ticket(number).cti,
        checkpoint="hall",
        quantity=quantity,
        direction=Direction.ENTRY,
        generation=0,
        rung=Rung.FRESH,
        list_sequence=1,
    )


@dataclass
class Made:
    """A snapshot as central would send it."""

    path: Path
    manifest: Manifest

    @property
    def sealed(self) -> bytes:
        """Its manifest as central seals it."""
        return sealed(encode(self.manifest), Purpose.LIST)


@dataclass
class ListMaker:
    folder: Path
    made: list[Made] = field(default_factory=list)

    def make(
        self, version: str, tickets: range, sequence: int = 0, head: bytes = bytes(32)
    ) -> Made:
        path = self.folder / f"{version}.db"
        database = sqlite3.connect(path)
        database.executescript(SCHEMA)
        about = About(1, "venue", LIST_KEY, sequence, head, 1_780_000_000)
        kind = TicketClass("SHOW", 1, Words("成人票", "Adult"), {"hall": 1})
        show = EventRecord("SHOW", Words("演出", "Show"), rotation_key=ROTATION_KEY)
        record = KeyRecord(b"k1", KEY.public_key().public_bytes_raw())
        database.execute("INSERT INTO meta VALUES ('about', ?)", (encode(about),))
        database.execute("INSERT INTO class VALUES (0, ?)", (encode(kind),))
        database.execute("INSERT INTO event VALUES ('SHOW', ?)", (encode(show),))
        database.execute("INSERT INTO signing_key VALUES (?, ?)", (b"k1", encode(record)))
        for number in tickets:
            one = row(key_of(ticket(number).cti, LIST_KEY), Entry(0))
            values = (one.key, one.class_index, one.detail, one.checksum)
            database.execute("INSERT INTO ticket VALUES (?, ?, ?, ?)", values)
        database.commit()
        database.close()
        content = path.read_bytes()
        digest = hashlib.sha256(content).digest()
        manifest = Manifest(
            "venue",
            version,
            sequence,
            head,
            0,
            b"",
            len(content),
            digest,
            len(tickets),
            1_780_000_000,
            1 << 20,
            b"",
        )
        return Made(path, manifest)


def opened(device: Path, boot: bytes = BOOT) -> Journal:
    journal = Journal(device, DEVICE, boot, os.urandom)
    journal.open(stamp(boot=boot))
    return journal


def sealed_delta(delta: Delta) -> bytes:
    """Return a delta as central seals it."""
    return sealed(encode(delta), Purpose.LIST)


def reading(device: Path) -> Whitelist:
    return Whitelist(device, trusting(device))


def writing(device: Path) -> WhitelistWriter:
    return WhitelistWriter(device, trusting(device))
