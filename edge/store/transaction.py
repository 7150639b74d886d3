"""The journal inside one transaction: what is known of rights and papers here, and one row more."""

import sqlite3
from collections.abc import Callable

from edge.core.budget import Drawn
from edge.core.exchange import Paper
from edge.store import answers, budget, locks, moving, papers, shown, uses
from edge.store.database import execute
from edge.store.repair import Top, top_of
from edge.store.uses import OpenPerson
from rules import exchange
from rules.use import Use
from wire.chain import link
from wire.event import AnyEvent, Stamp
from wire.row import encode_row

SPENDING_BYTES = 64 * 1024 * 1024
"""Kept free for spending: below, refusals are no longer written."""
_INSERT = "INSERT INTO row VALUES (?, ?, ?, ?, ?)"
_INSERT_AFTER = (
    "INSERT INTO row SELECT ?, ?, ?, ?, ? WHERE ? ="
    " (SELECT hash FROM row ORDER BY epoch DESC, seq DESC LIMIT 1)"
)
_PROJECTIONS = {
    kind: tuple(
        table.project
        for table in (moving, answers, budget, locks, shown, papers)
        if issubclass(kind, table.TOLD_BY)
    )
    for kind in AnyEvent.__args__
}
"""Of each event, what brings the tables up to date that it has to do with."""


class Transaction:
    """The journal inside one transaction."""

    def __init__(
        self,
        database: sqlite3.Connection,
        device: bytes,
        number: int,
        epoch: bytes,
        free_bytes: Callable[[], int],
        top: Top | None = None,
        sure: bool = False,
    ) -> None:
        """`top`: the last row, if it is known; not `sure`: another daemon may have gone on."""
        self._database = database
        self._device = device
        self._number = number
        self._epoch = epoch
        self._free_bytes = free_bytes
        self.top, self._sure = top, sure

    @property
    def room_for_refusals(self) -> bool:
        """Whether enough disk is left for admissions, so that a refusal may take some."""
        return self._free_bytes() >= SPENDING_BYTES

    def uses(self, cti: bytes, checkpoint: str) -> tuple[Use, ...]:
        """Return the uses of a right at a checkpoint, oldest reservation first."""
        return uses.of_right(self._database, cti, checkpoint)

    def knows(self, admission: bytes) -> bool:
        """Whether anything was ever authorised here under that name."""
        return uses.knows(self._database, admission)

    def last_code(self, cti: bytes) -> int | None:
        """Return the time of the newest moving code of a right that was let in, Unix seconds."""
        return moving.last(self._database, cti)

    def shown_generation(self, cti: bytes) -> int:
        """Return the highest generation of a right that was let in here, or 0."""
        return shown.highest(self._database, cti)

    def open_papers(self) -> tuple[Paper, ...]:
        """Return the papers of this kiosk that have no end yet."""
        return papers.left_open(self._database)

    def paper_hangs(self) -> bool:
        """Whether a paper of which nobody knows may hang out of the printer, uncut."""
        return papers.hangs(self._database)

    def knows_paper(self, paper: bytes) -> bool:
        """Whether the journal tells of a paper of that name."""
        return papers.knows(self._database, paper)

    def papers_of(self, cti: bytes) -> tuple[exchange.Paper, ...]:
        """Return what became of this kiosk's papers of a right."""
        return papers.of_right(self._database, cti)

    def answered(self) -> int:
        """Return the highest counter of central's orders that was ever answered."""
        return answers.highest(self._database)

    def drawn(self) -> Drawn:
        """Return what has been drawn from the offline budget."""
        return budget.drawn(self._database)

    def note(self, drawn: Drawn) -> None:
        """Keep the budget as it is said to be: the list's age, or that it is full again."""
        budget.put(self._database, drawn)

    def locked(self) -> frozenset[str]:
        """Return the lanes that were locked, and not set to anything else since."""
        return locks.of(self._database)

    def open_persons(self, lane: str) -> tuple[OpenPerson, ...]:
        """Return who was authorised on `lane` and has no outcome yet."""
        return uses.open_persons(self._database, lane)

    def append(self, happened: AnyEvent, stamp: Stamp) -> int:
        """Write one event and what it means; return its seq."""
        body = encode_row(happened, stamp)
        top = self.top and self._write(self.top, body, stamp)
        if top is None:
            self._sure = True
            top = self._write(top_of(self._database), body, stamp)
            assert top, "nothing was to be looked for"
        self.top, self._sure = top, True
        uses.project(self._database, happened, stamp)
        for project in _PROJECTIONS[type(happened)]:
            project(self._database, happened)
        return top.seq

    def _write(self, top: Top, body: bytes, stamp: Stamp) -> Top | None:
        """Write a row after `top` and return it; None if that was to be looked for and is not it.

        The statement looks itself: to ask first would be one more at each decision.
        """
        seq = top.seq + 1 if top.number == self._number else 1
        hashed = link(top.hash, self._device, self._epoch, seq, body)
        row = (self._number, seq, body, hashed, stamp.wall_ms)
        if self._sure:
            execute(self._database, _INSERT, row)
        elif not execute(self._database, _INSERT_AFTER, (*row, top.hash)).rowcount:
            return None
        return Top(self._number, seq, hashed)
