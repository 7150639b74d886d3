"""No name or title reaches paper as anything but text."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paper.safe import columns, safe_text


@given(st.text())
def test_only_printable_characters_are_left(text: str) -> None:
    safe = safe_text(text)
    assert len(safe) <= 200
    assert safe == safe.strip()
    assert "  " not in safe
    for char in safe:
        assert unicodedata.category(char)[0] != "C"
        assert char == " " or not char.isspace()


@given(st.text(st.characters(codec="latin-1")))
def test_no_byte_of_control_is_left_in_any_encoding(text: str) -> None:
    for encoding in ("utf-8", "gb18030", "latin-1"):
        written = safe_text(text).encode(encoding)
        if encoding != "utf-8":  # In UTF-8, 80 to 9F are halves of letters.
            assert not any(0x7F <= byte <= 0x9F for byte in written) or encoding == "gb18030"
        assert not any(byte < 0x20 or byte == 0x7F for byte in written)


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("a\x1b@\x1dV\x00b", "a@Vb"),
        ("王\u202e小\u2066明\u200f", "王小明"),
        ("👨\u200d👩\u200d👧", "👨👩👧"),
        ("一\u2028二\r\n三\t四", "一 二 三 四"),
        ("e\u0301", "é"),
        ("e" + "\u0316" * 40, "e\u0316\u0316"),
        ("\ud800\ue000\uffff\ufe0f", ""),
        ("  a   b  ", "a b"),
    ],
)
def test_by_example(text: str, safe: str) -> None:
    assert safe_text(text) == safe


@given(st.text())
def test_what_is_safe_stays_as_it_is(text: str) -> None:
    assert safe_text(safe_text(text)) == safe_text(text)


def test_columns_are_those_of_a_receipt_printer() -> None:
    assert columns("Row 7") == 5
    assert columns("第七排") == 6
    assert columns("Zoë Ян") == 6
    assert columns("“好”") == 6
    assert columns("e\u0316") == 1
