"""What waits for a deciding loop's one consumer: in order, and bounded against strangers."""

from collections import deque
from typing import Generic, TypeVar

from edge.runtime.bell import Bell
from edge.runtime.clock import Clock

T = TypeVar("T")

FOREIGN_MAX = 1000


class Inbox(Generic[T]):
    def __init__(self, clock: Clock) -> None:
        self._waiting: deque[T] = deque()
        self._arrived = Bell(clock)

    def put(self, signal: T) -> None:
        """Add our own: an answer to a command, of which only so many can be under way."""
        self._waiting.append(signal)
        self._arrived.ring()

    def put_foreign(self, signal: T) -> None:
        """Add what others may send without end; dropped when there is too much: it comes again."""
        if len(self._waiting) < FOREIGN_MAX:
            self.put(signal)

    async def get(self, deadline: float | None) -> T | None:
        """Return the next signal; None when the uptime `deadline` comes first."""
        while not self._waiting:
            self._arrived.clear()
            if not await self._arrived.rings(deadline):
                return None
        return self._waiting.popleft()
