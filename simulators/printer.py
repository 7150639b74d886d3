"""A ticket printer made of software: real bytes in, paper out, and everything that goes wrong.

`EscposPrinter` knows three kinds: Epson's, which say when they have printed; a Chinese board, which
does not, has GBK letters and wakes up in Chinese mode; and CUSTOM's kiosk printer with a mouth that
holds the ticket and draws it back. BOCA's is in `printer_boca`. Real-time commands are found in the
raw stream as they arrive, also in the midst of a picture, as real printers find them.

    printer = EscposPrinter(EPSON_80, TcpLine(9100))
    printer.plug()
    await printer.run()

Real speed only if it is asked for.
"""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from PIL import Image

from simulators.escpos_reader import Mechanics, Reader
from simulators.printer_body import PrinterBody
from simulators.printer_line import PrinterLine
from simulators.printer_paper import Paper

FINE = 0x12
DLE, EOT, ENQ = 0x10, 0x04, 0x05
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


class EscposPrinter(PrinterBody, Mechanics):
    chatter = bytes([FINE] * 5) + b"\x00\x14\x00\x00\x0f\x37\x22ABCD\x00\x00" + bytes([FINE] * 5)

    def __init__(
        self, model: Model, line: PrinterLine, paced: bool = False, late_seconds: float = 0.0
    ) -> None:
        """`paced`: prints and cuts at real speed; `late_seconds`: how late it answers."""
        self.model = model
        self.width_dots, self.dots_per_mm = model.width_dots, model.dots_per_mm
        self.has_chinese, self.draws_codes = model.chinese, model.draws_codes
        self.reader = Reader(self)
        self._paced = paced
        self._reporting = 0
        self._tail = b""
        paper = Paper(model.width_dots, model.dots_per_mm)
        super().__init__(line, paper, model.buffer_bytes, late_seconds)

    def reading(self) -> Coroutine[Any, Any, None]:
        self.reader = Reader(self)
        return self.reader.run()

    def power_off(self) -> None:
        self._reporting = 0
        super().power_off()

    def says_changed(self) -> None:
        if self._reporting:
            self.answer(self.report_bytes())

    def hear(self, arrived: bytes) -> bytes:
        data = self._tail + arrived
        at = kept = 0
        while (at := data.find(DLE, at)) >= 0 and at + 2 < len(data):
            kind, number = data[at + 1], data[at + 2]
            at += 1
            if kind == EOT:
                self.answer(self.status_bytes(number))
            elif kind == ENQ and number == 2:
                self.forget()
                self.now(cutter_error=self.health.cutter_stuck and self.health.cutter_error)
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
                user = (health.cover_open << 1) | (bool(self.buffer) << 2)
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

    # What its mechanics do, in the order of the bytes.

    async def advance(self, dots: Image.Image) -> None:
        await self.going.wait()
        if self._paced:
            await asyncio.sleep(dots.height / self.dots_per_mm / self.model.mm_per_second)
            await self.going.wait()
        near = self.paper.near_end
        self.paper.print(dots)
        if self.paper.empty or near != self.paper.near_end:
            self.now()

    async def cut(self) -> None:
        await self.going.wait()
        if self.health.cutter_stuck:
            self.now(cutter_error=True)
            await self.going.wait()
        if self._paced:
            await asyncio.sleep(CUT_SECONDS)
        self.in_mouth = self.model.mouth
        self.cut_off()

    async def drained(self, kind: int) -> None:
        await self.going.wait()
        if kind == 1:
            self.answer(bytes([0x03 if self.paper.near_end else 0]))

    async def process(self, number: bytes) -> None:
        await self.going.wait()
        if self.model.process_ids:
            self.counted.confirmed.append(number)
            self.answer(b"\x37\x22" + number + b"\x00")

    def report(self, what: int) -> None:
        if self.model.reports:
            self._reporting = what
            self.answer(self.report_bytes())

    async def present(self, function: int, steps: int) -> None:
        del steps
        if function == 2 and self.in_mouth:
            self.in_mouth = False
            self.counted.retracted += 1
            self.now()
