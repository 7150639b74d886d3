"""The list on a device: swapped whole, changed by a chain, damage found before it decides."""

import sqlite3
from pathlib import Path

import pytest

from edge.store.list_writer import ChainBroken
from edge.store.whitelist import ListDamaged, Whitelist
from tests.device import LIST_KEY, ListMaker, reading, sealed_delta, ticket, writing
from wire.codec import encode
from wire.entry import Entry, Standing, key_of, row
from wire.snapshot import Delta, head_after


def delta(sequence: int, previous: bytes, *changed: tuple[int, Standing]) -> Delta:
    rows = tuple(
        row(key_of(ticket(number).cti, LIST_KEY), Entry(0, standing=standing))
        for number, standing in changed
    )
    return Delta(sequence, previous, tickets=rows)


def standing(whitelist: Whitelist, number: int) -> Standing | None:
    entry = whitelist.look_up(ticket(number)).entry
    return entry.standing if entry else None


def test_a_device_without_a_list_says_so_and_knows_nobody(device: Path) -> None:
    whitelist = reading(device)
    assert not whitelist.present
    found = whitelist.look_up(ticket(1))
    assert (found.entry, found.ticket_class, found.event) == (None, None, None)


def test_a_list_appears_while_the_gate_runs(device: Path, lists: ListMaker) -> None:
    whitelist = reading(device)
    made = lists.make("v1", range(5))
    writing(device).install("v1", made.path, made.sealed)
    assert whitelist.refresh()
    found = whitelist.look_up(ticket(3))
    assert found.entry == Entry(0)
    assert found.ticket_class is not None
    assert found.ticket_class.name.zh == "成人票"
    assert found.event is not None
    assert whitelist.ring.find(b"k1") is not None
    assert whitelist.look_up(ticket(99)).entry is None


def test_the_next_list_takes_the_place_of_the_last(device: Path, lists: ListMaker) -> None:
    writer, whitelist = (
        writing(device),
        reading(device),
    )
    for version, tickets in (("v1", range(5)), ("v2", range(3, 9)), ("v3", range(9))):
        made = lists.make(version, tickets)
        writer.install(version, made.path, made.sealed)
        assert whitelist.refresh()
        assert standing(whitelist, tickets[-1]) is Standing.GOOD
    kept = sorted(path.name for path in (device / "list").iterdir() if path.name.startswith("v"))
    assert kept == ["v2", "v3"], "the one before stays until the next swap"


def test_changes_are_seen_at_the_next_decision(device: Path, lists: ListMaker) -> None:
    writer, made = writing(device), lists.make("v1", range(5))
    writer.install("v1", made.path, made.sealed)
    whitelist = reading(device)
    change = delta(1, bytes(32), (3, Standing.REFUNDED), (7, Standing.GOOD))
    about = writer.apply(sealed_delta(change))
    assert (about.sequence, about.head) == (1, head_after(change))
    assert whitelist.refresh()
    assert standing(whitelist, 3) is Standing.REFUNDED
    assert standing(whitelist, 7) is Standing.GOOD
    assert standing(whitelist, 2) is Standing.GOOD
    assert whitelist.about is not None
    assert whitelist.about.sequence == 1


def test_a_delta_must_follow_what_is_there(device: Path, lists: ListMaker) -> None:
    writer, made = writing(device), lists.make("v1", range(5))
    first = delta(1, bytes(32), (1, Standing.BLOCKED))
    with pytest.raises(ChainBroken):
        writer.apply(sealed_delta(first))
    writer.install("v1", made.path, made.sealed)
    for wrong in (delta(2, bytes(32)), delta(1, b"x" * 32), delta(0, bytes(32))):
        with pytest.raises(ChainBroken):
            writer.apply(sealed_delta(wrong))
    writer.apply(sealed_delta(first))
    with pytest.raises(ChainBroken):
        writer.apply(sealed_delta(first))


def test_a_large_delta_is_applied_in_pieces(device: Path, lists: ListMaker) -> None:
    writer, made = writing(device), lists.make("v1", range(1))
    writer.install("v1", made.path, made.sealed)
    change = delta(1, bytes(32), *((number, Standing.BLOCKED) for number in range(1234)))
    writer.apply(sealed_delta(change))
    whitelist = reading(device)
    assert all(standing(whitelist, number) is Standing.BLOCKED for number in range(1234))


def test_other_bytes_than_the_manifest_says_are_not_installed(
    device: Path, lists: ListMaker
) -> None:
    made = lists.make("v1", range(5))
    with made.path.open("r+b") as file:
        file.seek(5000)
        file.write(b"\x55")
    with pytest.raises(ListDamaged):
        writing(device).install("v1", made.path, made.sealed)
    assert not reading(device).present


def test_a_flipped_bit_is_found_at_the_start(device: Path, lists: ListMaker) -> None:
    made = lists.make("v1", range(50))
    writing(device).install("v1", made.path, made.sealed)
    path = device / "list" / "v1" / "snapshot.db"
    pristine = path.read_bytes()
    for at in range(0, len(pristine), 97):
        content = bytearray(pristine)
        content[at] ^= 1
        path.write_bytes(content)
        assert not reading(device).present, at
        assert writing(device).current is None, at
    path.write_bytes(pristine)
    assert reading(device).present


def test_a_damaged_list_is_not_used_and_is_mended_under_its_own_name(
    device: Path, lists: ListMaker
) -> None:
    writer, made = writing(device), lists.make("v1", range(5))
    copy = made.path.read_bytes()
    writer.install("v1", made.path, made.sealed)
    path = device / "list" / "v1" / "snapshot.db"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    whitelist = reading(device)
    assert whitelist.health is not None
    assert whitelist.ring.find(b"k1") is None, "nor are its keys: who damaged it may have made them"
    made.path.write_bytes(copy)
    writing(device).install("v1", made.path, made.sealed)
    assert whitelist.refresh()
    assert standing(whitelist, 2) is Standing.GOOD


def test_a_row_that_changed_after_the_start_decides_nothing(device: Path, lists: ListMaker) -> None:
    writer, made = writing(device), lists.make("v1", range(5))
    writer.install("v1", made.path, made.sealed)
    whitelist = reading(device)
    snapshot = sqlite3.connect(device / "list" / "v1" / "snapshot.db")
    snapshot.execute("UPDATE ticket SET class = 3")
    snapshot.commit()
    snapshot.close()
    with pytest.raises(ListDamaged):
        whitelist.look_up(ticket(3))


def test_a_broken_chain_of_changes_is_found(device: Path, lists: ListMaker) -> None:
    writer, made = writing(device), lists.make("v1", range(5))
    writer.install("v1", made.path, made.sealed)
    head = bytes(32)
    for sequence in (1, 2, 3):
        change = delta(sequence, head, (sequence, Standing.BLOCKED))
        head = head_after(change)
        writer.apply(sealed_delta(change))
    assert reading(device).present
    overlay = sqlite3.connect(device / "list" / "v1" / "overlay.db")
    overlay.execute("DELETE FROM change WHERE sequence = 2")
    overlay.commit()
    overlay.close()
    assert not reading(device).present


def test_an_install_cut_short_leaves_the_list_in_use(device: Path, lists: ListMaker) -> None:
    writer, first = writing(device), lists.make("v1", range(5))
    writer.install("v1", first.path, first.sealed)
    # As a cut after the folder was made and before the link was swapped leaves it.
    (device / "list" / "v2").mkdir()
    (device / "list" / "v2" / "snapshot.db").write_bytes(b"half")
    whitelist = reading(device)
    assert whitelist.present
    second = lists.make("v2", range(9))
    writer.install("v2", second.path, second.sealed)
    whitelist.refresh()
    assert standing(whitelist, 8) is Standing.GOOD


def test_what_lists_are_made_of_is_deterministic() -> None:
    assert encode(delta(1, bytes(32), (1, Standing.GOOD))) == encode(
        delta(1, bytes(32), (1, Standing.GOOD))
    )
