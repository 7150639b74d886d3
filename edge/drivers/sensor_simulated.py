"""An input that whoever holds it drives."""

import asyncio
from collections.abc import AsyncIterator

from edge.drivers.interfaces import Found, Level, Lost
from edge.runtime.clock import Clock


class SimulatedSensor:
    def __init__(self, clock: Clock, active: bool = False) -> None:
        self._clock = clock
        self._active = active
        self._told: asyncio.Queue[Level | Lost | Found] = asyncio.Queue()

    def drive(self, active: bool) -> None:
        """Set the level; nothing if it is so already."""
        if active != self._active:
            self._active = active
            self._told.put_nowait(Level(active, self._clock.now().uptime))

    def lose(self) -> None:
        self._told.put_nowait(Lost("the simulated sensor was unplugged; plug it in again"))

    def find(self) -> None:
        self._told.put_nowait(Found())
        self._told.put_nowait(Level(self._active, self._clock.now().uptime))

    async def changes(self) -> AsyncIterator[Level | Lost | Found]:
        yield Found()
        yield Level(self._active, self._clock.now().uptime)
        while True:
            yield await self._told.get()
