"""A kiosk for tests: the real daemon, store and core; simulated reader, printer and clock; and a
small ticket office in central's place, which grants by the same rule."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar

from msgspec.structs import replace

from edge.core.print_job import Result
from edge.core.visit_terms import Page, Touched, Visit
from edge.drivers.interfaces import held
from edge.drivers.printer_config import SimulatedPrinterConfig
from edge.drivers.printer_simulated import SimulatedPrinter
from edge.drivers.reader_simulated import SimulatedReader
from edge.drivers.sensor_simulated import SimulatedSensor
from edge.kiosk.alone import Alone
from edge.kiosk.chosen import load
from edge.kiosk.claims import Claims
from edge.kiosk.config import KioskConfig, StaffConfig
from edge.kiosk.configuring import alone_of, configuring, sheets_of
from edge.kiosk.daemon import KioskDaemon
from edge.kiosk.desk import LANE, Desk
from edge.kiosk.enrolment import EnrolmentDesk
from edge.kiosk.orders import Orders
from edge.kiosk.papers import Papers
from edge.kiosk.questions import Questions
from edge.kiosk.senses import Senses
from edge.runtime import identity
from edge.runtime.clock import SimulatedClock, TrustedClock, settle
from edge.runtime.intercom import (
    ClaimSaid,
    ClaimTold,
    KioskAnswered,
    KioskAsked,
    LedgerThere,
    Word,
)
from edge.runtime.service import Life
from edge.store.floor import FloorFile
from edge.store.journal import Journal, Transaction
from edge.store.whitelist import Whitelist
from paper.sheet import Sheet
from rules import exchange
from rules.exchange import Facts, Grant, Held
from rules.ticket_class import EventRecord, TicketClass
from tests.daemons.test_gate import recorded_by
from tests.device import BOOT, DEVICE, KEY, ListMaker, stamp, ticket, writing
from tests.said_sync import SaidSync
from tests.threads import DirectThread
from tests.trusted import trusting
from wire import paper as papers
from wire import staff_card
from wire import ticket as gh1
from wire.codec import decode, encode
from wire.entry import Standing
from wire.event import AnyEvent, Stamp
from wire.exchange import (
    Answer,
    Answered,
    AskKeys,
    AskOpen,
    Denied,
    FindCode,
    FindIdentity,
    FindOrder,
    Found,
    Granted,
    KeysWanted,
    Offer,
    OpenPapers,
    Question,
    Reserve,
)
from wire.paper import PaperEvent, Sort
from wire.reason import Reason
from wire.words import Words

T = TypeVar("T")

STAFF_CARD = b"staff-card-of-li"
TOLD = KioskConfig(
    "K1",
    SimulatedPrinterConfig(),
    staff=(StaffConfig("李", staff_card.digest(STAFF_CARD)),),
    time_zone="UTC",
)
HELD: dict[type[PaperEvent], Held] = {
    papers.PaperReserved: Held.RESERVED,
    papers.PaperGivenBack: Held.GIVEN_BACK,
    papers.PaperUnknown: Held.UNKNOWN,
    papers.PaperRetracted: Held.RETRACTED,
    papers.Exchanged: Held.EXCHANGED,
    papers.PaperReissued: Held.REISSUED,
}


@dataclass
class Office:
    """Grants by the rule, and hears what became of it from the kiosk's journal."""

    events: Callable[[], list[AnyEvent]]
    away: bool = False
    mute: bool = False
    """Hears, and its answers are lost."""
    granted: dict[bytes, tuple[int, int]] = field(default_factory=dict)
    """Paper -> (ticket's number, generation)."""
    asked: list[object] = field(default_factory=list)
    publish: Callable[[dict[str, bytes]], tuple[str, ...]] = lambda _: ()
    """Puts a kiosk's keys on the list; returns the events that it may exchange for by itself."""

    def answer(self, question: bytes) -> bytes | None:
        asked = decode(question, Question).asked
        self.asked.append(asked)
        if self.away:
            return None
        told = encode(Answer(self._answer(asked)))
        return None if self.mute else told

    def _answer(self, asked: object) -> Answered:
        match asked:
            case FindCode(code):
                shown = gh1.read(code)
                assert not isinstance(shown, Reason)
                return self._found([shown.ticket.cti])
            case FindOrder("D1", "1234"):
                return self._found([ticket(n).cti for n in (1, 2, 3, 4)])
            case FindOrder() | FindIdentity():
                return Denied(Reason.NO_SUCH_ORDER)
            case Reserve():
                return self._reserve(asked)
            case AskOpen():
                ended = self._ended()
                left = tuple(name for name in self.granted if name not in ended)
                return OpenPapers(left)
            case AskKeys(held):
                return KeysWanted(self.publish(held))
        raise AssertionError(asked)

    def _ended(self) -> dict[bytes, Held]:
        told: dict[bytes, Held] = {}
        for happened in self.events():
            if isinstance(happened, PaperEvent) and type(happened) in HELD:
                held = HELD[type(happened)]
                if held is not Held.RESERVED:
                    told[happened.paper] = held
        return told

    def _facts(self, number: int) -> Facts:
        ended = self._ended()
        known = [
            exchange.Paper(ended.get(name, Held.RESERVED), generation, 0.0, "K1", own=True)
            for name, (whose, generation) in self.granted.items()
            if whose == number
        ]
        out = [p.generation for p in known if p.held in (Held.EXCHANGED, Held.REISSUED)]
        kind = TicketClass("SHOW", 1, Words("成人票", "Adult"), {"hall": 1})
        show = EventRecord("SHOW", Words("演出", "Show"))
        least = max(out, default=0)
        return Facts(Standing.GOOD, least, 1_900_000_000, kind, show, papers=tuple(known))

    def _found(self, rights: list[bytes]) -> Found:
        numbers = {ticket(n).cti: n for n in range(1, 10)}
        offers = []
        for cti in rights:
            judged = exchange.judge(self._facts(numbers[cti]), 1_780_000_000)
            reason = None if isinstance(judged, Grant) else judged.reason
            words = (Words("演出", "Show"), Words("成人票", "Adult"), 1_780_003_600)
            seated = {"row": "7", "seat": str(10 + numbers[cti]), "price_cents": 28_000}
            about = {**seated, "currency": "¥", "order": "D1", "reason": reason}
            offers.append(Offer(str(numbers[cti]), cti, *words, **about))  # type: ignore[arg-type]
        return Found(tuple(offers))

    def _reserve(self, asked: Reserve) -> Granted | Denied:
        number = int(asked.handle)
        judge = exchange.judge_reissue if asked.sort is Sort.REISSUE else exchange.judge
        judged = judge(self._facts(number), 1_780_000_000)
        if not isinstance(judged, Grant):
            return Denied(judged.reason, judged.since, judged.where)
        self.granted[asked.paper] = (number, judged.generation)
        made = replace(ticket(number), generation=judged.generation)
        return Granted(asked.paper, gh1.sign(made, b"k1", KEY), judged.generation)


class OfficeLine(SaidSync):
    """Sync, and the way to the office, without either."""

    def __init__(
        self, clock: SimulatedClock, office: Office, fuse: Fuse, hub: Near | None, device: bytes
    ) -> None:
        super().__init__(clock)
        self.clock = clock
        self._office = office
        self._fuse = fuse
        self._hub, self._device = hub, device

    def tell(self, word: Word) -> None:
        super().tell(word)
        if isinstance(word, KioskAsked):
            self._fuse.burn()
            self.say(KioskAnswered(word.name, self._office.answer(word.question)))
            self._fuse.burn()
        elif isinstance(word, ClaimSaid) and self._hub:
            self._fuse.burn()
            for envelope in self._hub.hear(self._device, word.payload):
                self.say(ClaimTold(envelope))
            self._fuse.burn()

    async def run(self) -> None:
        if self._hub:
            self.say(LedgerThere(True))
        await super().run()


class Near(Protocol):
    """A venue's hub, as far as a kiosk sees it."""

    public: str
    """What stands in zones as `claims_key`."""

    def hear(self, device: bytes, payload: bytes) -> list[bytes]:
        """Take what a device says; return what the hub tells it, sealed."""
        ...


class PowerCut(BaseException):
    """Everything stops between two steps, and nothing more is written."""


@dataclass
class Fuse:
    """Cuts the power at step `at`: each commit, answer and sheet has a moment before and after."""

    at: int | None = None
    steps: int = 0
    blown: bool = False

    def burn(self) -> None:
        self.steps += 1
        if self.blown or self.steps == self.at:
            self.blown = True
            raise PowerCut


class CutDesk(Desk):
    fuse: Fuse

    def _commit(self, events: tuple[AnyEvent, ...]) -> None:
        self.fuse.burn()
        super()._commit(events)
        self.fuse.burn()

    async def commit(self, work: Callable[[Transaction, Stamp], T]) -> T:
        self.fuse.burn()
        answer = await super().commit(work)
        self.fuse.burn()
        return answer


class CutPrinter(SimulatedPrinter):
    fuse: Fuse

    async def print(self, sheet: Sheet) -> Result:
        self.fuse.burn()
        result = await super().print(sheet)
        self.fuse.burn()
        return result


@dataclass
class Kiosk:
    folder: Path
    clock: SimulatedClock
    reader: SimulatedReader
    printer: SimulatedPrinter
    daemon: KioskDaemon
    office: Office
    line: OfficeLine
    life: Life
    trusted: TrustedClock
    contact: SimulatedSensor
    claims: Claims
    device: bytes = DEVICE

    @property
    def visit(self) -> Visit:
        return self.daemon.visit

    def on(self, page: Page) -> bool:
        """Whether this is what is shown."""
        return self.daemon.visit.page is page

    async def touch(self, what: str, value: str = "") -> None:
        await self.daemon.touch(what, value, self.daemon.number)
        await settle()

    async def type(self, text: str) -> None:
        for key in text:
            await self.touch("key", key)

    async def scan(self, number: int) -> None:
        await self.show(gh1.sign(ticket(number), b"k1", KEY).encode())

    async def show(self, data: bytes) -> None:
        await self.clock.advance(2.0)
        self.reader.present(data)
        await settle()

    async def tell(self, signal: Touched) -> None:
        self.daemon.signal(signal)
        await settle()

    def events(self) -> list[AnyEvent]:
        return recorded_by(self.folder, self.device)

    def papers(self) -> list[str]:
        """Return what the journal says of papers, in order."""
        kinds = [str(one.__struct_config__.tag) for one in self.events() if is_paper(one)]
        return [kind for kind in kinds if kind != "printer-said"]


def is_paper(happened: AnyEvent) -> bool:
    return isinstance(happened, PaperEvent)


def make_list(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    made = folder.parent / f"{folder.name}-made"
    if made.exists():
        return
    made.mkdir(parents=True)
    one = ListMaker(made).make("v1", range(1, 10))
    writing(folder).install("v1", one.path, one.sealed)


async def _orders(
    folder: Path,
    desk: Desk,
    thread: DirectThread,
    clock: TrustedClock,
    line: OfficeLine,
    fault: str,
    device: bytes,
) -> Orders:
    closed = LANE in await desk.locked()
    orders = Orders(device, desk, trusting(folder), thread, clock, line.tell, desk.rungs, closed)
    orders.reloads(lambda: fault)
    orders.keeps_time(clock, FloorFile(folder), os.urandom)
    return orders


def _journal(folder: Path, boot: bytes, device: bytes) -> Journal:
    journal = Journal(folder, device, boot, os.urandom)
    journal.open(stamp(boot=boot))
    return journal


async def _nobody_looks() -> None:
    """In the place of a page that is served."""
    await asyncio.get_running_loop().create_future()


def _name(folder: Path, hub: Near | None) -> None:
    """Let the zone say whose answers to claims are believed, as enrolment would leave it."""
    if hub is None:
        return
    (folder / "config").mkdir(exist_ok=True)
    zone = f'checkpoint = "hall"\ntime_zone = "UTC"\nclaims_key = "{hub.public}"\n'
    (folder / "config" / "zone.toml").write_text(zone)


@asynccontextmanager
async def kiosk(
    folder: Path,
    boot: bytes = BOOT,
    mouth: bool = False,
    chosen: Mapping[str, object] | None = None,
    office: Office | None = None,
    sheet_seconds: float = 0.0,
    fuse: Fuse | None = None,
    fault: str = "",
    device: bytes = DEVICE,
    hub: Near | None = None,
) -> AsyncIterator[Kiosk]:
    """Run a kiosk until the block ends, or until `fuse` cuts its power: then PowerCut is raised.

    `chosen`: keys of kiosk.toml.
    `fault`: what is wrong with the configuration that a reload would read.
    """
    make_list(folder)
    _name(folder, hub)
    clock, thread = SimulatedClock(), DirectThread()
    trusted = TrustedClock(clock, FloorFile(folder).read())
    whitelist = Whitelist(folder, trusting(folder))
    journal = _journal(folder, boot, device)
    desk = CutDesk(whitelist, journal, thread, clock, os.urandom, boot)
    desk.fuse = fuse = fuse or Fuse()
    await desk.resolve()
    office = office or Office(lambda: recorded_by(folder, device))
    line = OfficeLine(clock, office, fuse, hub, device)
    questions = Questions(line.tell, os.urandom, clock)
    printer, reader = CutPrinter(clock, sheet_seconds, mouth), SimulatedReader(clock)
    printer.fuse = fuse
    told = replace(TOLD, directory=str(folder), **(chosen or {}))
    first = load(told)
    alone = Alone(folder, whitelist, journal, thread, trusted, os.urandom)
    life, contact = Life(), SimulatedSensor(clock)
    orders = await _orders(folder, desk, thread, trusted, line, fault, device)
    claims = Claims(device, desk, orders.unseal, clock, line.tell, first.claims_key)
    made_papers = Papers(
        *(desk, questions, printer, sheets_of(first, trusted), clock, os.urandom, 30.0),
        *(alone_of(first, alone), claims),
    )
    senses = Senses({"reader-1": reader}, None, None, os.urandom)
    daemon = KioskDaemon(
        *(senses, printer, made_papers, questions, desk, line, trusted, life),
        *(first, "test", orders),
        EnrolmentDesk(folder, held(contact), line, clock, life.begin_again, identity.stamp(folder)),
    )
    daemon.configuring = configuring(
        *(told, device, desk, orders, daemon, made_papers, alone, trusted, thread)
    )
    daemon.configuring.begin()
    running = asyncio.create_task(daemon.run(_nobody_looks))
    await settle()
    try:
        yield Kiosk(
            *(folder, clock, reader, printer, daemon, office, line, life, trusted, contact),
            *(claims, device),
        )
    finally:
        life.stop("test")
        await clock.advance(1.0)
        running.cancel()
        (ended,) = await asyncio.gather(running, return_exceptions=True)
        journal.close()
    if fuse.blown:
        raise PowerCut
    assert ended is None or isinstance(ended, asyncio.CancelledError), ended
