"""The simulated scanner speaks as its makers' manuals do, so that drivers meet the truth."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from edge.drivers.serial_line import SerialLine, open_line
from simulators.pty_line import PtyLine, garble
from simulators.scanner import GrowScanner, Scanner

ACKNOWLEDGED = "02 00 00 01 00 33 31"
TICKET = b"GH12KLNA4TUOVXW6MRSGE3TSMBRGI4TGNBZ"


def on_a_line(
    directory: Path,
    play: Callable[[GrowScanner, SerialLine], Awaitable[None]],
    error_replies: bool = False,
) -> None:
    async def run() -> None:
        scanner = GrowScanner(PtyLine(directory / "grow"), error_replies, paced=False)
        scanner.plug()
        line = open_line(scanner.line.link, 9600)
        try:
            async with asyncio.timeout(30):
                await play(scanner, line)
        finally:
            line.close()
            scanner.unplug()

    asyncio.run(run())


async def expect(line: SerialLine, answer: str | bytes) -> None:
    wanted = bytes.fromhex(answer) if isinstance(answer, str) else answer
    heard = b""
    while len(heard) < len(wanted):
        heard += await line.read()
    assert heard.hex(" ") == wanted.hex(" ")


@pytest.mark.parametrize(
    ("ask", "answer"),
    [
        ("7E 00 07 01 00 2A 02 D8 0F", "02 00 00 02 39 01 C1 4C"),
        ("7E 00 08 01 00 02 01 AB CD", ACKNOWLEDGED),
        ("7E 00 08 01 00 02 01 02 DA", ACKNOWLEDGED),
        ("7E 00 09 01 00 00 00 DE C8", ACKNOWLEDGED),
        ("7E 00 08 01 00 D9 50 81 D3", ACKNOWLEDGED),
        ("7E 00 0A 01 00 00 00 30 1A", "03 00 00 01 00 33 31"),
    ],
)
@pytest.mark.parametrize("noise", ["", "7E FF 00"])
def test_published_questions_get_their_published_answers(
    tmp_path: Path, ask: str, answer: str, noise: str
) -> None:
    async def play(_: GrowScanner, line: SerialLine) -> None:
        line.write(bytes.fromhex(noise + ask))
        await expect(line, answer)

    on_a_line(tmp_path, play)


def test_the_two_ways_to_meet_a_wrong_command(tmp_path: Path) -> None:
    async def silent(_: GrowScanner, line: SerialLine) -> None:
        line.write(bytes.fromhex("7E 00 07 01 00 2A 02 00 00 7E 00 55 01 00 00 00 AB CD"))
        line.write(bytes.fromhex("7E 00 0A 01 00 00 00 30 1A"))
        await expect(line, "03 00 00 01 00 33 31")

    async def answering(_: GrowScanner, line: SerialLine) -> None:
        line.write(bytes.fromhex("7E 00 07 01 00 2A 02 00 00"))
        await expect(line, "02 00 01 01 00 04 01")
        line.write(bytes.fromhex("7E 00 55 01 00 00 00 AB CD"))
        await expect(line, "02 00 03 01 00 6A 61")

    on_a_line(tmp_path, silent)
    on_a_line(tmp_path, answering, error_replies=True)


def test_a_trigger_sends_answer_and_code_in_one(tmp_path: Path) -> None:
    async def play(scanner: GrowScanner, line: SerialLine) -> None:
        scanner.memory[0x00] = 0xD5
        await scanner.present(TICKET)
        line.write(bytes.fromhex("7E 00 08 01 00 02 01 02 DA"))
        await expect(line, bytes.fromhex(ACKNOWLEDGED) + TICKET + b"\r")
        assert scanner.memory[0x02] & 1 == 0

    on_a_line(tmp_path, play)


def test_framed_output_is_as_captured_and_forgotten_unless_saved(tmp_path: Path) -> None:
    async def play(scanner: GrowScanner, line: SerialLine) -> None:
        line.write(bytes.fromhex("7E 00 08 01 00 60 81 AB CD"))
        await expect(line, ACKNOWLEDGED)
        await scanner.present(b"0312345678")
        await expect(line, b"\x03\x00\x0a0312345678")
        scanner.restart()
        await scanner.present(TICKET)
        await expect(line, TICKET + b"\r")

    on_a_line(tmp_path, play)


def test_a_new_baud_rate_holds_after_its_answer(tmp_path: Path) -> None:
    async def play(scanner: GrowScanner, line: SerialLine) -> None:
        line.write(bytes.fromhex("7E 00 08 02 00 2A 1A 00 AB CD"))
        await expect(line, ACKNOWLEDGED)
        while scanner.baud != 115200:  # noqa: ASYNC110 - a plain number
            await asyncio.sleep(0.005)
        await scanner.present(TICKET)
        assert await line.read() != TICKET + b"\r"

    on_a_line(tmp_path, play)


def test_a_held_code_is_read_again_and_again(tmp_path: Path) -> None:
    async def play() -> None:
        scanner = Scanner(PtyLine(tmp_path / "line"), paced=False)
        scanner.plug()
        line = open_line(scanner.line.link, 9600)
        holding = asyncio.create_task(scanner.hold(b"AB", 0.01))
        async with asyncio.timeout(30):
            await expect(line, b"AB\rAB\rAB\r")
        holding.cancel()
        line.close()
        scanner.unplug()

    asyncio.run(play())


@pytest.mark.parametrize("read_baud", [4800, 9600, 19200, 115200])
def test_what_another_baud_rate_hears(read_baud: int) -> None:
    heard = garble(TICKET, 9600, read_baud)
    assert (heard == TICKET) is (read_baud == 9600)
    assert heard
    assert garble(b"\xff", 19200, 9600) == b"\xff"
