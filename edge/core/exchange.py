"""One ticket becomes one paper: reserve → print → confirm → commit.

    (asked) --granted--> RESERVED --printer took it--> CONFIRMED --> EXCHANGED
                            |--nothing that matters was printed--> GIVEN BACK
                            |--nobody knows--> UNKNOWN
                         CONFIRMED --drawn back into the printer--> RETRACTED

Each step is committed before the next is begun: the reservation before the first byte goes to the
printer, the confirmation before anybody is told that it is out. What a life of the process left
open is ended by `unresolved` at the next start: confirmed is exchanged, reserved is unknown.
Nothing here prints anything twice.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from edge.core.print_job import Outcome, Result
from edge.core.visit_terms import Became
from wire import paper as wire
from wire.event import AnyEvent
from wire.paper import Sort

INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class Paper:
    """One paper as this device's journal knows it."""

    paper: bytes
    sort: Sort
    cti: bytes = b""
    generation: int = 0
    confirmed: bool = False
    by: str = ""
    why: str = ""


def reserved(paper: Paper) -> AnyEvent:
    """Return what is committed before the first byte goes to the printer."""
    return wire.PaperReserved(
        paper=paper.paper,
        sort=paper.sort,
        cti=paper.cti,
        generation=paper.generation,
        by=paper.by,
        why=paper.why,
    )


def printed(paper: Paper, result: Result) -> tuple[tuple[AnyEvent, ...], Became]:
    """Return what is committed for the printer's answer, and what the visitor is told of it.

    DONE is not the end: `committed` follows, or `retracted`.
    """
    why = result.fault.value if result.fault else result.why
    match result.outcome:
        case Outcome.PRINTED:
            events = (
                wire.PaperPrinted(paper=paper.paper),
                wire.PaperConfirmed(paper=paper.paper, how="printer"),
            )
            return events, Became.DONE
        case Outcome.NOT_PRINTED:
            return (wire.PaperGivenBack(paper=paper.paper, why=why),), Became.NOT_PRINTED
        case Outcome.UNKNOWN:
            return (wire.PaperUnknown(paper=paper.paper, why=why),), Became.UNKNOWN


def committed(paper: Paper) -> AnyEvent:
    """Return what makes a confirmed paper the ticket, or puts it into its other class."""
    match paper.sort:
        case Sort.EXCHANGE:
            return wire.Exchanged(paper=paper.paper, cti=paper.cti, generation=paper.generation)
        case Sort.REISSUE:
            return wire.PaperReissued(
                paper=paper.paper,
                cti=paper.cti,
                generation=paper.generation,
                by=paper.by,
                why=paper.why,
            )
        case Sort.TEST:
            return wire.PaperTested(paper=paper.paper)
        case Sort.RECEIPT:
            return wire.ReceiptPrinted(paper=paper.paper)


def retracted(paper: Paper) -> AnyEvent:
    """Return what is committed when nobody took it: the phone's code stays good."""
    return wire.PaperRetracted(paper=paper.paper, why="not-taken")


def lost(name: bytes, without_memory: bool) -> AnyEvent:
    """Return what is committed for a paper that somebody thinks open and the journal never had.

    It was never printed; where the journal was lost, nobody knows.
    """
    if without_memory:
        return wire.PaperUnknown(paper=name, why="journal lost")
    return wire.PaperGivenBack(paper=name, why=INTERRUPTED)


def unresolved(left: Iterable[Paper]) -> tuple[AnyEvent, ...]:
    """Return how what an earlier life left open ended."""
    return tuple(
        committed(paper)
        if paper.confirmed
        else wire.PaperUnknown(paper=paper.paper, why=INTERRUPTED)
        for paper in left
    )
