"""BOCA's printer for hard tickets: reads FGL, draws the ticket, answers with single bytes.

It knows what our encoder sends and a little more: `<CB>`, `<SPr,c>`, `<RCr,c>`,
`<bmp>`, `<Gn>` with its file, `<p>`, `<q>`, `<S1>`, `<S2>`. Text is drawn too, so that an injected
one would be seen. Whatever else stands in angle brackets is kept in `unknown`.
"""

import asyncio
import io
import re
from collections.abc import Coroutine
from typing import Any

from PIL import Image, ImageDraw, UnidentifiedImageError

from simulators.printer_body import PrinterBody
from simulators.printer_line import PrinterLine
from simulators.printer_paper import Paper

ACK, READY, OUT, LOW, POWER_ON, JAM = 0x06, 0x11, 0x10, 0x16, 0x12, 0x18
PRINT_SECONDS = 1.0
LOW_TICKETS = 50


class BocaPrinter(PrinterBody):
    chatter = bytes([ACK, READY, ACK])

    def __init__(
        self,
        line: PrinterLine,
        length_dots: int = 1600,
        height_dots: int = 576,
        paced: bool = False,
        late_seconds: float = 0.0,
    ) -> None:
        self.length_dots, self.height_dots = length_dots, height_dots
        self.unknown: list[str] = []
        self.ticket_mm = length_dots / 11.8
        self._paced = paced
        self._canvas = self._blank()
        super().__init__(line, Paper(length_dots, 11.8), 65_536, late_seconds)

    @property
    def tickets_left(self) -> int:
        return max(int(self.paper.mm_left / self.ticket_mm), 0)

    def reading(self) -> Coroutine[Any, Any, None]:
        return self._read()

    def power_on(self) -> None:
        super().power_on()
        self.answer(bytes([POWER_ON]))

    def says_changed(self) -> None:
        if self.paper.empty:
            self.answer(bytes([OUT]))
        elif self.health.stopped:
            self.answer(bytes([JAM]))

    def hear(self, arrived: bytes) -> bytes:
        # A stopped one prints nothing, but says how it is.
        if b"<S1>" in arrived and not self.going.is_set():
            self.answer(self._status())
            arrived = arrived.replace(b"<S1>", b"")
        return arrived

    async def _read(self) -> None:
        self._canvas = self._blank()
        row = column = 0
        while True:
            byte = await self.next_bytes(1)
            if byte != b"<":
                if byte >= b" ":
                    ImageDraw.Draw(self._canvas).text((column, row), byte.decode("latin-1"), 1)
                    column += 8
                continue
            command = await self._command()
            place = re.fullmatch(r"(?:SP|RC)(\d+),(\d+)", command)
            picture = re.fullmatch(r"G(\d+)", command)
            if place:
                row, column = int(place[1]), int(place[2])
            elif picture:
                self._draw(await self.next_bytes(int(picture[1])), row, column)
            elif command == "CB":
                self._canvas = self._blank()
            elif command in ("p", "q"):
                await self._print(cut=command == "p")
            elif command == "S1":
                self.answer(self._status())
            elif command == "S2":
                self.answer(f"{self.counted.cuts:07d} PROM = FGL46\r".encode())
            elif command != "bmp":
                self.unknown.append(command)

    async def _command(self) -> str:
        command = b""
        while (byte := await self.next_bytes(1)) != b">" and len(command) < 40:
            command += byte
        return command.decode("latin-1")

    def _draw(self, file: bytes, row: int, column: int) -> None:
        try:
            picture = Image.open(io.BytesIO(file)).convert("L").point(lambda level: 255 - level)
        except (UnidentifiedImageError, OSError, ValueError):
            self.unknown.append("bmp")
            return
        self._canvas.paste(1, (column, row), picture.convert("1"))

    async def _print(self, cut: bool) -> None:
        await self.going.wait()
        if self._paced:
            await asyncio.sleep(PRINT_SECONDS)
        self.paper.print(self._canvas)
        # A ticket is as long as it is, whatever stands on it.
        self.paper.mm_left -= self.ticket_mm - self.height_dots / 11.8
        self._canvas = self._blank()
        if self.health.cutter_stuck:
            self.now(jammed=True)
            await self.going.wait()
        if cut:
            self.cut_off()
            self.answer(bytes([ACK]))
        if self.paper.empty:
            self.now()

    def _status(self) -> bytes:
        if self.paper.empty:
            return bytes([OUT])
        if self.health.stopped:
            return bytes([JAM])
        return bytes([LOW if self.tickets_left < LOW_TICKETS else READY])

    def _blank(self) -> Image.Image:
        return Image.new("1", (self.length_dots, self.height_dots), 0)
