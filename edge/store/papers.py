"""The papers of this kiosk by the rows that tell of them, so that a start ends what was left open.

What is damaged or lost here is said to be lost with the journal: central then calls unknown what it
had granted and nobody can tell of.
"""

import sqlite3
from enum import IntEnum

from edge.core.exchange import Paper
from edge.store.database import until_broken
from rules import exchange
from rules.exchange import Held
from wire import paper as wire
from wire.codec import WireError
from wire.event import AnyEvent
from wire.paper import PaperEvent, Sort
from wire.row import decode_row

TOLD_BY = (PaperEvent,)
HANGING_ROWS_MAX = 500
"""How far back is looked for what may hang out of the printer."""


class Step(IntEnum):
    RESERVED = 0
    PRINTED = 1
    CONFIRMED = 2
    ENDED = 3  # However it ended; a test or a receipt, or of a row that is older than the next.
    GIVEN_BACK = 4
    UNKNOWN = 5
    EXCHANGED = 6
    REISSUED = 7
    RETRACTED = 8


STEPS: dict[type[PaperEvent], Step] = {
    wire.PaperPrinted: Step.PRINTED,
    wire.PaperConfirmed: Step.CONFIRMED,
    wire.PaperGivenBack: Step.GIVEN_BACK,
    wire.PaperUnknown: Step.UNKNOWN,
    wire.Exchanged: Step.EXCHANGED,
    wire.PaperReissued: Step.REISSUED,
    wire.PaperRetracted: Step.RETRACTED,
}
HELD = {
    Step.RESERVED: Held.RESERVED,
    Step.PRINTED: Held.RESERVED,
    Step.CONFIRMED: Held.EXCHANGED,
    Step.ENDED: Held.UNKNOWN,
    Step.GIVEN_BACK: Held.GIVEN_BACK,
    Step.UNKNOWN: Held.UNKNOWN,
    Step.EXCHANGED: Held.EXCHANGED,
    Step.REISSUED: Held.REISSUED,
    Step.RETRACTED: Held.RETRACTED,
}


def left_open(database: sqlite3.Connection) -> tuple[Paper, ...]:
    """Return the papers that have no end yet, by name."""
    found = database.execute(
        "SELECT paper, sort, cti, generation, step, by, why FROM paper"
        " WHERE step <= 2 ORDER BY paper"
    )
    return tuple(
        Paper(paper, Sort(sort), cti, generation, step == Step.CONFIRMED, by, why)
        for paper, sort, cti, generation, step, by, why in found
    )


def of_right(database: sqlite3.Connection, cti: bytes) -> tuple[exchange.Paper, ...]:
    """Return what became of this kiosk's papers of a right."""
    found = database.execute("SELECT step, generation FROM paper WHERE cti = ?", (cti,))
    return tuple(
        exchange.Paper(HELD[Step(step)], generation, own=True) for step, generation in found
    )


def hangs(database: sqlite3.Connection) -> bool:
    """Whether a paper of which nobody knows may hang out of the printer: none came out since."""
    newest = "SELECT body FROM row ORDER BY epoch DESC, seq DESC LIMIT ?"
    for (body,) in database.execute(newest, (HANGING_ROWS_MAX,)):
        try:
            happened, _ = decode_row(body)
        except WireError:
            continue  # Of a newer program.
        if isinstance(happened, wire.PaperUnknown | wire.PaperConfirmed):
            return isinstance(happened, wire.PaperUnknown)
    return False


def knows(database: sqlite3.Connection, paper: bytes) -> bool:
    """Whether the journal tells of a paper of that name: it was reserved, or ended unbegun."""
    asked = "SELECT 1 FROM paper WHERE paper = ?"
    return database.execute(asked, (paper,)).fetchone() is not None


def project(database: sqlite3.Connection, happened: AnyEvent) -> None:
    """Bring the table up to date with one event, in the event's own transaction."""
    match happened:
        case wire.PaperReserved():
            about = (happened.sort.value, happened.cti, happened.generation)
            database.execute(
                "INSERT OR IGNORE INTO paper VALUES (?, ?, ?, ?, ?, ?, ?)",
                (happened.paper, *about, int(Step.RESERVED), happened.by, happened.why),
            )
        case PaperEvent():
            step, paper = int(STEPS.get(type(happened), Step.ENDED)), happened.paper
            database.execute("UPDATE paper SET step = max(step, ?) WHERE paper = ?", (step, paper))
            if step >= Step.ENDED:
                # Of one that was asked for and never came, it is all there is: it ended unbegun.
                unbegun = "INSERT OR IGNORE INTO paper VALUES (?, '', x'', 0, ?, '', '')"
                database.execute(unbegun, (paper, step))
        case _:
            pass


def carry_over(source: sqlite3.Connection, target: sqlite3.Connection) -> None:
    """Copy what a damaged file still has, and go through the rows that were copied."""
    columns = "paper, sort, cti, generation, step, by, why"
    for row in until_broken(source, "paper", columns, "paper"):
        target.execute("INSERT OR IGNORE INTO paper VALUES (?, ?, ?, ?, ?, ?, ?)", row)
    for (body,) in target.execute("SELECT body FROM row ORDER BY epoch, seq").fetchall():
        try:
            happened, _ = decode_row(body)
        except WireError:
            continue  # Of a newer program.
        if isinstance(happened, PaperEvent):
            project(target, happened)
