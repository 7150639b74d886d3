"""A damaged journal: put aside, what still proves itself carried over, also if power goes then."""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.store import repair, salvage
from edge.store import uses as uses_module
from edge.store.database import checksum
from edge.store.delivery import DeliveryStore
from edge.store.journal import FILE, LOCK, Journal, JournalUnwritable, Opened
from edge.store.outbox import JournalReader
from rules.use import Outcome
from tests.device import BOOT, DEVICE, authorised, opened, stamp
from tests.journals import outcomes, write
from wire.chain import link
from wire.event import EpochBegan, Passed
from wire.row import decode_row

VISITORS = 40


def filled(device: Path) -> list[bytes]:
    """Make a journal of some visitors; return its rows, the first of the epoch first."""
    journal = opened(device)
    for number in range(1, VISITORS + 1):
        write(journal, authorised(number))
        write(journal, Passed(lane="A1", admission=b"admission%03d" % number, person=1))
    journal.close()
    return rows(device)


def rows(device: Path, epoch: int = 0) -> list[bytes]:
    reader = JournalReader(device, DEVICE)
    top = reader.epochs()[epoch]
    batch = reader.batch(top.epoch, 1, 1000)
    reader.close()
    assert batch is not None
    return list(batch.rows)


def change(device: Path, statement: str) -> None:
    database = sqlite3.connect(device / FILE)
    database.execute(statement)
    database.commit()
    database.close()


def start(device: Path, boot: bytes = BOOT) -> tuple[Journal, Opened]:
    journal = Journal(device, DEVICE, boot, os.urandom)
    return journal, journal.open(stamp(boot=boot))


def everybody_passed(journal: Journal) -> bool:
    every = [outcomes(journal, number) for number in range(1, VISITORS + 1)]
    return every == [[Outcome.PASSED]] * VISITORS


def test_a_row_that_was_changed_takes_only_itself_along(device: Path) -> None:
    was = filled(device)
    change(device, "UPDATE row SET body = x'00' WHERE seq = 20")
    journal, answer = start(device)
    assert (answer.began, answer.without_memory) == (True, True)
    assert "chain" in answer.why
    assert (device / "journal.damaged-1.db").exists()
    assert everybody_passed(journal)
    reader = JournalReader(device, DEVICE)
    before, now = reader.epochs()
    assert (now.epoch, before.top) == (answer.epoch, len(was))
    first = reader.batch(before.epoch, 1, 1000)
    assert first is not None
    assert list(first.rows) == was[:19]
    assert reader.batch(before.epoch, 20, 1000) is None
    rest = reader.batch(before.epoch, 21, 1000)
    assert rest is not None
    assert list(rest.rows) == was[20:]
    # What follows the hole still hangs on the row that is not there.
    hashed = rest.previous
    for seq, body in enumerate(rest.rows, rest.first):
        hashed = link(hashed, DEVICE, before.epoch, seq, body)
    assert hashed == before.last
    journal.close()
    again, answer = start(device)
    assert (answer.began, answer.without_memory) == (False, False), "a hole that is known is none"
    again.close()


def test_a_device_enrolled_anew_says_so_and_remembers_who_went_in(device: Path) -> None:
    """Under another id: nothing is damaged, and what the one before reported is not its own."""
    filled(device)
    journal = Journal(device, b"device-2", BOOT, os.urandom)
    answer = journal.open(stamp())
    assert answer.why.startswith("the journal is of another identity: this device was enrolled")
    assert (answer.began, answer.without_memory) == (True, True)
    assert everybody_passed(journal)
    reader = JournalReader(device, b"device-2")
    (now,) = reader.epochs()
    batch = reader.batch(now.epoch, 1, 1000)
    reader.close()
    assert batch is not None
    began, _ = decode_row(batch.rows[0])
    assert isinstance(began, EpochBegan)
    assert (began.previous_epoch, began.previous_top) == (b"", 0), "there is nothing to wait for"
    journal.close()
    again = Journal(device, b"device-2", BOOT, os.urandom)
    assert not again.open(stamp()).began
    again.close()


def test_the_new_epoch_names_the_last_row_also_where_it_could_not_be_carried_over(
    device: Path,
) -> None:
    was = filled(device)
    change(device, "UPDATE row SET body = x'00' WHERE seq = (SELECT max(seq) FROM row)")
    journal, _ = start(device)
    began, _ = decode_row(rows(device, epoch=1)[0])
    assert isinstance(began, EpochBegan)
    assert (began.previous_top, began.without_memory) == (len(was), True)
    assert JournalReader(device, DEVICE).epochs()[0].top == len(was) - 1
    journal.close()
    assert not start(device)[1].without_memory


def test_an_epoch_whose_rows_are_all_gone_is_noticed_and_named_as_it_was(device: Path) -> None:
    """What a disk that lies may leave: the name of an epoch, and only rows of the one before it."""
    filled(device)
    journal, lost = start(device, b"boot-lost-epoch--")
    journal.close()
    change(device, "DELETE FROM row WHERE epoch = (SELECT max(number) FROM epoch)")
    journal, opened = start(device, b"boot-after-it----")
    journal.close()
    assert opened.without_memory
    assert "every row of its newest epoch is gone" in opened.why
    began, _ = decode_row(rows(device, epoch=-1)[0])
    assert isinstance(began, EpochBegan)
    assert (began.previous_epoch, began.previous_top) == (lost.epoch, 0)


def test_a_use_that_was_changed_is_read_again_from_the_rows(device: Path) -> None:
    filled(device)
    change(device, "UPDATE use SET outcome = 1 WHERE number = 7")
    journal, answer = start(device)
    assert "uses" in answer.why
    assert everybody_passed(journal)


def test_uses_without_rows_are_believed_by_their_own_checksum(device: Path) -> None:
    filled(device)
    change(device, "DELETE FROM row WHERE seq > 1")
    change(device, "UPDATE row SET body = x'00'")
    journal, answer = start(device)
    assert answer.without_memory
    assert everybody_passed(journal)


def test_a_page_that_cannot_be_read_takes_only_its_rows_along(device: Path) -> None:
    was = filled(device)
    content = bytearray((device / FILE).read_bytes())
    at = content.index(was[20])
    page = at // 4096 * 4096
    content[page : page + 4096] = bytes(4096)
    lost = [body for body in was if not content.count(body)]
    (device / FILE).write_bytes(content)
    journal, answer = start(device)
    assert answer.without_memory
    assert everybody_passed(journal)
    carried = sqlite3.connect(device / FILE).execute("SELECT body FROM row").fetchall()
    kept = {body for (body,) in carried}
    assert lost
    # The row between this page and the next is reached only by way of this one, and the first
    # of the next has nobody left to prove it.
    assert len(kept & set(was)) >= len(was) - len(lost) - 2
    journal.close()
    assert not start(device)[1].without_memory


def test_a_file_of_zeros_or_nothing_is_never_started_in_silence(device: Path) -> None:
    filled(device)
    for content in (b"", bytes(8192), b"SQLite format 3\0" + bytes(8000)):
        (device / FILE).write_bytes(content)
        journal, answer = start(device)
        assert answer.without_memory
        assert answer.why
        journal.close()


class PowerLoss(Exception):
    pass


def _cut(*_: object, **__: object) -> None:
    raise PowerLoss


CUTS: tuple[tuple[str, object, str], ...] = (
    ("before the journal follows its -wal", repair, "_follow"),
    ("before the new one is looked for", repair, "_worth_carrying"),
    ("before anything is carried over", salvage, "carry_over"),
    ("before the epoch is begun", uses_module, "copy_sound"),
)


@pytest.mark.parametrize(("where", "module", "name"), CUTS, ids=[cut[0] for cut in CUTS])
def test_a_repair_cut_short_is_taken_up_by_the_next_start(
    device: Path, monkeypatch: pytest.MonkeyPatch, where: str, module: object, name: str
) -> None:
    _with_wal(device, lambda: change(device, "UPDATE row SET body = x'00' WHERE seq = 20"))
    with monkeypatch.context() as patched:
        patched.setattr(module, name, _cut)
        with pytest.raises(PowerLoss):
            start(device)
    journal, answer = start(device, boot=b"boot-two")
    assert answer.without_memory, where
    assert everybody_passed(journal), where
    assert len(JournalReader(device, DEVICE).epochs()) == 2, where


def _with_wal(device: Path, damage: Callable[[], None]) -> None:
    """Leave a journal whose newest rows are in its -wal alone, as a power cut does."""
    filled(device)
    holder = sqlite3.connect(device / FILE)
    holder.execute("SELECT * FROM epoch").fetchall()
    damage()
    saved = {part: part.read_bytes() for part in device.glob("journal.db*")}
    holder.close()
    for part, content in saved.items():
        part.write_bytes(content)
    (device / "journal.db-shm").unlink(missing_ok=True)
    assert (device / "journal.db-wal").stat().st_size


def test_two_repairs_one_after_the_other_lose_nothing(device: Path) -> None:
    filled(device)
    change(device, "UPDATE row SET body = x'00' WHERE seq = 20")
    start(device)[0].close()
    change(device, "UPDATE row SET body = x'00' WHERE seq = 30")
    journal, answer = start(device)
    assert "journal.damaged-2.db" in answer.why
    assert everybody_passed(journal)
    assert len(JournalReader(device, DEVICE).epochs()) == 3
    journal.close()
    assert not start(device)[1].without_memory


@pytest.mark.parametrize("trace", ["acknowledged", "pruned before", "damaged before"])
def test_a_journal_that_is_gone_is_said_to_be(device: Path, trace: str) -> None:
    filled(device)
    top = JournalReader(device, DEVICE).epochs()[-1]
    match trace:
        case "acknowledged":
            DeliveryStore(device).acknowledge(top.epoch, top.top)
        case "pruned before":
            (device / LOCK).touch()
        case _:
            change(device, "UPDATE row SET body = x'00' WHERE seq = 20")
            start(device)[0].close()
    for part in device.glob("journal.db*"):
        part.unlink()
    journal, answer = start(device)
    assert answer.without_memory
    assert everybody_passed(journal) is (trace == "damaged before")


def test_a_damaged_use_found_at_the_door_is_mended_by_the_next_start(
    device: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(device)
    change(device, "UPDATE use SET lane = 'B7' WHERE number = 3")
    monkeypatch.setattr(uses_module, "USES_VERIFIED", 10)
    journal, answer = start(device)
    assert not answer.without_memory, "old ones are looked at when they are needed"
    with pytest.raises(JournalUnwritable, match="restart"):
        outcomes(journal, 3)
    journal.close()
    journal, answer = start(device)
    assert answer.without_memory
    assert everybody_passed(journal)


@pytest.mark.parametrize(
    "older",
    [
        "DELETE FROM use WHERE person = 1 AND number % 3 = 0",
        f"UPDATE use SET outcome = {int(Outcome.RESERVED)}, open = 1 WHERE number = 5",
    ],
    ids=["uses that are gone", "an outcome that it did not hear"],
)
def test_a_page_of_uses_that_is_older_than_its_rows(device: Path, older: str) -> None:
    """A disk that does not sync leaves such pages; each row of them is sound by itself."""
    filled(device)
    change(device, older)
    database = sqlite3.connect(device / FILE)
    for row in database.execute(f"SELECT number, {uses_module.COLUMNS} FROM use").fetchall():
        sound = checksum(*row[1:])
        database.execute("UPDATE use SET checksum = ? WHERE number = ?", (sound, row[0]))
    database.execute("UPDATE row SET body = x'00' WHERE seq = 80")
    database.commit()
    database.close()
    journal, answer = start(device)
    assert answer.without_memory
    assert sum(outcomes(journal, n) == [Outcome.PASSED] for n in range(1, VISITORS + 1)) >= 39
    assert all(outcomes(journal, number) for number in range(1, VISITORS + 1))
    journal.close()


def test_keys_that_are_none_end_no_repair(device: Path) -> None:
    filled(device)
    aside = device / "nonsense.db"
    database = sqlite3.connect(aside)
    for table, columns in (
        ("epoch", "number, epoch, boot"),
        ("row", "epoch, seq, body, hash, wall_ms"),
        ("hangs", "epoch, seq, hash"),
        ("pruned", "one, epoch, seq, hash"),
        ("use", f"number, {uses_module.COLUMNS}, checksum"),
    ):
        count = columns.count(",") + 1
        database.execute(f"CREATE TABLE {table} ({columns})")
        for values in ([None] * count, ["x"] * count, [1] * count):
            database.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * count)})", values)
    database.commit()
    database.close()
    target = sqlite3.connect(device / FILE)
    salvage.carry_over(aside, target, DEVICE)
    target.close()
