"""A sheet laid out to the width of a paper: what stands on which line, and how high each is.

The grid is that of receipt printers: half-width columns of 12 dots, lines of 24 dots and a gap of
6, at whatever resolution the printer has. A text without a space is broken at the margin.
"""

from dataclasses import dataclass

from paper.safe import columns, columns_of
from paper.sheet import Align, Bitmap, Code, Pair, Part, Picture, Rule, Sheet, Space, Text

COLUMN_DOTS = 12
LINE_DOTS = 24
GAP_DOTS = 6
LINES_MAX = 8
"""Of one part: more than that of one name helps nobody."""
RULE_DOTS = 2


@dataclass(frozen=True, slots=True)
class Paper:
    """The printable width of a roll or stock, and the printer's resolution."""

    width_dots: int
    dots_per_mm: float = 8.0

    @property
    def columns(self) -> int:
        return self.width_dots // COLUMN_DOTS


ROLL_80 = Paper(576)
ROLL_58 = Paper(384)


@dataclass(frozen=True, slots=True)
class TextLine:
    text: str
    align: Align
    scale: int
    bold: bool
    names_ticket: bool = False

    @property
    def height_dots(self) -> int:
        return LINE_DOTS * self.scale + GAP_DOTS


@dataclass(frozen=True, slots=True)
class PictureLine:
    """Centred dots."""

    bitmap: Bitmap

    @property
    def height_dots(self) -> int:
        return self.bitmap.height


@dataclass(frozen=True, slots=True)
class CodeLine:
    text: str


@dataclass(frozen=True, slots=True)
class RuleLine:
    height_dots: int = LINE_DOTS


@dataclass(frozen=True, slots=True)
class Gap:
    height_dots: int


Line = TextLine | PictureLine | CodeLine | RuleLine | Gap


def lay_out(sheet: Sheet, paper: Paper) -> tuple[Line, ...]:
    """Return the lines of a sheet on `paper`."""
    return tuple(line for part in sheet.parts for line in _lines(part, paper))


def wrapped(text: str, width: int) -> list[str]:
    """Return `text` in lines of at most `width` columns, broken at spaces where there are any.

    Chinese may be broken between any two characters. At most LINES_MAX lines; "…" ends the last
    of them if more was cut off.
    """
    lines: list[str] = []
    rest = text.strip()
    while rest and len(lines) < LINES_MAX:
        end = _end(rest, width)
        lines.append(rest[:end].rstrip())
        rest = rest[end:].lstrip()
    if rest:
        last = lines[-1]
        while columns(last) + 2 > width and last:
            last = last[:-1]
        lines[-1] = last + "…"
    return lines


def _end(text: str, width: int) -> int:
    """Return where the first line of `text` ends; at least one character stands on it."""
    room, last_break = width, 0
    for at, char in enumerate(text):
        room -= columns_of(char)
        if at and (char == " " or columns_of(char) == 2 or columns_of(text[at - 1]) == 2):
            last_break = at
        if room < 0:
            return last_break or max(at, 1)
    return len(text)


def _lines(part: Part, paper: Paper) -> list[Line]:
    match part:
        case Text():
            return [
                TextLine(line, part.align, part.scale, part.bold, part.names_ticket)
                for line in wrapped(part.text, paper.columns // part.scale)
            ]
        case Pair():
            return _pair(part, paper.columns // part.scale)
        case Code(text):
            return [CodeLine(text)]
        case Picture(bitmap):
            return [PictureLine(bitmap)] if bitmap.width <= paper.width_dots else []
        case Rule():
            return [RuleLine()]
        case Space(mm):
            return [Gap(round(mm * paper.dots_per_mm))]


def _pair(pair: Pair, width: int) -> list[Line]:
    """On one line if both fit; else the right text on lines of its own, at the right margin."""
    room = width - columns(pair.left) - columns(pair.right)

    def line(text: str, align: Align) -> TextLine:
        return TextLine(text, align, pair.scale, pair.bold, pair.names_ticket)

    if room >= 1:
        return [line(pair.left + " " * room + pair.right, Align.LEFT)]
    return [
        *(line(text, Align.LEFT) for text in wrapped(pair.left, width)),
        *(line(text, Align.RIGHT) for text in wrapped(pair.right, width)),
    ]
