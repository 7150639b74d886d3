"""All the states a machine can get into, found by trying every signal in every one of them.

Possible because `step` is pure. Times are to be kept relative to now and names drawn anew after
each step, so that the same situation at another hour is the same state, and the search ends.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

S = TypeVar("S")
C = TypeVar("C")


@dataclass(frozen=True, slots=True)
class Move(Generic[S, C]):
    """One step tried: from a state, by a signal, to a state, with what was asked for."""

    before: S
    label: str
    told: object
    now: float
    """Uptime, seconds, where `before` stands at 0."""
    after: S
    commands: tuple[C, ...]
    settled: S
    """`after`, its times counted from `now` and its names drawn anew."""


def explore(
    start: S, moves: Callable[[S], Iterable[Move[S, C]]], states_max: int
) -> Iterator[Move[S, C]]:
    """Yield every move from every state found, breadth first, until no new state is found."""
    seen, waiting = {start}, deque([start])
    while waiting:
        for move in moves(waiting.popleft()):
            yield move
            if move.settled not in seen and len(seen) < states_max:
                seen.add(move.settled)
                waiting.append(move.settled)
