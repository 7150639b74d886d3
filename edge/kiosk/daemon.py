"""The kiosk daemon: one visitor at a time, seen on a page that holds nothing itself.

Gathers what readers, printer, page and sync say; `edge.core.visit` decides; questions and papers
run beside the loop, so that a touch is always answered at once.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any, assert_never

from edge.core import visit as core
from edge.core.credential import Shown, is_enrolment
from edge.core.printer_status import Roll, Status
from edge.core.visit_pages import at_rest
from edge.core.visit_terms import (
    AnySignal,
    Command,
    Health,
    Look,
    Looked,
    Page,
    Print,
    PrintReceipt,
    PrintTest,
    Record,
    Scanned,
    Signal,
    Touched,
    Visit,
)
from edge.drivers.interfaces import Printer
from edge.kiosk.chosen import Chosen
from edge.kiosk.desk import Desk
from edge.kiosk.enrolment import EnrolmentDesk
from edge.kiosk.orders import CLOSED, Orders
from edge.kiosk.papers import Papers
from edge.kiosk.questions import Questions
from edge.kiosk.rungs import Rungs
from edge.kiosk.senses import Senses
from edge.kiosk.showing import Showing
from edge.runtime.clock import Clock
from edge.runtime.intercom import (
    Configured,
    EnrolmentEnded,
    Heard,
    IntercomClient,
    KioskAnswered,
    Logged,
    LogsWanted,
    NotConfigured,
    Ordered,
    TimeTold,
)
from edge.runtime.service import Life, log_tail
from edge.store.configuring import Configuring
from wire import exchange
from wire.event import ClockQuality, Started
from wire.exchange import Answered, Asked, Denied, FindCode, Offer
from wire.paper import PaperChanged, PrinterSaid
from wire.reason import Reason

log = logging.getLogger("kiosk")

LOOK_AFTER_SECONDS = 1.0
LOOK_SECONDS = 10.0
HOURS = "hours"
"""Why nobody is served outside the venue's hours."""
SCANNER = "scanner"
"""The same where the reader is gone, and the venue chose no other way."""
ONLINE_SECONDS = 15.0
"""How long central counts as there after it was last heard."""


class KioskDaemon(Showing):
    def __init__(
        self,
        senses: Senses,
        printer: Printer,
        papers: Papers,
        questions: Questions,
        desk: Desk,
        intercom: IntercomClient,
        clock: Clock,
        life: Life,
        chosen: Chosen,
        version: str = "",
        orders: Orders | None = None,
        enrolling: EnrolmentDesk | None = None,
        configuring: Configuring[Chosen] | None = None,
    ) -> None:
        super().__init__()
        self.senses = senses
        self._printer, self._papers, self._questions = printer, papers, questions
        self._desk, self._intercom = desk, intercom
        self._clock, self._life = clock, life
        self.chosen, self.habits = chosen, chosen.habits
        self.senses.staff = chosen.staff
        self._version, self._orders, self._was_found = version, orders, False
        self.configuring, self.enrolling = configuring, enrolling
        self.visit = Visit(page=Page.OUT_OF_ORDER, language=self.habits.languages[0])
        self.status: Status | None = None
        self._heard_at: float | None = None
        self._left: int | None = None
        self._inbox: asyncio.Queue[AnySignal] = asyncio.Queue()
        self._tasks: asyncio.TaskGroup | None = None
        self._printing: asyncio.Task[None] | None = None

    async def run(self, serve: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Work until `life` says stop; `serve()` runs the page. A paper under way is finished."""
        await self._desk.record(Started(daemon="kiosk", version=self._version))
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                work: list[Coroutine[Any, Any, Any]] = [
                    *self.senses.watching(self._desk, self._scanned, self.show),
                    *(self._watch_identity(), self._watch_printer(), self._listen()),
                    *(self._intercom.run(), self._papers.settle(), self._papers.keep_keys()),
                    *(self._decide(), self._look_after(), serve()),
                ]
                working = [tasks.create_task(one) for one in work]
                self._life.ready("waiting for visitors")
                await self._life.stopping.wait()
                if self._printing:
                    await self._printing
                for task in working:
                    task.cancel()
        finally:
            await self._desk.close()

    async def touch(self, what: str, value: str, at: int) -> None:
        """A control was touched on the page numbered `at`; one that has changed is not meant."""
        if at == self.number or what in ("key", "erase", "more"):
            await self._step(Touched(what, value))

    @property
    def at_rest(self) -> bool:
        """Whether nobody is at the kiosk."""
        return self.visit.page in (Page.ATTRACT, Page.OUT_OF_ORDER)

    def configure(self, chosen: Chosen) -> None:
        """Go by these settings from now on; to be called while nobody is at it."""
        self.chosen, self.habits = chosen, chosen.habits
        self.senses.staff = chosen.staff
        self.visit = at_rest(self.visit, self.habits)
        if self._tasks:
            self._tasks.create_task(self.show())

    @property
    def found(self) -> bool:
        """Whether somebody far away wants this kiosk to be found."""
        return self._orders is not None and self._orders.found

    def signal(self, signal: AnySignal) -> None:
        self._inbox.put_nowait(signal)

    async def _watch_identity(self) -> None:
        if self.enrolling:
            await self.enrolling.run(lambda: self.at_rest, self.show)

    async def _scanned(self, signal: AnySignal) -> None:
        """What a reader read. An enrolment code is nothing of a visitor's: it alarms the admins."""
        if isinstance(signal, Scanned) and is_enrolment(signal.data):
            await self._desk.refuse(Reason.ENROLMENT_CODE, signal.data)
            taken = self.enrolling.offer(signal.data) if self.enrolling else None
            if self.enrolling and taken:
                await self.enrolling.say(taken, self.show)
                return
        self.signal(signal)

    async def _decide(self) -> None:
        while True:
            due = core.due(self.visit)
            signal = await self._next(due)
            await self._step(signal)

    async def _next(self, due: float | None) -> AnySignal:
        """Return what comes next; `Signal.DUE` when the deadline comes first."""
        getting = asyncio.ensure_future(self._inbox.get())
        if due is None:
            due = self._clock.now().uptime + LOOK_SECONDS
        waiting = asyncio.ensure_future(self._clock.wait_until(due))
        moved = asyncio.ensure_future(self._moved(due))
        try:
            await asyncio.wait({getting, waiting, moved}, return_when=asyncio.FIRST_COMPLETED)
            return getting.result() if getting.done() else Signal.DUE
        finally:
            for task in (getting, waiting, moved):
                task.cancel()

    async def _moved(self, due: float) -> None:
        """Return when the deadline is another one: a touch has put it off."""
        async with self.changed:
            await self.changed.wait_for(lambda: core.due(self.visit) not in (None, due))

    async def _step(self, signal: AnySignal) -> None:
        before = self.visit
        self.visit, commands = core.step(before, signal, self._clock.now(), self.habits)
        for command in commands:
            await self._perform(command)
        if self.visit != before:
            await self.show()

    async def _perform(self, command: Command) -> None:
        assert self._tasks
        match command:
            case Look():
                self._tasks.create_task(self._look(command))
            case Print():
                self._printing = self._tasks.create_task(self._exchange(command))
            case PrintTest(by):
                self._printing = self._tasks.create_task(self._test(by))
            case PrintReceipt(offers, language):
                self._printing = self._tasks.create_task(self._receipt(offers, language))
            case Record(events):
                await self._desk.record(*events)
                for happened in events:
                    if isinstance(happened, PaperChanged):
                        self._left = happened.tickets
                        await self._told()
            case _:
                assert_never(command)

    async def _look(self, asked: Look) -> None:
        if isinstance(asked.asked, FindCode):
            # What is no ticket of ours is said at once, and nobody else hears of it.
            about = await self._desk.about(asked.asked.code)
            if not isinstance(about, Shown) and about is not Reason.UNKNOWN_KEY:
                if about is not Reason.ENROLMENT_CODE:  # It was told when it was read.
                    await self._desk.refuse(about, asked.asked.code)
                self.signal(Looked(asked.number, Denied(about)))
                return
        answer = await self._answer(asked.asked)
        if isinstance(answer, Denied):
            await self._desk.refuse(answer.reason, repr(asked.asked).encode())
        told = answer if isinstance(answer, exchange.Found | Denied) else None
        self.signal(Looked(asked.number, told))

    async def _answer(self, asked: Asked) -> Answered | None:
        """Return central's answer, or, where the venue chose it, what is known here."""
        alone, seconds = self._papers.alone, self.habits.looking_seconds - 1.0
        if alone is None or not isinstance(asked, FindCode):
            return await self._questions.ask(asked, seconds)
        answer = None
        if self._health().online:
            answer = await self._questions.ask(asked, seconds / 2)
        return answer or await alone.find(asked.code)

    async def _exchange(self, asked: Print) -> None:
        became = await self._papers.exchange(asked)
        await self._after_print()
        self.signal(became)

    async def _test(self, by: str) -> None:
        became = await self._papers.test(by)
        await self._after_print()
        self.signal(became)

    async def _receipt(self, offers: tuple[Offer, ...], language: str) -> None:
        became = await self._papers.receipt(offers, language)
        await self._after_print()
        self.signal(became)

    async def _after_print(self) -> None:
        if self._left is not None:
            self._left = max(self._left - 1, 0)
        await self._told()

    # What the world says.

    async def _watch_printer(self) -> None:
        async for status in self._printer.looks():
            before, self.status = self.status, status
            if before is None or before.fault != status.fault or before.roll != status.roll:
                await self._told()
            self.signal(self._health())

    async def _listen(self) -> None:
        async for word in self._intercom.words():
            match word:
                case KioskAnswered():
                    self._questions.hear(word)
                    if word.answer is not None:
                        self._heard_at = self._clock.now().uptime
                case Heard():
                    self._heard_at = self._clock.now().uptime
                    if self._orders:
                        await self._orders.heard(word)
                case Ordered() if self._orders:
                    await self._orders.hear(word)
                    await self.show()
                case Configured() | NotConfigured() if self.configuring:
                    await self.configuring.hear(word)
                case EnrolmentEnded() if self.enrolling:
                    await self.enrolling.ended(word, self.show)
                case TimeTold() if self._orders:
                    await self._orders.told_time(word)
                case LogsWanted(lines):
                    self._intercom.tell(Logged("kiosk", log_tail(lines)))
                case _:
                    await self._papers.told(word)

    async def _look_after(self) -> None:
        """Feed the watchdog by real work: the store answers, or it is not fed."""
        while True:
            await self._desk.look_after(self.at_rest, self.chosen.stale_after_seconds)
            await self.senses.look_at_browser(self.watched, self._clock.now().uptime, self._desk)
            if self._orders:
                await self._orders.look_after()
                if self.found != self._was_found:
                    self._was_found = self.found
                    await self.show()
                if self._orders.reloading and self.at_rest:
                    self._life.begin_again("central ordered it to read its configuration")
            if self.configuring:
                await self.configuring.look_after()
            health = self._health()
            if health != self.visit.health:
                self.signal(health)
            self._life.alive()
            await self._clock.wait(LOOK_AFTER_SECONDS)

    @property
    def rungs(self) -> Rungs:
        return self._desk.rungs

    def _health(self) -> Health:
        status, heard = self.status, self._heard_at
        online = heard is not None and self._clock.now().uptime - heard < ONLINE_SECONDS
        known = Health(
            closed=self._closed(), online=online, paper_left=self._left, scans=self.senses.scans
        )
        if status is None:
            return known
        fault, near_end = status.fault.value if status.fault else "", status.roll is Roll.NEAR_END
        return replace(known, able=status.ready, fault=fault, near_end=near_end)

    def _closed(self) -> str:
        """Return why nobody is served, whatever the printer says."""
        now = self._clock.now()
        if self._orders is not None and self._orders.closed:
            return CLOSED
        # By a clock that nobody confirms a kiosk might be shut at noon.
        if now.quality is ClockQuality.SIGNED and not self.chosen.serves(now.wall):
            return HOURS
        if not (self.senses.scans or self.habits.by_order or self.habits.by_identity):
            return SCANNER
        return ""

    async def _told(self) -> None:
        """Tell central of the printer, through the journal."""
        status = self.status
        if status is None:
            return
        state = status.fault.value if status.fault else status.roll.value
        said = PrinterSaid(state=state, able=status.ready, paper_left=self._left)
        await self._desk.record(said)
