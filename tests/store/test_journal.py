"""The journal: durable, chained, in epochs; damage is found and nothing is forgotten in silence."""

import multiprocessing
import os
import signal
import sqlite3
import time
from pathlib import Path

import msgspec
import pytest

from edge.store import transaction as journal_module
from edge.store.delivery import DeliveryStore
from edge.store.journal import FILE, Journal, JournalUnwritable, Transaction
from edge.store.outbox import JournalReader
from rules.use import Outcome
from tests.device import BOOT, DEVICE, authorised, opened, stamp, ticket
from tests.journals import outcomes, uses, write
from wire.chain import GENESIS, link
from wire.event import Abandoned, EpochBegan, Left, Passed, PassedLate, Refused, Reopened, Uncertain
from wire.reason import Reason
from wire.row import decode_row


def test_two_daemons_that_write_in_turn_write_one_chain(device: Path) -> None:
    gate, kiosk = opened(device), opened(device)
    for journal in (gate, gate, kiosk, kiosk, gate, kiosk, gate):
        write(journal, Left(lane="A1"), Left(lane="A1"))
        follow(device)
    assert follow(device) == 1 + 7 * 2


def test_a_daemon_goes_on_after_a_row_of_its_own_that_was_undone(device: Path) -> None:
    journal = opened(device)
    write(journal, Left(lane="A1"))

    def fails(transaction: Transaction) -> None:
        transaction.append(Left(lane="A1"), stamp())
        raise KeyError("a programmer's error")

    with pytest.raises(KeyError):
        journal.transact(fails)
    write(journal, Left(lane="A2"))
    assert follow(device) == 3


def follow(device: Path) -> int:
    """Follow the chain as central does; return how many rows it has."""
    reader = JournalReader(device, DEVICE)
    (top,) = reader.epochs()
    batch = reader.batch(top.epoch, 1, 100)
    assert batch is not None
    previous = batch.previous
    for seq, body in enumerate(batch.rows, batch.first):
        previous = link(previous, DEVICE, top.epoch, seq, body)
    assert (len(batch.rows), previous) == (top.top, top.last)
    return top.top


def test_the_chain_can_be_followed_by_whoever_reads_it(device: Path) -> None:
    journal = opened(device)
    write(journal, authorised(1), Passed(lane="A1", admission=b"admission001", person=1))
    reader = JournalReader(device, DEVICE)
    (top,) = reader.epochs()
    batch = reader.batch(top.epoch, 1, 100)
    assert batch is not None
    assert batch.previous == GENESIS
    assert follow(device) == 3
    assert isinstance(decode_row(batch.rows[0])[0], EpochBegan)


def test_parts_of_it_hang_together_and_are_no_longer_than_asked(device: Path) -> None:
    journal = opened(device)
    write(journal, authorised(1), Passed(lane="A1", admission=b"admission001", person=1))
    write(journal, Left(lane="A2"))
    reader = JournalReader(device, DEVICE)
    (top,) = reader.epochs()
    previous = GENESIS
    for first, count in ((1, 2), (3, 1), (4, 1)):
        batch = reader.batch(top.epoch, first, count)
        assert batch is not None
        assert (batch.first, len(batch.rows), batch.previous) == (first, count, previous)
        for seq, body in enumerate(batch.rows, first):
            previous = link(previous, DEVICE, top.epoch, seq, body)
    assert previous == top.last


def test_what_became_of_a_use_is_the_highest_reported_in_any_order(device: Path) -> None:
    journal = opened(device)
    write(journal, authorised(1))
    assert outcomes(journal) == [Outcome.RESERVED]
    write(journal, PassedLate(lane="A1", admission=b"admission001", person=1))
    write(journal, Abandoned(lane="A1", admission=b"admission001", person=1))
    assert outcomes(journal) == [Outcome.PASSED_LATE]


def test_a_group_is_one_use_for_each_person(device: Path) -> None:
    journal = opened(device)
    write(journal, authorised(1, quantity=3))
    write(journal, Passed(lane="A1", admission=b"admission001", person=1))
    write(journal, Abandoned(lane="A1", admission=b"admission001", person=2, count=2))
    assert outcomes(journal) == [Outcome.PASSED, Outcome.ABANDONED, Outcome.ABANDONED]


def test_open_persons_are_those_without_an_outcome(device: Path) -> None:
    journal = opened(device)
    write(journal, authorised(1, quantity=2), authorised(2, lane="A2"))
    write(journal, Passed(lane="A1", admission=b"admission001", person=1))

    def left(lane: str) -> list[tuple[bytes, int]]:
        persons = journal.transact(lambda inside: inside.open_persons(lane))
        return [(one.admission, one.person) for one in persons]

    assert left("A1") == [(b"admission001", 2)]
    assert left("A2") == [(b"admission002", 1)]


def test_a_reopened_use_is_open_again_and_abandoning_it_gives_nothing_back(device: Path) -> None:
    journal = opened(device)
    write(journal, authorised(1))
    write(journal, Uncertain(lane="A1", admission=b"admission001", person=1), uptime=200.0)
    (uncertain,) = uses(journal)
    assert (uncertain.uptime, uncertain.reopened) == (200.0, False)
    reopened = Reopened(
        lane="A1",
        admission=b"admission001",
        person=1,
        scan=b"s" * 12,
        cti=ticket(1).cti,
        checkpoint="hall",
    )
    write(journal, reopened)
    assert len(journal.transact(lambda inside: inside.open_persons("A1"))) == 1
    write(journal, Abandoned(lane="A1", admission=b"admission001", person=1))
    (after,) = uses(journal)
    assert (after.outcome, after.reopened) == (Outcome.UNCERTAIN, True)
    assert journal.transact(lambda inside: inside.open_persons("A1")) == ()


def test_a_new_boot_begins_an_epoch_that_names_the_one_before(device: Path) -> None:
    first = opened(device)
    write(first, authorised(1))
    first.close()
    same = Journal(device, DEVICE, BOOT, os.urandom).open(stamp())
    assert not same.began
    journal = opened(device, boot=b"boot-two")
    reader = JournalReader(device, DEVICE)
    before, now = reader.epochs()
    batch = reader.batch(now.epoch, 1, 10)
    assert batch is not None
    began, _ = decode_row(batch.rows[0])
    assert isinstance(began, EpochBegan)
    named = (began.previous_epoch, began.previous_top, began.previous_last)
    assert named == (before.epoch, before.top, before.last)
    assert batch.previous == before.last
    assert outcomes(journal) == [Outcome.RESERVED]


def test_nothing_is_kept_of_a_decision_that_failed(device: Path) -> None:
    journal = opened(device)

    def fails(transaction: Transaction) -> None:
        transaction.append(authorised(1), stamp())
        raise KeyError("a programmer's error")

    with pytest.raises(KeyError):
        journal.transact(fails)
    assert outcomes(journal) == []
    write(journal, authorised(1))
    assert outcomes(journal) == [Outcome.RESERVED]


def _spend(device: Path, boot: bytes, admission: int, gate: object, told: object) -> None:
    journal = Journal(device, DEVICE, boot, os.urandom)
    journal.open(stamp())
    gate.wait()  # type: ignore[attr-defined]

    def decide(transaction: Transaction) -> bool:
        if transaction.uses(ticket(1).cti, "hall"):
            return False
        fresh = msgspec.structs.replace(authorised(1), admission=b"admission%03d" % admission)
        transaction.append(fresh, stamp())
        return True

    told.put(journal.transact(decide))  # type: ignore[attr-defined]


def test_of_many_daemons_that_ask_at_once_one_spends_the_right(device: Path) -> None:
    opened(device).close()
    context = multiprocessing.get_context("spawn")
    gate, told = context.Event(), context.Queue()
    asking = [
        context.Process(target=_spend, args=(device, BOOT, number, gate, told))
        for number in range(4)
    ]
    for process in asking:
        process.start()
    gate.set()
    answers = [told.get(timeout=60) for _ in asking]
    for process in asking:
        process.join()
    assert sorted(answers) == [False, False, False, True]


def _write_for_ever(device: Path, told: object) -> None:
    journal = opened(device)
    for number in range(100_000):
        write(journal, authorised(number))
        told.send(number)  # type: ignore[attr-defined]


@pytest.mark.parametrize("seconds", [0.05, 0.11, 0.23])
def test_what_was_committed_survives_a_kill(device: Path, seconds: float) -> None:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_write_for_ever, args=(device, theirs))
    process.start()
    ours.recv()
    time.sleep(seconds)
    assert process.pid
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    last = -1
    while ours.poll():
        try:
            last = ours.recv()
        except EOFError:
            break
    journal = opened(device)
    for number in range(last + 1):
        assert outcomes(journal, number) == [Outcome.RESERVED], number


def _flip(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 0x10
    path.write_bytes(content)


def test_a_flipped_bit_is_found_before_it_decides_anything(device: Path) -> None:
    journal = opened(device)
    for number in range(1, 30):
        write(journal, authorised(number))
        name = b"admission%03d" % number
        write(journal, Passed(lane="A1", admission=name, person=1))
    assert journal._database is not None  # noqa: SLF001
    journal._database.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # noqa: SLF001
    journal.close()
    pristine = (device / FILE).read_bytes()
    missed: list[int] = []
    for at in range(200, len(pristine), 397):
        for leftover in device.glob("journal*"):
            leftover.unlink()
        (device / FILE).write_bytes(pristine)
        _flip(device / FILE, at)
        again = Journal(device, DEVICE, BOOT, os.urandom)
        try:
            found = again.open(stamp()).without_memory
            spent = [outcomes(again, number) for number in range(1, 30)]
        except JournalUnwritable:
            continue  # Found at the decision: the lane says "use the next gate".
        finally:
            again.close()
        # A bit in unused space changes nothing; wherever it does, it must have been found.
        if not found and spent != [[Outcome.PASSED]] * 29:
            missed.append(at)
    assert missed == []


def test_a_journal_that_is_gone_is_said_to_be(device: Path) -> None:
    journal = opened(device)
    write(journal, authorised(1))
    (top,) = JournalReader(device, DEVICE).epochs()
    journal.close()
    DeliveryStore(device).acknowledge(top.epoch, top.top)
    for part in device.glob("journal*"):
        part.unlink()
    assert Journal(device, DEVICE, BOOT, os.urandom).open(stamp()).without_memory


def test_a_new_device_has_nothing_to_remember(device: Path) -> None:
    answer = Journal(device, DEVICE, BOOT, os.urandom).open(stamp())
    assert (answer.began, answer.without_memory) == (True, False)


def test_files_may_be_written_by_the_group_and_by_nobody_else(device: Path) -> None:
    journal = opened(device)
    write(journal, authorised(1))
    assert (device / FILE).stat().st_mode & 0o777 == 0o660
    assert device.stat().st_mode & 0o7777 == 0o2770


def test_acknowledged_old_rows_are_pruned_and_the_chain_goes_on(device: Path) -> None:
    journal = opened(device)
    write(journal, authorised(1), Passed(lane="A1", admission=b"admission001", person=1))
    reader = JournalReader(device, DEVICE)
    (top,) = reader.epochs()
    month = 31 * 24 * 3600
    later = stamp(100.0 + month, wall=1_780_000_000.0 + month)
    assert journal.prune(later) == 0, "nothing is acknowledged yet"
    DeliveryStore(device).acknowledge(top.epoch, 2)
    assert journal.prune(stamp()) == 0, "nothing is old yet"
    set_forward = stamp(wall=1_780_000_000.0 + month)
    assert journal.prune(set_forward) == 0, "not old: it is the clock that was put right"
    assert journal.prune(later) == 2
    assert [one.first for one in reader.epochs()] == [3]
    batch = reader.batch(top.epoch, 3, 10)
    assert batch is not None
    assert link(batch.previous, DEVICE, top.epoch, 3, batch.rows[0]) == top.last
    write(journal, authorised(2))
    journal.close()
    answer = Journal(device, DEVICE, BOOT, os.urandom).open(stamp())
    assert not answer.without_memory
    assert outcomes(opened(device)) == [Outcome.PASSED], "uses outlive their rows"


def test_below_the_reserve_refusals_are_not_written(
    device: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = opened(device)
    assert journal.transact(lambda inside: inside.room_for_refusals)
    monkeypatch.setattr(journal_module, "SPENDING_BYTES", 1 << 62)
    assert not journal.transact(lambda inside: inside.room_for_refusals)


def test_a_full_disk_is_said_and_survived(device: Path) -> None:
    journal = opened(device)
    write(journal, authorised(1))
    database = journal._database  # noqa: SLF001
    assert database is not None
    (pages,) = database.execute("PRAGMA page_count").fetchone()
    database.execute(f"PRAGMA max_page_count = {pages}")
    refused = Refused(reason=Reason.EMPTY, scan=b"s" * 12, form="x" * 3000)
    with pytest.raises(JournalUnwritable, match="full"):
        write(journal, *[refused] * 20)
    # The connection was given up; the next one finds room again.
    write(journal, authorised(2))
    assert outcomes(journal, 2) == [Outcome.RESERVED]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_file_is_said(device: Path) -> None:
    opened(device).close()
    (device / FILE).chmod(0o400)
    with pytest.raises(JournalUnwritable):
        write(opened(device), authorised(1))


def test_a_newer_schema_is_refused_with_what_to_do(device: Path) -> None:
    opened(device).close()
    database = sqlite3.connect(device / FILE)
    database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(JournalUnwritable, match="update this one"):
        opened(device)
