"""Somebody pulls the cable in the hope of a free pass: what each ticket gets at each rung.

The table of docs/doors.md, tried on a running gate; and the offline budget, which bounds what no
list confirms through restarts, a damaged journal and a leaked key.
"""

import sqlite3
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec.structs import replace

from edge.core.budget import WhenUsedUp
from edge.core.moment import Moment
from edge.gate.config import ZoneConfig
from edge.gate.footing import Footing
from edge.store.journal import FILE
from edge.store.list_files import SNAPSHOT
from edge.store.outbox import JournalReader
from edge.store.whitelist import Whitelist
from tests.daemons.connected import Central
from tests.daemons.test_gate import Stage, device, gate, lists, play
from tests.device import DEVICE, KEY, opened, stamp, ticket
from tests.store.test_essentials import essentials, kept
from tests.trusted import trusting
from wire import event
from wire import ticket as gh1
from wire.event import Authorised, BudgetUsedUp, KeySuspected, Rung, RungChanged
from wire.row import decode_row

__all__ = ["device", "lists"]

NOW, UPTIME = 1_780_000_000.0, 100.0
GOOD, REFUNDED, COPIED, REFUNDED_SERIAL = 1, 2, 3, 7
FOREIGN_KEY = Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)


def sold(number: int, seconds_ago: float, quantity: int = 1, key: Ed25519PrivateKey = KEY) -> bytes:
    """A ticket that the list does not hold, by the clock of the test's beginning."""
    whole = replace(ticket(100 + number, quantity), issued_at=int(NOW - seconds_ago))
    return gh1.sign(whole, b"k1", key).encode()


def moves(folder: Path) -> list[Rung]:
    reader, found = JournalReader(folder, DEVICE), list[Rung]()
    for epoch in reader.epochs():
        batch = reader.batch(epoch.epoch, 1, 10_000)
        assert batch
        happened = [decode_row(body)[0] for body in batch.rows]
        found += [one.rung for one in happened if isinstance(one, RungChanged)]
    reader.close()
    return found


def break_list(folder: Path) -> None:
    """Put a list in place that is none, as a bad card does to a good one."""
    broken = folder / "list" / "v2"
    broken.mkdir()
    (broken / SNAPSHOT).write_bytes(b"not a list")
    link = folder / "list" / "current"
    link.unlink()
    link.symlink_to("v2")


def spoil(journal: Path, also: str) -> None:
    """Break the chain of rows, as a bad card would, and something else."""
    database = sqlite3.connect(journal)
    database.execute("UPDATE row SET hash = zeroblob(32) WHERE seq = 2")
    database.execute(also)
    database.commit()
    database.close()


async def at(rung: Rung, folder: Path, stack: AsyncExitStack, zone: ZoneConfig) -> Stage:
    """Bring a gate to a rung, with ticket COPIED used and REFUNDED refunded before."""
    if rung is Rung.SIGNATURE_AND_REVOCATIONS:
        kept(folder, essentials(revoked=(REFUNDED_SERIAL,)))
    async with gate(folder, zone=zone) as before:
        central = Central(before, NOW - UPTIME)
        central.refund(folder, REFUNDED)
        await central.there()
        await before.show(COPIED)
        await before.walk()
    stage = await stack.enter_async_context(gate(folder, zone=zone))
    central = Central(stage, NOW - UPTIME, central.sequence, central.head)
    if rung is Rung.FRESH:
        await central.there()
    elif rung is not Rung.STALE:
        break_list(folder)
        await stage.clock.advance(2.0)
    assert moves(folder)[-1] is rung
    return stage


SENT_BACK = gh1.sign(replace(ticket(REFUNDED), serial=REFUNDED_SERIAL), b"k1", KEY).encode()
NEW, OLD, FORGED = sold(0, 60), sold(1, 3600), sold(2, 60, key=FOREIGN_KEY)
LET_IN = "Please enter"
TABLE: dict[Rung, dict[int | bytes, str]] = {
    Rung.FRESH: {
        GOOD: LET_IN,
        SENT_BACK: "Ticket refunded",
        COPIED: "Used",
        NEW: LET_IN,
        OLD: "Ticket not on the list",
        FORGED: "Ticket not genuine",
    },
    Rung.STALE: {
        GOOD: LET_IN,
        SENT_BACK: "Ticket refunded",
        COPIED: "Used",
        NEW: "Ticket not on the list",
        OLD: "Ticket not on the list",
        FORGED: "Ticket not genuine",
    },
    Rung.SIGNATURE_AND_REVOCATIONS: {
        GOOD: LET_IN,
        SENT_BACK: "Ticket blocked",
        COPIED: "Used",
        NEW: LET_IN,
        OLD: LET_IN,
        FORGED: "Ticket not genuine",
    },
    Rung.SIGNATURE_ONLY: {
        GOOD: LET_IN,
        SENT_BACK: LET_IN,
        COPIED: "Used",
        NEW: LET_IN,
        OLD: LET_IN,
        FORGED: "Ticket not genuine",
    },
}


@pytest.mark.parametrize("rung", TABLE)
def test_what_each_ticket_gets(device: Path, rung: Rung) -> None:
    async def story() -> None:
        async with AsyncExitStack() as stack:
            stage = await at(rung, device, stack, ZoneConfig(checkpoint="hall"))
            for shown, title in TABLE[rung].items():
                await stage.show(shown)
                assert stage.title.startswith(title), (rung, shown)
                if title is LET_IN:
                    await stage.walk()
                await stage.clock.advance(4.0)
            assert not stage.relay.held, "no free pass, whatever is missing"
            admitted = [one for one in stage.events() if isinstance(one, Authorised)][1:]
            listed = rung in (Rung.FRESH, Rung.STALE)
            assert [one.confirmed for one in admitted] == [listed] + [False] * (len(admitted) - 1)

    play(story)


def test_a_cable_pulled_while_it_runs_makes_it_stale_in_five_minutes_and_no_better(
    device: Path,
) -> None:
    async def story() -> None:
        async with gate(device) as stage:
            central = Central(stage, NOW - UPTIME)
            await central.there()
            await central.stays(30)
            await stage.clock.advance(302.0)
            await stage.show(sold(0, 60))
            assert stage.title == "Ticket not on the list"
            assert stage.relay.pulses == []
            await central.there()
            await stage.clock.advance(15.0)
        assert moves(device) == [Rung.STALE, Rung.FRESH, Rung.STALE, Rung.FRESH]

    play(story)


def test_a_rung_that_a_scan_finds_first_is_written_before_the_decision(device: Path) -> None:
    async def story() -> None:
        async with gate(device) as stage:
            await Central(stage, NOW - UPTIME).there()
            stage.clock._move_to(stage.clock.now().uptime + 400.0)  # noqa: SLF001
            await stage.show(GOOD)
            assert moves(device)[-1] is Rung.STALE
            (admitted,) = (one for one in stage.events() if isinstance(one, Authorised))
            assert admitted.rung is Rung.STALE

    play(story)


OFFLINE = ZoneConfig(checkpoint="hall", offline_admissions_max=3, admits_unlisted=(Rung.STALE,))


def test_the_budget_is_exact_through_restarts_and_full_again_when_the_list_is_fresh(
    device: Path,
) -> None:
    async def story() -> None:
        for number in range(2):
            async with gate(device, zone=OFFLINE) as stage:
                await stage.show(sold(number, 3600))
                assert len(stage.relay.pulses) == 1
        async with gate(device, zone=OFFLINE) as stage:
            await stage.show(sold(2, 3600, quantity=2))
            assert stage.title == "Cannot be confirmed now", "two, and one is left"
            await stage.clock.advance(4.0)
            await stage.show(sold(3, 3600))
            assert len(stage.relay.pulses) == 1
            await stage.walk()
            await stage.clock.advance(2.0)
            await stage.show(sold(4, 3600))
            assert stage.title == "Cannot be confirmed now"
            await stage.show(GOOD)
            assert len(stage.relay.pulses) == 2, "the list confirms it"
            await stage.walk()
            used_up = [one for one in stage.events() if isinstance(one, BudgetUsedUp)]
            assert [one.admissions for one in used_up] == [3]
            central = Central(stage, NOW - UPTIME)
            await central.there()
            await stage.clock.advance(302.0)
            await stage.show(sold(5, 3600))
            assert len(stage.relay.pulses) == 3

    play(story)


def test_where_the_zone_says_go_on_it_is_said_and_nobody_is_refused(device: Path) -> None:
    zone = ZoneConfig(
        checkpoint="hall",
        offline_admissions_max=1,
        admits_unlisted=(Rung.STALE,),
        when_budget_used_up=WhenUsedUp.GO_ON,
    )

    async def story() -> None:
        async with gate(device, zone=zone) as stage:
            for number in range(3):
                await stage.show(sold(number, 3600))
                await stage.walk()
                await stage.clock.advance(1.0)
            assert len(stage.relay.pulses) == 3
            assert stage.kinds().count("budget-used-up") == 1

    play(story)


def test_a_list_too_old_confirms_nobody_and_its_age_outlives_a_restart(device: Path) -> None:
    zone = ZoneConfig(checkpoint="hall", offline_hours_max=2.0)

    async def story() -> None:
        async with gate(device, zone=zone) as stage:
            central = Central(stage, NOW - UPTIME)
            await central.there()
            stage.clock._move_to(stage.clock.now().uptime + 3600.0)  # noqa: SLF001
            await stage.clock.advance(2.0)
            await stage.show(GOOD)
            assert len(stage.relay.pulses) == 1
        # Off for an hour and a half; its clock, whatever it says, is not in doubt.
        async with gate(device, zone=zone, wall=NOW + 9000, boot=b"boot-two") as stage:
            await stage.clock.advance(2.0)
            await stage.show(5)
            assert stage.title == "Cannot be confirmed now"
            assert stage.kinds().count("budget-used-up") == 1
            (told,) = (one for one in stage.events() if isinstance(one, BudgetUsedUp))
            assert 2.0 < told.hours < 3.0

    play(story)


@pytest.mark.parametrize(
    "also", ["SELECT 1", "UPDATE budget SET admissions = 0", "DROP TABLE budget"]
)
def test_a_damaged_journal_forgets_no_budget(device: Path, also: str) -> None:
    zone = ZoneConfig(checkpoint="hall", offline_admissions_max=2, admits_unlisted=(Rung.STALE,))

    async def story() -> None:
        async with gate(device, zone=zone) as stage:
            for number in range(2):
                await stage.show(sold(number, 3600))
                await stage.walk()
                await stage.clock.advance(1.0)
            assert len(stage.relay.pulses) == 2
        spoil(device / FILE, also)
        async with gate(device, zone=zone) as stage:
            # Central could have told what was lost; it is away.
            await stage.clock.advance(11.0)
            await stage.show(sold(7, 3600))
            assert stage.title == "Cannot be confirmed now"

    play(story)
    assert list(device.glob("journal.damaged-*.db"))


def test_the_count_is_exact_inside_the_transaction_that_draws(device: Path) -> None:
    journal = opened(device)
    admitted = event.Authorised(
        admission=b"admission001",
        scan=b"scan-0000001",
        cti=bytes(16),
        checkpoint="hall",
        quantity=3,
        direction=event.Direction.ENTRY,
        generation=0,
        rung=Rung.STALE,
        list_sequence=1,
        confirmed=False,
    )

    class Undo(Exception):
        pass

    def undone(transaction: object) -> None:
        transaction.append(admitted, stamp())  # type: ignore[attr-defined]
        assert transaction.drawn().admissions == 3  # type: ignore[attr-defined]
        raise Undo

    with pytest.raises(Undo):
        journal.transact(undone)
    assert journal.transact(lambda transaction: transaction.drawn().admissions) == 0
    journal.transact(lambda transaction: transaction.append(admitted, stamp()))
    assert journal.transact(lambda transaction: transaction.drawn().admissions) == 3
    fresh = RungChanged(rung=Rung.FRESH)
    journal.transact(lambda transaction: transaction.append(fresh, stamp()))
    assert journal.transact(lambda transaction: transaction.drawn().admissions) == 0
    journal.close()


def test_a_leaked_key_is_refused_alarmed_once_and_never_becomes_a_crowd(device: Path) -> None:
    """Somebody who holds the key signs what they like: old tickets first, then new ones."""
    zone = ZoneConfig(checkpoint="hall", offline_admissions_max=3)

    async def story() -> None:
        async with gate(device, zone=zone) as stage:
            central = Central(stage, NOW - UPTIME)
            await central.there()
            for number in range(5):
                await stage.show(sold(number, 3600))
                assert stage.title == "Ticket not on the list"
                await stage.clock.advance(4.0)
            suspected = [one for one in stage.events() if isinstance(one, KeySuspected)]
            assert [one.kid for one in suspected] == [b"k1"]
            titles = []
            for number in range(10, 20):
                await central.beat()
                seconds_ago = NOW - central.wall
                await stage.show(sold(number, seconds_ago))
                titles.append(stage.title)
                await stage.walk()
                await stage.clock.advance(4.0)
            assert titles == ["Please enter"] * 3 + ["Cannot be confirmed now"] * 7
            assert stage.kinds().count("budget-used-up") == 1
            await central.stays(620)
            await stage.show(sold(30, NOW - central.wall))
            assert len(stage.relay.pulses) == 4, "ten quiet minutes at a fresh list forgive"

    play(story)


def test_the_same_ticket_below_a_fresh_list_raises_no_alarm(device: Path) -> None:
    async def story() -> None:
        async with gate(device) as stage:
            await stage.show(sold(0, 3600))
            assert stage.title == "Ticket not on the list"
            assert "key-suspected" not in stage.kinds()

    play(story)


def test_a_machine_that_has_run_for_weeks_starts_its_gate_with_a_list_of_no_age(
    device: Path,
) -> None:
    journal, trust = opened(device), trusting(device)
    footing = Footing(trust, Whitelist(device, trust), ZoneConfig(checkpoint="hall"))
    now = Moment(NOW, 30 * 86_400.0)
    # A scan may come before the first look after the books.
    assert not journal.transact(lambda transaction: footing.left(transaction, now)).too_old
    journal.transact(lambda transaction: footing.begin(transaction, now))
    assert not journal.transact(lambda transaction: footing.left(transaction, now)).too_old
    journal.close()
