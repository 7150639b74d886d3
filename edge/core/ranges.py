"""Sets of whole numbers as sorted, disjoint, inclusive ranges: rows sent, lacking, to be sent.

A backlog of a million rows is one pair of numbers, so that memory grows with the holes alone.
"""

from collections.abc import Iterable

Range = tuple[int, int]
"""First and last, both included; never empty."""
Ranges = tuple[Range, ...]


def span(first: int, last: int) -> Ranges:
    """Return the numbers `first` to `last`; none if `last` is lower."""
    return ((first, last),) if first <= last else ()


def union(*sets: Iterable[Range]) -> Ranges:
    """Return the numbers that are in any of `sets`."""
    merged: list[Range] = []
    for first, last in sorted(pair for ranges in sets for pair in ranges):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], last))
        else:
            merged.append((first, last))
    return tuple(merged)


def intersection(left: Ranges, right: Ranges) -> Ranges:
    """Return the numbers that are in both."""
    common: list[Range] = []
    a = b = 0
    while a < len(left) and b < len(right):
        first, last = max(left[a][0], right[b][0]), min(left[a][1], right[b][1])
        if first <= last:
            common.append((first, last))
        if left[a][1] < right[b][1]:
            a += 1
        else:
            b += 1
    return tuple(common)


def without(ranges: Ranges, first: int, last: int) -> Ranges:
    """Return `ranges` less the numbers `first` to `last`."""
    if not ranges:
        return ()
    below = intersection(ranges, span(min(ranges[0][0], first), first - 1))
    above = intersection(ranges, span(last + 1, max(ranges[-1][1], last)))
    return below + above


def count(ranges: Ranges) -> int:
    """Return how many numbers there are."""
    return sum(last - first + 1 for first, last in ranges)
