"""How far a sequence goes without a hole, and where its holes are."""

from collections.abc import Iterable

HOLES_MAX = 50


def advance(upto: int, after: Iterable[int]) -> tuple[int, tuple[tuple[int, int], ...]]:
    """Return the new end of the prefix 1…, and the holes (first, last) below what is held.

    `after` are the numbers held above `upto`, ascending.
    """
    holes: list[tuple[int, int]] = []
    end = last = upto
    for number in after:
        if number == last + 1:
            last = number
            end = number if not holes else end
            continue
        if len(holes) == HOLES_MAX:
            break
        holes.append((last + 1, number - 1))
        last = number
    return end, tuple(holes)
