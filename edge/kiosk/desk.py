"""The kiosk's journal, and the keys that tell a ticket from anything else, on one thread."""

import logging
from collections.abc import Callable
from typing import TypeVar

from edge.core import exchange, refusals
from edge.core.credential import Shown, digest, form, read
from edge.core.exchange import Paper
from edge.core.refusals import Refusals
from edge.kiosk.rungs import Rungs
from edge.runtime.clock import Clock
from edge.runtime.workers import SingleThread
from edge.store.journal import Journal, JournalUnwritable
from edge.store.transaction import Transaction
from edge.store.whitelist import Whitelist
from rules import exchange as exchange_rules
from wire import event
from wire.event import SCAN_BYTES, AnyEvent, Stamp
from wire.reason import Reason

log = logging.getLogger("kiosk.desk")

UNWRITTEN_MAX = 1000
LANE = "kiosk"

T = TypeVar("T")


class Desk:
    """All methods run the store on `thread`."""

    def __init__(
        self,
        whitelist: Whitelist,
        journal: Journal,
        thread: SingleThread,
        clock: Clock,
        draw: Callable[[int], bytes],
        boot: bytes,
        grew: Callable[[], None] = lambda: None,
    ) -> None:
        """`grew()` is called, on the event loop, whenever something was written."""
        self._whitelist = whitelist
        self._journal = journal
        self._thread = thread
        self._clock = clock
        self._draw = draw
        self._boot = boot
        self._grew = grew
        self._digest_key = draw(32)
        self._refusals = Refusals()
        self.rungs = Rungs(whitelist)
        self._unwritten: list[tuple[AnyEvent, Stamp]] = []

    @property
    def without_memory(self) -> bool:
        return self._journal.without_memory

    async def write(self, *events: AnyEvent) -> None:
        """Write `events`; on disk when this returns. Raise JournalUnwritable."""
        await self._thread.run(self._commit, events)
        self._grew()

    async def commit(self, work: Callable[[Transaction, Stamp], T]) -> T:
        """Run `work` in a transaction of its own, stamped now; raise JournalUnwritable."""
        stamp = self._stamp()

        def done(transaction: Transaction) -> T:
            return work(transaction, stamp)

        answer = await self._thread.run(self._journal.transact, done)
        self._grew()
        return answer

    async def record(self, *events: AnyEvent) -> None:
        """Write `events`, or keep them until that is possible. Never raises."""
        await self._thread.run(self._record, events)
        self._grew()

    async def resolve(self) -> tuple[Paper, ...]:
        """End what an earlier life left open; return those papers. Raise JournalUnwritable."""

        def work(transaction: Transaction) -> tuple[Paper, ...]:
            left = transaction.open_papers()
            for happened in exchange.unresolved(left):
                transaction.append(happened, self._stamp())
            return left

        left = await self._thread.run(self._journal.transact, work)
        self._grew()
        return left

    async def papers_of(self, cti: bytes) -> tuple[exchange_rules.Paper, ...]:
        """Return what became of this kiosk's papers of a right. Raise JournalUnwritable."""
        return await self._thread.run(self._journal.transact, lambda one: one.papers_of(cti))

    async def paper_hangs(self) -> bool:
        """Whether what was printed last may still hang out. Raise JournalUnwritable."""
        return await self._thread.run(self._journal.transact, Transaction.paper_hangs)

    async def locked(self) -> frozenset[str]:
        """Return what central's orders have put out of service here. Raise JournalUnwritable."""
        return await self._thread.run(self._journal.transact, Transaction.locked)

    async def unheard(self, papers: tuple[bytes, ...]) -> tuple[bytes, ...]:
        """Return those of these papers that the journal does not know."""

        def work(transaction: Transaction) -> tuple[bytes, ...]:
            return tuple(name for name in papers if not transaction.knows_paper(name))

        return await self._thread.run(self._journal.transact, work)

    async def about(self, data: bytes) -> Shown | Reason:
        """Say what a code is, by the keys of the list; a reason for anything but a ticket."""
        return await self._thread.run(self._about, data)

    async def refuse(self, reason: Reason, data: bytes, cti: bytes | None = None) -> None:
        """Remember that somebody was told no: once, and then how often within a minute."""
        await self._thread.run(self._refuse, reason, data, cti)
        self._grew()

    async def list_sequence(self) -> int | None:
        return await self._thread.run(self._sequence)

    async def look_after(self, idle: bool, stale_after_seconds: float) -> None:
        """Write what could not be written and how the list stands; prune when idle."""
        await self._thread.run(self._look_after, idle, stale_after_seconds)

    async def close(self) -> None:
        await self._thread.run(self._close)

    # On the store's thread.

    def _stamp(self) -> Stamp:
        now = self._clock.now()
        wall_ms, uptime_ms = round(now.wall * 1000), round(now.uptime * 1000)
        return Stamp(wall_ms, uptime_ms, self._boot, now.quality)

    def _commit(self, events: tuple[AnyEvent, ...]) -> None:
        def work(transaction: Transaction) -> None:
            for happened, stamp in self._unwritten:
                transaction.append(happened, stamp)
            for happened in events:
                transaction.append(happened, self._stamp())

        self._journal.transact(work)
        self._unwritten.clear()

    def _record(self, events: tuple[AnyEvent, ...]) -> None:
        try:
            self._commit(events)
        except JournalUnwritable as unwritable:
            log.error("not written yet: %s", unwritable)
            stamp = self._stamp()
            kept = [*self._unwritten, *((happened, stamp) for happened in events)]
            self._unwritten = kept[-UNWRITTEN_MAX:]

    def _about(self, data: bytes) -> Shown | Reason:
        self._whitelist.refresh()
        shown = read(data, self._whitelist.ring)
        return shown if isinstance(shown, Shown) else shown.reason

    def _refuse(self, reason: Reason, data: bytes, cti: bytes | None) -> None:
        refused = event.Refused(
            lane=LANE,
            reason=reason,
            scan=self._draw(SCAN_BYTES),
            cti=cti,
            length=len(data),
            form=form(data),
            digest=digest(data, self._digest_key),
        )
        now = self._clock.now().uptime
        self._refusals, row = refusals.add(self._refusals, LANE, refused, now)
        if row and reason is Reason.ENROLMENT_CODE:
            self._record((row, event.EnrolmentShown(scan=refused.scan)))
        elif row:
            self._record((row,))

    def _sequence(self) -> int | None:
        self._whitelist.refresh()
        return self._whitelist.about.sequence if self._whitelist.about else None

    def _look_after(self, idle: bool, stale_after_seconds: float) -> None:
        uptime = self._clock.now().uptime
        self._refusals, rows = refusals.close(self._refusals, uptime)
        moved = self.rungs.move(stale_after_seconds, uptime)
        if rows or self._unwritten or moved:
            self._record((*rows, *([moved] if moved else [])))
        if idle:
            try:
                self._journal.prune(self._stamp())
            except JournalUnwritable as unwritable:
                log.error("not pruned: %s", unwritable)

    def _close(self) -> None:
        self._record((*refusals.close_all(self._refusals), event.Stopped(daemon="kiosk")))
        self._journal.close()
