"""A sheet of paper before it has a width: its parts from top to bottom, all text safe already."""

from dataclasses import dataclass
from enum import StrEnum


class Align(StrEnum):
    LEFT = "left"
    CENTER = "center"
    RIGHT = "right"


class Kind(StrEnum):
    """What a sheet is; each is a class of its own in the books."""

    TICKET = "ticket"
    RECEIPT = "receipt"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class Bitmap:
    """Black (1) and white: ceil(width / 8) bytes a row, the leftmost dot is the highest bit."""

    width: int
    height: int
    rows: bytes

    def __post_init__(self) -> None:
        if len(self.rows) != self.row_bytes * self.height:
            raise ValueError(f"{len(self.rows)} bytes are no {self.width} x {self.height} dots")

    @property
    def row_bytes(self) -> int:
        return (self.width + 7) // 8

    def black(self, x: int, y: int) -> bool:
        return bool(self.rows[y * self.row_bytes + x // 8] >> (7 - x % 8) & 1)


@dataclass(frozen=True, slots=True)
class Text:
    text: str
    align: Align = Align.LEFT
    scale: int = 1
    bold: bool = False
    names_ticket: bool = False
    """It holds the number by which the ticket can be typed in."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two texts on one line, one at each margin."""

    left: str
    right: str
    scale: int = 1
    bold: bool = False
    names_ticket: bool = False


@dataclass(frozen=True, slots=True)
class Code:
    """A QR code, error correction M, as large as fits."""

    text: str


@dataclass(frozen=True, slots=True)
class Picture:
    bitmap: Bitmap


@dataclass(frozen=True, slots=True)
class Rule:
    """A line across."""


@dataclass(frozen=True, slots=True)
class Space:
    mm: float


Part = Text | Pair | Code | Picture | Rule | Space


@dataclass(frozen=True, slots=True)
class Sheet:
    kind: Kind
    parts: tuple[Part, ...]


def shrunk(bitmap: Bitmap, width_max: int) -> Bitmap:
    """Return a bitmap at most so wide, in its proportions; black wins where dots fall together."""
    if bitmap.width <= width_max:
        return bitmap
    height = max(bitmap.height * width_max // bitmap.width, 1)
    rows = bytearray((width_max + 7) // 8 * height)
    for y in range(bitmap.height):
        for x in range(bitmap.width):
            if bitmap.black(x, y):
                to_x = x * width_max // bitmap.width
                to_y = min(y * height // bitmap.height, height - 1)
                rows[to_y * ((width_max + 7) // 8) + to_x // 8] |= 0x80 >> to_x % 8
    return Bitmap(width_max, height, bytes(rows))


def separated(sheet: Sheet) -> Sheet:
    """Return a sheet that says first that what hangs above it is no part of it.

    It is not cut off: whether there is anything is not known, and each cut is counted as a paper.
    """
    words = ("以上未完成，与下面的票无关", "Unfinished above; not part of what follows")
    said = tuple(Text(text, Align.CENTER) for text in words)
    return Sheet(sheet.kind, (Rule(), *said, Rule(), Space(4.0), *sheet.parts))
