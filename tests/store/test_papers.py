"""What a kiosk that starts learns of the papers of earlier lives."""

import os
from pathlib import Path

import pytest

from edge.store.journal import Journal
from edge.store.transaction import Transaction
from tests.device import BOOT, DEVICE, stamp
from wire.event import AnyEvent, Started
from wire.paper import (
    Exchanged,
    PaperConfirmed,
    PaperGivenBack,
    PaperPrinted,
    PaperReserved,
    PaperUnknown,
)

A, B, C = b"a" * 12, b"b" * 12, b"c" * 12
UNKNOWN = (PaperReserved(paper=A), PaperUnknown(paper=A, why="interrupted"))
OUT = (
    PaperReserved(paper=B),
    PaperPrinted(paper=B),
    PaperConfirmed(paper=B, how="printer"),
    Exchanged(paper=B, cti=b"c" * 16, generation=1),
)
BACK = (PaperReserved(paper=B), PaperGivenBack(paper=B, why="paper-end"), Started(daemon="kiosk"))


@pytest.mark.parametrize(
    ("rows", "hangs"),
    [
        ((), False),
        (OUT, False),
        (UNKNOWN, True),
        ((*UNKNOWN, *OUT), False),
        ((*OUT, *UNKNOWN), True),
        ((*UNKNOWN, *BACK), True),
    ],
)
def test_whether_a_paper_may_hang_out_of_the_printer(
    tmp_path: Path, rows: tuple[AnyEvent, ...], hangs: bool
) -> None:
    """Found by the simulated venue: a kiosk that was killed in the middle of a ticket printed the
    next one below it, as one paper with both codes."""
    journal = Journal(tmp_path, DEVICE, BOOT, os.urandom)
    journal.open(stamp())

    def write(transaction: Transaction) -> None:
        for happened in rows:
            transaction.append(happened, stamp())

    journal.transact(write)
    assert journal.transact(Transaction.paper_hangs) is hangs
    journal.close()


def test_a_paper_that_ended_unbegun_is_known(tmp_path: Path) -> None:
    """Found by seed 50020 of the simulated venue: central's leave for a paper never came, it was
    given back, and given back once more by the next start, which did not know of the first time."""
    journal = Journal(tmp_path, DEVICE, BOOT, os.urandom)
    journal.open(stamp())

    def write(transaction: Transaction) -> None:
        transaction.append(PaperGivenBack(paper=A, why="no-answer"), stamp())
        transaction.append(PaperPrinted(paper=C), stamp())

    journal.transact(write)
    assert journal.transact(lambda transaction: transaction.knows_paper(A))
    assert not journal.transact(lambda transaction: transaction.knows_paper(B))
    assert journal.transact(Transaction.open_papers) == ()
    journal.close()
