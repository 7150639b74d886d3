"""The papers of this kiosk by the rows that tell of them, so that a start ends what was left open.

What is damaged or lost here is said to be lost with the journal: central then calls unknown what it
had granted and nobody can tell of.
"""

import sqlite3
from enum import IntEnum

from edge.core.exchange import Paper
from edge.store.database import until_broken
from wire import paper as wire
from wire.codec import WireError
from wire.event import AnyEvent
from wire.paper import PaperEvent, Sort
from wire.row import decode_row

TOLD_BY = (PaperEvent,)


class Step(IntEnum):
    RESERVED = 0
    PRINTED = 1
    CONFIRMED = 2
    ENDED = 3


STEPS: dict[type[PaperEvent], Step] = {
    wire.PaperPrinted: Step.PRINTED,
    wire.PaperConfirmed: Step.CONFIRMED,
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


def knows(database: sqlite3.Connection, paper: bytes) -> bool:
    """Whether a paper of that name was ever reserved."""
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
            step = STEPS.get(type(happened), Step.ENDED)
            database.execute(
                "UPDATE paper SET step = max(step, ?) WHERE paper = ?", (int(step), happened.paper)
            )
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
