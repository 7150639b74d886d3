"""A sheet as it will look on paper: for the preview, and for printers that want pictures only."""

from collections.abc import Iterable

from PIL import Image

from paper import code, glyphs
from paper.lines import CodeLine, Gap, Line, Paper, PictureLine, RuleLine, TextLine, lay_out
from paper.sheet import Bitmap, Sheet

MARGIN_DOTS = 24


def drawn(sheet: Sheet, paper: Paper) -> Image.Image:
    """Return the printed sheet with its margins, black on white (mode L); raise FontsMissing."""
    lines = list(lay_out(sheet, paper))
    parts = list(_pictures(lines, paper))
    height = sum(part.height for part in parts) + 2 * MARGIN_DOTS
    page = Image.new("L", (paper.width_dots + 2 * MARGIN_DOTS, height), 255)
    y = MARGIN_DOTS
    for part in parts:
        page.paste(0, (MARGIN_DOTS + (paper.width_dots - part.width) // 2, y), part)
        y += part.height
    return page


def _pictures(lines: Iterable[Line], paper: Paper) -> Iterable[Image.Image]:
    """Yield each line as dots, 1 black."""
    for line in lines:
        match line:
            case TextLine():
                letters = glyphs.image_of(glyphs.draw(line, paper))
                whole = Image.new("1", (paper.width_dots, line.height_dots), 0)
                whole.paste(letters, (0, 0))
                yield whole
            case CodeLine(text):
                yield glyphs.image_of(code.bitmap(text, paper.width_dots, paper.dots_per_mm))
            case PictureLine(bitmap):
                yield glyphs.image_of(bitmap)
            case RuleLine(height):
                whole = Image.new("1", (paper.width_dots, height), 0)
                whole.paste(1, (0, height // 2 - 1, paper.width_dots, height // 2 + 1))
                yield whole
            case Gap(height):
                yield Image.new("1", (paper.width_dots, height), 0)


def logo(picture: Image.Image, width_max: int = 320, height_max: int = 160) -> Bitmap:
    """Return a picture of any kind as dots for paper: fitted, on white, its shades as a pattern."""
    coloured = picture.convert("RGBA")
    white = Image.new("RGBA", coloured.size, "white")
    grey = Image.alpha_composite(white, coloured).convert("L")
    grey.thumbnail((width_max, height_max), Image.Resampling.LANCZOS)
    dots = grey.convert("1")
    return glyphs.bitmap_of(Image.eval(dots, lambda level: 255 - level).convert("1"))
