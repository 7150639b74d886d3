"""A gate whose machine's clock is wrong: what it admits, what it says, and what it writes down."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from edge.gate.config import ZoneConfig
from edge.store.floor import FloorFile
from edge.store.outbox import JournalReader
from rules.verdict import WhenClockSuspect
from tests.daemons.connected import Central
from tests.daemons.test_gate import device, gate, lists, play
from tests.device import DEVICE, KEY, ticket
from wire import event
from wire import ticket as gh1
from wire.event import ClockQuality
from wire.row import decode_row
from wire.signed import Purpose

__all__ = ["device", "lists"]

NOW = 1_780_000_000.0
HOUR, DAY = 3600.0, 86_400.0
UPTIME = 100.0


def code(number: int, begins: float, ends: float) -> bytes:
    """A ticket good from and until so many seconds from now."""
    whole = replace(ticket(number), not_before=int(NOW + begins), expires=int(NOW + ends))
    return gh1.sign(whole, b"k1", KEY).encode()


TODAY = code(1, -HOUR, 4 * HOUR)
YESTERDAYS = code(2, -DAY, -20 * HOUR)
TOMORROWS = code(3, 20 * HOUR, DAY)
SEASON = code(4, -30 * DAY, 90 * DAY)


def written(folder: Path) -> list[tuple[str, ClockQuality]]:
    """Return kind and clock quality of every row."""
    reader, rows = JournalReader(folder, DEVICE), list[tuple[str, ClockQuality]]()
    for epoch in reader.epochs():
        batch = reader.batch(epoch.epoch, 1, 10_000)
        assert batch
        for body in batch.rows:
            happened, at = decode_row(body)
            assert not isinstance(happened, event.Stopped | None)
            rows.append((str(happened.__struct_config__.tag), at.clock))
    reader.close()
    return rows


@pytest.mark.parametrize("off", [-NOW, -30 * DAY, -HOUR, HOUR, 30 * DAY])
def test_once_central_has_spoken_no_clock_revives_or_kills_a_ticket(
    device: Path, off: float
) -> None:
    async def story() -> None:
        async with gate(device, wall=NOW + off) as stage:
            await Central(stage, NOW - UPTIME).there()
            await stage.show(YESTERDAYS)
            assert stage.title == "Ticket expired"
            await stage.show(TOMORROWS)
            assert stage.title == "Too early"
            await stage.show(TODAY)
            assert len(stage.relay.pulses) == 1
            rows = written(device)
        assert ("authorised", ClockQuality.SIGNED) in rows
        assert ("refused", ClockQuality.SIGNED) in rows

    play(story)


def test_booted_in_1970_without_network_it_says_that_it_cannot_know(device: Path) -> None:
    FloorFile(device).keep(NOW - 600)

    async def story() -> None:
        async with gate(device, wall=100.0) as stage:
            await stage.show(TODAY)
            assert stage.title == "Clock is being set"
            await stage.show(TOMORROWS)
            assert stage.title == "Clock is being set", "not too early, in silence"
            await stage.show(YESTERDAYS)
            assert stage.title == "Ticket expired", "whatever the time: the floor is later"
            await stage.show(SEASON)
            assert len(stage.relay.pulses) == 1
            rows = written(device)
        assert ("authorised", ClockQuality.SUSPECT) in rows

    play(story)


def test_where_the_zone_admits_in_doubt_the_budget_pays_for_it(device: Path) -> None:
    FloorFile(device).keep(NOW - 600)
    zone = ZoneConfig(checkpoint="hall", when_clock_suspect=WhenClockSuspect.ADMIT)

    async def story() -> None:
        async with gate(device, wall=100.0, zone=zone) as stage:
            await stage.show(YESTERDAYS)
            assert stage.title == "Ticket expired"
            await stage.show(TODAY)
            assert len(stage.relay.pulses) == 1
            (admitted,) = (one for one in stage.events() if isinstance(one, event.Authorised))
            assert not admitted.confirmed

    play(story)


@pytest.mark.parametrize("seconds", [-20 * HOUR, -HOUR, 30 * DAY])
def test_set_while_it_runs_it_goes_on_and_writes_it_down(device: Path, seconds: float) -> None:
    """The cable is pulled, and then somebody sets the clock, or a lying time server does."""

    async def story() -> None:
        async with gate(device) as stage:
            await Central(stage, NOW - UPTIME).there()
            await stage.clock.advance(60.0)
            stage.clock.step_wall(seconds)
            await stage.clock.advance(2.0)
            await stage.show(YESTERDAYS)
            assert stage.title == "Ticket expired"
            await stage.show(TOMORROWS)
            assert stage.title == "Too early"
            await stage.show(TODAY)
            assert len(stage.relay.pulses) == 1
            (stepped,) = (one for one in stage.events() if isinstance(one, event.ClockStepped))
            assert stepped.seconds == seconds
            assert ("authorised", ClockQuality.UNCONFIRMED) in written(device)

    play(story)


def test_central_is_asked_at_once_after_a_step_and_every_ten_minutes(device: Path) -> None:
    async def story() -> None:
        async with gate(device) as stage:
            central = Central(stage, NOW - UPTIME)
            await central.there()
            await stage.clock.advance(590.0)
            assert not await central.answer()
            stage.clock.step_wall(HOUR)
            await stage.clock.advance(1.0)
            assert await central.answer()
            await stage.clock.advance(595.0)
            assert not await central.answer()
            await stage.clock.advance(10.0)
            assert await central.answer()

    play(story)


def test_an_answer_that_central_did_not_sign_as_the_time_is_none(device: Path) -> None:
    async def story() -> None:
        async with gate(device, wall=100.0) as stage:
            central = Central(stage, NOW - UPTIME)
            await central.beat()
            for purpose in set(Purpose) - {Purpose.TIME, Purpose.ROLES}:
                while not await central.answer(purpose):
                    await stage.clock.advance(1.0)
            assert stage.timekeeping
            for junk in (b"", b"\xff" * 100, b"\x84" * 10):
                await stage.timekeeping.told(junk)
            await stage.show(SEASON)
            assert ("authorised", ClockQuality.SIGNED) not in written(device)

    play(story)


def test_the_floor_outlives_a_power_cut_and_a_command_lowers_it(device: Path) -> None:
    async def story() -> None:
        async with gate(device) as stage:
            await Central(stage, NOW - UPTIME).there()
            await stage.clock.advance(2.0)
        assert abs(FloorFile(device).read() - NOW) < 30
        async with gate(device, wall=100.0, boot=b"boot-two") as stage:
            await stage.show(YESTERDAYS)
            assert stage.title == "Ticket expired"
            assert stage.timekeeping
            stage.timekeeping.lower(NOW - 30 * DAY)
            await stage.clock.advance(2.0)
        assert abs(FloorFile(device).read() - (NOW - 30 * DAY)) < 30

    play(story)
