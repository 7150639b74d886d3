"""The contract of every reader, and what is particular to each.

Scanners are those of `simulators`: ptys with real bytes, named pipes with real input events. The
keyboards' opener stands in for `open_grabbed`, because a pipe cannot be grabbed. The camera is a
program that writes pictures, read by the process that watches cameras.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import evdev
import pytest

from edge.core.framing import GrowFraming, LineFraming
from edge.core.keyboard import Typing
from edge.drivers.camera.words import Told
from edge.drivers.interfaces import Code, DriverError, Found, Lost, Reader
from edge.drivers.reader_camera import CameraReader
from edge.drivers.reader_keyboard import KeyboardReader, open_grabbed
from edge.drivers.reader_serial import SerialReader
from edge.drivers.reader_simulated import SimulatedReader
from edge.drivers.serial_line import open_line
from edge.runtime.clock import SimulatedClock, SystemClock
from simulators.camera import Camera, Held, Scene
from simulators.pty_line import PtyLine
from simulators.scanner import GrowScanner, Scanner
from simulators.scanner_keyboard import ENTER, Habit, KeyboardScanner
from tests.drivers.heard import Said, data, kinds, listening, until

TICKET = b"GH12KLNA4TUOVXW6MRSGE3TSMBRGI4TGNBZ2QWERTYUIOPASDFGHJKLZXCVBNM"
SIGNS = b"https://venue.example/t?id=aZ-09_~'\";:<>,.|\\[]{}()!@#$%^&*+ `"
LONG_GAP_SECONDS = 20.0
"""So that half a code is still half when the plug is drawn, however slow the machine."""

AWAY_SECONDS = 2.0


@dataclass
class Rig:
    """A reader and what is before it."""

    reader: Reader
    plug: Callable[[], None]
    unplug: Callable[[], None]
    present: Callable[[bytes], Awaitable[None]]
    present_half: Callable[[bytes], Awaitable[None]]


def open_pipe(path: Path) -> "evdev.InputDevice[str]":
    device = evdev.InputDevice.__new__(evdev.InputDevice)
    try:
        device.fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except FileNotFoundError as error:
        raise DriverError(f"{path} is not there") from error
    device.path = str(path)
    return device


def line_rig(directory: Path) -> Rig:
    scanner = Scanner(PtyLine(directory / "line"), paced=False)
    framing = LineFraming(idle_gap_seconds=LONG_GAP_SECONDS)
    reader = SerialReader(scanner.line.link, 9600, framing, SystemClock())
    return serial_rig(reader, scanner)


def grow_rig(directory: Path) -> Rig:
    scanner = GrowScanner(PtyLine(directory / "grow"), paced=False)
    return serial_rig(SerialReader(scanner.line.link, 9600, GrowFraming(), SystemClock()), scanner)


def serial_rig(reader: Reader, scanner: Scanner) -> Rig:
    async def present_half(code: bytes) -> None:
        await scanner.present_half(code, len(code) // 2)

    return Rig(reader, scanner.plug, scanner.unplug, scanner.present, present_half)


def keyboard_rig(directory: Path, habit: Habit) -> Rig:
    scanner = KeyboardScanner(directory / "keyboard", habit)
    typing = Typing(idle_gap_seconds=LONG_GAP_SECONDS, whole_seconds_max=60.0)
    reader = KeyboardReader(scanner.path, typing, SystemClock(), open_pipe)
    return Rig(reader, scanner.plug, scanner.unplug, scanner.present, scanner.present_half)


def camera_rig(directory: Path) -> Rig:
    camera = Camera(directory / "camera")
    # A machine that stands still for a moment must not make a second showing of the first.
    told = Told(command=camera.command, away_seconds=AWAY_SECONDS, again_seconds=LONG_GAP_SECONDS)
    reader = Counted(CameraReader(told, SystemClock()))
    last = b""

    async def present(code: bytes) -> None:
        nonlocal last
        if code == last:
            await asyncio.sleep(AWAY_SECONDS + 0.6)
        before, last = reader.codes_said, code
        camera.hold(code)
        await until(lambda: reader.codes_said > before)
        camera.show()

    async def present_half(code: bytes) -> None:
        camera.show(Scene([Held(code.hex())], fault="torn"))

    def plug() -> None:
        camera.show()
        camera.plug()

    return Rig(reader, plug, camera.unplug, present, present_half)


class Counted:
    """A reader, and how many codes it has said."""

    def __init__(self, reader: Reader) -> None:
        self._reader, self.codes_said = reader, 0

    async def codes(self) -> AsyncIterator[Said]:
        async with aclosing(cast("Any", self._reader.codes())) as codes:
            async for said in codes:
                self.codes_said += isinstance(said, Code)
                yield said


def simulated_rig(directory: Path) -> Rig:
    reader = SimulatedReader(SystemClock(), plugged=False)

    async def present(code: bytes) -> None:
        reader.present(code)

    async def present_half(code: bytes) -> None:
        """A simulated reader knows whole codes only."""

    assert directory.exists()
    return Rig(reader, reader.find, reader.lose, present, present_half)


RIGS: dict[str, Callable[[Path], Rig]] = {
    "line": line_rig,
    "grow": grow_rig,
    "keyboard-shift": lambda directory: keyboard_rig(directory, Habit.SHIFT),
    "keyboard-caps": lambda directory: keyboard_rig(directory, Habit.CAPS),
    "keyboard-alt": lambda directory: keyboard_rig(directory, Habit.ALT),
    "camera": camera_rig,
    "simulated": simulated_rig,
}


@pytest.fixture(params=RIGS)
def make_rig(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Rig]:
    make = RIGS[cast("str", request.param)]
    return lambda: make(tmp_path)


def open_files() -> set[str]:
    return {entry.name for entry in Path("/proc/self/fd").iterdir()}


def test_found_once_then_every_code_as_it_was(make_rig: Callable[[], Rig]) -> None:
    async def play() -> None:
        rig = make_rig()
        rig.plug()
        async with listening(rig.reader) as heard:
            await until(lambda: kinds(heard) == [Found])
            for code in (TICKET, TICKET, SIGNS, b"0", TICKET.lower()):
                await rig.present(code)
            await until(lambda: len(heard) == 6)
            assert data(heard) == [TICKET, TICKET, SIGNS, b"0", TICKET.lower()]
            for said in heard[1:]:
                assert isinstance(said, Code)
                assert said.first_byte_uptime <= said.last_byte_uptime
        rig.unplug()

    asyncio.run(play())


def test_absent_is_said_once_and_so_is_found(make_rig: Callable[[], Rig]) -> None:
    async def play() -> None:
        rig = make_rig()
        async with listening(rig.reader) as heard:
            await until(lambda: kinds(heard) == [Lost])
            await asyncio.sleep(2.5)
            rig.plug()
            await until(lambda: kinds(heard) == [Lost, Found])
            await rig.present(TICKET)
            await until(lambda: data(heard) == [TICKET])
            assert kinds(heard) == [Lost, Found, Code]
        rig.unplug()

    asyncio.run(play())


def test_half_a_code_at_unplugging_is_thrown_away(make_rig: Callable[[], Rig]) -> None:
    async def play() -> None:
        rig = make_rig()
        rig.plug()
        async with listening(rig.reader) as heard:
            await until(lambda: kinds(heard) == [Found])
            for _ in range(2):
                heard.clear()
                await rig.present_half(SIGNS)
                await asyncio.sleep(0.05)
                rig.unplug()
                await until(lambda: kinds(heard) == [Lost])
                taken = os.openpty()
                rig.plug()
                await until(lambda: kinds(heard) == [Lost, Found])
                await rig.present(TICKET)
                await until(lambda: len(heard) == 3)
                assert data(heard) == [TICKET]
                for end in taken:
                    os.close(end)
        rig.unplug()

    asyncio.run(play())


def test_each_loss_is_a_sentence_that_names_the_device(make_rig: Callable[[], Rig]) -> None:
    async def play() -> None:
        rig = make_rig()
        rig.plug()
        async with listening(rig.reader) as heard:
            await until(lambda: kinds(heard) == [Found])
            rig.unplug()
            await until(lambda: kinds(heard) == [Found, Lost])
            lost = heard[1]
            assert isinstance(lost, Lost)
            assert "plug it in again" in lost.why

    asyncio.run(play())


def test_who_stops_listening_lets_go_of_the_device(make_rig: Callable[[], Rig]) -> None:
    async def play() -> None:
        rig = make_rig()
        before = open_files()
        rig.plug()
        plugged = open_files()
        for _ in range(2):
            async with listening(rig.reader) as heard:
                await rig.present(TICKET)
                await until(lambda: bool(heard) or isinstance(rig.reader, SimulatedReader))
            assert open_files() == plugged
        rig.unplug()
        assert open_files() <= plugged
        assert before <= plugged

    asyncio.run(play())


def test_a_lost_line_is_tried_again_by_the_clock_and_not_sooner(tmp_path: Path) -> None:
    async def play() -> None:
        clock = SimulatedClock()
        line = PtyLine(tmp_path / "line")
        line.plug()
        async with listening(SerialReader(line.link, 9600, LineFraming(), clock)) as heard:
            await until(lambda: kinds(heard) == [Found])
            line.unplug()
            await until(lambda: kinds(heard) == [Found, Lost])
            line.plug()
            await asyncio.sleep(0.1)
            await clock.advance(0.9)
            assert kinds(heard) == [Found, Lost]
            await clock.advance(0.2)
            await until(lambda: kinds(heard) == [Found, Lost, Found])
        line.unplug()

    asyncio.run(play())


def test_two_codes_in_one_read_are_two(tmp_path: Path) -> None:
    async def play() -> None:
        line = PtyLine(tmp_path / "line")
        line.plug()
        async with listening(SerialReader(line.link, 9600, LineFraming(), SystemClock())) as heard:
            await until(lambda: kinds(heard) == [Found])
            line.send(TICKET + b"\r\n" + SIGNS + b"\r\n" + b"\x00\x1b@\r\n")
            await until(lambda: len(heard) == 4)
            assert data(heard) == [TICKET, SIGNS, b"\x00\x1b@"]
        line.unplug()

    asyncio.run(play())


def test_a_pause_ends_a_code_by_the_clock(tmp_path: Path) -> None:
    async def play() -> None:
        clock = SimulatedClock()
        line = PtyLine(tmp_path / "line")
        line.plug()
        async with listening(SerialReader(line.link, 9600, LineFraming(), clock)) as heard:
            await until(lambda: kinds(heard) == [Found])
            line.send(TICKET)
            await asyncio.sleep(0.1)
            await clock.advance(0.049)
            assert data(heard) == []
            await clock.advance(0.002)
            await until(lambda: data(heard) == [TICKET])
            line.send(SIGNS + b"\r")
            await until(lambda: data(heard) == [TICKET, SIGNS])
        line.unplug()

    asyncio.run(play())


def test_bytes_at_the_speed_of_the_wire_are_one_code(tmp_path: Path) -> None:
    async def play() -> None:
        scanner = Scanner(PtyLine(tmp_path / "line"), baud=9600, tail=b"\r\n")
        scanner.plug()
        framing = LineFraming(idle_gap_seconds=LONG_GAP_SECONDS)
        reader = SerialReader(scanner.line.link, 9600, framing, SystemClock())
        async with listening(reader) as heard:
            await until(lambda: kinds(heard) == [Found])
            await scanner.present(TICKET * 4)
            await until(lambda: data(heard) == [TICKET * 4])
            code = heard[1]
            assert isinstance(code, Code)
            assert code.first_byte_uptime < code.last_byte_uptime
        scanner.unplug()

    asyncio.run(play())


def test_a_wrong_baud_rate_gives_codes_that_are_none_and_no_error(tmp_path: Path) -> None:
    async def play() -> None:
        scanner = Scanner(PtyLine(tmp_path / "line"), baud=115200, paced=False)
        scanner.plug()
        reader = SerialReader(scanner.line.link, 9600, LineFraming(), SystemClock())
        async with listening(reader) as heard:
            await until(lambda: kinds(heard) == [Found])
            await scanner.present(TICKET)
            await until(lambda: len(data(heard)) > 0)
            assert TICKET not in data(heard)
        scanner.unplug()

    asyncio.run(play())


def test_a_line_in_use_and_what_is_no_line_are_said(tmp_path: Path) -> None:
    async def play() -> None:
        line = PtyLine(tmp_path / "line")
        line.plug()
        other = open_line(line.link, 9600)
        for path, why in ((line.link, "in use"), (Path("/dev/null"), "no serial line")):
            reader = SerialReader(path, 9600, LineFraming(), SystemClock())
            async with listening(reader) as heard:
                await until(lambda: len(heard) == 1)
                assert isinstance(heard[0], Lost)
                assert why in heard[0].why
                assert str(path) in heard[0].why
        other.close()
        line.unplug()

    asyncio.run(play())


@pytest.mark.parametrize("error_replies", [False, True])
def test_a_grow_scanner_is_set_up_and_set_up_again_after_a_brown_out(
    tmp_path: Path, error_replies: bool
) -> None:
    async def play() -> None:
        scanner = GrowScanner(PtyLine(tmp_path / "grow"), error_replies, paced=False)
        scanner.plug()
        assert scanner.show_setup_code(0x06, 0x10)
        reader = SerialReader(scanner.line.link, 9600, GrowFraming(), SystemClock())
        async with listening(reader) as heard:
            await until(lambda: kinds(heard) == [Found])
            assert scanner.memory[0x60] == 0x81
            assert not scanner.show_setup_code(0x06, 0x32)
            assert scanner.memory[0x06] == 0x10
            scanner.restart()
            assert scanner.memory[0x60] == 0x01
            await scanner.present(TICKET)
            await until(lambda: scanner.memory[0x60] == 0x81)
            await scanner.present(SIGNS)
            await until(lambda: data(heard) == [TICKET, SIGNS])
            assert kinds(heard) == [Found, Code, Code]
        scanner.unplug()

    asyncio.run(play())


def test_a_grow_scanner_delivers_any_bytes(tmp_path: Path) -> None:
    codes = [
        bytes.fromhex("02000001003331"),
        bytes.fromhex("03000001003331"),
        b"\x00\x1b@\x1dV\x00",
        b"\r\n",
        bytes(place * 7 % 256 for place in range(2900)),
        "门票".encode("gbk"),
    ]

    async def play() -> None:
        scanner = GrowScanner(PtyLine(tmp_path / "grow"), paced=False)
        scanner.plug()
        reader = SerialReader(scanner.line.link, 9600, GrowFraming(), SystemClock())
        async with listening(reader) as heard:
            await until(lambda: kinds(heard) == [Found])
            for code in codes:
                await scanner.present(code)
            await until(lambda: len(data(heard)) == len(codes))
            assert data(heard) == codes
        scanner.unplug()

    asyncio.run(play())


def test_an_answer_and_the_bare_code_behind_it_come_apart(tmp_path: Path) -> None:
    async def play() -> None:
        scanner = GrowScanner(PtyLine(tmp_path / "grow"), paced=False)
        scanner.plug()
        framing = GrowFraming(framed_output=False)
        reader = SerialReader(scanner.line.link, 9600, framing, SystemClock())
        async with listening(reader) as heard:
            await until(lambda: kinds(heard) == [Found])
            scanner.line.send(bytes.fromhex("02000001003331") + TICKET + b"\r")
            await until(lambda: data(heard) == [TICKET])
        scanner.unplug()

    asyncio.run(play())


@pytest.mark.parametrize(
    ("fault", "why"),
    [("mute", "does not answer"), ("baud", "does not answer"), ("stubborn", "does not keep")],
)
def test_a_grow_scanner_that_does_not_obey_is_lost(tmp_path: Path, fault: str, why: str) -> None:
    async def play() -> None:
        scanner = GrowScanner(PtyLine(tmp_path / "grow"), paced=False)
        scanner.plug()
        scanner.mute = fault == "mute"
        scanner.stubborn = {0x60} if fault == "stubborn" else set()
        baud = 115200 if fault == "baud" else 9600
        reader = SerialReader(scanner.line.link, baud, GrowFraming(), SystemClock())
        async with listening(reader) as heard:
            await until(lambda: len(heard) > 0)
            assert isinstance(heard[0], Lost)
            assert why in heard[0].why
        scanner.unplug()

    asyncio.run(play())


def test_a_grow_scanner_that_hangs_is_lost_and_found_when_it_answers(tmp_path: Path) -> None:
    async def play() -> None:
        clock = SimulatedClock()
        scanner = GrowScanner(PtyLine(tmp_path / "grow"), paced=False)
        scanner.plug()
        reader = SerialReader(scanner.line.link, 9600, GrowFraming(), clock)
        async with listening(reader) as heard:
            await until(lambda: kinds(heard) == [Found])
            scanner.mute = True
            while kinds(heard) != [Found, Lost]:
                await clock.advance(1.0)
            scanner.mute = False
            while kinds(heard) != [Found, Lost, Found]:
                await clock.advance(0.5)
                await asyncio.sleep(0.05)
        scanner.unplug()

    asyncio.run(play())


def test_a_keyboard_types_what_only_alt_can(tmp_path: Path) -> None:
    codes = [b"\x00\x1b@\r\n\t", bytes(place * 7 % 256 for place in range(2900)), "门票".encode()]

    async def play() -> None:
        rig = keyboard_rig(tmp_path, Habit.ALT)
        rig.plug()
        async with listening(rig.reader) as heard:
            await until(lambda: kinds(heard) == [Found])
            for code in codes:
                await rig.present(code)
            await until(lambda: len(data(heard)) == len(codes))
            assert data(heard) == codes
        rig.unplug()

    asyncio.run(play())


def test_a_keyboard_s_lost_events_discard_one_code_only(tmp_path: Path) -> None:
    async def play() -> None:
        scanner = KeyboardScanner(tmp_path / "keyboard")
        scanner.plug()
        typing = Typing(idle_gap_seconds=LONG_GAP_SECONDS)
        reader = KeyboardReader(scanner.path, typing, SystemClock(), open_pipe)
        async with listening(reader) as heard:
            await until(lambda: kinds(heard) == [Found])
            await scanner.present_half(TICKET[:20])
            await scanner.overrun()
            await scanner.present(TICKET[30:])
            await scanner.present(SIGNS)
            await until(lambda: data(heard) == [SIGNS])
        scanner.unplug()

    asyncio.run(play())


def test_a_keyboard_without_terminator_ends_by_the_clock(tmp_path: Path) -> None:
    async def play() -> None:
        clock = SimulatedClock()
        scanner = KeyboardScanner(tmp_path / "keyboard", terminator=None)
        scanner.plug()
        async with listening(KeyboardReader(scanner.path, Typing(), clock, open_pipe)) as heard:
            await until(lambda: kinds(heard) == [Found])
            await scanner.present(TICKET)
            await asyncio.sleep(0.1)
            assert data(heard) == []
            await clock.advance(0.11)
            await until(lambda: data(heard) == [TICKET])
            scanner.terminator = ENTER
            await scanner.present(SIGNS)
            await until(lambda: data(heard) == [TICKET, SIGNS])
        scanner.unplug()

    asyncio.run(play())


def test_what_is_no_input_device_is_said(tmp_path: Path) -> None:
    with pytest.raises(DriverError, match="not there"):
        open_grabbed(tmp_path / "absent")
    with pytest.raises(DriverError, match="no input device"):
        open_grabbed(Path("/dev/null"))
