"""What a kiosk's journal says of its papers, held against what really came out of its printer."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from msgspec.structs import replace

from central.core.papers import CLASS_OF, STEP_OF, Step
from edge.core.visit_terms import Became, Visit
from gatehouse.simulation.books.witness import Reading
from gatehouse.simulation.machines.kiosk import Kiosk
from gatehouse.simulation.machines.printer import Piece
from gatehouse.simulation.promises import Promise
from paper.sheet import Code, Kind, Sheet
from wire import delegated, event
from wire import paper as wire
from wire import ticket as gh1
from wire.event import AnyEvent, ClockQuality, Stamp
from wire.paper import PaperClass, PaperEvent, Sort
from wire.reason import Reason
from wire.ticket import Ticket

FOLLOWS: dict[Step, frozenset[Step]] = {
    Step.RESERVED: frozenset({Step.GIVEN_BACK, Step.PRINTED, Step.UNKNOWN}),
    Step.PRINTED: frozenset({Step.CONFIRMED}),
    Step.CONFIRMED: frozenset(
        {Step.EXCHANGED, Step.REISSUED, Step.TEST, Step.RECEIPT, Step.RETRACTED}
    ),
}
OUT = (Step.EXCHANGED, Step.REISSUED)
ENDED_UNBEGUN = (Step.GIVEN_BACK, Step.UNKNOWN)
"""Of a paper that the journal has never heard of: central was asked, and no answer came."""


@dataclass(slots=True)
class Paper:
    """One paper as this journal tells it."""

    cti: bytes
    generation: int
    sort: Sort
    step: Step
    at: float
    alone: bool = False
    """Its kiosk signed it by itself."""
    out_at: float = 0.0
    """When the row was read that says so."""
    wall: float = 0.0
    """When that was by the kiosk's clock, Unix seconds; 0 where no signed word said so."""

    @property
    def by_central(self) -> bool:
        """Whether central granted it to whoever came for it."""
        return self.sort is Sort.EXCHANGE and not self.alone

    @property
    def code(self) -> tuple[bytes, int]:
        return self.cti, self.generation


@dataclass(slots=True)
class KioskWitness(Reading):
    device: Kiosk
    papers: dict[bytes, Paper] = field(default_factory=dict)
    forgotten: set[bytes] = field(default_factory=set)
    """Papers of which an older picture of the card does not know the end."""
    sent: set[bytes] = field(default_factory=set)
    """Papers that were handed to the driver."""

    def take(self, happened: AnyEvent, stamp: Stamp) -> None:
        match happened:
            case PaperEvent():
                self._paper(happened)
                paper = self.papers.get(happened.paper)
                if paper is not None and paper.step in OUT and not paper.out_at:
                    paper.out_at = self.truth.scheduler.now
                    signed = stamp.clock is ClockQuality.SIGNED
                    paper.wall = stamp.wall_ms / 1000 if signed else 0.0
            case event.Refused():
                self.truth.count(f"kiosk refused {happened.reason.value}")
            case wire.PrinterSaid():
                self.truth.tell(self.device.name, f"says that its printer is {happened.state}")
            case _:
                pass

    def put_back(self, last: tuple[int, int], last_hash: bytes) -> None:
        Reading.put_back(self, last, last_hash)
        there = self.card.papers()
        self.forgotten |= {n for n, one in self.papers.items() if there.get(n) is not one.step}

    @property
    def open(self) -> bool:
        """Whether any paper is under way."""
        known = (one for name, one in self.papers.items() if name not in self.forgotten)
        return any(one.step in FOLLOWS for one in known)

    # What the rows promise.

    def _paper(self, happened: PaperEvent) -> None:
        step, before = STEP_OF[type(happened)], self.papers.get(happened.paper)
        said = step.name.lower().replace("_", " ")
        self.truth.tell(self.device.name, f"writes {said}: paper {happened.paper.hex()[:6]}")
        self.truth.count(f"paper row {said}")
        if before is None:
            self._begins(happened, step)
            return
        if isinstance(happened, wire.PaperReserved):
            self._wrong(Promise.PAPER_RESERVED_FIRST, happened, "is reserved again")
        elif step not in FOLLOWS.get(before.step, ()) and happened.paper not in self.forgotten:
            self._wrong(Promise.PAPERS_COUNTED, happened, f"{said} after {before.step.name}")
        self.forgotten.discard(happened.paper)
        before.step = max(before.step, step)
        self._hold_true(happened, before)

    def _begins(self, happened: PaperEvent, step: Step) -> None:
        now = self.truth.scheduler.now
        if isinstance(happened, wire.PaperReserved):
            about = (happened.cti, happened.generation, happened.sort)
            self.papers[happened.paper] = Paper(*about, step, now)
        elif step in ENDED_UNBEGUN:
            self.papers[happened.paper] = Paper(b"", 0, Sort.EXCHANGE, step, now)
        else:
            self._wrong(Promise.PAPERS_COUNTED, happened, f"is {step.name}, and was never reserved")

    def _hold_true(self, happened: PaperEvent, paper: Paper) -> None:
        if not paper.cti:
            return
        if paper.step in OUT and paper.code not in self.codes_out():
            self._wrong(Promise.PAPER_TRUE, happened, f"is {paper.step.name}, and never came out")
        if paper.step is Step.GIVEN_BACK and paper.code in self.codes_out():
            self._wrong(Promise.PAPER_TRUE, happened, "is given back, and came out")

    def _wrong(self, promise: Promise, happened: PaperEvent, what: str) -> None:
        why = f"{self.device.name}: paper {happened.paper.hex()[:6]} {what}"
        self.truth.violate(promise, why)

    # What came out.

    def codes_out(self) -> set[tuple[bytes, int]]:
        """Return (right, generation) of every code that can be read on what left the printer."""
        held = self.device.stand.printer.held
        pieces = [*self.device.stand.pieces, *([held] if held else [])]
        return {(one.cti, one.generation) for piece in pieces for one in tickets_on(piece)}

    def printing(self, sheet: Sheet) -> None:
        """A sheet goes to the driver at this moment: for which paper?"""
        self.look()
        shown = next((part.text for part in sheet.parts if isinstance(part, Code)), None)
        ticket = None if shown is None else ticket_of(shown)
        sort = {Kind.TEST: Sort.TEST, Kind.RECEIPT: Sort.RECEIPT}.get(sheet.kind)
        for name, one in self.papers.items():
            fits = one.sort is sort if ticket is None else one.code == _code(ticket)
            if fits and one.step is Step.RESERVED and name not in self.sent | self.forgotten:
                self.sent.add(name)
                one.alone = shown is not None and shown.startswith(delegated.PREFIX)
                if one.alone:
                    self.truth.count("papers signed alone")
                return
        what = "a test or a receipt" if ticket is None else "a ticket"
        why = f"{self.device.name}: {what} goes to the printer, and no committed row says for whom"
        self.truth.violate(Promise.PAPER_RESERVED_FIRST, why)

    def muddled(self) -> None:
        """A sheet is about to be printed below one that was broken off, as if it were one paper."""
        why = f"{self.device.name}: a paper hangs on another's code, and does not say so"
        self.truth.violate(Promise.PAPER_TRUE, why)

    def showed(self, visit: Visit) -> None:
        """What the screen says to be out is in the journal."""
        told = [one for one in visit.done if one.became is Became.DONE]
        if not told:
            return
        self.look()
        ended = {one.cti for one in self.papers.values() if one.step in OUT}
        for one in told:
            if one.offer.cti not in ended:
                why = f"{self.device.name}: a paper is said to be out, and no committed row says so"
                self.truth.violate(Promise.PAPER_RESERVED_FIRST, why)

    # At the end.

    def classes(self) -> dict[PaperClass, int]:
        """Return how many papers are in each class, of all that were ever written here."""
        counted = dict.fromkeys(PaperClass, 0)
        for one in self.papers.values():
            if one.step in CLASS_OF:
                counted[CLASS_OF[one.step]] += 1
        return counted


def tickets_on(piece: Piece) -> Iterator[Ticket]:
    for text in piece.codes:
        found = ticket_of(text)
        if found is not None:
            yield found


def ticket_of(text: str) -> Ticket | None:
    """Return what a code says, with the generation of the paper that it is on."""
    paper = delegated.read(text.encode())
    read = gh1.read(text.encode() if isinstance(paper, Reason) else paper.code)
    if isinstance(read, Reason):
        return None
    if isinstance(paper, Reason):
        return read.ticket
    return replace(read.ticket, generation=paper.generation)


def _code(ticket: Ticket) -> tuple[bytes, int]:
    return ticket.cti, ticket.generation
