"""Lanes that are locked: known after a restart, a repair, and when the rows are gone."""

import sqlite3
from pathlib import Path

from edge.store.journal import FILE, Journal, Transaction
from tests.device import opened
from tests.journals import write
from wire.event import Left, Mode, ModeChanged


def set_to(mode: Mode, lane: str = "A1") -> ModeChanged:
    return ModeChanged(lane=lane, mode=mode, by="chief")


def locked(journal: Journal) -> set[str]:
    return set(journal.transact(Transaction.locked))


def test_the_last_word_counts_and_survives_a_restart(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    write(journal, set_to(Mode.LOCKED), set_to(Mode.LOCKED, "A2"), set_to(Mode.FREE_PASS, "A2"))
    assert locked(journal) == {"A1"}
    journal.close()
    again = opened(tmp_path, b"boot-two")
    assert locked(again) == {"A1"}
    write(again, set_to(Mode.NORMAL))
    assert locked(again) == set()
    again.close()


def test_is_carried_over_from_a_damaged_journal(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    write(journal, set_to(Mode.LOCKED, "A2"), Left(), set_to(Mode.LOCKED), Left())
    journal.close()
    with sqlite3.connect(tmp_path / FILE) as database:
        database.execute("DELETE FROM row WHERE seq = 2")  # The chain is broken.
        database.execute("DELETE FROM locked WHERE lane = 'A1'")
    database.close()
    mended = opened(tmp_path)
    assert list(tmp_path.glob("journal.damaged-*.db"))
    assert locked(mended) == {"A1", "A2"}, "from the table, and from the rows"
    mended.close()
