"""Tickets and receipts on A4, for the box office: text that can be searched, codes as shapes.

Two to a page, so that half a page is a ticket. Fonts are embedded, only the letters that occur.
"""

from collections.abc import Iterable
from io import BytesIO
from typing import TYPE_CHECKING

from paper import code, glyphs
from paper.sheet import Align, Code, Pair, Part, Picture, Rule, Sheet, Space, Text

if TYPE_CHECKING:
    from fpdf import FPDF

WIDTH_MM, HALF_MM, MARGIN_MM = 210.0, 148.5, 15.0
CODE_MM = 50.0
POINTS = {1: 11.0, 2: 18.0, 3: 24.0}
LINE_PER_POINT_MM = 0.48
_ALIGN = {Align.LEFT: "L", Align.CENTER: "C", Align.RIGHT: "R"}


def pdf(sheets: Iterable[Sheet]) -> bytes:
    """Return the sheets as a PDF file; raise FontsMissing."""
    # As slow to load as all of Django, and wanted by few who start.
    from fpdf import FPDF

    document = FPDF(format="A4")
    document.set_auto_page_break(False)
    document.set_margins(MARGIN_MM, MARGIN_MM)
    _add_fonts(document)
    for number, sheet in enumerate(sheets):
        if number % 2 == 0:
            document.add_page()
        else:
            document.set_dash_pattern(2, 2)
            document.line(0, HALF_MM, WIDTH_MM, HALF_MM)
            document.set_dash_pattern()
        _draw(document, sheet, number % 2 * HALF_MM)
    return bytes(document.output())


def _draw(document: "FPDF", sheet: Sheet, top: float) -> None:
    """The code at the right, everything else beside it."""
    codes = [part for part in sheet.parts if isinstance(part, Code)]
    side = CODE_MM + 5 if codes else 0.0
    width = WIDTH_MM - 2 * MARGIN_MM - side
    document.set_xy(MARGIN_MM, top + MARGIN_MM)
    for part in sheet.parts:
        if document.get_y() > top + HALF_MM - MARGIN_MM:
            break  # What does not fit on half a page is left off, the code never.
        _part(document, part, width)
    for one in codes[:1]:
        _code(document, one.text, WIDTH_MM - MARGIN_MM - CODE_MM, top + MARGIN_MM)


def _part(document: "FPDF", part: Part, width: float) -> None:
    document.set_x(MARGIN_MM)
    match part:
        case Text(text, align):
            height = _style(document, part)
            document.multi_cell(width, height, text, align=_ALIGN[align], new_x="LMARGIN")
        case Pair(left, right):
            height = _style(document, part)
            document.cell(width / 3, height, left)
            document.multi_cell(width * 2 / 3, height, right, align="R", new_x="LMARGIN")
        case Rule():
            y = document.get_y() + 2
            document.line(MARGIN_MM, y, MARGIN_MM + width, y)
            document.set_y(y + 2)
        case Space(mm):
            document.set_y(document.get_y() + mm)
        case Picture(bitmap):
            file = BytesIO()
            # 1 is black on paper, and white in a picture.
            glyphs.image_of(bitmap).point(lambda dot: 255 - dot, "L").save(file, "PNG")
            wide = min(bitmap.width / 8, width)
            high = wide * bitmap.height / bitmap.width
            document.image(file, MARGIN_MM + (width - wide) / 2, w=wide, h=high)
            document.set_y(document.get_y() + 1)
        case Code():
            return


def _style(document: "FPDF", part: Text | Pair) -> float:
    """Set the font; return the height of a line in millimetres."""
    points = POINTS[part.scale]
    document.set_font("paper", "B" if part.bold else "", points)
    return points * LINE_PER_POINT_MM


def _code(document: "FPDF", text: str, x: float, y: float) -> None:
    matrix = code.modules(text)
    module = CODE_MM / (len(matrix) + 2 * code.QUIET_MODULES)
    for row, line in enumerate(matrix, code.QUIET_MODULES):
        for column, dark in enumerate(line, code.QUIET_MODULES):
            if dark:
                # A little larger, so that no viewer draws white lines between them.
                size = module * 1.02
                document.rect(x + column * module, y + row * module, size, size, "F")


def _add_fonts(document: "FPDF") -> None:
    found = False
    for style, faces in (("", glyphs.REGULAR), ("B", glyphs.BOLD)):
        there = [face for face in faces if face.path.exists()]
        if there:
            found = True
            document.add_font("paper", style, there[0].path, collection_font_number=there[0].index)
    signs = glyphs.REGULAR[-1]
    if not found:
        raise glyphs.FontsMissing(f"no font to print with: install {glyphs.PACKAGES}")
    if signs.path.exists():
        document.add_font("signs", "", signs.path)
        document.set_fallback_fonts(["signs"], exact_match=False)
