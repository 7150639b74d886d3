"""What changed since a snapshot, read out of the chain of deltas as central sealed them.

`overlay.db` holds the envelopes. Each delta names the hash of the one before, so the chain fits
together in one way only, and the signature of its last proves all of it.
"""

import hashlib
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from rules.ticket_class import EventRecord, TicketClass
from wire import codec, cose, entry
from wire.codec import WireError
from wire.entry import Row
from wire.key import KeyRecord
from wire.signed import Purpose
from wire.snapshot import About, Delta

Unseal = Callable[[bytes, Purpose], bytes]
"""As `edge.store.trust.TrustStore.unseal`."""
NEWER = "SELECT sequence, envelope FROM change WHERE sequence > ? ORDER BY sequence"


class ListDamaged(Exception):
    """A list, or a row of it, is not what was written; the message says which."""


@dataclass(slots=True)
class Changes:
    """The rows that stand in place of a snapshot's, and how far they bring it."""

    about: About
    """Of the snapshot, with sequence and head of the last change."""
    tickets: dict[int, Row] = field(default_factory=dict)
    classes: dict[int, TicketClass] = field(default_factory=dict)
    events: dict[str, EventRecord] = field(default_factory=dict)
    signing_keys: dict[bytes, KeyRecord] = field(default_factory=dict)
    small: int = 0
    """Sequence of the last change of a class, an event or a key."""
    size_bytes: int = 0
    """Of the envelopes."""

    def follow(self, overlay: sqlite3.Connection, unseal: Unseal) -> bool:
        """Read what was added to the overlay since; True if there was something.

        Raise ListDamaged unless all of it follows, and central signed the last: nothing of it
        counts then.
        """
        deltas: list[Delta] = []
        sequence, head, last = self.about.sequence, self.about.head, b""
        size_bytes = 0
        for number, envelope in overlay.execute(NEWER, (sequence,)):
            body = payload(envelope)
            delta = codec.decode(body, Delta)
            if (number, delta.sequence, delta.previous) != (sequence + 1, sequence + 1, head):
                raise ListDamaged(f"the chain of its changes is broken at {number}")
            deltas.append(delta)
            sequence, head, last = number, hashlib.sha256(body).digest(), envelope
            size_bytes += len(envelope)
        if not deltas:
            return False
        try:
            unseal(last, Purpose.LIST)
        except WireError as error:
            raise ListDamaged(f"its change {sequence} is not central's: {error}") from None
        for delta in deltas:
            self._take(delta)
        self.about = msgspec.structs.replace(self.about, sequence=sequence, head=head)
        self.size_bytes += size_bytes
        return True

    def _take(self, delta: Delta) -> None:
        self.tickets.update((row.key, row) for row in delta.tickets)
        self.classes.update((key, codec.decode(body, TicketClass)) for key, body in delta.classes)
        self.events.update((key, codec.decode(body, EventRecord)) for key, body in delta.events)
        self.signing_keys.update(
            (key, codec.decode(body, KeyRecord)) for key, body in delta.signing_keys
        )
        if delta.classes or delta.events or delta.signing_keys:
            self.small = delta.sequence


def payload(envelope: object) -> bytes:
    """Return what is in an envelope, whoever sealed it; raise WireError if it is none."""
    if not isinstance(envelope, bytes) or not envelope:
        raise WireError("no envelope")
    return cose.parts(envelope)[1]


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
