"""What this device knows of tickets without a list: keys, classes, events and revocations.

One file, `essentials`, as central sealed it; written by sync alone, read by doors that have no
list, or a damaged one.
"""

from pathlib import Path

from edge.store.database import FILE_MODE, make_directory, sync_directory
from edge.store.list_files import write_durable
from edge.store.trust import TrustStore
from rules.ticket_class import EventRecord, TicketClass
from wire.codec import WireError, decode
from wire.essentials import Essentials, revoked, unpack
from wire.key import KeyRecord, KeyRing
from wire.signed import Purpose, Untrusted
from wire.ticket import Ticket

FILE = "essentials"


class Reading:
    """Essentials, ready to be asked."""

    def __init__(self, essentials: Essentials) -> None:
        """Raise WireError for a part that is none."""
        self.number = essentials.number
        self.ring = KeyRing(decode(body, KeyRecord) for _, body in essentials.signing_keys)
        kinds = [decode(body, TicketClass) for _, body in essentials.classes]
        self._classes = {(kind.audience, kind.code): kind for kind in kinds}
        self._events = {name: decode(body, EventRecord) for name, body in essentials.events}
        self._revoked = {one.audience: unpack(one) for one in essentials.revocations}

    def look_up(self, ticket: Ticket) -> tuple[TicketClass | None, EventRecord | None, bool]:
        """Return class and event of a ticket, and whether it is good for nothing any more."""
        kind = self._classes.get((ticket.audience, ticket.ticket_class))
        gone = revoked(self._revoked.get(ticket.audience, b""), ticket.serial)
        return kind, self._events.get(ticket.audience), gone


class EssentialsStore:
    """The newest essentials of a device; `held` is None where there are none to go by."""

    def __init__(self, directory: Path, trust: TrustStore) -> None:
        self._path = directory / FILE
        self._trust = trust
        self._known: tuple[int, int] | None = None
        self.held: Reading | None = None
        self.refresh()

    @property
    def number(self) -> int:
        return self.held.number if self.held else 0

    def refresh(self) -> None:
        """Read the file if it, or whom this device believes, has changed."""
        try:
            known = (self._path.stat().st_mtime_ns, self._trust.version)
            if known == self._known:
                return
            self._known, self.held = known, None
            self.held = self._read(self._path.read_bytes())
        except (OSError, WireError):
            self.held = None

    def add(self, sealed: bytes) -> None:
        """Keep newer essentials; raise Untrusted, or WireError, if they are not."""
        reading = self._read(sealed)
        if reading.number <= self.number:
            raise Untrusted(f"essentials {reading.number}, and {self.number} are known")
        make_directory(self._path.parent)
        fresh = self._path.with_name(f".{FILE}")
        write_durable(fresh, sealed)
        fresh.chmod(FILE_MODE)
        fresh.replace(self._path)
        sync_directory(self._path.parent)
        self.held = reading

    def _read(self, sealed: bytes) -> Reading:
        essentials = decode(self._trust.unseal(sealed, Purpose.ESSENTIALS), Essentials)
        if essentials.venue != self._trust.venue:
            raise Untrusted(f"essentials of {essentials.venue[:40]!r}")
        return Reading(essentials)
