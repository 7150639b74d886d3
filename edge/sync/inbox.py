"""What waits for a deciding loop's one consumer: in order, and bounded against strangers."""

import asyncio
from collections import deque
from typing import Generic, TypeVar

from edge.runtime.clock import Clock

T = TypeVar("T")

FOREIGN_MAX = 1000


class Inbox(Generic[T]):
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waiting: deque[T] = deque()
        self._arrived = asyncio.Event()

    def put(self, signal: T) -> None:
        """Add our own: an answer to a command, of which only so many can be under way."""
        self._waiting.append(signal)
        self._arrived.set()

    def put_foreign(self, signal: T) -> None:
        """Add what others may send without end; dropped when there is too much: it comes again."""
        if len(self._waiting) < FOREIGN_MAX:
            self.put(signal)

    async def get(self, deadline: float | None) -> T | None:
        """Return the next signal; None when the uptime `deadline` comes first."""
        while not self._waiting:
            self._arrived.clear()
            if deadline is None:
                await self._arrived.wait()
            elif not await arrives_before(self._arrived, deadline, self._clock):
                return None
        return self._waiting.popleft()


async def arrives_before(event: asyncio.Event, deadline: float, clock: Clock) -> bool:
    """Wait for `event` until the uptime `deadline`; return whether it is set."""
    arrival = asyncio.ensure_future(event.wait())
    patience = asyncio.ensure_future(clock.wait_until(deadline))
    try:
        await asyncio.wait({arrival, patience}, return_when=asyncio.FIRST_COMPLETED)
        return event.is_set()
    finally:
        arrival.cancel()
        patience.cancel()
