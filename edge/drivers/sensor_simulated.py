"""An input that whoever holds it drives."""

import asyncio
from collections.abc import AsyncIterator

from edge.drivers.interfaces import Found, Level, Lost, Unwatched
from edge.runtime.clock import Clock

LOST = Lost("the simulated sensor was unplugged; plug it in again")


class SimulatedSensor:
    def __init__(self, clock: Clock, active: bool = False, plugged: bool = True) -> None:
        self._clock = clock
        self._active = active
        self._plugged = plugged
        self._told: asyncio.Queue[Level | Lost | Found | Unwatched] = asyncio.Queue()

    def drive(self, active: bool) -> None:
        """Set the level; nothing if it is so already."""
        if active != self._active:
            self._active = active
            if self._plugged:
                self._told.put_nowait(Level(active, self._clock.now().uptime))

    def overlook(self, seconds: float) -> None:
        """Let nobody have looked at it for so long."""
        if self._plugged:
            self._told.put_nowait(Unwatched(seconds))

    def lose(self) -> None:
        """Unplug it; nothing if it is unplugged."""
        if self._plugged:
            self._plugged = False
            self._told.put_nowait(LOST)

    def find(self) -> None:
        """Plug it in; nothing if it is there."""
        if not self._plugged:
            self._plugged = True
            self._tell_all()

    async def changes(self) -> AsyncIterator[Level | Lost | Found | Unwatched]:
        # What was told before anybody listened is history.
        self._told = asyncio.Queue()
        self._tell_all()
        while True:
            yield await self._told.get()

    def _tell_all(self) -> None:
        if not self._plugged:
            self._told.put_nowait(LOST)
            return
        self._told.put_nowait(Found())
        self._told.put_nowait(Level(self._active, self._clock.now().uptime))
