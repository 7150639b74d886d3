"""Reads ESC/POS as a printer does, byte by byte, and draws what it says on paper.

Strict: an unknown command is kept in `unknown`, and its bytes are printed as text, as printers
print them. Letters are drawn by the same renderer as the preview.
"""

from dataclasses import dataclass, replace

from PIL import Image

from paper import code, glyphs
from paper.lines import ROLL_80
from paper.safe import columns_of

COLUMN_DOTS = ROLL_80.column_dots
LINE_SPACING_DOTS = 30


@dataclass(frozen=True, slots=True)
class Style:
    align: int = 0
    width: int = 1
    height: int = 1
    bold: bool = False
    chinese: bool = False
    spacing: int = LINE_SPACING_DOTS


class Mechanics:
    """What the reader makes the printer do, in the order of the bytes."""

    width_dots: int
    dots_per_mm: float
    has_chinese: bool
    draws_codes: bool

    async def next_bytes(self, count: int) -> bytes:
        raise NotImplementedError

    async def advance(self, dots: Image.Image) -> None:
        raise NotImplementedError

    async def cut(self) -> None:
        raise NotImplementedError

    async def drained(self, kind: int) -> None:
        raise NotImplementedError

    async def process(self, number: bytes) -> None:
        raise NotImplementedError

    def report(self, what: int) -> None:
        raise NotImplementedError

    async def present(self, function: int, steps: int) -> None:
        raise NotImplementedError


class Reader:
    """One reading of the stream; a printer that is switched on begins a new one."""

    def __init__(self, mechanics: Mechanics) -> None:
        self._printer = mechanics
        self._style = Style(chinese=mechanics.has_chinese)
        self._line: list[tuple[str, Style]] = []
        self._code: dict[str, bytes | int] = {}
        self.unknown: list[bytes] = []

    async def run(self) -> None:
        """Read for ever."""
        while True:
            byte = await self._byte()
            match byte:
                case 0x0A:
                    await self._flush()
                case 0x10:
                    await self._real_time()
                case 0x1B:
                    await self._escape()
                case 0x1C:
                    await self._chinese_command()
                case 0x1D:
                    await self._group()
                case _ if byte < 0x20:
                    continue  # NUL and other control bytes do nothing.
                case _:
                    await self._text(byte)

    async def _bytes(self, count: int) -> bytes:
        return await self._printer.next_bytes(count)

    async def _byte(self) -> int:
        return (await self._printer.next_bytes(1))[0]

    async def _real_time(self) -> None:
        """Skip what was answered when it arrived: EOT n, ENQ n, and DC4 with its parameters."""
        kind = await self._byte()
        if kind == 0x14:
            function = await self._byte()
            await self._bytes({1: 2, 2: 2, 8: 7}.get(function, 2))
        else:
            await self._bytes(1)

    async def _text(self, byte: int) -> None:
        if byte < 0x80:
            char = chr(byte)
        elif self._style.chinese:
            char = await self._chinese(byte)
        else:
            char = bytes([byte]).decode("cp437")
        self._line.append((char, self._style))
        used = sum(self._width(char, style) for char, style in self._line)
        if used > self._printer.width_dots:
            overflowing = self._line.pop()
            await self._flush()
            self._line.append(overflowing)

    async def _chinese(self, first: int) -> str:
        second = await self._byte()
        try:
            return bytes([first, second]).decode("gbk")
        except UnicodeDecodeError:
            return "□"  # No such letter in its font: half of a four-byte one, perhaps.

    def _width(self, char: str, style: Style) -> int:
        wide = 2 if ord(char) >= 0x80 and style.chinese else columns_of(char) or 1
        return wide * COLUMN_DOTS * style.width

    async def _flush(self) -> None:
        """Print the line, and move on by the line spacing or the height of its letters."""
        style = self._style
        height = max((2 * COLUMN_DOTS * style.height for _, style in self._line), default=0)
        row = Image.new("1", (self._printer.width_dots, max(height, style.spacing)), 0)
        used = sum(self._width(char, style) for char, style in self._line)
        first = self._line[0][1] if self._line else style
        free = self._printer.width_dots - used
        x = (0, free // 2, free)[first.align]
        for char, at in self._line:
            width = self._width(char, at)
            letter = glyphs.glyph(char, width, 2 * COLUMN_DOTS * at.height, at.bold)
            row.paste(1, (x, 0), letter)
            x += width
        self._line = []
        await self._printer.advance(row)

    async def _picture(self, dots: Image.Image) -> None:
        free = self._printer.width_dots - dots.width
        row = Image.new("1", (self._printer.width_dots, dots.height), 0)
        row.paste(dots, (max((0, free // 2, free)[self._style.align], 0), 0))
        await self._printer.advance(row)

    async def _escape(self) -> None:
        command = await self._byte()
        match chr(command):
            case "@":
                self._style = Style(chinese=self._printer.has_chinese)
                self._line, self._code = [], {}
            case "a":
                align = await self._byte() % 48
                self._style = replace(self._style, align=min(align, 2))
            case "E":
                self._style = replace(self._style, bold=bool(await self._byte() & 1))
            case "3":
                self._style = replace(self._style, spacing=await self._byte())
            case "2":
                self._style = replace(self._style, spacing=LINE_SPACING_DOTS)
            case "J":
                dots = await self._byte()
                await self._printer.advance(Image.new("1", (self._printer.width_dots, dots), 0))
            case "t" | "R" | "!" | "M" | "-" | "G":
                await self._bytes(1)
            case _:
                self.unknown.append(bytes([0x1B, command]))

    async def _chinese_command(self) -> None:
        command = await self._byte()
        match chr(command):
            case "&":
                self._style = replace(self._style, chinese=self._printer.has_chinese)
            case ".":
                self._style = replace(self._style, chinese=False)
            case "!" | "W" | "-":
                await self._bytes(1)
            case _:
                self.unknown.append(bytes([0x1C, command]))

    async def _group(self) -> None:
        command = await self._byte()
        match chr(command):
            case "!":
                size = await self._byte()
                width, height = (size >> 4 & 7) + 1, (size & 7) + 1
                self._style = replace(self._style, width=width, height=height)
            case "P":
                await self._bytes(2)
            case "V":
                kind = await self._byte()
                if kind in (65, 66):
                    await self._bytes(1)
                await self._printer.cut()
            case "v":
                await self._raster()
            case "r":
                await self._printer.drained(await self._byte())
            case "a":
                self._printer.report(await self._byte())
            case "e":
                function = await self._byte()
                steps = await self._byte() if function == 3 else 0
                await self._printer.present(function, steps)
            case "\x0c":
                await self._printer.advance(Image.new("1", (1, 8), 0))
            case "(":
                await self._extended()
            case _:
                self.unknown.append(bytes([0x1D, command]))

    async def _raster(self) -> None:
        head = await self._bytes(6)
        width, height = int.from_bytes(head[2:4], "little"), int.from_bytes(head[4:6], "little")
        if head[0] != 0x30 or width == 0 or height == 0:
            self.unknown.append(b"\x1dv" + head)
            return
        rows = await self._bytes(width * height)
        await self._picture(Image.frombytes("1", (8 * width, height), rows))

    async def _extended(self) -> None:
        head = await self._bytes(3)
        told = await self._bytes(int.from_bytes(head[1:3], "little"))
        match chr(head[0]), told[:2]:
            case "H", b"\x30\x30":
                await self._printer.process(told[2:6])
            case "k", b"\x31\x43":
                self._code["dots"] = told[2]
            case "k", b"\x31\x45":
                self._code["level"] = told[2]
            case "k", b"\x31\x50":
                self._code["text"] = told[3:]
            case "k", b"\x31\x51":
                await self._native_code()
            case "k", b"\x31\x41":
                pass
            case _:
                self.unknown.append(b"\x1d(" + head + told)

    async def _native_code(self) -> None:
        text, dots = self._code.get("text"), self._code.get("dots", 3)
        if not self._printer.draws_codes or not isinstance(text, bytes):
            self.unknown.append(b"\x1d(k")
            return
        # As printers do, without the quiet zone.
        matrix = code.modules(text.decode("latin-1"))
        size = len(matrix)
        picture = Image.frombytes("L", (size, size), b"".join(matrix)).point(lambda on: 255 * on)
        assert isinstance(dots, int)
        large = picture.resize((size * dots, size * dots), Image.Resampling.NEAREST).convert("1")
        await self._picture(large)
