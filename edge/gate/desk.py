"""Where scans are judged and events are written: the whitelist and the journal, on one thread.

A decision looks up the list, reads the uses, judges and commits inside one transaction, so that
nobody else can spend the same right in between. What could not be written is kept and written
first next time; a lane is never opened on the strength of it.
"""

import logging
from collections.abc import Callable
from datetime import tzinfo
from typing import TypeVar

from msgspec import structs

from edge.core import credential, notice, refusals
from edge.core.claiming import Claimed
from edge.core.credential import Shown
from edge.core.decision import NOT_WANTED, Decision, decide, refuse
from edge.core.lane import Judge, Refused
from edge.core.list_doubts import RECORDED_SECONDS, is_due
from edge.core.memory import Memory
from edge.core.moment import Moment
from edge.core.passage import unresolved
from edge.core.refusals import Refusals
from edge.core.suspicion import Suspicions, suspect
from edge.gate.claims import Claiming, NobodyAsked
from edge.gate.config import LaneConfig, ZoneConfig
from edge.gate.footing import Footing
from edge.gate.place import Identity as Identity
from edge.gate.place import Places
from edge.runtime.clock import Clock
from edge.runtime.workers import SingleThread
from edge.store.journal import Journal, JournalUnwritable, Transaction
from edge.store.trust import TrustStore
from edge.store.whitelist import Found, ListDamaged, Whitelist
from rules.verdict import Facts, may_draw
from wire import event
from wire.claim import Claim
from wire.codec import WireError
from wire.event import ADMISSION_BYTES, AnyEvent, Distrust, Rung, Stamp
from wire.reason import Reason
from wire.signed import Purpose
from wire.snapshot import Heartbeat
from wire.words import Words

log = logging.getLogger("gate.desk")

UNWRITTEN_MAX = 1000

T = TypeVar("T")


class Desk:
    """All methods but the constructor run the store on `thread`."""

    def __init__(
        self,
        trust: TrustStore,
        whitelist: Whitelist,
        journal: Journal,
        thread: SingleThread,
        clock: Clock,
        draw: Callable[[int], bytes],
        identity: Identity,
        zone: ZoneConfig,
        time_zone: tzinfo,
        grew: Callable[[], None] = lambda: None,
        offer: Callable[[bytes], notice.Notice | None] = lambda _: None,
    ) -> None:
        """`grew()` is called, on the event loop, whenever something was written.

        `offer(data)` takes an enrolment code that was shown, if this device may be enrolled now.
        """
        self._trust, self._whitelist, self._journal = trust, whitelist, journal
        self._thread = thread
        self._clock = clock
        self._draw = draw
        self._identity = identity
        self._time_zone, self._places = time_zone, Places(identity, zone, time_zone)
        self._grew = grew
        self._offer = offer
        self._refusals, self._suspicions = Refusals(), Suspicions()
        self._unwritten: list[tuple[AnyEvent, Stamp]] = []
        self._footing = Footing(trust, whitelist, zone, journal.without_memory)
        self._distrusted: dict[Distrust, float] = {}
        self._begun = False
        self.claims: Claiming = NobodyAsked()

    # Called from the event loop.

    async def heard(self, sealed: bytes, uptime: float) -> Heartbeat | None:
        """A heartbeat as it came at `uptime`; return it if it is central's and new."""
        return await self._thread.run(self._hear, sealed, uptime)

    async def distrusted(self, what: Distrust, why: str) -> None:
        """Record that something said of the list was not believed; not too often of one kind."""
        await self._thread.run(self._distrust, what, why, self._clock.now())
        self._grew()

    async def judge(self, asked: Judge, lane: LaneConfig, wanted: Callable[[], bool]) -> Decision:
        """Judge and commit; a refusal where nothing could be. Nothing, unless it is `wanted()`."""

        async def judged(claimed: Claimed | None = None) -> Decision | Claim:
            if not wanted():  # What the lane records of why comes behind on the same thread.
                return NOT_WANTED
            return await self._thread.run(self._judge, asked, lane, self._clock.now(), claimed)

        decision = await self.claims.before(judged)
        self._grew()
        if decision.refused and decision.refused.reason is Reason.ENROLMENT_CODE:
            offered = self._offer(asked.scan.data)
            return structs.replace(decision, answer=Refused(offered)) if offered else decision
        return decision

    async def record(
        self, events: tuple[AnyEvent, ...], lane: str = "", at: Moment | None = None
    ) -> None:
        """Commit what happened `at`, or now; or keep it until that is possible. Never raises."""
        await self._thread.run(self._record, events, lane, at or self._clock.now())
        self._grew()

    async def commit(self, work: Callable[[Transaction, Stamp], T]) -> T:
        """Run `work` in a transaction of its own, stamped now; raise JournalUnwritable."""
        stamp = self._stamp(self._clock.now())

        def done(transaction: Transaction) -> T:
            return work(transaction, stamp)

        answer = await self._thread.run(self._journal.transact, done)
        self._grew()
        return answer

    async def unseal(self, envelope: bytes, purpose: Purpose) -> bytes:
        """Return what central sealed; raise Untrusted, or WireError if it is no envelope."""
        return await self._thread.run(self._trust.unseal, envelope, purpose)

    def central_wall(self, uptime: float) -> float | None:
        """Return what time it is at central, by the heartbeats of this life; None before one."""
        return self._footing.central_wall(uptime)

    def configure(self, zone: ZoneConfig, time_zone: tzinfo) -> None:
        """Go by these settings from now on; to be called while no lane is judging."""
        self._time_zone = time_zone
        self._footing.configure(zone)
        self._places.configure(zone, time_zone)
        self.claims.configure(zone)

    def caution(self) -> Words | None:
        """What panels say beside their resting words: how old the list is, once it is stale."""
        return self._footing.caution(self._clock.now(), self._time_zone)

    async def resolve(self, lane: LaneConfig, why: str) -> int:
        """Give every person left open on `lane` by an earlier life their outcome."""
        return await self._thread.run(self._resolve, lane, why, self._clock.now())

    async def look_after(self, idle: bool) -> None:
        """Write summed refusals that are due, note rung and list, prune when no lane is open."""
        await self._thread.run(self._look_after, idle, self._clock.now())

    async def close(self) -> None:
        await self._thread.run(self._close, self._clock.now())

    # On the store's thread.

    def _stamp(self, now: Moment) -> Stamp:
        uptime_ms = round(now.uptime * 1000)
        return Stamp(round(now.wall * 1000), uptime_ms, self._identity.boot, now.quality)

    def _judge(
        self, asked: Judge, lane: LaneConfig, now: Moment, claimed: Claimed | None = None
    ) -> Decision | Claim:
        self._whitelist.refresh()
        self._move(now)
        if self._footing.memory(now) is Memory.ASKING:
            # Nothing reserved, nothing refused.
            return Decision((), None, Refused(notice.ONE_MOMENT))
        place = self._places.of(lane, self._footing.rung, now.quality)
        shown = credential.read(asked.scan.data, self._whitelist.ring)
        if not isinstance(shown, Shown):
            return self._refuse(refuse(asked.scan, place, shown.reason), asked, now)
        try:
            found = self._whitelist.look_up(shown.ticket)
        except ListDamaged as damaged:
            log.error("list row damaged: %s", damaged)
            return self._refuse(refuse(asked.scan, place, Reason.LIST_DAMAGED), asked, now)

        def commit(transaction: Transaction) -> Decision | Claim:
            facts = self._facts(shown, found, place.door.checkpoint, transaction, now)
            fresh = claimed.claim.admission if claimed else self._draw(ADMISSION_BYTES)
            sequence = self._whitelist.about.sequence if self._whitelist.about else 0
            term = self.claims.term
            decision = decide(
                facts, asked.scan, place, fresh, asked.assume, sequence, now, claimed, term
            )
            if isinstance(decision, Decision) and decision.events:
                self._append(transaction, self._footing.draw(decision.events, now), now)
            return decision

        try:
            decision = self._journal.transact(commit)
        except JournalUnwritable as unwritable:
            log.error("no decision: %s", unwritable)
            return Decision((), None, Refused(notice.refused(Reason.NO_RECORD)))
        if isinstance(decision, Claim):
            return decision
        if decision.events:
            self._unwritten.clear()
            self._footing.let_in(decision.events, now)
        if decision.refused and decision.refused.reason is Reason.UNKNOWN:
            self._suspect(asked.scan.data, shown.ticket.cti, now)
        return self._refuse(decision, asked, now) if decision.refused else decision

    def _facts(
        self, shown: Shown, found: Found, checkpoint: str, journal: Transaction, now: Moment
    ) -> Facts:
        ticket = shown.ticket
        drawing = may_draw(found.entry, found.event, now.quality)
        left = self._footing.left(journal, now, drawing)
        last_code = journal.last_code(ticket.cti) if shown.code else None
        return Facts(
            *(ticket, found.entry, found.ticket_class, found.event),
            *(journal.uses(ticket.cti, checkpoint), shown.code, last_code),
            *(left.admissions, left.too_old, found.revoked),
            *(journal.shown_generation(ticket.cti), left.without_memory, shown.delegated),
        )

    def _suspect(self, data: bytes, cti: bytes, now: Moment) -> None:
        """A good signature that a fresh list does not know, and no new one: who made it?"""
        if self._footing.rung is not Rung.FRESH:
            return
        kid = credential.kid(data)
        self._suspicions, tell = suspect(self._suspicions, kid, now.uptime)
        if tell:
            self._record((event.KeySuspected(kid=kid, cti=cti),), "", now)

    def _refuse(self, decision: Decision, asked: Judge, now: Moment) -> Decision:
        if decision.refused is None:
            return decision
        self._refusals, row = refusals.add(
            self._refusals, asked.scan.reader, decision.refused, now.uptime
        )
        if row:
            self._write_refusals([row], now)
            if row.reason is Reason.ENROLMENT_CODE:
                shown = event.EnrolmentShown(scan=asked.scan.scan)
                self._record((shown,), decision.refused.lane, now)
        return decision

    def _write_refusals(self, rows: list[event.Refused], now: Moment) -> None:
        def commit(transaction: Transaction) -> None:
            if transaction.room_for_refusals:
                for row in rows:
                    transaction.append(row, self._stamp(now))

        try:
            self._journal.transact(commit)
        except JournalUnwritable as unwritable:
            log.error("refusal not written: %s", unwritable)

    def _record(self, events: tuple[AnyEvent, ...], lane: str, now: Moment) -> None:
        placed = tuple(_on(lane, happened) for happened in events)

        def commit(transaction: Transaction) -> None:
            self._append(transaction, placed, now)

        try:
            self._journal.transact(commit)
        except JournalUnwritable as unwritable:
            log.error("not written yet: %s", unwritable)
            stamp = self._stamp(now)
            kept = [*self._unwritten, *((happened, stamp) for happened in placed)]
            self._unwritten = kept[-UNWRITTEN_MAX:]
        else:
            self._unwritten.clear()

    def _append(self, transaction: Transaction, events: tuple[AnyEvent, ...], now: Moment) -> None:
        for happened, stamp in self._unwritten:
            transaction.append(happened, stamp)
        for happened in events:
            transaction.append(happened, self._stamp(now))

    def _resolve(self, lane: LaneConfig, why: str, now: Moment) -> int:
        def commit(transaction: Transaction) -> int:
            left = transaction.open_persons(lane.name)
            persons = [(person.admission, person.person) for person in left]
            for outcome in unresolved(persons, lane.board_counts, why):
                transaction.append(_on(lane.name, outcome), self._stamp(now))
            return len(persons)

        try:
            return self._journal.transact(commit)
        except JournalUnwritable as unwritable:
            log.error("open admissions not resolved: %s", unwritable)
            return 0

    def _look_after(self, idle: bool, now: Moment) -> None:
        self._refusals, rows = refusals.close(self._refusals, now.uptime)
        if rows:
            self._write_refusals(rows, now)
        self._whitelist.refresh()
        if applied := self._footing.applied(now):
            self._record((applied,), "", now)
        self._move(now)
        self._account(now)
        if idle:
            try:
                self._journal.prune(self._stamp(now))
            except JournalUnwritable as unwritable:
                log.error("not pruned: %s", unwritable)

    def _hear(self, sealed: bytes, uptime: float) -> Heartbeat | None:
        try:
            return self._footing.hear(sealed, uptime)
        except WireError as error:
            self._distrust(Distrust.FORGED, f"heartbeat: {error}", self._clock.now())
            return None

    def _distrust(self, what: Distrust, why: str, now: Moment) -> None:
        if is_due(self._distrusted, what, now.uptime, RECORDED_SECONDS):
            self._distrusted[what] = now.uptime
            self._record((event.ListDistrusted(what=what, why=why),), "", now)

    def _move(self, now: Moment) -> None:
        """Follow the ladder; a move is recorded before anything is decided by it."""
        if moved := self._footing.move(now):
            self._record((moved,), "", now)

    def _account(self, now: Moment) -> None:
        """Keep the books of the offline budget."""

        def commit(transaction: Transaction) -> None:
            if not self._begun:
                self._footing.begin(transaction, now)
            if told := self._footing.look_after(transaction, now):
                self._append(transaction, (told,), now)

        if self._begun and not self._footing.due(now):
            return
        try:
            self._journal.transact(commit)
            self._begun = True
        except JournalUnwritable as unwritable:
            log.error("offline budget not noted: %s", unwritable)

    def _close(self, now: Moment) -> None:
        if rows := refusals.close_all(self._refusals):
            self._write_refusals(rows, now)
        self._record((event.Stopped(daemon="gate"),), "", now)
        self._journal.close()


def _on(lane: str, happened: AnyEvent) -> AnyEvent:
    """Say on which lane it happened: the core of a lane does not know its own name."""
    if not lane or happened.lane:
        return happened
    return event.on_lane(happened, lane)
