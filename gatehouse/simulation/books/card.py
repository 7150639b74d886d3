"""A device's card as it lies there, read by whoever holds its journal against the promises."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from central.core.papers import STEP_OF, Step
from edge.store import database
from gatehouse.simulation.machines.machine import Machine
from gatehouse.simulation.planned.plan_terms import EXIT_LANE
from gatehouse.simulation.truth import Name
from wire import event
from wire.paper import PaperEvent
from wire.row import decode_row

ROWS = (
    "SELECT r.epoch, r.seq, e.epoch, r.body, r.hash FROM row r JOIN epoch e ON e.number = r.epoch"
    " WHERE (r.epoch, r.seq) > (?, ?) ORDER BY r.epoch, r.seq"
)
TOPS = "SELECT e.epoch, max(r.seq) FROM row r JOIN epoch e ON e.number = r.epoch GROUP BY 1"
BEFORE_ALL = (0, 0)

Row = tuple[int, int, bytes, bytes, bytes]
"""(number of the epoch, seq, epoch, body, hash)"""


class Card:
    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._database: sqlite3.Connection | None = None
        self._folder: Path | None = None

    def pulled(self) -> None:
        """It was out of the device: look for the journal again."""
        self._database = None

    def rows(self, after: tuple[int, int] = BEFORE_ALL) -> list[Row]:
        """Return the rows after (number of the epoch, seq), in the order of the journal."""
        return self._ask(ROWS, after)

    def hash_of(self, row: tuple[int, int]) -> bytes | None:
        found = self._ask("SELECT hash FROM row WHERE (epoch, seq) = (?, ?)", row)
        return bytes(found[0][0]) if found else None

    def everything(self) -> dict[tuple[bytes, int], tuple[bytes, bytes]]:
        """Return (hash, body) of every row by (epoch, seq)."""
        return {(epoch, seq): (hashed, body) for _, seq, epoch, body, hashed in self.rows()}

    def let_in(self) -> tuple[set[Name], set[Name]]:
        """Return everybody who was ever let in by what is on it, and who of them has an outcome."""
        names, decided = set[Name](), set[Name]()
        for _, _, _, body, _ in self.rows():
            happened, _ = decode_row(body)
            if isinstance(happened, event.Authorised):
                names |= {(happened.admission, one) for one in range(1, happened.quantity + 1)}
            elif isinstance(happened, event.Outcome):
                first, after = happened.person, happened.person + happened.count
                decided |= {(happened.admission, one) for one in range(first, after)}
        return names, decided

    def papers(self) -> dict[bytes, Step]:
        """Return how far each paper came, by all that it tells."""
        found: dict[bytes, Step] = {}
        for _, _, _, body, _ in self.rows():
            happened, _ = decode_row(body)
            if isinstance(happened, PaperEvent):
                step = STEP_OF[type(happened)]
                found[happened.paper] = max(found.get(happened.paper, step), step)
        return found

    def orders(self) -> tuple[set[int], bool]:
        """Return the counters of the orders that were answered, and whether it is locked."""
        answered, locked = set[int](), False
        for _, _, _, body, _ in self.rows():
            happened, _ = decode_row(body)
            if isinstance(happened, event.CommandAnswered):
                answered.add(happened.counter)
            elif isinstance(happened, event.ModeChanged) and happened.lane != EXIT_LANE:
                locked = happened.mode is event.Mode.LOCKED
        return answered - {0}, locked

    def owed(self) -> int:
        """Return how many rows central has not acknowledged, as sync knows it."""
        tops = self._ask(TOPS)
        with closing(database.open_readonly(self._machine.folder / "delivery.db")) as delivered:
            acknowledged = dict(delivered.execute("SELECT epoch, upto FROM acknowledged"))
        return sum(max(0, top - acknowledged.get(epoch, 0)) for epoch, top in tops)

    def _ask(self, question: str, values: tuple[object, ...] = ()) -> list[Any]:
        folder = self._machine.folder
        if self._database is None or folder != self._folder:
            path = folder / "journal.db"
            if not path.exists():
                return []
            self._database, self._folder = database.open_readonly(path), folder
        return self._database.execute(question, values).fetchall()
