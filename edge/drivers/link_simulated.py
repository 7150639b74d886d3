"""A link without a network: whoever holds it is the broker.

For daemons' tests and the simulated venue.
"""

import asyncio
from collections.abc import AsyncIterator, Callable

from edge.drivers.interfaces import Connected, Disconnected, DriverError, Message


class SimulatedLink:
    """Takes what is published while it is connected, and yields what it is told."""

    def __init__(self, receive: Callable[[str, bytes], None] | None = None) -> None:
        """`receive` is called with each message taken; they are kept in `published` as well."""
        self.published: list[tuple[str, bytes]] = []
        self.connected = False
        self.acknowledges = True
        """Whether PUBACKs come; without them `publish` waits until the link is cut."""
        self.takes = True
        """Whether messages are taken while it is connected."""
        self.refused = 0
        """How many messages were not taken."""
        self._receive = receive
        self._told: asyncio.Queue[Connected | Disconnected | Message] = asyncio.Queue()
        self._unanswered: list[asyncio.Future[None]] = []

    def connect(self) -> None:
        """Let the connection stand; nothing if it does."""
        if not self.connected:
            self.connected = True
            self._told.put_nowait(Connected())

    def cut(self, why: str = "the simulated broker has gone") -> None:
        """End the connection; nothing if there is none."""
        if self.connected:
            self.connected = False
            self._told.put_nowait(Disconnected(why))
            for answered in self._unanswered:
                if not answered.done():
                    answered.set_exception(DriverError(why))
            self._unanswered.clear()

    def deliver(self, topic: str, payload: bytes, retained: bool = False) -> None:
        """Bring a message to the device; nothing comes of it without a connection."""
        if self.connected:
            self._told.put_nowait(Message(topic, payload, retained))

    async def run(self) -> None:
        await asyncio.get_running_loop().create_future()

    async def messages(self) -> AsyncIterator[Connected | Disconnected | Message]:
        while True:
            yield await self._told.get()

    async def publish(self, topic: str, payload: bytes, retain: bool = False) -> None:  # noqa: ARG002
        if not self.connected or not self.takes:
            self.refused += 1
            raise DriverError("the simulated broker takes nothing")
        self.published.append((topic, payload))
        if self._receive is not None:
            self._receive(topic, payload)
        if not self.acknowledges:
            answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._unanswered.append(answered)
            await answered
