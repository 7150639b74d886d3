"""A sheet laid out to the width of a paper: what stands on which line, and how high each is.

The grid is that of receipt printers: half-width columns of 12 dots, lines twice as high and a gap
of 6. A text without a space is broken at the margin.
"""

from dataclasses import dataclass

from paper.safe import columns, columns_of
from paper.sheet import Align, Bitmap, Code, Pair, Part, Picture, Rule, Sheet, Space, Text, shrunk

LINES_MAX = 8
"""Of one part: more than that of one name helps nobody."""
RULE_DOTS = 2


@dataclass(frozen=True, slots=True)
class Paper:
    """The printable width of a roll or stock, and the printer's resolution."""

    width_dots: int
    dots_per_mm: float = 8.0
    column_dots: int = 12
    """How wide a half-width letter is; a line is twice as high, and a quarter of that apart."""

    @property
    def columns(self) -> int:
        return self.width_dots // self.column_dots

    @property
    def line_dots(self) -> int:
        return 2 * self.column_dots

    @property
    def gap_dots(self) -> int:
        return self.column_dots // 2


ROLL_80 = Paper(576)
ROLL_58 = Paper(384)


@dataclass(frozen=True, slots=True)
class TextLine:
    text: str
    align: Align
    scale: int
    bold: bool
    height_dots: int
    """With the gap below it."""
    names_ticket: bool = False


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
    height_dots: int


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
                _text_line(line, part.align, part, paper)
                for line in wrapped(part.text, paper.columns // part.scale)
            ]
        case Pair():
            return _pair(part, paper)
        case Code(text):
            return [CodeLine(text)]
        case Picture(bitmap):
            return [PictureLine(shrunk(bitmap, paper.width_dots))]
        case Rule():
            return [RuleLine(paper.line_dots)]
        case Space(mm):
            return [Gap(round(mm * paper.dots_per_mm))]


def _text_line(text: str, align: Align, part: Text | Pair, paper: Paper) -> TextLine:
    height = paper.line_dots * part.scale + paper.gap_dots
    return TextLine(text, align, part.scale, part.bold, height, part.names_ticket)


def _pair(pair: Pair, paper: Paper) -> list[Line]:
    """On one line if both fit; else the right one wraps beside the left, or below a long one."""
    width = paper.columns // pair.scale
    left = columns(pair.left)
    beside = width - left - 2 if width - left - 2 >= width // 2 else 0
    if left + 1 + columns(pair.right) <= width:
        beside = width - left - 1
    first, *rest = wrapped(pair.right, beside or width) or [""]
    lines: list[Line] = []
    if beside:
        between = " " * (width - left - columns(first))
        lines.append(_text_line(pair.left + between + first, Align.LEFT, pair, paper))
    else:
        texts = wrapped(pair.left, width)
        lines += [_text_line(text, Align.LEFT, pair, paper) for text in texts]
        rest = [first, *rest]
    return lines + [_text_line(text, Align.RIGHT, pair, paper) for text in rest]
