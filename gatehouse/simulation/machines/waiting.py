"""A queue of the simulated network: asyncio's own without what is asked of that one elsewhere.

No `join`, nobody who waits to put; otherwise in the same turns.
"""

import asyncio
from collections import deque
from typing import Any


class Waiting:
    def __init__(self, size_max: int = 0) -> None:
        """No more than `size_max` wait in it; 0: as many as come."""
        self._size_max = size_max
        self._items: deque[Any] = deque()
        self._getters: deque[asyncio.Future[None]] = deque()

    def put_nowait(self, item: Any) -> None:
        if 0 < self._size_max <= len(self._items):
            raise asyncio.QueueFull
        self._items.append(item)
        self._wake_next()

    async def get(self) -> Any:
        while not self._items:
            getter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._getters.append(getter)
            try:
                await getter
            except BaseException:
                getter.cancel()
                if getter in self._getters:
                    self._getters.remove(getter)
                if self._items and not getter.cancelled():
                    self._wake_next()  # Woken and cancelled in one turn: the next shall have it.
                raise
        return self._items.popleft()

    def _wake_next(self) -> None:
        while self._getters:
            getter = self._getters.popleft()
            if not getter.done():
                getter.set_result(None)
                return
