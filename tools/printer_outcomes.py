"""What becomes of a ticket when the printer fails at one of its bytes: the table in docs/kiosk.md.

    python tools/printer_outcomes.py             writes the table
    python tools/printer_outcomes.py --check     says whether it is what the code does

Driver, core and simulated printer are the real ones, on a line in memory that takes a few bytes at
a time, and a clock that jumps. `tests/drivers/test_printer_faults.py` uses it too, every night for
every single byte.
"""

import asyncio
import itertools
import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import zxingcpp  # noqa: E402

from edge.core.print_job import Outcome, Result  # noqa: E402
from edge.core.printer_profile import PROFILES, Letters, Profile  # noqa: E402
from edge.drivers.interfaces import DriverError  # noqa: E402
from edge.drivers.printer_escpos import EscposPrinter as Driver  # noqa: E402
from edge.runtime.clock import SimulatedClock, settle  # noqa: E402
from paper.sheet import Align, Code, Kind, Sheet, Text  # noqa: E402
from simulators.printer import CHINA_80, CUSTOM_80, EPSON_80, EscposPrinter  # noqa: E402
from simulators.printer_boca import BocaPrinter  # noqa: E402
from simulators.printer_body import Mishap, PrinterBody  # noqa: E402
from tests.threads import DirectThread  # noqa: E402

PAGE = ROOT / "docs/kiosk.md"
BEGIN, END = "<!-- outcomes -->\n", "<!-- /outcomes -->\n"
LINE_BYTES = 64
"""So few are on the way that the place where it broke is nearly that of the printer."""
AHEAD_BYTES = 3 * LINE_BYTES
"""On the line, in its hands and in the printer's buffer."""


class MemoryLine:
    """Both ends of a line: the driver's transport, and the simulated printer's plug."""

    name = "line"

    def __init__(self, room_bytes: int = LINE_BYTES) -> None:
        self.moved_bytes = 0
        self.session = 0
        self._room_bytes = room_bytes
        self._plugged = self._open = False
        self._there, self._back = bytearray(), bytearray()
        self._changed = asyncio.Event()

    def plug(self) -> None:
        self._plugged = True

    def unplug(self) -> None:
        self._plugged = self._open = False
        self._wake()

    async def open(self) -> None:
        if not self._plugged:
            raise DriverError("line is not there")
        self._there.clear()
        self._back.clear()
        self.session += 1
        self._open = True

    def close(self) -> None:
        self._open = False
        self._there.clear()
        self._wake()

    async def write(self, data: bytes) -> int:
        while self._opened() and len(self._there) >= self._room_bytes:
            await self._change()
        count = min(len(data), self._room_bytes - len(self._there))
        self._there += data[:count]
        self._wake()
        return count

    async def read(self) -> bytes:
        """The printer's end and the driver's are told apart by who asks: see `Plug`."""
        while self._opened() and not self._back:
            await self._change()
        arrived = bytes(self._back)
        self._back.clear()
        return arrived

    async def arrived(self) -> bytes:
        while not self._there:
            await self._change()
        arrived = bytes(self._there)
        self.moved_bytes += len(arrived)
        self._there.clear()
        self._wake()
        return arrived

    def send(self, message: bytes) -> None:
        if self._open:
            self.moved_bytes += len(message)
            self._back += message
            self._wake()

    def _opened(self) -> bool:
        if not self._open:
            raise DriverError("line was unplugged")
        return True

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def _change(self) -> None:
        await self._changed.wait()


@dataclass
class Plug:
    """The printer's end of a line."""

    line: MemoryLine

    @property
    def session(self) -> int:
        return self.line.session

    def plug(self) -> None:
        self.line.plug()

    def unplug(self) -> None:
        self.line.unplug()

    async def read(self) -> bytes:
        return await self.line.arrived()

    def send(self, message: bytes) -> None:
        self.line.send(message)


@dataclass(frozen=True)
class Kit:
    """A kind of printer, simulated, and the profile that it is driven by."""

    name: str
    profile: Profile

    @property
    def asked_bytes(self) -> int:
        """How long the questions are that come before a ticket."""
        if self.profile.ticket_dots:
            return len(b"<S1>")
        return 3 if self.profile.mouth else 12

    def printer(self, line: MemoryLine) -> PrinterBody:
        plug = Plug(line)
        if self.profile.ticket_dots:
            return BocaPrinter(plug, self.profile.ticket_dots, self.profile.paper.width_dots)
        models = {"Epson": EPSON_80, "Chinese board": CHINA_80, "CUSTOM": CUSTOM_80}
        model = models[self.name]
        model = replace(model, buffer_bytes=LINE_BYTES, draws_codes=True, chinese=True)
        return EscposPrinter(model, plug)


def _short(name: str) -> Profile:
    """A printer that draws letters and codes itself: short enough to try each byte of a ticket."""
    return replace(PROFILES[name], draws_codes=True, letters=Letters.GB18030)


KITS = (
    Kit("Epson", _short("epson-80")),
    Kit("Chinese board", _short("china-80")),
    Kit("CUSTOM", _short("custom-80")),
    Kit("BOCA", replace(PROFILES["boca-300"], ticket_dots=500)),
)


def sheet(code: str) -> Sheet:
    parts = (
        *(Text(f"Swan Lake {number}", Align.CENTER, bold=True) for number in range(9)),
        Code(code),
        Text(f"NO-{code[-4:]}", Align.CENTER, names_ticket=True),
    )
    return Sheet(Kind.TICKET, parts)


class Rig:
    """A driver and a printer on one line, and time that passes only when nothing else happens."""

    def __init__(self, kit: Kit) -> None:
        self.clock = SimulatedClock()
        room_bytes = 16 * LINE_BYTES if kit.profile.ticket_dots else LINE_BYTES
        self.line = MemoryLine(room_bytes)
        self.printer = kit.printer(self.line)
        numbers = itertools.count()
        self.driver = Driver(
            self.line, kit.profile, self.clock, DirectThread(), lambda n: next(numbers) % n
        )
        self.printer.plug()
        self._running = asyncio.create_task(self.printer.run())

    async def quiet(self) -> None:
        """Let everything happen that can without time."""
        before, still = -1, 0
        while still < 2:
            await settle(8)
            moved = self.line.moved_bytes + self.printer.counted.bytes_read
            still = still + 1 if moved == before else 0
            before = moved

    async def passes(self, seconds: float, step: float = 0.5) -> None:
        for _ in range(round(seconds / step)):
            await self.quiet()
            await self.clock.advance(step)

    async def print(self, code: str) -> Result:
        printing = asyncio.create_task(self.driver.print(sheet(code)))
        while not printing.done():
            await self.passes(0.5)
        return printing.result()

    async def close(self) -> None:
        await self.driver.close()
        self._running.cancel()
        await asyncio.wait({self._running})
        if not self._running.cancelled():
            self._running.result()


def codes(printer: PrinterBody) -> list[str]:
    """Return what can be read from all paper: cut, torn, and still hanging out."""
    pictures = [*printer.paper.pieces, *printer.paper.scraps, printer.paper.piece()]
    return [found.text for picture in pictures for found in zxingcpp.read_barcodes(picture)]


@dataclass(frozen=True)
class Tried:
    """One ticket, one mishap at one of its bytes, and what came of it."""

    byte: int
    mishap: Mishap
    result: Result
    code_at: int
    bytes_total: int
    cuts: int
    readable: list[str]
    after: Result
    """Of the next ticket, when the printer was mended."""
    readable_after: list[str]
    """On all paper, at the end."""


FIRST, SECOND = "GH1FIRSTTICKET234", "GH1SECONDTICKET567"


async def length_of(kit: Kit) -> tuple[int, int]:
    """Return a ticket's length in bytes, and where its code begins."""
    rig = Rig(kit)
    job = rig.driver.encoded(sheet(FIRST))
    await rig.close()
    return job.bytes_total, job.code_at


async def one(kit: Kit, mishap: Mishap, byte: int, code_at: int, total: int) -> Tried:
    rig = Rig(kit)
    rig.driver.start()
    await rig.passes(1.0)
    rig.printer.counted.bytes_read = -kit.asked_bytes
    rig.printer.breaks[byte] = mishap
    result = await rig.print(FIRST)
    cuts, readable = rig.printer.counted.cuts, codes(rig.printer)
    rig.printer.mend()
    await rig.passes(4.0)
    if rig.printer.in_mouth:
        rig.printer.take()
    after = await rig.print(SECOND)
    readable_after = codes(rig.printer)
    await rig.close()
    return Tried(byte, mishap, result, code_at, total, cuts, readable, after, readable_after)


async def every(kit: Kit, mishap: Mishap, places: Iterable[int]) -> list[Tried]:
    """Try a mishap at each of these bytes of a ticket."""
    total, code_at = await length_of(kit)
    return [await one(kit, mishap, byte, code_at, total) for byte in places]


async def some_places(kit: Kit) -> list[int]:
    """Return bytes well before the code, in it, behind it, and at the cut."""
    total, code_at = await length_of(kit)
    if kit.profile.ticket_dots:
        return [0, total // 2, total - 3, total - 1]
    return [0, (code_at - AHEAD_BYTES) // 2, code_at + 20, total - 20, total - 1]


def summary(tried: Iterable[Tried]) -> tuple[str, str]:
    """Return the outcomes before anything of the code was on its way, and from then on."""
    found: tuple[set[Outcome], set[Outcome]] = (set(), set())
    for one_try in tried:
        on_its_way = one_try.byte + AHEAD_BYTES >= one_try.code_at
        found[on_its_way].add(one_try.result.outcome)
    before, after = (" or ".join(sorted(outcome.value for outcome in some)) for some in found)
    return before, after


MEANS = {
    Mishap.PAPER_END: "paper ends",
    Mishap.COVER: "cover is opened",
    Mishap.JAM: "paper jams",
    Mishap.CUTTER: "cutter gets stuck",
    Mishap.POWER: "printer loses power",
    Mishap.UNPLUGGED: "cable is drawn",
    Mishap.MUTE: "prints, answers no more",
    Mishap.GARBAGE: "sends 256 bytes of noise",
    Mishap.CHATTER: "answers what nobody asked",
    Mishap.HOT: "head stays too hot",
}


def row(mishap: Mishap) -> str:
    """Return one line of the table of outcomes in Markdown."""
    cells = [MEANS[mishap]]
    for kit in KITS:
        tried = asyncio.run(_tried(kit, mishap))
        cells += summary(tried)
    return f"| {' | '.join(cells)} |\n"


def table() -> str:
    kits = " | ".join(f"{kit.name}, before the code | from the code on" for kit in KITS)
    rule = "|---" * (1 + 2 * len(KITS))
    return f"| what happens | {kits} |\n{rule}|\n" + "".join(row(mishap) for mishap in Mishap)


async def _tried(kit: Kit, mishap: Mishap) -> list[Tried]:
    return await every(kit, mishap, await some_places(kit))


def main(words: list[str]) -> int:
    page = PAGE.read_text(encoding="utf-8")
    head, rest = page.split(BEGIN)
    _, tail = rest.split(END)
    drawn = head + BEGIN + table() + END + tail
    if words == ["--check"]:
        if page == drawn:
            return 0
        print("docs/kiosk.md is stale: run python tools/printer_outcomes.py", file=sys.stderr)
        return 1
    PAGE.write_text(drawn, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
