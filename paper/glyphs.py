"""Draws letters as dots, in the cells of the grid of `lines`.

Fonts are Debian's, asked in this order for each character: one for Chinese with letters of half its
width, one for other scripts, one for signs and emoji. A character that none of them has is an
empty box. Letters are drawn without shades, as paper wants them. Not joined: Arabic, Indic scripts.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from paper.lines import Paper, TextLine
from paper.safe import columns, columns_of
from paper.sheet import Align, Bitmap

_FONTS = Path("/usr/share/fonts")
_OPEN, _TRUE = _FONTS / "opentype/noto", _FONTS / "truetype"


@dataclass(frozen=True, slots=True)
class Face:
    """One font of a file that may hold several."""

    path: Path
    index: int = 0


REGULAR = (
    Face(_OPEN / "NotoSansCJK-Regular.ttc", 7),
    Face(_TRUE / "wqy/wqy-zenhei.ttc", 1),
    Face(_TRUE / "dejavu/DejaVuSans.ttf"),
    Face(_TRUE / "ancient-scripts/Symbola_hint.ttf"),
)
BOLD = (
    Face(_OPEN / "NotoSansCJK-Bold.ttc", 7),
    Face(_TRUE / "wqy/wqy-zenhei.ttc", 1),
    Face(_TRUE / "dejavu/DejaVuSans-Bold.ttf"),
    Face(_TRUE / "ancient-scripts/Symbola_hint.ttf"),
)
PACKAGES = "fonts-noto-cjk or fonts-wqy-zenhei, fonts-dejavu-core, fonts-symbola"
_LACKING = "\U0010ffff"
_PER_EM = 0.92
"""Of the cell's height, so that the letters below the line have room."""


class FontsMissing(Exception):
    """No font is installed; the message names the Debian packages."""


def draw(line: TextLine, paper: Paper) -> Bitmap:
    """Return a line of text at the width of the paper, without the gap below it.

    Raise FontsMissing.
    """
    column, height = paper.column_dots * line.scale, paper.line_dots * line.scale
    image = Image.new("1", (paper.width_dots, height), 0)
    free = paper.width_dots - columns(line.text) * column
    left = {Align.LEFT: 0, Align.CENTER: free // 2, Align.RIGHT: free}[line.align]
    x = max(left, 0)
    for cluster in _clusters(line.text):
        width = columns(cluster) * column
        image.paste(1, (x, 0), glyph(cluster, width, height, line.bold))
        x += width
    return bitmap_of(image)


@lru_cache(maxsize=4000)
def glyph(cluster: str, width: int, height: int, bold: bool) -> Image.Image:
    """Return a letter with its marks, in the middle of a cell of so many dots, 1 black."""
    cell = Image.new("1", (max(width, 1), height), 0)
    if cluster == " ":
        return cell
    size = round(height * _PER_EM)
    font = _font_for(cluster, size, bold)
    pen = ImageDraw.Draw(cell)
    pen.fontmode = "1"
    if font is None:
        pen.rectangle((1, height // 8, width - 2, height - height // 8), outline=1)
        return cell
    line = _line(font, cluster, height)
    while size > 6 and (font.getlength(cluster) > width + 1 or line < _above(font, cluster)):
        size -= 1
        font = font.font_variant(size=size)
    at = ((width - font.getlength(cluster)) / 2, line)
    pen.text(at, cluster, fill=1, font=font, anchor="ls")
    return cell


def _line(font: ImageFont.FreeTypeFont, cluster: str, height: int) -> int:
    """Return which row letters stand on, so high that what hangs below it is in the cell.

    The same for all letters of half a cell's width, whatever their own shape.
    """
    ascent, descent = font.getmetrics()
    hanging = cluster if columns_of(cluster[0]) == 2 else "gjpqy"
    below = round(font.getbbox(hanging, anchor="ls")[3])
    return min((height + ascent - descent) // 2, height - below)


def _above(font: ImageFont.FreeTypeFont, cluster: str) -> int:
    """Return how many rows a letter takes above the row it stands on."""
    return -round(font.getbbox(cluster, anchor="ls")[1])


def bitmap_of(image: Image.Image) -> Bitmap:
    """Return a picture of mode 1 in which black is 1."""
    return Bitmap(image.width, image.height, image.tobytes())


def image_of(bitmap: Bitmap) -> Image.Image:
    """Return a picture of mode 1 in which black is 1."""
    return Image.frombytes("1", (bitmap.width, bitmap.height), bitmap.rows)


def _clusters(text: str) -> Iterator[str]:
    """Yield each letter with the marks that stand on it."""
    cluster = ""
    for char in text:
        if cluster and columns_of(char):
            yield cluster
            cluster = ""
        cluster += char
    if cluster:
        yield cluster


def _font_for(cluster: str, size: int, bold: bool) -> ImageFont.FreeTypeFont | None:
    """Return the first font that has the letter, or None."""
    faces = [face for face in (BOLD if bold else REGULAR) if face.path.exists()]
    if not faces:
        raise FontsMissing(f"no font to print with: install {PACKAGES}")
    return next((font for face in faces if _has(font := _font(face, size), cluster[0])), None)


@lru_cache(maxsize=64)
def _font(face: Face, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(
        str(face.path), size, face.index, layout_engine=ImageFont.Layout.BASIC
    )


def _has(font: ImageFont.FreeTypeFont, char: str) -> bool:
    return bytes(font.getmask(char, mode="1")) != bytes(font.getmask(_LACKING, mode="1"))
