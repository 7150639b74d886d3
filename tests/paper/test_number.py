"""A ticket's number survives being read aloud and typed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paper.number import ALPHABET, number_of, read_number

SERIALS = st.integers(0, (1 << 32) - 1)


@given(SERIALS, st.from_regex(r"[A-Z0-9]{1,8}", fullmatch=True))
def test_what_was_printed_is_read(serial: int, audience: str) -> None:
    assert read_number(number_of(audience, serial)) == (audience, serial)


@given(SERIALS)
def test_how_it_is_typed_does_not_matter(serial: int) -> None:
    number = number_of("HALL7", serial)
    typed = number.lower().replace("-", "  ").replace("0", "o").replace("1", "l")
    head = typed.split()[0]
    assert read_number(typed.replace(head, "hall7", 1)) == ("HALL7", serial)


@given(SERIALS, st.integers(0, 7), st.sampled_from(ALPHABET))
def test_one_wrong_character_is_noticed(serial: int, place: int, wrong: str) -> None:
    body = number_of("H", serial).replace("-", "")[1:]
    changed = "H" + body[:place] + wrong + body[place + 1 :]
    if wrong != body[place]:
        assert read_number(changed) is None


@given(SERIALS, st.integers(0, 7), st.integers(0, 7))
def test_two_characters_that_changed_places_are_noticed(serial: int, one: int, two: int) -> None:
    body = list(number_of("H", serial).replace("-", "")[1:])
    body[one], body[two] = body[two], body[one]
    changed = "H" + "".join(body)
    if changed != number_of("H", serial).replace("-", ""):
        assert read_number(changed) is None


@pytest.mark.parametrize(
    "typed", ["", "HALL7", "ZZZZZZZZZ", "HALL7-0000-000!", "票票票票票票票票票"]
)
def test_nonsense_is_no_number(typed: str) -> None:
    assert read_number(typed) is None


@given(st.text())
def test_anything_typed_gives_an_answer(typed: str) -> None:
    read_number(typed)
