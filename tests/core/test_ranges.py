"""The range arithmetic, against Python's own sets."""

from itertools import pairwise

import hypothesis.strategies as st
from hypothesis import given

from edge.core import ranges
from edge.core.ranges import Ranges

NUMBERS = st.sets(st.integers(1, 40))


def as_ranges(numbers: set[int]) -> Ranges:
    return ranges.union([(number, number) for number in numbers])


def as_set(pairs: Ranges) -> set[int]:
    return {number for first, last in pairs for number in range(first, last + 1)}


@given(NUMBERS, NUMBERS)
def test_they_are_sets(left: set[int], right: set[int]) -> None:
    a, b = as_ranges(left), as_ranges(right)
    assert as_set(ranges.union(a, b)) == left | right
    assert as_set(ranges.intersection(a, b)) == left & right
    assert ranges.count(a) == len(left)
    for merged in (a, ranges.union(a, b), ranges.intersection(a, b)):
        gaps = pairwise(merged)
        assert all(before[1] + 1 < after[0] for before, after in gaps)


@given(NUMBERS, st.integers(-5, 50), st.integers(-5, 50))
def test_a_span_is_cut_out(numbers: set[int], first: int, last: int) -> None:
    left = ranges.without(as_ranges(numbers), first, last)
    assert as_set(left) == numbers - set(range(first, last + 1))
