"""A ticket printer made of software: real bytes in, paper out, and everything that goes wrong.

`EscposPrinter` knows three kinds: Epson's, which say when they have printed; a Chinese board, which
does not, has GBK letters and wakes up in Chinese mode; and CUSTOM's kiosk printer with a mouth that
holds the ticket and draws it back. BOCA's is in `printer_boca`. Real-time commands are found in the
raw stream as they arrive, also in the midst of a picture, as real printers find them.

    printer = EscposPrinter(EPSON_80, TcpLine(9100))
    printer.plug()
    await printer.run()

`breaks` says after how many bytes of a job what happens. Real speed only if it is asked for.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from PIL import Image

from simulators.escpos_reader import Mechanics, Reader
from simulators.printer_line import PrinterLine
from simulators.printer_paper import Paper

FINE = 0x12
DLE, EOT, ENQ, DC4 = 0x10, 0x04, 0x05, 0x14
CUT_SECONDS = 0.35


@dataclass(frozen=True, slots=True)
class Model:
    name: str
    width_dots: int
    dots_per_mm: float = 8.0
    process_ids: bool = False
    reports: bool = False
    chinese: bool = False
    draws_codes: bool = False
    mouth: bool = False
    mm_per_second: float = 150.0
    buffer_bytes: int = 4096


EPSON_80 = Model("Epson 80 mm", 576, 8.0, True, True, draws_codes=True, mm_per_second=200.0)
EPSON_58 = Model("Epson 58 mm", 384, 8.0, True, True, draws_codes=True, mm_per_second=100.0)
CHINA_80 = Model("Chinese board 80 mm", 576, chinese=True)
CHINA_58 = Model("Chinese board 58 mm", 384, chinese=True, mm_per_second=70.0)
CUSTOM_80 = Model("CUSTOM kiosk 80 mm", 576, mouth=True)


class Mishap(StrEnum):
    """What can happen to a printer in the middle of a job."""

    PAPER_END = "paper-end"
    COVER = "cover"
    JAM = "jam"
    CUTTER = "cutter"  # The blade gets stuck at the next cut.
    POWER = "power"  # It loses power, and stays off.
    UNPLUGGED = "unplugged"
    MUTE = "mute"  # It prints on and answers no more.
    GARBAGE = "garbage"  # It sends noise, and prints on.
    CHATTER = "chatter"  # It answers what nobody asked: healthy, ended, confirmed.
    HOT = "hot"  # The head cools down for a while.


GARBAGE = bytes(range(256))
CHATTER = bytes([FINE] * 5) + b"\x00\x14\x00\x00\x0f\x37\x22ABCD\x00\x00" + bytes([FINE] * 5)


@dataclass
class Health:
    cover_open: bool = False
    jammed: bool = False
    cutter_stuck: bool = False
    cutter_error: bool = False
    hot: bool = False

    @property
    def stopped(self) -> bool:
        return self.cover_open or self.jammed or self.cutter_error or self.hot


@dataclass
class Counted:
    """The truth, for the books."""

    cuts: int = 0
    retracted: int = 0
    bytes_read: int = 0
    """Since the last cut."""
    confirmed: list[bytes] = field(default_factory=list)


class EscposPrinter(Mechanics):
    def __init__(
        self, model: Model, line: PrinterLine, paced: bool = False, late_seconds: float = 0.0
    ) -> None:
        """`paced`: prints and cuts at real speed; `late_seconds`: how late it answers."""
        self.model, self.line = model, line
        self.width_dots, self.dots_per_mm = model.width_dots, model.dots_per_mm
        self.has_chinese, self.draws_codes = model.chinese, model.draws_codes
        self.paper = Paper(model.width_dots, model.dots_per_mm)
        self.health, self.counted = Health(), Counted()
        self.breaks: dict[int, Mishap] = {}
        self.mute = False
        self.late_seconds = late_seconds
        self.in_mouth = False
        self.on = True
        self.reader = Reader(self)
        self.changed: Callable[[], None] = lambda: None
        """Called after each cut and each mishap, for whoever shows the paper."""
        self._paced = paced
        self._buffer = bytearray()
        self._filled, self._emptied = asyncio.Event(), asyncio.Event()
        self._going = asyncio.Event()
        self._reporting = 0
        self._tail = b""
        self._answering: set[asyncio.Task[None]] = set()
        self._reading: asyncio.Task[None] | None = None
        self._look()

    def plug(self) -> None:
        self.line.plug()

    def unplug(self) -> None:
        self.line.unplug()

    async def run(self) -> None:
        """Take bytes and print, for ever."""
        self._reading = asyncio.create_task(self._read())
        try:
            while True:
                arrived = await self.line.read()
                if self.on:
                    await self._hold(self._hear(arrived))
                if self._reading.done():
                    self._reading.result()
        finally:
            self._reading.cancel()

    async def _read(self) -> None:
        """Read the stream; begun anew after it was switched off or cleared."""
        self.reader = Reader(self)
        await self.reader.run()

    async def _hold(self, arrived: bytes) -> None:
        """Take bytes into the buffer, as room for them comes."""
        while arrived and self.on:
            room = self.model.buffer_bytes - len(self._buffer)
            self._buffer += arrived[:room]
            arrived = arrived[room:]
            self._filled.set()
            if arrived:
                self._emptied.clear()
                await self._emptied.wait()

    # What people do to it.

    def open_cover(self) -> None:
        self._now(cover_open=True)

    def close_cover(self) -> None:
        self._now(cover_open=False)

    def clear_jam(self) -> None:
        self.paper.tear()
        self._now(jammed=False)

    def load(self, mm: float = 80_000.0) -> None:
        self.paper.load(mm)
        self._now()

    def take(self) -> None:
        """Take the ticket out of its mouth."""
        self.in_mouth = False
        self._now()

    def power_off(self) -> None:
        self.on = False
        self.paper.tear()
        self._forget()
        self._reporting = 0
        self.health.cutter_error = False
        self._look()

    def power_on(self) -> None:
        self.on = True
        self._look()

    def happens(self, mishap: Mishap) -> None:
        match mishap:
            case Mishap.PAPER_END:
                self.paper.mm_left = 0.0
            case Mishap.COVER:
                self.health.cover_open = True
            case Mishap.JAM:
                self.health.jammed = True
            case Mishap.CUTTER:
                self.health.cutter_stuck = True
            case Mishap.HOT:
                self.health.hot = True
            case Mishap.POWER:
                self.power_off()
            case Mishap.UNPLUGGED:
                self.unplug()
            case Mishap.MUTE:
                self.mute = True
            case Mishap.GARBAGE:
                self.line.send(GARBAGE)
            case Mishap.CHATTER:
                self.line.send(CHATTER)
        self._now()

    def _now(self, **health: bool) -> None:
        for name, value in health.items():
            setattr(self.health, name, value)
        self._look()
        if self._reporting:
            self._answer(self.report_bytes())
        self.changed()

    def _look(self) -> None:
        if self.on and not self.health.stopped and not self.paper.empty:
            self._going.set()
        else:
            self._going.clear()

    def _forget(self) -> None:
        self._buffer.clear()
        self._emptied.set()
        if self._reading is not None:
            self._reading.cancel()
            self._reading = asyncio.create_task(self._read())
        self.counted.bytes_read = 0

    # What it hears and says at once.

    def _hear(self, arrived: bytes) -> bytes:
        """Obey what is to be obeyed at once; return what is left to be read in its turn."""
        data = self._tail + arrived
        at = kept = 0
        while (at := data.find(DLE, at)) >= 0 and at + 2 < len(data):
            kind, number = data[at + 1], data[at + 2]
            at += 1
            if kind == EOT:
                self._answer(self.status_bytes(number))
            elif kind == ENQ and number == 2:
                self._forget()
                self._now(cutter_error=self.health.cutter_stuck)
                kept = at + 2
        self._tail = data[-2:] if DLE in data[-2:] else b""
        return arrived[max(kept - (len(data) - len(arrived)), 0) :]

    def status_bytes(self, number: int) -> bytes:
        """Return the answer to DLE EOT `number`."""
        health, paper = self.health, self.paper
        stopped = health.stopped or paper.empty
        error = health.jammed or health.cutter_error or health.hot
        match number:
            case 1:
                return bytes([FINE | (stopped << 3)])
            case 2:
                end = paper.empty << 5
                return bytes([FINE | (health.cover_open << 2) | end | (error << 6)])
            case 3:
                found = (health.jammed << 2) | (health.cutter_error << 3) | (health.hot << 6)
                return bytes([FINE | found])
            case 4:
                near = 0x0C if paper.near_end else 0
                return bytes([FINE | near | (0x60 if paper.empty else 0)])
            case 20 if self.model.mouth:
                paper_bits = paper.empty | (paper.near_end << 2) | (self.in_mouth << 5)
                user = (health.cover_open << 1) | (bool(self._buffer) << 2)
                passing = health.hot | (health.jammed << 6)
                return bytes([DLE, 0x0F, paper_bits, user, passing, int(health.cutter_error)])
            case _:
                return b""

    def report_bytes(self) -> bytes:
        """Return the four bytes that it sends unasked when something changes (GS a)."""
        health, paper = self.health, self.paper
        first = 0x10 | ((health.stopped or paper.empty) << 3) | (health.cover_open << 5)
        second = (health.jammed << 2) | (health.cutter_error << 3) | (health.hot << 6)
        third = (0x03 if paper.near_end else 0) | (0x0C if paper.empty else 0)
        return bytes([first, second, third, 0x0F])

    def _answer(self, said: bytes) -> None:
        if not said or self.mute or not self.on:
            return
        if self.late_seconds:
            task = asyncio.create_task(self._later(said))
            self._answering.add(task)
            task.add_done_callback(self._answering.discard)
        else:
            self.line.send(said)

    async def _later(self, said: bytes) -> None:
        await asyncio.sleep(self.late_seconds)
        if not self.mute and self.on:
            self.line.send(said)

    # What its mechanics do, in the order of the bytes.

    async def next_bytes(self, count: int) -> bytes:
        taken = bytearray()
        while len(taken) < count:
            await self._going.wait()
            mishap = self.breaks.pop(self.counted.bytes_read, None)
            if mishap is not None:
                self.happens(mishap)
            elif not self._buffer:
                self._filled.clear()
                await self._filled.wait()
            else:
                ahead = [at - self.counted.bytes_read for at in self.breaks]
                until = min((at for at in ahead if at > 0), default=count)
                some = self._buffer[: min(count - len(taken), until)]
                del self._buffer[: len(some)]
                self._emptied.set()
                self.counted.bytes_read += len(some)
                taken += some
        return bytes(taken)

    async def advance(self, dots: Image.Image) -> None:
        await self._going.wait()
        if self._paced:
            await asyncio.sleep(dots.height / self.dots_per_mm / self.model.mm_per_second)
            await self._going.wait()
        near = self.paper.near_end
        self.paper.print(dots)
        if self.paper.empty or near != self.paper.near_end:
            self._now()

    async def cut(self) -> None:
        await self._going.wait()
        if self.health.cutter_stuck:
            self._now(cutter_error=True)
            await self._going.wait()
        if self._paced:
            await asyncio.sleep(CUT_SECONDS)
        self.paper.cut()
        self.counted.cuts += 1
        self.counted.bytes_read = 0
        self.in_mouth = self.model.mouth
        self.changed()

    async def drained(self, kind: int) -> None:
        await self._going.wait()
        if kind == 1:
            self._answer(bytes([0x03 if self.paper.near_end else 0]))

    async def process(self, number: bytes) -> None:
        await self._going.wait()
        if self.model.process_ids:
            self.counted.confirmed.append(number)
            self._answer(b"\x37\x22" + number + b"\x00")

    def report(self, what: int) -> None:
        if self.model.reports:
            self._reporting = what
            self._answer(self.report_bytes())

    async def present(self, function: int, steps: int) -> None:  # noqa: ARG002
        if function == 2 and self.in_mouth:
            self.in_mouth = False
            self.counted.retracted += 1
            self._now()
