"""Central's own rules."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from central.core.prefix import advance
from central.core.serial import serial, width


@pytest.mark.parametrize("bits", range(1, 13))
def test_serials_are_a_permutation(bits: int) -> None:
    drawn = {serial(number, bits, b"key") for number in range(2**bits)}
    assert drawn == set(range(2**bits))


def test_serials_of_neighbours_tell_nothing_of_how_many_were_sold() -> None:
    drawn = [serial(number, 20, b"key") for number in range(1000)]
    assert drawn != sorted(drawn)
    assert max(drawn) > 2**19
    assert drawn != [serial(number, 20, b"other") for number in range(1000)]


@pytest.mark.parametrize(("capacity", "bits"), [(1, 1), (2, 2), (3, 3), (500, 10), (1 << 31, 32)])
def test_there_is_room_for_twice_the_capacity(capacity: int, bits: int) -> None:
    assert width(capacity) == bits
    assert 2**bits >= 2 * capacity


@given(st.sets(st.integers(1, 60)), st.integers(0, 10))
def test_prefix_and_holes_are_what_is_and_is_not_held(held: set[int], upto: int) -> None:
    have = held | set(range(1, upto + 1))
    end, holes = advance(upto, sorted(number for number in have if number > upto))
    assert set(range(1, end + 1)) <= have
    assert end + 1 not in have
    missing = {number for first, last in holes for number in range(first, last + 1)}
    assert missing == set(range(1, max(have, default=0) + 1)) - have
