"""How a sheet is laid out: nothing wider than the paper, nothing lost without a sign."""

from hypothesis import given
from hypothesis import strategies as st

from paper import code
from paper.lines import LINES_MAX, ROLL_58, ROLL_80, Paper, PictureLine, TextLine, lay_out, wrapped
from paper.safe import columns, safe_text
from paper.sheet import Align, Bitmap, Kind, Pair, Part, Picture, Sheet, Text

SAFE = st.text().map(safe_text)
PAPERS = st.sampled_from([ROLL_58, ROLL_80, Paper(512, 7.1)])
SCALES = st.integers(1, 3)
PARTS: st.SearchStrategy[Part] = st.one_of(
    st.builds(Text, SAFE, st.sampled_from(Align), SCALES), st.builds(Pair, SAFE, SAFE, SCALES)
)


@given(st.lists(PARTS, max_size=4), PAPERS)
def test_no_line_is_wider_than_the_paper(parts: list[Part], paper: Paper) -> None:
    for line in lay_out(Sheet(Kind.TICKET, tuple(parts)), paper):
        assert isinstance(line, TextLine)
        assert columns(line.text) * line.scale <= paper.columns


@given(SAFE, st.integers(8, 48))
def test_no_letter_is_lost_without_a_sign(text: str, width: int) -> None:
    lines = wrapped(text, width)
    assert len(lines) <= LINES_MAX
    told = "".join(lines).replace(" ", "")
    if told.endswith("…") and len(lines) == LINES_MAX:
        assert text.replace(" ", "").startswith(told[:-1])
    else:
        assert told == text.replace(" ", "")


def test_forty_letters_without_a_space_are_broken_at_the_margin() -> None:
    assert wrapped("A" * 40, 32) == ["A" * 32, "A" * 8]
    assert wrapped("好" * 40, 32) == ["好" * 16, "好" * 16, "好" * 8]


def test_words_stay_whole_where_they_can() -> None:
    assert wrapped("The Swan Lake of the National Ballet", 20) == [
        "The Swan Lake of the",
        "National Ballet",
    ]


def test_what_stands_at_the_right_margin_wraps_beside_its_label() -> None:
    sheet = Sheet(Kind.TICKET, (Pair("持票人", "Johann Sebastian Bach-Bartholdy"),))
    texts = [line.text for line in lay_out(sheet, ROLL_58) if isinstance(line, TextLine)]
    assert texts == ["持票人          Johann Sebastian", "Bach-Bartholdy"]


def test_a_logo_too_wide_is_shrunk_to_the_paper() -> None:
    logo = Bitmap(576, 96, b"\xff" * 72 * 96)
    (line,) = lay_out(Sheet(Kind.TICKET, (Picture(logo),)), ROLL_58)
    assert isinstance(line, PictureLine)
    assert (line.bitmap.width, line.bitmap.height) == (384, 64)
    assert line.bitmap.rows == b"\xff" * 48 * 64


def test_a_code_fits_the_paper_with_its_margin() -> None:
    for paper in (ROLL_58, ROLL_80):
        drawn = code.bitmap("GH1" + "A" * 241, paper.width_dots, paper.dots_per_mm)
        assert drawn.width <= paper.width_dots
        assert not any(drawn.rows[: drawn.row_bytes * 4 * 6])
