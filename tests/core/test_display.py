"""Words for a line display: exactly as wide as it is, and never a command."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.display import ENCODING, columns_of, fitted, lines
from edge.core.notice import Lamp, Notice, Sound
from wire.words import Words


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", "          "),
        ("请进", "请进      "),
        ("Enter", "Enter     "),
        ("1234567890", "1234567890"),
        ("12345678901", "123456789~"),
        ("请走旁边的", "请走旁边的"),
        ("请走旁边的道", "请走旁边~ "),
        ("A请走旁边的", "A请走旁边~"),
        ("a\x1b@b\x1f$\x01\x02c", "a @b $  c "),
        ("a\nb\rc\td\x00e\x7ff", "a b c d e~"),
        ("\x1dV\x00\x85\u2028\ud800z", " V    z   "),
        ("𠮷先生", "𠮷先生    "),
        ("🎫门票", "🎫门票    "),
        ("“是”×①é", "“是”×~ "),
    ],
)
def test_ten_columns(text: str, shown: str) -> None:
    assert fitted(text, 10) == shown


@given(st.text(st.characters(), max_size=60), st.integers(min_value=1, max_value=40))
def test_any_text_fills_its_line_and_commands_nothing(text: str, columns: int) -> None:
    shown = fitted(text, columns)
    assert sum(map(columns_of, shown)) == columns
    assert shown.encode(ENCODING).decode(ENCODING) == shown
    assert min(shown.encode(ENCODING)) >= 0x20
    assert 0x7F not in shown.encode(ENCODING)


def test_both_languages_say_what_happened_and_what_to_do() -> None:
    notice = Notice(Lamp.GO, Sound.ACCEPT, Words("请进", "Enter"), Words("逐个", "One by one"))
    assert lines(notice, 12) == ("请进        ", "Enter       ", "逐个        ", "One by one  ")
