"""Exchange while central is away, where the venue chose it: by a key that central delegated.

The key is made here, one for each event, and lies in `exchange/` of this device's folder; central
publishes its public half on the list, which says for how long it may sign. Looked at is what is
known here: the list, and the papers of this kiosk's journal (rules/exchange.py judges).
"""

import logging
import os
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.core import credential
from edge.core.credential import Shown
from edge.core.moment import Moment
from edge.core.scan import without_aim
from edge.kiosk.desk import LANE
from edge.runtime.clock import Clock
from edge.runtime.workers import SingleThread
from edge.store.journal import Journal, JournalUnwritable
from edge.store.whitelist import Found as Listed
from edge.store.whitelist import ListDamaged, Whitelist
from rules import exchange, verdict
from rules.exchange import Facts, Grant
from rules.use import Outcome
from wire import delegated, rotating, secret
from wire.claim import Claim, Kind
from wire.event import ClockQuality
from wire.exchange import Denied, Found, Granted, Offer
from wire.key import KeyRecord, Role, Status
from wire.reason import Reason
from wire.ticket import SMALL_MAX

log = logging.getLogger("kiosk.alone")

HANDLE = "alone:"
"""How the handle of an offer begins that was made here, and not by central."""
FOLDER = "exchange"
OFFERED_MAX = 100
HANDLE_SECONDS = 900.0


class Alone:
    """All methods but the constructor run the store on `thread`."""

    def __init__(
        self,
        directory: Path,
        whitelist: Whitelist,
        journal: Journal,
        thread: SingleThread,
        clock: Clock,
        draw: Callable[[int], bytes],
    ) -> None:
        self._folder = directory / FOLDER
        self._whitelist = whitelist
        self._journal = journal
        self._thread = thread
        self._clock = clock
        self._draw = draw
        self._offered: dict[str, tuple[str, float]] = {}
        """Handle -> the code that was shown, and when (uptime)."""

    async def find(self, data: bytes) -> Found | Denied:
        """Offer the ticket that was shown; NO_NETWORK where only central could."""
        return await self._thread.run(self._find, data)

    async def claim(self, paper: bytes, handle: str) -> Claim | Denied:
        """Return what is claimed at a hub, where there is one, for an offer made here."""
        return await self._thread.run(self._claim, paper, handle)

    async def grant(self, paper: bytes, handle: str, generation: int = 0) -> Granted | Denied:
        """Sign the paper of an offer made here, with `generation` if a hub said so.

        What is known here is judged anew, and the offer is good for no other paper.
        """
        return await self._thread.run(self._grant, paper, handle, generation)

    async def publics(self) -> dict[str, bytes]:
        """Return the public halves of the keys that were made here, by event."""
        return await self._thread.run(self._publics)

    async def make(self, events: tuple[str, ...]) -> bool:
        """Make the keys that are lacking, drop those that are wanted no more; True: some were."""
        return await self._thread.run(self._make, events)

    # On the store's thread.

    def _find(self, data: bytes) -> Found | Denied:
        now = self._clock.now()
        self._whitelist.refresh()
        shown = credential.read(data, self._whitelist.ring)
        if not isinstance(shown, Shown):
            # A key may be newer than the list, or there is no list yet: central's to say.
            unsaid = shown.reason is Reason.UNKNOWN_KEY
            return Denied(Reason.NO_NETWORK if unsaid else shown.reason)
        looked = self._look(shown, now)
        if isinstance(looked, Denied):
            return looked
        facts, listed = looked
        judged = exchange.judge(facts, now.wall)
        refused = None if isinstance(judged, Grant) else judged
        handle = HANDLE + self._draw(12).hex()
        while len(self._offered) >= OFFERED_MAX:
            self._offered.pop(next(iter(self._offered)))
        self._offered[handle] = (_gh1(data), now.uptime)
        assert listed.event
        assert listed.ticket_class
        assert listed.entry
        sealed, cti = listed.entry.sealed_name, shown.ticket.cti
        holder = secret.open_name(sealed, cti) if sealed else ""
        offer = Offer(
            handle=handle,
            cti=cti,
            event=listed.event.name,
            kind=listed.ticket_class.name,
            begins=int(self._opens(shown, listed)),
            quantity=shown.ticket.quantity,
            holder=secret.masked(holder),
            entrance=listed.ticket_class.entrance,
            reason=refused.reason if refused else None,
            since=refused.since if refused else None,
            where=refused.where if refused else "",
        )
        return Found((offer,))

    def _claim(self, paper: bytes, handle: str) -> Claim | Denied:
        code, _ = self._offered.get(handle, ("", 0.0))
        looked = self._look_again(code, self._clock.now())
        if isinstance(looked, Denied):
            return looked
        shown, listed, generation = looked
        ticket, entry = shown.ticket, listed.entry
        assert entry
        return Claim(
            paper,
            ticket.cti,
            "",
            1,
            generation=max(ticket.generation, entry.least_generation),
            kind=Kind.EXCHANGE,
            lane=LANE,
            undone=tuple(sorted(entry.undone)),
            paper=generation,
        )

    def _grant(self, paper: bytes, handle: str, generation: int) -> Granted | Denied:
        now = self._clock.now()
        code, at = self._offered.pop(handle, ("", 0.0))
        if now.uptime - at > HANDLE_SECONDS:
            return Denied(Reason.SEE_STAFF)
        looked = self._look_again(code, now)
        if isinstance(looked, Denied):
            return looked
        shown, listed, least = looked
        generation = max(generation, least)
        signing = self._key(shown.ticket.audience, now)
        if signing is None or generation > SMALL_MAX:
            return Denied(Reason.NO_NETWORK if signing is None else Reason.SEE_STAFF)
        kid, key = signing
        text = delegated.sign(code, generation, int(now.wall), kid, key)
        sealed = listed.entry.sealed_name if listed.entry else None
        holder = secret.open_name(sealed, shown.ticket.cti) if sealed else ""
        return Granted(paper, text, generation, holder)

    def _look_again(self, code: str, now: Moment) -> tuple[Shown, Listed, int] | Denied:
        """Return what an offered code is by now, and which generation its paper may have."""
        self._whitelist.refresh()
        shown = credential.read(code.encode(), self._whitelist.ring)
        if not isinstance(shown, Shown):
            return Denied(Reason.SEE_STAFF)
        looked = self._look(shown, now, again=True)
        if isinstance(looked, Denied):
            return looked
        facts, listed = looked
        judged = exchange.judge(facts, now.wall)
        if not isinstance(judged, Grant):
            return Denied(judged.reason, judged.since, judged.where)
        return shown, listed, judged.generation

    def _look(
        self, shown: Shown, now: Moment, again: bool = False
    ) -> tuple[Facts, Listed] | Denied:
        """Return what is known here; a reason where that is not enough."""
        if shown.delegated:
            return Denied(Reason.COLLECTED)
        if self._key(shown.ticket.audience, now) is None or self._journal.without_memory:
            # Who has forgotten its papers may have printed this one.
            return Denied(Reason.NO_NETWORK)
        try:
            listed = self._whitelist.look_up(shown.ticket)
            papers = self._journal.transact(lambda one: one.papers_of(shown.ticket.cti))
        except (ListDamaged, JournalUnwritable) as error:
            log.error("nothing is exchanged: %s", error)
            return Denied(Reason.NO_RECORD)
        entry = listed.entry
        if entry is None or listed.event is None or listed.ticket_class is None:
            return Denied(Reason.UNKNOWN)
        about = (entry, listed.ticket_class, listed.event, (), shown.code)
        known, door = verdict.Facts(shown.ticket, *about), verdict.Door("", "", b"")
        asks = known.must_move and not again
        copied = verdict.against_copy(known, door, now.wall) if asks else None
        if copied:
            return Denied(copied.reason)
        withdrawn = frozenset(entry.undone)
        uses = tuple(
            exchange.Use(Outcome.PASSED, use.wall or None, use.place)
            for use in entry.elsewhere
            if (use.admission, use.person) not in withdrawn
        )
        facts = Facts(
            entry.standing,
            entry.least_generation,
            verdict.validity(known)[1],
            listed.ticket_class,
            listed.event,
            shown=shown.ticket.generation,
            uses=uses,
            papers=papers,
        )
        return facts, listed

    def _opens(self, shown: Shown, listed: Listed) -> float:
        known = verdict.Facts(shown.ticket, listed.entry, listed.ticket_class, listed.event)
        return verdict.validity(known)[0]

    def _key(self, audience: str, now: Moment) -> tuple[bytes, Ed25519PrivateKey] | None:
        """Return what may sign for an event at this moment."""
        if now.quality is ClockQuality.SUSPECT or not self._whitelist.present:
            return None
        key = self._private(audience)
        if key is None:
            return None
        public = key.public_key().public_bytes_raw()
        for record in self._whitelist.ring.records():
            if record.public == public and _may(record, audience, now.wall):
                return record.kid, key
        return None

    def _private(self, audience: str) -> Ed25519PrivateKey | None:
        try:
            return Ed25519PrivateKey.from_private_bytes(self._path(audience).read_bytes())
        except (OSError, ValueError):
            return None

    def _publics(self) -> dict[str, bytes]:
        held = {}
        for path in self._folder.glob("*.key") if self._folder.is_dir() else ():
            try:
                audience = bytes.fromhex(path.stem).decode("ascii")
            except ValueError:
                continue
            key = self._private(audience)
            if key is not None:
                held[audience] = key.public_key().public_bytes_raw()
        return held

    def _make(self, events: tuple[str, ...]) -> bool:
        held = self._publics()
        for audience in held.keys() - set(events):
            self._path(audience).unlink(missing_ok=True)
        lacking = [one for one in events if one not in held]
        for audience in lacking:
            self._folder.mkdir(mode=0o700, exist_ok=True)
            path = self._path(audience)
            handle = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(self._draw(32))
                file.flush()
                os.fsync(file.fileno())
        return bool(lacking)

    def _path(self, audience: str) -> Path:
        return self._folder / f"{audience.encode('ascii', 'replace').hex()}.key"


def _may(record: KeyRecord, audience: str, wall: float) -> bool:
    """Whether a key may make a paper for an event now."""
    able = record.role is Role.EXCHANGE and record.status is Status.ACTIVE
    return (
        able
        and record.audiences == (audience,)
        and (record.valid_from <= wall <= record.valid_until)
    )


def _gh1(data: bytes) -> str:
    """Return the code that central signed, out of what was shown and found good."""
    bare = without_aim(data)[1].strip(b" \t\r\n")
    moving = rotating.read(bare)
    return (bare if isinstance(moving, Reason) else moving[0]).decode("ascii")
