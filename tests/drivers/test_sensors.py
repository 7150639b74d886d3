"""The contract of every sensor, and what is particular to each.

What it must not miss is played on the hardware: the fake chip, gpiozero's mock pins, the board.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from edge.core.debounce import Settling
from edge.drivers.bus_modbus import ModbusBus
from edge.drivers.interfaces import Found, Level, Lost, Sensor, Unwatched
from edge.drivers.relay_modbus import ModbusRelay
from edge.drivers.sensor_gpio import GpioSensor
from edge.drivers.sensor_gpiod import EDGES_MAX, GpiodSensor
from edge.drivers.sensor_modbus import ModbusSensor
from edge.drivers.sensor_simulated import SimulatedSensor
from edge.runtime.clock import SimulatedClock, SystemClock
from simulators.pty_line import PtyLine
from simulators.turnstile import Board, Coil, Input
from tests.chips import FakeChip, MockPins

PATIENCE_SECONDS = 30.0
PIN = 22
SETTLING = Settling(0.02, 0.02)
PULSE_SECONDS = 0.3
Told = Level | Lost | Found | Unwatched


@dataclass
class Rig:
    """A sensor and the contact it looks at, which begins open and plugged in."""

    sensor: Sensor
    drive: Callable[[bool], None]
    plug: Callable[[], None]
    unplug: Callable[[], None]
    wait: Callable[[float], Awaitable[None]]
    stand_still: Callable[[float], None]
    """Let time go by without the process."""
    run: Callable[[], Awaitable[None]]
    told: list[Told] = field(default_factory=list)

    def levels(self) -> list[bool]:
        return [one.active for one in self.told if isinstance(one, Level)]

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not condition():
                await self.wait(0.01)


async def nothing() -> None:
    await asyncio.Event().wait()


def simulated_rig(directory: Path) -> Rig:
    assert directory.exists()
    clock = SimulatedClock()
    sensor = SimulatedSensor(clock)
    hardware = (sensor.drive, sensor.find, sensor.lose)
    return Rig(sensor, *hardware, clock.advance, clock.jump, nothing)


def gpiod_rig(directory: Path) -> Rig:
    assert directory.exists()
    clock = SimulatedClock()
    chip = FakeChip(clock)
    sensor = GpiodSensor("/dev/gpiochip0", PIN, clock, SETTLING, request=chip.request)

    async def wait(seconds: float) -> None:
        await asyncio.sleep(0.001)  # A descriptor wakes whoever watches it, when time is real.
        await clock.advance(seconds)

    hardware = (lambda level: chip.drive(PIN, level), chip.plug, chip.unplug)
    return Rig(sensor, *hardware, wait, clock.jump, nothing)


def gpio_rig(directory: Path) -> Rig:
    assert directory.exists()
    clock = SimulatedClock()
    pins = MockPins(clock)
    sensor = GpioSensor(PIN, clock, SETTLING, factory=pins)
    hardware = (lambda level: pins.drive(PIN, level), pins.plug, pins.unplug)
    return Rig(sensor, *hardware, clock.advance, clock.jump, nothing)


def modbus_rig(directory: Path) -> Rig:
    board = Board(PtyLine(directory / "board"))
    board.line.plug()
    clock = SystemClock()
    bus = ModbusBus(board.line.link, 115200, clock)
    sensor = ModbusSensor(bus, 1, Input.PASSED_IN, clock, SETTLING)
    hardware = (
        lambda level: board.contact(Input.PASSED_IN, level),
        board.line.plug,
        board.line.unplug,
    )
    return Rig(sensor, *hardware, asyncio.sleep, time.sleep, board.run)


RIGS: dict[str, Callable[[Path], Rig]] = {
    "simulated": simulated_rig,
    "gpiod": gpiod_rig,
    "gpio": gpio_rig,
    "modbus": modbus_rig,
}


@pytest.fixture(params=RIGS)
def make_rig(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Rig]:
    return lambda: RIGS[request.param](tmp_path)


@asynccontextmanager
async def watching(rig: Rig) -> AsyncIterator[Rig]:
    """Hear all that it says, from the level first found on."""

    async def hear() -> None:
        async with aclosing(rig.sensor.changes()) as changes:  # type: ignore[type-var]
            async for said in changes:
                rig.told.append(said)

    tasks = [asyncio.ensure_future(rig.run()), asyncio.ensure_future(hear())]
    try:
        await rig.until(lambda: rig.levels() == [False])
        assert rig.told == [Found(), rig.told[1]]
        rig.told.clear()
        yield rig
        for task in tasks:
            assert not task.done(), task.exception()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


def test_each_change_is_told_once(make_rig: Callable[[], Rig]) -> None:
    async def play() -> None:
        async with watching(make_rig()) as rig:
            for level in (True, False, True):
                rig.drive(level)
                await rig.wait(0.1)
                await rig.until(lambda level=level: rig.levels()[-1:] == [level])  # type: ignore[misc]
            assert rig.levels() == [True, False, True]
            assert not [one for one in rig.told if not isinstance(one, Level | Unwatched)]

    asyncio.run(play())


def test_unplugged_is_told_once_and_plugged_in_it_says_what_it_finds(
    make_rig: Callable[[], Rig],
) -> None:
    async def play() -> None:
        async with watching(make_rig()) as rig:
            rig.unplug()
            await rig.until(lambda: any(isinstance(one, Lost) for one in rig.told))
            rig.drive(True)
            await rig.wait(3.0)
            rig.plug()
            await rig.until(lambda: any(isinstance(one, Found) for one in rig.told))
            rig.drive(True)  # gpiozero's mock pins forget what they were driven to.
            await rig.until(lambda: rig.levels()[-1:] == [True])
            kinds = [type(one) for one in rig.told if not isinstance(one, Unwatched)]
            assert kinds[:3] == [Lost, Found, Level]
            assert set(kinds[3:]) <= {Level}

    asyncio.run(play())


def test_a_pulse_while_the_process_stands_still_is_no_secret(make_rig: Callable[[], Rig]) -> None:
    async def play() -> None:
        async with watching(make_rig()) as rig:
            rig.stand_still(0.2)
            rig.drive(True)
            rig.stand_still(PULSE_SECONDS)
            rig.drive(False)
            rig.stand_still(0.2)
            await rig.until(lambda: bool(rig.told))
            await rig.wait(0.1)
            if isinstance(rig.told[0], Unwatched):
                assert rig.told[0].seconds >= PULSE_SECONDS
                assert rig.levels() == []
            else:
                assert rig.levels() == [True, False]

    asyncio.run(play())


def test_whoever_can_know_when_an_edge_was_misses_no_pulse(tmp_path: Path) -> None:
    """Those that only look, and may look away, are the others."""

    async def play(rig: Rig) -> None:
        async with watching(rig):
            for _ in range(3):
                rig.drive(True)
                rig.stand_still(PULSE_SECONDS)
                rig.drive(False)
                rig.stand_still(PULSE_SECONDS)
            await rig.until(lambda: len(rig.levels()) == 6)
            assert rig.levels() == [True, False] * 3

    for name in ("gpiod", "gpio"):
        asyncio.run(play(RIGS[name](tmp_path)))


@pytest.mark.parametrize("name", ["gpiod", "gpio"])
def test_a_contact_that_bounces_is_one_change(name: str, tmp_path: Path) -> None:
    async def play(rig: Rig, still: bool) -> None:
        async with watching(rig):
            for level in (True, False, True, False, True):
                rig.drive(level)
                rig.stand_still(0.004)
            if still:
                rig.stand_still(0.1)
                rig.drive(False)
                rig.stand_still(0.1)
            await rig.wait(0.2)
            assert rig.levels() == ([True, False] if still else [True])

    asyncio.run(play(RIGS[name](tmp_path), still=False))
    asyncio.run(play(RIGS[name](tmp_path), still=True))


def test_a_spark_is_no_pulse_however_late_it_is_heard_of(tmp_path: Path) -> None:
    async def play(rig: Rig) -> None:
        async with watching(rig):
            rig.drive(True)
            rig.stand_still(0.003)
            rig.drive(False)
            rig.stand_still(1.0)
            await rig.wait(0.2)
            assert rig.levels() == []

    for name in ("gpiod", "gpio"):
        asyncio.run(play(RIGS[name](tmp_path)))


def test_more_edges_than_the_kernel_keeps_are_told_as_unwatched(tmp_path: Path) -> None:
    async def play() -> None:
        async with watching(gpiod_rig(tmp_path)) as rig:
            for _ in range(EDGES_MAX):
                for level in (True, False):
                    rig.drive(level)
                    rig.stand_still(0.001)
            await rig.until(lambda: bool(rig.told))
            assert isinstance(rig.told[0], Unwatched)
            assert rig.told[0].seconds >= EDGES_MAX * 0.002
            rig.told.clear()
            rig.drive(True)
            await rig.until(lambda: rig.levels() == [True])
            assert rig.told == [rig.told[0]], "told again without a reason"

    asyncio.run(play())


def test_low_is_active_where_that_was_said() -> None:
    async def play() -> None:
        clock = SimulatedClock()
        chip, pins = FakeChip(clock), MockPins(clock)
        low = GpiodSensor("/dev/gpiochip0", PIN, clock, SETTLING, True, request=chip.request)
        async with aclosing(low.changes()) as changes:  # type: ignore[type-var]
            assert await anext(changes) == Found()
            assert chip.settings[0].active_low
        pins.pin(PIN).drive_high()
        other = GpioSensor(PIN, clock, SETTLING, True, factory=pins)
        drive = (lambda level: pins.drive(PIN, not level), pins.plug, pins.unplug)
        rig = Rig(other, *drive, clock.advance, clock.jump, nothing)
        async with watching(rig):
            rig.drive(True)
            await rig.until(lambda: rig.levels() == [True])

    asyncio.run(play())


def test_a_panel_with_much_to_say_keeps_nobody_from_looking(tmp_path: Path) -> None:
    """Two lamps that never stop switching leave the line to a look now and then."""

    async def play() -> None:
        board, clock = Board(PtyLine(tmp_path / "board")), SystemClock()
        board.line.plug()
        bus = ModbusBus(board.line.link, 9600, clock)
        sensor = ModbusSensor(bus, 1, Input.PASSED_IN, clock, SETTLING)
        lamps = [ModbusRelay(bus, 1, coil, clock) for coil in (Coil.GREEN, Coil.RED)]

        async def talk(lamp: ModbusRelay) -> None:
            while True:
                for on in (True, False):
                    await lamp.hold(on)

        rig = Rig(
            sensor,
            lambda level: board.contact(Input.PASSED_IN, level),
            board.line.plug,
            board.line.unplug,
            asyncio.sleep,
            time.sleep,
            board.run,
        )
        async with watching(rig):
            talking = [asyncio.ensure_future(talk(lamp)) for lamp in lamps]
            for _ in range(5):
                rig.drive(True)
                await rig.until(lambda: rig.levels()[-1:] == [True])
                rig.drive(False)
                await rig.until(lambda: rig.levels()[-1:] == [False])
            for task in talking:
                assert not task.done(), task.exception()
                task.cancel()
            await asyncio.wait(talking)

    asyncio.run(play())
