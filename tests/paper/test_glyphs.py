"""Letters are drawn whole: what hangs below the line, and what stands high above it."""

import pytest

from paper import glyphs
from paper.safe import columns


def dots(cluster: str, height: int, bold: bool) -> int:
    """Return how many dots a letter has when nothing around it is cut off, at the size it fits."""
    font = glyphs._font_for(cluster, round(height * glyphs._PER_EM), bold)  # noqa: SLF001
    assert font is not None
    return bytes(font.getmask(cluster, mode="1")).count(255)


@pytest.mark.parametrize("bold", [False, True])
@pytest.mark.parametrize("height", [24, 48, 96])
@pytest.mark.parametrize("cluster", list("agjpqyQ,;(§中票座齾"))
def test_no_letter_loses_a_dot(cluster: str, height: int, bold: bool) -> None:
    width = columns(cluster) * height // 2
    drawn = glyphs.glyph(cluster, width, height, bold)
    assert drawn.tobytes() != bytes(len(drawn.tobytes()))
    black = sum(int(byte).bit_count() for byte in drawn.tobytes())
    assert black == dots(cluster, height, bold)


@pytest.mark.parametrize("cluster", ["Ä", "É", "Å", "Ñ"])
def test_a_letter_with_marks_stands_on_the_line_of_the_others(cluster: str) -> None:
    def lowest(of: str) -> int:
        box = glyphs.glyph(of, 24, 48, False).getbbox()
        assert box
        return box[3]

    assert abs(lowest(cluster) - lowest("E")) <= 1
