"""Names and ID numbers on a list: what opens them, and what does not."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire import secret
from wire.codec import WireError

CTI, OTHER = bytes(range(16)), bytes(range(1, 17))
NAMES = st.text(
    st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=secret.NAME_CHARACTERS_MAX
)


@given(NAMES)
def test_a_name_opens_with_its_ticket_and_no_other(name: str) -> None:
    sealed = secret.seal_name(name, CTI)
    assert secret.open_name(sealed, CTI) == name
    assert len(name) < 3 or name.encode() not in sealed
    with pytest.raises(WireError):
        secret.open_name(sealed, OTHER)


def test_a_changed_name_does_not_open() -> None:
    sealed = secret.seal_name("欧阳 小明", CTI)
    for bit in range(8 * len(sealed)):
        changed = bytearray(sealed)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(WireError):
            secret.open_name(bytes(changed), CTI)
    for length in range(len(sealed)):
        with pytest.raises(WireError):
            secret.open_name(sealed[:length], CTI)


def test_names_of_like_length_look_alike() -> None:
    lengths = {len(secret.seal_name(name, CTI)) for name in ("李", "Li", "王小明", "Anna Berg")}
    assert len(lengths) == 1


@pytest.mark.parametrize("name", ["", "n" * 81])
def test_no_name_and_a_novel_are_refused(name: str) -> None:
    with pytest.raises(WireError):
        secret.seal_name(name, CTI)


def test_an_id_is_the_same_however_it_is_typed() -> None:
    kept = secret.id_check("11010519491231002X", CTI)
    for typed in (
        "11010519491231002x",
        " 110105 19491231 002X",
        "１１０１０５１９４９１２３１００２Ｘ",
    ):
        assert secret.id_agrees(typed, CTI, kept)
    assert not secret.id_agrees("110105194912310038", CTI, kept)
    assert secret.id_check("11010519491231002X", OTHER) != kept


def test_what_is_kept_names_nobody() -> None:
    """Of all IDs of one district and year, several agree with what is kept: none is the one."""
    kept = secret.id_check("11010519491231002X", CTI)
    agree = sum(
        secret.id_agrees(f"1101051949{day:04}{number:04}", CTI, kept)
        for day in range(300)
        for number in range(1000)
    )
    assert agree > 1


@pytest.mark.parametrize(
    "number", ["", "123", "12345678901234567890123456789012", "12;34", "\0" * 8]
)
def test_what_is_no_id(number: str) -> None:
    for make in (secret.id_check, secret.id_digest):
        with pytest.raises(WireError):
            make(number, CTI)


def test_an_id_that_is_the_ticket_is_costly_to_try() -> None:
    """The parameters are RFC 7914's for 32 MiB: a change of them is a change of every list."""
    digest = secret.id_digest("11010519491231002x", b"salt of the event")
    again = hashlib.scrypt(
        b"11010519491231002X", salt=b"salt of the event", n=2**15, r=8, p=1, dklen=16,
        maxmem=64 * 1024 * 1024,
    )  # fmt: skip
    assert digest == again
