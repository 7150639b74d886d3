"""A reader without hardware: whoever holds it presents codes and pulls its plug.

For daemons' tests, the simulated venue and trying Gatehouse on a desk.
"""

import asyncio
from collections.abc import AsyncIterator

from edge.drivers.interfaces import Code, Found, Lost
from edge.runtime.clock import Clock


class SimulatedReader:
    """Yields what it is told to."""

    def __init__(self, clock: Clock, plugged: bool = True) -> None:
        """Make a reader that is there at first (`plugged`) or not."""
        self._clock = clock
        self._there = plugged
        self._listened_to = False
        self._told: asyncio.Queue[Code | Lost | Found] = asyncio.Queue()

    def present(self, data: bytes) -> None:
        """Hold a code before the reader; nothing comes of it while the reader is lost."""
        if not self._there:
            return
        uptime = self._clock.now().uptime
        self._told.put_nowait(Code(data, uptime, uptime))

    def lose(self) -> None:
        """Pull the plug; nothing if it is out."""
        if self._there:
            self._there = False
            self._tell_presence()

    def find(self) -> None:
        """Plug the reader in; nothing if it is in."""
        if not self._there:
            self._there = True
            self._tell_presence()

    async def codes(self) -> AsyncIterator[Code | Lost | Found]:
        self._listened_to = True
        yield self._presence()
        while True:
            yield await self._told.get()

    def _tell_presence(self) -> None:
        # Before anyone listens only the last state matters, as with a device not yet opened.
        if self._listened_to:
            self._told.put_nowait(self._presence())

    def _presence(self) -> Lost | Found:
        if self._there:
            return Found()
        return Lost("the simulated reader was unplugged; plug it in again")
