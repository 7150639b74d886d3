"""A bit flips in what a device has kept: found before it decides anything, whichever bit it is.

Every file of a device's store; `make test` tries some of the bits, a night all of them. What is
found is answered as the part in question answers any damage: the journal is mended and says so,
a list or the essentials are none, what central has is asked for again.
"""

import os
import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge.store import repair
from edge.store.database import connect, sound
from edge.store.delivery import DeliveryStore
from edge.store.essentials import FILE as ESSENTIALS
from edge.store.essentials import EssentialsStore
from edge.store.floor import FloorFile
from edge.store.journal import FILE, Journal, JournalUnwritable
from edge.store.trust import TrustStore
from rules.use import Outcome
from tests.covered import note
from tests.device import (
    BOOT,
    DEVICE,
    ListMaker,
    authorised,
    opened,
    reading,
    sealed_delta,
    stamp,
    ticket,
    writing,
)
from tests.journals import outcomes, write
from tests.small_central import ListKeeper
from tests.trusted import roles, trusting
from wire import entry
from wire.entry import Entry, Standing, key_of
from wire.event import Passed
from wire.signed import pin
from wire.snapshot import Delta

LIST_KEY = bytes(range(32))
PEOPLE = 12
TRIED, TRIED_AT_NIGHT = 120, 6000


def with_bits_flipped(path: Path, count: int, seed: int) -> Iterator[int]:
    """Flip a bit of a file, another one each time, and put it back at the end."""
    pristine = path.read_bytes()
    bits = 8 * len(pristine)
    chosen = (
        range(bits) if count >= bits else sorted(random.Random(seed).sample(range(bits), count))
    )
    for at in chosen:
        content = bytearray(pristine)
        content[at // 8] ^= 1 << at % 8
        path.write_bytes(content)
        yield at
    path.write_bytes(pristine)
    note("bits", len(chosen))


def journal_of_a_day(device: Path, checkpointed: bool) -> None:
    """Leave a journal behind: in its file, or in the write-ahead log beside it."""
    journal = opened(device)
    for number in range(1, PEOPLE):
        write(journal, authorised(number))
        write(journal, Passed(lane="A1", admission=b"admission%03d" % number, person=1))
    if not checkpointed:
        # As a process that is killed leaves it: whoever closes it last would tidy up.
        for part in (FILE, f"{FILE}-wal"):
            shutil.copy(device / part, device / f"kept-{part}")
    journal.close()
    for kept in device.glob("kept-*"):
        kept.rename(device / kept.name.removeprefix("kept-"))


def rot_in_the_journal(device: Path, checkpointed: bool, count: int) -> None:
    journal_of_a_day(device, checkpointed)
    parts = {one.name: one.read_bytes() for one in device.glob(f"{FILE}*")}
    path = device / (FILE if checkpointed else f"{FILE}-wal")
    missed: list[int] = []
    for at in with_bits_flipped(path, count, 1):
        rotten = path.read_bytes()
        for left in device.glob("journal*"):
            left.unlink()
        for name, content in parts.items():
            (device / name).write_bytes(rotten if name == path.name else content)
        again = Journal(device, DEVICE, BOOT, os.urandom)
        try:
            said = again.open(stamp()).without_memory
            spent = [outcomes(again, number) for number in range(1, PEOPLE)]
        except JournalUnwritable:
            continue  # Said, and no door opens.
        finally:
            again.close()
        passed = [[Outcome.PASSED]] * (PEOPLE - 1)
        # Of the last commit nothing can tell whether the power went before it was one.
        unfinished = [] if checkpointed else [[*passed[1:], [Outcome.RESERVED]]]
        if not said and spent not in (passed, *unfinished):
            missed.append(at)
    assert not missed


def test_in_the_journal(device: Path) -> None:
    rot_in_the_journal(device, checkpointed=True, count=TRIED)


def test_in_the_journals_log(device: Path) -> None:
    rot_in_the_journal(device, checkpointed=False, count=TRIED)


def test_a_power_cut_does_not_hide_what_was_found_in_the_log(device: Path) -> None:
    journal_of_a_day(device, checkpointed=False)
    path = device / FILE
    log = path.with_name(f"{FILE}-wal")
    content = bytearray(log.read_bytes())
    content[len(content) // 2] ^= 1
    log.write_bytes(content)
    assert repair._damage_of(path, DEVICE) == repair.LOST  # noqa: SLF001
    assert not log.exists(), "closing the journal did away with its log"
    journal = Journal(device, DEVICE, BOOT, os.urandom)
    assert journal.open(stamp()).without_memory
    journal.close()
    again = Journal(device, DEVICE, BOOT, os.urandom)
    assert not again.open(stamp()).why, "said once"
    again.close()


def rot_in_the_list(device: Path, lists: ListMaker, part: str, count: int) -> None:
    made = lists.make("v1", range(20))
    writer = writing(device)
    writer.install("v1", made.path, made.sealed)
    blocked = entry.row(key_of(ticket(3).cti, LIST_KEY), Entry(0, Standing.BLOCKED))
    writer.apply(sealed_delta(Delta(1, bytes(32), (blocked,))))
    folder = device / "list" / "v1"
    overlay = open_durably_closed(folder / "overlay.db")
    assert overlay, "the change is in the file itself"
    for _ in with_bits_flipped(folder / part, count, 2):
        whitelist = reading(device)
        if whitelist.present:
            found = whitelist.look_up(ticket(3)).entry
            assert found is not None
            assert found.standing is Standing.BLOCKED
            assert whitelist.about is not None
            assert whitelist.about.sequence == 1
        current = writing(device).current
        assert current is None or current.sequence == 1
    assert reading(device).present


def open_durably_closed(path: Path) -> bool:
    """Move what is in the write-ahead log into the file."""
    database = sqlite3.connect(path)
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    (count,) = database.execute("SELECT count(*) FROM change").fetchone()
    database.close()
    return bool(count)


@pytest.mark.parametrize("part", ["snapshot.db", "overlay.db", "manifest"])
def test_in_the_list(device: Path, lists: ListMaker, part: str) -> None:
    rot_in_the_list(device, lists, part, TRIED // 2)


def rot_in_the_essentials(device: Path, count: int) -> None:
    keeper = ListKeeper(device.parent)
    keeper.revoked = [1, 2, 3]
    store = EssentialsStore(device, trusting(device))
    store.add(keeper.sealed_essentials())
    for _ in with_bits_flipped(device / ESSENTIALS, count, 3):
        assert EssentialsStore(device, trusting(device)).held is None


def test_in_the_essentials(device: Path) -> None:
    rot_in_the_essentials(device, TRIED)


def rot_in_what_is_acknowledged(device: Path, count: int) -> None:
    """Wrong, it is corrected by central's next word; it must only end nothing."""
    store = DeliveryStore(device)
    store.acknowledge(b"epoch--1", 700)
    store.close()
    known: Callable[[], int]
    for _ in with_bits_flipped(device / "delivery.db", count, 4):
        try:
            again = DeliveryStore(device)
        except sqlite3.DatabaseError:
            continue  # Put aside by sync, and asked for again.
        known = lambda again=again: again.acknowledged(b"epoch--1")  # type: ignore[misc]  # noqa: E731
        try:
            known()
        except sqlite3.DatabaseError:
            continue
        finally:
            again.close()


def test_in_what_central_has_acknowledged(device: Path) -> None:
    rot_in_what_is_acknowledged(device, TRIED)


def rot_in_the_trust(device: Path, count: int) -> None:
    assert trusting(device).version == 1
    pinned = pin(roles())
    (path,) = (device / "trust").glob("*.roles")
    for _ in with_bits_flipped(path, count, 5):
        assert TrustStore(device, pinned, "venue").version == 0


def test_in_the_roles(device: Path) -> None:
    rot_in_the_trust(device, TRIED)


def test_in_the_clocks_floor(device: Path) -> None:
    floor = FloorFile(device)
    floor.keep(1_780_000_000.0)
    (path,) = (one for one in device.iterdir() if one.is_file())
    for _ in with_bits_flipped(path, TRIED, 6):
        assert FloorFile(device).read() in (0.0, 1_780_000_000.0)


def test_a_broken_definition_of_a_table_is_damage_whatever_its_bytes(device: Path) -> None:
    """SQLite quotes what is broken, and not every byte is a letter."""
    journal_of_a_day(device, checkpointed=True)
    content = (device / FILE).read_bytes()
    assert content.count(b"tableuseuse") == 1
    (device / FILE).write_bytes(content.replace(b"tableuseuse", b"table\xff\xfe\x80use"))
    assert Journal(device, DEVICE, BOOT, os.urandom).open(stamp()).without_memory
    (device / "x.db").write_bytes(content.replace(b"tableuseuse", b"table\xff\xfe\x80use"))
    assert not sound(connect(device / "x.db"))


def test_a_key_that_became_a_column_is_damage_at_door_and_sync(
    device: Path, lists: ListMaker
) -> None:
    """SQLite takes PRYMARY for a part of the type's name, and then finds no change at all."""
    made = lists.make("v1", range(20))
    writer = writing(device)
    writer.install("v1", made.path, made.sealed)
    blocked = entry.row(key_of(ticket(3).cti, LIST_KEY), Entry(0, Standing.BLOCKED))
    writer.apply(sealed_delta(Delta(1, bytes(32), (blocked,))))
    overlay = device / "list" / "v1" / "overlay.db"
    assert open_durably_closed(overlay)
    content = overlay.read_bytes()
    assert content.count(b"PRIMARY KEY, envelope") == 1
    overlay.write_bytes(content.replace(b"PRIMARY KEY, envelope", b"PRYMARY KEY, envelope"))
    assert not reading(device).present
    assert writing(device).current is None


@pytest.mark.nightly
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("part", ["journal.db", "journal.db-wal", "snapshot.db", "overlay.db"])
def test_a_night_of_rot(device: Path, lists: ListMaker, part: str) -> None:
    if part.startswith("journal"):
        rot_in_the_journal(device, part == "journal.db", TRIED_AT_NIGHT)
    else:
        rot_in_the_list(device, lists, part, TRIED_AT_NIGHT)
