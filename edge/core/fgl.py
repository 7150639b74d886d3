"""A sheet as FGL, the language of BOCA's printers for hard tickets, and what they answer.

The ticket lies on its side: rows across the print head, columns along its way, text at the left
and the code at the right. All is sent as BMP pictures (<SPr,c><bmp><Gn>): they hold any letters,
and no name in them can be a command. Letters are made smaller until everything fits.

Answers are single bytes. ACK says that a ticket was printed and cut, without saying which; so a
second one is never under way, and what comes unasked is no confirmation. Sources: BOCA's
programming guide (<S1>, <S3>, <p>, <CB>), TLS BOCA's notes on status bytes; not tried on a printer.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from edge.core import print_job
from edge.core.escpos import Draw
from edge.core.escpos_talk import (
    ANSWER_SECONDS,
    Ask,
    AskDrained,
    Command,
    Due,
    Heard,
    Signal,
    Tell,
    Write,
)
from edge.core.print_job import Confirmed, Job, Told, Unanswered
from edge.core.printer_profile import Profile
from edge.core.printer_status import READY, Roll, Status
from paper import code
from paper.lines import CodeLine, Line, Paper, PictureLine, RuleLine, TextLine, lay_out
from paper.sheet import Bitmap, Code, Sheet

COLUMN_DOTS = (24, 20, 18, 16, 14, 12, 10)
"""Sizes of a letter, largest first."""
MARGIN_DOTS = 24
CUT_SECONDS = 1.0

ACK, NAK, READY_BYTE, BUSY, OUT, LOW, POWER_ON, JAM = 6, 0x15, 0x11, 0x13, 0x10, 0x16, 0x12, 0x18


@dataclass(frozen=True, slots=True)
class Placed:
    row: int
    column: int
    bitmap: Bitmap
    tells: bool
    """It makes the ticket's code or number readable."""


def compose(sheet: Sheet, profile: Profile, draw: Draw) -> tuple[Placed, ...]:
    """Return the pictures of a ticket, each at its place; those that tell its code come last."""
    height, length = profile.paper.width_dots, profile.ticket_dots
    codes = [part for part in sheet.parts if isinstance(part, Code)]
    drawn = [code.bitmap(part.text, height, profile.paper.dots_per_mm) for part in codes[:1]]
    side = drawn[0].width if drawn else 0
    room = length - side - 3 * MARGIN_DOTS
    words = Sheet(sheet.kind, tuple(part for part in sheet.parts if not isinstance(part, Code)))
    for column_dots in COLUMN_DOTS:
        paper = Paper(room, profile.paper.dots_per_mm, column_dots)
        lines = lay_out(words, paper)
        if sum(line.height_dots for line in lines if not isinstance(line, CodeLine)) <= height:
            break
    placed = list(_stacked(lines, paper, height, draw))
    right = length - side - MARGIN_DOTS
    placed += [Placed((height - one.height) // 2, right, one, True) for one in drawn]
    return tuple(sorted(placed, key=lambda one: one.tells))


def encode(sheet: Sheet, profile: Profile, draw: Draw) -> Job:
    """Return the job that prints and cuts one ticket."""
    blocks = [b"<CB>"]
    code_at: int | None = None
    for one in compose(sheet, profile, draw):
        if one.tells and code_at is None:
            code_at = sum(map(len, blocks))
        blocks.append(picture(one))
    end = sum(map(len, blocks))
    blocks.append(b"<p>")
    seconds = profile.ticket_dots / profile.paper.dots_per_mm / profile.mm_per_second
    # Nothing is printed before <p>, which ends the last block.
    return Job(tuple(blocks), end + len(b"<p>") - 1, b"", seconds + CUT_SECONDS)


def opening(owed_bytes: int) -> bytes:
    """Return what a line begins with after a picture was broken off: its rest, then forget all."""
    return bytes(owed_bytes) + b"<CB>"


def picture(placed: Placed) -> bytes:
    """Return the commands that put a picture at its place."""
    file = bmp(placed.bitmap)
    return f"<SP{placed.row},{placed.column}><bmp><G{len(file)}>".encode() + file


def bmp(bitmap: Bitmap) -> bytes:
    """Return a bitmap as a BMP file with one bit a dot: rows from the lowest, each of 4n bytes."""
    width_bytes = (bitmap.row_bytes + 3) // 4 * 4
    padding = bytes(width_bytes - bitmap.row_bytes)
    rows = [
        bitmap.rows[at : at + bitmap.row_bytes] + padding
        for at in range(0, len(bitmap.rows), bitmap.row_bytes)
    ]
    data = b"".join(reversed(rows))
    offset = 14 + 40 + 8
    file = b"BM" + _long(offset + len(data)) + bytes(4) + _long(offset)
    image = _long(40) + _long(bitmap.width) + _long(bitmap.height) + b"\x01\x00\x01\x00" + bytes(4)
    image += _long(len(data)) + _long(11811) * 2 + bytes(8)
    white, black = b"\xff\xff\xff\x00", b"\x00\x00\x00\x00"
    return file + image + white + black + data


def _long(number: int) -> bytes:
    return number.to_bytes(4, "little")


def _stacked(lines: Iterable[Line], paper: Paper, height: int, draw: Draw) -> Iterable[Placed]:
    """Yield lines one below the other, as many as there is room for."""
    row = 0
    for line in lines:
        if isinstance(line, CodeLine) or row + line.height_dots > height:
            continue
        match line:
            case TextLine():
                yield Placed(row, MARGIN_DOTS, draw(line, paper), line.names_ticket)
            case PictureLine(bitmap):
                left = MARGIN_DOTS + (paper.width_dots - bitmap.width) // 2
                yield Placed(row, left, bitmap, False)
            case RuleLine():
                width = paper.width_dots // 8
                bitmap = Bitmap(8 * width, 3, b"\xff" * 3 * width)
                yield Placed(row + line.height_dots // 2, MARGIN_DOTS, bitmap, False)
            case _:
                pass
        row += line.height_dots


# What the printer says.


@dataclass(frozen=True, slots=True)
class State:
    """Of the line to a BOCA printer."""

    asked: bool = False
    deadline: float | None = None


Stepped = tuple[State, list[Command]]


def step(state: State, signal: Signal, now: float) -> Stepped:
    """Return the next state and what is to be done, as `escpos_talk.step` does."""
    match signal:
        case Ask():
            if state.asked:
                return state, []
            return replace(state, asked=True, deadline=now + ANSWER_SECONDS), [Write(b"<S1>")]
        case AskDrained():
            return state, []
        case Due():
            if state.asked and state.deadline is not None and now >= state.deadline:
                return replace(state, asked=False, deadline=None), [Tell(Unanswered())]
            return state, []
        case Heard(data):
            commands: list[Command] = []
            for byte in data:
                state, said = _byte(state, byte)
                commands += said
            return state, commands


_MEANS: dict[int, Status] = {
    READY_BYTE: READY,
    OUT: Status(heard=True, online=True, roll=Roll.END),
    LOW: Status(heard=True, online=True, roll=Roll.NEAR_END),
    JAM: Status(heard=True, online=True, roll=Roll.ENOUGH, jam=True),
}


def _byte(state: State, byte: int) -> Stepped:
    if byte == ACK:
        return state, [Tell(Confirmed(b""))]
    if byte == NAK:
        return state, [Tell(print_job.Refused("it says that it could not print (NAK)"))]
    if byte == POWER_ON:
        return State(), [Tell(print_job.Refused("it was switched on anew"))]
    # Ready is X-ON as well, and then says nothing of its health: it counts as an answer only.
    if byte in _MEANS and (state.asked or byte != READY_BYTE):
        return State(), [Tell(Told(_MEANS[byte]))]
    return state, []
