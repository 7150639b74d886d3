"""A sheet as ESC/POS: the bytes, block by block, that print and cut it.

Every block is one or more whole commands, so that a question may stand between two of them, and at
most BLOCK_BYTES_MAX long, so that as many zeros end any command that was broken off.

Text is the printer's own where it has the letters (ASCII; GB18030's two bytes between FS & and
FS .), else it is drawn here and sent as a picture (GS v 0). Pictures never hold a sequence that a
printer would take for a real-time command in their midst (DLE EOT, DLE ENQ, DLE DC4).
Sources: Epson's ESC/POS reference; for FS & the manuals of Chinese boards; CUSTOM's for GS e.
"""

from collections.abc import Callable, Iterable

from edge.core.print_job import Job
from edge.core.printer_profile import Letters, Profile, Proof
from paper import code
from paper.lines import CodeLine, Gap, Line, Paper, PictureLine, RuleLine, TextLine
from paper.safe import columns_of
from paper.sheet import Align, Bitmap

Draw = Callable[[TextLine, Paper], Bitmap]
"""Draws a line of text at the width of the paper; in black and white."""

STRIPE_DOTS = 24
BLOCK_BYTES_MAX = 2048
CLEAR = b"\x10\x05\x02"
"""DLE ENQ 2: give up what stopped with an error, and forget what is still to be printed."""

_INITIALISE = b"\x1b@\x1c."
_REPORT_CHANGES = b"\x1da\x0f"
_CHINESE, _NOT_CHINESE = b"\x1c&", b"\x1c."
_CUT = b"\x1dVB\x00"
_TO_BLACK_MARK = b"\x1d\x0c"
_PRESENT = b"\x1de\x03\x0c"
RETRACT = b"\x1de\x02"
_ALIGN = {Align.LEFT: b"\x1ba\x00", Align.CENTER: b"\x1ba\x01", Align.RIGHT: b"\x1ba\x02"}
_FEED_TO_CUTTER_MM = 3.0


def encode(lines: Iterable[Line], profile: Profile, process: bytes, draw: Draw) -> Job:
    """Return the job that prints `lines`; `process`: four characters 0x20 to 0x7E, ever new."""
    paper = profile.paper
    blocks: list[bytes] = [_opening(profile)]
    code_at: int | None = None
    height = 0
    for line in lines:
        told = isinstance(line, CodeLine) or (isinstance(line, TextLine) and line.names_ticket)
        if told and code_at is None:
            code_at = sum(map(len, blocks))
        made, dots = _line(line, profile, draw)
        blocks += made
        height += dots
    height += round(_FEED_TO_CUTTER_MM * paper.dots_per_mm)
    confirmed = process if profile.proof is Proof.PROCESS_ID else None
    blocks.append(_closing(profile, confirmed))
    seconds = height / paper.dots_per_mm / profile.mm_per_second
    end = sum(map(len, blocks[:-1]))
    return Job(tuple(blocks), end if code_at is None else code_at, confirmed, seconds)


def opening(profile: Profile) -> bytes:
    """Return what a line begins with: whatever was left half said is ended and forgotten.

    The first CLEAR makes room where the printer stopped with a full buffer.
    """
    return CLEAR + bytes(BLOCK_BYTES_MAX) + CLEAR + _opening(profile)


def prints_itself(text: str) -> bool:
    """Whether a Chinese board has all of these: ASCII, and what takes two bytes in GBK.

    A letter that would be drawn twice as wide as it was laid out (é) is not among them.
    """
    return all(_bytes_of(char) == columns_of(char) for char in text)


def undisturbed(rows: bytes) -> bytes:
    """Return a picture's bytes without DLE before EOT, ENQ or DC4: nobody sees one dot more."""
    for disturbing in (b"\x10\x04", b"\x10\x05", b"\x10\x14"):
        rows = rows.replace(disturbing, b"\x18" + disturbing[1:])
    return rows


def picture(bitmap: Bitmap) -> list[bytes]:
    """Return a picture in stripes of 24 rows (GS v 0), white margins at the right left away."""
    width = bitmap.row_bytes
    rows = [bitmap.rows[at : at + width] for at in range(0, len(bitmap.rows), width)]
    used = max((len(row.rstrip(b"\0")) for row in rows), default=0) or 1
    stripes = []
    for first in range(0, bitmap.height, STRIPE_DOTS):
        stripe = rows[first : first + STRIPE_DOTS]
        head = b"\x1dv0\x00" + used.to_bytes(2, "little") + len(stripe).to_bytes(2, "little")
        stripes.append(head + undisturbed(b"".join(row[:used] for row in stripe)))
    return stripes


def native_code(text: str, module_dots: int) -> bytes:
    """Return the commands for a QR code that the printer draws (GS ( k, model 2, level M)."""
    data = text.encode("ascii")
    store = (len(data) + 3).to_bytes(2, "little")
    return (
        b"\x1d(k\x04\x00\x31\x41\x32\x00"
        + b"\x1d(k\x03\x00\x31\x43"
        + bytes([module_dots])
        + b"\x1d(k\x03\x00\x31\x45\x31"
        + b"\x1d(k"
        + store
        + b"\x31\x50\x30"
        + data
        + b"\x1d(k\x03\x00\x31\x51\x30"
    )


def _opening(profile: Profile) -> bytes:
    dots_per_inch = round(profile.paper.dots_per_mm * 25.4)
    motion = b"\x1dP" + bytes([dots_per_inch, dots_per_inch])
    return _INITIALISE + motion + (_REPORT_CHANGES if profile.reports_changes else b"")


def _closing(profile: Profile, process: bytes | None) -> bytes:
    end = _ALIGN[Align.LEFT] + (_TO_BLACK_MARK if profile.black_mark else b"") + _CUT
    if profile.mouth:
        end += _PRESENT
    if process is not None:
        end += b"\x1d(H\x06\x00\x30\x30" + process
    return end


def _line(line: Line, profile: Profile, draw: Draw) -> tuple[list[bytes], int]:
    """Return a line's blocks and its height in dots."""
    paper = profile.paper
    match line:
        case Gap(height_dots):
            return [_feed(height_dots)], height_dots
        case RuleLine(height_dots):
            black = bytes([0xFF] * (paper.width_dots // 8)) * 2
            gap = (height_dots - 2) // 2
            rule = picture(Bitmap(paper.width_dots // 8 * 8, 2, black))
            return [_feed(gap), *rule, _feed(gap)], height_dots
        case PictureLine(bitmap):
            return [_ALIGN[Align.CENTER], *picture(bitmap), _ALIGN[Align.LEFT]], bitmap.height
        case CodeLine(text):
            return _code(text, profile)
        case TextLine(text):
            if profile.letters is Letters.GB18030 and prints_itself(text):
                return [_text(line)], line.height_dots
            drawn = draw(line, paper)
            return [*picture(drawn), _feed(line.height_dots - drawn.height)], line.height_dots


def _code(text: str, profile: Profile) -> tuple[list[bytes], int]:
    paper = profile.paper
    drawn = code.bitmap(text, paper.width_dots, paper.dots_per_mm)
    if profile.draws_codes and text.isascii():
        # It may not pack letters and digits as tightly: sized for the version that bytes take.
        size = code.size_in_bytes(len(text))
        dots = code.module_dots(size, paper.width_dots, paper.dots_per_mm)
        commands = _ALIGN[Align.CENTER] + native_code(text, dots) + _ALIGN[Align.LEFT]
        if len(commands) <= BLOCK_BYTES_MAX:
            quiet = _feed(code.QUIET_MODULES * dots)
            return [quiet, commands, quiet], (size + 2 * code.QUIET_MODULES) * dots
    return [_ALIGN[Align.CENTER], *picture(drawn), _ALIGN[Align.LEFT]], drawn.height


def _text(line: TextLine) -> bytes:
    size = bytes([(line.scale - 1) << 4 | (line.scale - 1)])
    spacing = bytes([line.height_dots])
    style = b"\x1b3" + spacing + b"\x1d!" + size + b"\x1bE" + bytes([line.bold])
    return _ALIGN[line.align] + style + _runs(line.text) + b"\n" + _ALIGN[Align.LEFT]


def _runs(text: str) -> bytes:
    """Return ASCII as it is, and Chinese between FS & and FS ."""
    written = bytearray()
    chinese = False
    for char in text:
        if (_bytes_of(char) == 2) is not chinese:
            chinese = not chinese
            written += _CHINESE if chinese else _NOT_CHINESE
        written += char.encode("gbk")
    return bytes(written) + (_NOT_CHINESE if chinese else b"")


def _bytes_of(char: str) -> int:
    """Return how many bytes a Chinese board has for a character; 0: none."""
    try:
        return len(char.encode("gbk"))
    except UnicodeEncodeError:
        return 0


def _feed(dots: int) -> bytes:
    """Return commands that move the paper on by `dots` (ESC J takes 255 at most)."""
    return b"".join(b"\x1bJ" + bytes([min(dots - at, 255)]) for at in range(0, dots, 255))
