"""The intercom between the processes of one simulated device: words go over without a socket.

Encoded and read as on the real one; a peer that is not there is nobody's error.
"""

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path

from edge.runtime.clock import Clock
from edge.runtime.intercom import RETRY_SECONDS, STATES, IntercomClient, IntercomServer, Word
from gatehouse.simulation.machines.machine import Process

DELAY_SECONDS = 0.0005


class Exchange:
    """The socket file of one device."""

    def __init__(self) -> None:
        self.server: SimulatedServer | None = None
        self.clients: list[SimulatedClient] = []

    def listens(self, process: Process) -> Callable[[Path], IntercomServer]:
        return lambda path: SimulatedServer(path, self, process)

    def speaks(self, process: Process) -> Callable[[Path, Clock], IntercomClient]:
        return lambda path, clock: SimulatedClient(path, clock, self, process)


class SimulatedServer(IntercomServer):
    def __init__(self, path: Path, exchange: Exchange, process: Process) -> None:
        super().__init__(path)
        self._exchange = exchange
        self.process = process

    async def open(self) -> None:
        self._exchange.server = self

    async def run(self) -> None:
        await asyncio.get_running_loop().create_future()

    def tell(self, word: Word) -> None:
        if isinstance(word, STATES):
            self._newest[type(word)] = word
        for client in self._exchange.clients:
            _carry(self.process, client.process, client.take, word)

    def joins(self, client: "SimulatedClient") -> None:
        """A daemon has come: tell it the newest of what is a state."""
        for word in self._newest.values():
            _carry(self.process, client.process, client.take, word)

    def take(self, word: Word) -> None:
        with contextlib.suppress(asyncio.QueueFull):
            self._inbox.put_nowait(word)


class SimulatedClient(IntercomClient):
    def __init__(self, path: Path, clock: Clock, exchange: Exchange, process: Process) -> None:
        super().__init__(path, clock)
        self._exchange = exchange
        self.process = process
        exchange.clients = [one for one in exchange.clients if one.process.alive] + [self]

    @property
    def connected(self) -> bool:
        return self._server is not None

    @property
    def _server(self) -> SimulatedServer | None:
        server = self._exchange.server
        return server if server is not None and server.process.alive else None

    async def run(self) -> None:
        met: SimulatedServer | None = None
        while True:
            if self._server is not met:
                met = self._server
                if met is not None:
                    met.joins(self)
            await self._clock.wait(RETRY_SECONDS)

    def tell(self, word: Word) -> None:
        if self._server is not None:
            _carry(self.process, self._server.process, self._server.take, word)

    def take(self, word: Word) -> None:
        with contextlib.suppress(asyncio.QueueFull):
            self._inbox.put_nowait(word)


def _carry(sender: Process, receiver: Process, take: Callable[[Word], None], word: Word) -> None:
    if sender.alive:
        receiver.loop.call_later(DELAY_SECONDS, take, word)
