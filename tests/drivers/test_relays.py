"""The contract of every relay, and what is particular to each.

What a relay did is asked of the hardware: the board, the fake chip or gpiozero's mock pins.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from gpiozero import Device

from edge.drivers.bus_modbus import ModbusBus
from edge.drivers.interfaces import DriverError, Relay
from edge.drivers.relay_gpio import GpioRelay
from edge.drivers.relay_gpiod import GpiodRelay
from edge.drivers.relay_modbus import ModbusRelay
from edge.drivers.relay_simulated import SimulatedRelay
from edge.runtime.clock import SimulatedClock, SystemClock
from simulators.pty_line import PtyLine
from simulators.turnstile import Board, Coil
from tests.chips import Edges, FakeChip, MockPins

PATIENCE_SECONDS = 30.0
PIN = 17


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():  # noqa: ASYNC110 - the condition is made of plain lists
            await asyncio.sleep(0.005)


@dataclass
class Rig:
    """A relay and the hardware it moves, which begins plugged in."""

    relay: Relay
    plug: Callable[[], None]
    unplug: Callable[[], None]
    closed: Callable[[], bool]
    pulses: Callable[[], list[float]]
    """How long the contact was closed each time, in seconds."""
    wait: Callable[[float], Awaitable[None]]
    run: Callable[[], Awaitable[None]]
    """What the hardware does meanwhile."""


async def nothing() -> None:
    await asyncio.Event().wait()


def lengths(edges: Edges) -> list[float]:
    pairs = zip(edges[0::2], edges[1::2], strict=False)
    return [round(off - on, 6) for (on, _), (off, _) in pairs]


def simulated_rig(directory: Path) -> Rig:
    assert directory.exists()
    clock = SimulatedClock()
    relay = SimulatedRelay(clock)

    def plug(there: bool) -> None:
        relay.there = there

    return Rig(
        relay,
        lambda: plug(True),
        lambda: plug(False),
        lambda: relay.closed,
        lambda: [seconds for _, seconds in relay.pulses],
        clock.advance,
        nothing,
    )


def gpiod_rig(directory: Path) -> Rig:
    assert directory.exists()
    clock = SimulatedClock()
    chip = FakeChip(clock)
    relay = GpiodRelay("/dev/gpiochip0", PIN, clock, request=chip.request)
    return Rig(
        relay,
        chip.plug,
        chip.unplug,
        lambda: chip.level(PIN),
        lambda: lengths(chip.edges),
        clock.advance,
        nothing,
    )


def gpio_rig(directory: Path) -> Rig:
    assert directory.exists()
    clock = SimulatedClock()
    pins = MockPins(clock)
    return Rig(
        GpioRelay(PIN, clock, factory=pins),
        pins.plug,
        pins.unplug,
        lambda: len(pins.edges) % 2 == 1,
        lambda: lengths(pins.edges),
        clock.advance,
        nothing,
    )


def modbus_rig(directory: Path) -> Rig:
    board = Board(PtyLine(directory / "board"))
    clock = SystemClock()
    relay = ModbusRelay(ModbusBus(board.line.link, 115200, clock), 1, Coil.GREEN, clock)
    board.line.plug()
    return Rig(
        relay,
        board.line.plug,
        board.line.unplug,
        lambda: board.coils[Coil.GREEN],
        lambda: [seconds for _, seconds in board.flashes],
        asyncio.sleep,
        board.run,
    )


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
async def running(rig: Rig) -> AsyncIterator[Rig]:
    task = asyncio.ensure_future(rig.run())
    try:
        yield rig
        assert not task.done(), task.exception()
    finally:
        task.cancel()
        await asyncio.wait({task})
        rig.unplug()


async def opened(rig: Rig) -> None:
    """Wait until the contact is open, and a moment more for a driver that counts by itself."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while rig.closed():
            await rig.wait(0.05)
    await rig.wait(0.15)


@pytest.mark.parametrize(
    ("asked", "given"), [(0.3, 0.3), (0.1, 0.1), (0.0, 0.1), (-1.0, 0.1), (1.0, 1.0), (60.0, 1.0)]
)
def test_one_pulse_of_the_length_asked_for(
    make_rig: Callable[[], Rig], asked: float, given: float
) -> None:
    async def play() -> None:
        async with running(make_rig()) as rig:
            await rig.relay.pulse(asked)
            assert rig.closed()
            await opened(rig)
            assert rig.pulses() == [given]
            await rig.relay.pulse(asked)
            await opened(rig)
            assert rig.pulses() == [given, given]
            await rig.relay.close()
            assert rig.pulses() == [given, given]

    asyncio.run(play())


def test_a_second_pulse_is_refused_and_lengthens_nothing(make_rig: Callable[[], Rig]) -> None:
    async def play() -> None:
        async with running(make_rig()) as rig:
            await rig.relay.pulse(0.8)
            for _ in range(3):
                with pytest.raises(DriverError, match="under way"):
                    await rig.relay.pulse(0.8)
                await rig.wait(0.01)
            assert rig.closed()
            await opened(rig)
            assert rig.pulses() == [0.8]

    asyncio.run(play())


def test_of_two_pulses_at_once_one_is_taken(make_rig: Callable[[], Rig]) -> None:
    async def play() -> None:
        async with running(make_rig()) as rig:
            both = await asyncio.gather(
                rig.relay.pulse(0.3), rig.relay.pulse(0.3), return_exceptions=True
            )
            assert [type(said) for said in both] == [type(None), DriverError]
            await opened(rig)
            assert rig.pulses() == [0.3]

    asyncio.run(play())


def test_held_until_told_otherwise(make_rig: Callable[[], Rig]) -> None:
    async def play() -> None:
        async with running(make_rig()) as rig:
            for closed in (True, True, False, False, True):
                await rig.relay.hold(closed)
                await rig.wait(1.2)
                assert rig.closed() is closed
            await rig.relay.close()
            assert not rig.closed()

    asyncio.run(play())


def test_opening_ends_a_pulse_and_another_may_follow(make_rig: Callable[[], Rig]) -> None:
    async def play() -> None:
        async with running(make_rig()) as rig:
            await rig.relay.pulse(1.0)
            await rig.relay.hold(False)
            assert not rig.closed()
            await rig.relay.pulse(0.1)
            assert rig.closed()
            await opened(rig)
            assert len(rig.pulses()) == 2

    asyncio.run(play())


def test_held_closed_during_a_pulse_stays_closed(make_rig: Callable[[], Rig]) -> None:
    async def play() -> None:
        async with running(make_rig()) as rig:
            await rig.relay.pulse(0.2)
            await rig.relay.hold(True)
            await rig.wait(0.5)
            assert rig.closed()
            await rig.relay.close()

    asyncio.run(play())


def test_closing_opens_the_contact_also_during_a_pulse(make_rig: Callable[[], Rig]) -> None:
    async def play() -> None:
        async with running(make_rig()) as rig:
            for hold in (False, True):
                await (rig.relay.hold(True) if hold else rig.relay.pulse(1.0))
                assert rig.closed()
                await rig.relay.close()
                assert not rig.closed()
                await rig.relay.close()
                assert not rig.closed()

    asyncio.run(play())


def test_closing_what_was_never_used_and_what_is_not_there(make_rig: Callable[[], Rig]) -> None:
    async def play() -> None:
        async with running(make_rig()) as rig:
            await rig.relay.close()
            assert not rig.closed()
            await rig.relay.pulse(1.0)
            rig.unplug()
            await rig.relay.close()
            await rig.relay.close()

    asyncio.run(play())


def test_unplugged_is_a_sentence_and_plugged_in_it_works(make_rig: Callable[[], Rig]) -> None:
    async def play() -> None:
        async with running(make_rig()) as rig:
            await rig.relay.pulse(0.3)
            await opened(rig)
            for _ in range(2):
                rig.unplug()
                for attempt in (rig.relay.pulse(0.1), rig.relay.hold(True), rig.relay.hold(False)):
                    with pytest.raises(DriverError, match=";"):
                        await attempt
                await rig.wait(1.1)
                before = len(rig.pulses())
                rig.plug()
                await rig.relay.pulse(0.3)
                await opened(rig)
                assert rig.pulses()[before:] == [0.3]
                await rig.relay.hold(True)
                assert rig.closed()
                await rig.relay.hold(False)

    asyncio.run(play())


def test_unplugged_during_a_pulse_and_back_it_is_off(make_rig: Callable[[], Rig]) -> None:
    async def play() -> None:
        async with running(make_rig()) as rig:
            await rig.relay.pulse(0.2)
            rig.unplug()
            await rig.wait(0.5)
            rig.plug()
            await rig.wait(0.5)
            await until(lambda: not rig.closed())
            await rig.relay.pulse(0.2)
            assert rig.closed()
            await opened(rig)

    asyncio.run(play())


@pytest.mark.parametrize("make", [gpiod_rig, gpio_rig])
def test_a_process_that_ends_during_a_pulse_leaves_the_output_off(
    make: Callable[[Path], Rig], tmp_path: Path
) -> None:
    rigs: list[Rig] = []

    async def play(turns: int) -> None:
        rigs.append(make(tmp_path))
        await rigs[-1].relay.pulse(1.0)
        for _ in range(turns):
            await asyncio.sleep(0)
        assert rigs[-1].closed()

    for turns in range(3):
        asyncio.run(play(turns))
        assert not rigs[-1].closed()


def test_a_pulse_that_nobody_answers_is_sent_once(tmp_path: Path) -> None:
    async def play() -> None:
        line = PtyLine(tmp_path / "board")
        line.plug()
        board = Board(line)
        heard: list[bytes] = []
        clock = SystemClock()
        relay = ModbusRelay(ModbusBus(line.link, 115200, clock), 1, Coil.ENTRY, clock)
        running_board = asyncio.create_task(board.run())
        await relay.hold(False)
        running_board.cancel()
        await asyncio.wait({running_board})
        with pytest.raises(DriverError, match="does not answer"):
            await relay.pulse(0.3)
        await asyncio.sleep(0.3)
        with suppress(TimeoutError):
            async with asyncio.timeout(0.5):
                while True:
                    heard.append(await line.read())
        assert b"".join(heard) == bytes.fromhex("01 05 02 00 00 03 8C 73")
        line.unplug()

    asyncio.run(play())


def test_a_board_without_power_is_not_told_to_pulse_later(tmp_path: Path) -> None:
    async def play() -> None:
        board = Board(PtyLine(tmp_path / "board"), mute=True)
        board.line.plug()
        clock = SystemClock()
        relay = ModbusRelay(ModbusBus(board.line.link, 115200, clock), 1, Coil.ENTRY, clock)
        task = asyncio.create_task(board.run())
        with pytest.raises(DriverError, match="board 1 does not answer"):
            await relay.pulse(0.3)
        board.mute = False
        await asyncio.sleep(0.5)
        assert board.pulses == []
        await relay.pulse(0.3)
        assert len(board.pulses) == 1
        task.cancel()
        await asyncio.wait({task})
        board.line.unplug()

    asyncio.run(play())


@pytest.mark.parametrize("active_low", [False, True])
def test_a_line_is_requested_off_and_let_go(active_low: bool) -> None:
    async def play() -> None:
        clock = SimulatedClock()
        chip = FakeChip(clock)
        relay = GpiodRelay("/dev/gpiochip0", PIN, clock, active_low, chip.request)
        await relay.pulse(0.2)
        assert chip.settings[0].active_low is active_low
        assert str(chip.settings[0].output_value) == "Value.INACTIVE"
        await relay.close()
        assert chip.requests == {}
        wrong = GpiodRelay("/dev/gpiochip0", 99, clock, active_low, chip.request)
        with pytest.raises(DriverError, match="line 99"):
            await wrong.pulse(0.2)

    asyncio.run(play())


def test_a_gpiozero_pin_that_is_low_when_on() -> None:
    async def play() -> None:
        clock = SimulatedClock()
        pins = MockPins(clock)
        relay = GpioRelay(PIN, clock, active_low=True, factory=pins)
        await relay.hold(False)
        assert pins.pin(PIN).state is True
        await relay.pulse(0.2)
        assert pins.pin(PIN).state is False
        await clock.advance(0.2)
        assert pins.pin(PIN).state is True
        await relay.close()

    asyncio.run(play())


def test_no_pin_library_and_a_pin_in_use_are_sentences() -> None:
    async def play() -> None:
        clock = SimulatedClock()
        pins = MockPins(clock)
        first = GpioRelay(PIN, clock, factory=pins)
        await first.hold(True)
        for pin in (PIN, 99):
            with pytest.raises(DriverError, match=f"GPIO {pin}: .*; check"):
                await GpioRelay(pin, clock, factory=pins).hold(True)
        await first.close()

    asyncio.run(play())


def test_on_the_kernel_s_own_simulated_chip() -> None:
    chip = gpio_sim()
    if chip is None:
        pytest.skip("no gpio-sim chip here; load the kernel module gpio-sim and make a bank")
    path, pulls = chip

    async def play() -> None:
        relay = GpiodRelay(str(path), 0, SystemClock())
        value = pulls / "sim_gpio0" / "value"
        await relay.pulse(0.3)
        assert value.read_text().strip() == "1"
        await until(lambda: value.read_text().strip() == "0")
        await relay.hold(True)
        assert value.read_text().strip() == "1"
        await relay.close()

    asyncio.run(play())


def gpio_sim() -> tuple[Path, Path] | None:
    """Return a gpio-sim chip's device and its directory of lines, if this kernel has one."""
    for lines in Path("/sys/devices/platform").glob("gpio-sim.*/gpiochip*"):
        device = Path("/dev") / lines.name
        if os.access(device, os.R_OK | os.W_OK):
            return device, lines
    return None


def test_gpiozero_s_default_library_is_left_alone() -> None:
    assert Device.pin_factory is None
