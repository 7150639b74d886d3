"""The kiosk's simulated hardware: scanner, ticket printer, and the paper that comes out of it."""

import asyncio
import io
from collections.abc import Callable
from typing import Any

import zxingcpp
from PIL import Image

from gatehouse.demo.venue import BAUD, KIOSK, Venue
from simulators.printer import EPSON_80, EscposPrinter
from simulators.printer_body import Mishap
from simulators.printer_line import TcpLine
from simulators.pty_line import PtyLine
from simulators.scanner import Scanner

QR = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)

SHOWN = 6
"""Newest papers on the page."""
CODE_AT_BYTE = 1500
"""Somewhere in the midst of a ticket, after its code."""


class KioskStand:
    name = KIOSK

    def __init__(self, venue: Venue, paced: bool) -> None:
        self._scanner_line = PtyLine(venue.line(KIOSK, "scanner"))
        self.scanner = Scanner(self._scanner_line, BAUD)
        self.printer = EscposPrinter(EPSON_80, TcpLine(venue.printer_port), paced=paced)
        self.scanned = 0

    async def run(self) -> None:
        self._scanner_line.plug()
        self.printer.plug()
        await self.printer.run()

    async def present(self, code: bytes) -> None:
        self.scanned += 1
        await self.scanner.present(code)

    @property
    def cuts(self) -> int:
        """How many papers came out, by the printer's own count."""
        return self.printer.counted.cuts

    def paper(self, number: int) -> bytes | None:
        """Return paper `number` (from 0) as PNG."""
        pieces = self.printer.paper.pieces
        if not 0 <= number < len(pieces):
            return None
        out = io.BytesIO()
        pieces[number].save(out, "PNG")
        return out.getvalue()

    def code_on(self, number: int) -> bytes:
        """Return what a camera reads from a paper; nothing where there is no code.

        The lowest one: what a jam left hanging out comes off with the next paper, above it.
        """
        picture: Image.Image = self.printer.paper.pieces[number]
        found = zxingcpp.read_barcodes(picture, QR)
        lowest = max(found, key=lambda one: one.position.top_left.y, default=None)
        return b"" if lowest is None else bytes(lowest.bytes)

    async def staff(self, deed: str) -> str:
        """Do what somebody does to the printer; say it in both languages."""
        deeds: dict[str, tuple[Callable[[], None], str]] = {
            "paper-end": (lambda: self.printer.happens(Mishap.PAPER_END), "没纸了 · Out of paper"),
            "cover": (self.printer.open_cover, "打开盖子 · Cover opened"),
            "jam": (self._jam_next, "下一张会卡纸 · The next one jams"),
            "power": (self.printer.power_off, "断电 · Power off"),
            "mend": (self.printer.mend, "全部处理好 · All seen to"),
            "take": (self.printer.take, "取走 · Taken"),
        }
        if deed not in deeds:
            return "？"
        act, said = deeds[deed]
        act()
        await asyncio.sleep(0)
        return said

    def _jam_next(self) -> None:
        self.printer.breaks[self.printer.counted.bytes_read + CODE_AT_BYTE] = Mishap.JAM

    def picture(self) -> dict[str, Any]:
        health, pieces = self.printer.health, len(self.printer.paper.pieces)
        return {
            "name": self.name,
            "on": self.printer.on,
            "stopped": health.stopped,
            "mm": round(self.printer.paper.mm_left),
            "cuts": self.cuts,
            "scans": self.scanned,
            "papers": list(range(max(0, pieces - SHOWN), pieces))[::-1],
        }
