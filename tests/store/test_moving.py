"""The newest moving code of a right: kept with its admission, through restart and damage."""

import os
import sqlite3
from pathlib import Path

import msgspec
import pytest

from edge.store import moving
from edge.store.journal import FILE, Journal
from tests.device import BOOT, DEVICE, authorised, opened, stamp, ticket
from tests.journals import write
from wire.event import Authorised

NOW = 1_780_000_000


def with_code(number: int, code_time: int | None) -> Authorised:
    return msgspec.structs.replace(authorised(number), code_time=code_time)


def last(journal: Journal, number: int = 1) -> int | None:
    return journal.transact(lambda inside: inside.last_code(ticket(number).cti))


def change(device: Path, statement: str) -> None:
    database = sqlite3.connect(device / FILE)
    database.execute(statement)
    database.commit()
    database.close()


def test_it_is_that_of_the_last_admission(device: Path) -> None:
    journal = opened(device)
    assert last(journal) is None
    write(journal, with_code(1, NOW), with_code(2, NOW + 5))
    write(journal, with_code(1, NOW + 90))
    write(journal, with_code(1, None))  # Paper of the same right says nothing of codes.
    assert (last(journal), last(journal, 2)) == (NOW + 90, NOW + 5)
    journal.close()
    assert last(opened(device)) == NOW + 90


def test_an_admission_that_is_not_committed_leaves_none(device: Path) -> None:
    journal = opened(device)
    with pytest.raises(ZeroDivisionError):
        journal.transact(lambda inside: inside.append(with_code(1, NOW), stamp()) / 0)
    assert last(journal) is None


def test_a_row_that_was_changed_counts_as_none_until_the_next(device: Path) -> None:
    journal = opened(device)
    write(journal, with_code(1, NOW), with_code(2, NOW))
    journal.close()
    change(device, f"UPDATE moving SET code_time = code_time + 1 WHERE code_time = {NOW}")
    journal = opened(device)
    assert (last(journal), last(journal, 2)) == (None, None)
    write(journal, with_code(1, NOW + 30))
    assert last(journal) == NOW + 30


@pytest.mark.parametrize("damage", ["", "UPDATE moving SET code_time = 9", "DROP TABLE moving"])
def test_it_comes_along_when_a_damaged_journal_is_replaced(device: Path, damage: str) -> None:
    journal = opened(device)
    write(journal, with_code(1, NOW), with_code(2, NOW), with_code(1, NOW + 60))
    journal.close()
    change(device, "UPDATE use SET outcome = 1 WHERE number = 1")
    if damage:
        change(device, damage)
    journal = Journal(device, DEVICE, BOOT, os.urandom)
    assert journal.open(stamp()).without_memory
    assert (last(journal), last(journal, 2)) == (NOW + 60, NOW)


def test_a_journal_of_before_there_were_moving_codes_goes_on(device: Path) -> None:
    journal = opened(device)
    write(journal, authorised(1))
    journal.close()
    first = sqlite3.connect(":memory:")
    first.executescript((Path(moving.__file__).parent / "journal_1.sql").read_text())
    tables = "SELECT name FROM sqlite_master WHERE type = 'table'"
    was = set(first.execute(tables))
    for (later,) in set(sqlite3.connect(device / FILE).execute(tables)) - was:
        change(device, f"DROP TABLE {later}")
    change(device, "PRAGMA user_version = 1")
    journal = Journal(device, DEVICE, BOOT, os.urandom)
    assert not journal.open(stamp()).without_memory
    write(journal, with_code(1, NOW))
    assert last(journal) == NOW
