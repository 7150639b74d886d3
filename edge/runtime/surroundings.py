"""What a daemon finds around it and does not make itself: clock, threads, chance, the intercom.

Each daemon is assembled out of these in one place, `__main__`; the simulated venue hands in its
own and runs the same assembly.
"""

import os
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edge.runtime.clock import Clock, SystemClock
from edge.runtime.intercom import IntercomClient, IntercomServer
from edge.runtime.workers import SingleThread, Workers


@dataclass(frozen=True, slots=True)
class Surroundings:
    machine: Clock
    """The machine's own clocks, as they are."""
    thread: Callable[[str], SingleThread]
    """Makes the thread of that name."""
    draw: Callable[[int], bytes]
    """`draw(n)` gives n random bytes."""
    chance: Callable[[], float]
    """A random number from 0 to 1, not for secrets."""
    speaks: Callable[[Path, Clock], IntercomClient]
    listens: Callable[[Path], IntercomServer]


def real() -> Surroundings:
    """Return those of this machine."""
    return Surroundings(
        SystemClock(), Workers().single, os.urandom, random.random, IntercomClient, IntercomServer
    )
