"""The counter of orders: as durable as the answers themselves, and longer."""

import sqlite3
from pathlib import Path

from edge.store import answers
from edge.store.journal import FILE, Journal
from tests.device import opened
from tests.journals import write
from wire.event import CommandAnswered, Left


def answered(counter: int, done: bool = True) -> CommandAnswered:
    return CommandAnswered(counter=counter, order="open-once", done=done)


def counter(journal: Journal) -> int:
    return journal.transact(lambda transaction: transaction.answered())


def test_only_ever_grows_and_survives_a_restart(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    assert counter(journal) == 0
    write(journal, answered(3), answered(7, done=False), answered(5), answered(0, done=False))
    assert counter(journal) == 7
    journal.close()
    again = opened(tmp_path, b"boot-two")
    assert counter(again) == 7
    again.close()


def test_outlives_the_rows_it_came_from(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    write(journal, answered(4), Left())
    with sqlite3.connect(tmp_path / FILE) as database:
        database.execute("DELETE FROM row WHERE seq <= 2")
    assert counter(journal) == 4
    journal.close()


def test_a_flipped_bit_is_read_again_from_the_rows(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    write(journal, answered(4), Left())
    with sqlite3.connect(tmp_path / FILE) as database:
        database.execute("UPDATE answered SET counter = 0")
    assert counter(journal) == 4
    journal.close()


def test_is_carried_over_from_a_damaged_journal(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    write(journal, answered(9), Left())
    journal.close()
    with sqlite3.connect(tmp_path / FILE) as database:
        database.execute("DELETE FROM row WHERE seq = 2")  # The answer's own; the chain is broken.
    database.close()
    mended = opened(tmp_path)
    assert list(tmp_path.glob("journal.damaged-*.db"))
    assert counter(mended) == 9
    mended.close()


def test_and_from_the_rows_where_the_table_is_gone(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    write(journal, answered(9), Left())
    journal.close()
    with sqlite3.connect(tmp_path / FILE) as database:
        database.execute("DROP TABLE answered")
        target = sqlite3.connect(":memory:")
        target.executescript(
            "CREATE TABLE row (body BLOB);"
            "CREATE TABLE answered (one INTEGER PRIMARY KEY, counter INTEGER, checksum INTEGER);"
        )
        for row in database.execute("SELECT body FROM row"):
            target.execute("INSERT INTO row VALUES (?)", row)
        answers.carry_over(database, target)
        assert answers.highest(target) == 9
    database.close()
    target.close()
