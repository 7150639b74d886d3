"""Tells central which list this device goes by, also where nobody has come and no row is written.

What a door decided by stands in its rows; refunds are settled by those alone. This is for people
who look after the devices: a device that is behind, or hears no heartbeat, is seen at once.
"""

import asyncio
import logging

from edge.drivers.interfaces import DriverError, Link
from edge.runtime.bell import Bell
from edge.runtime.clock import Clock
from edge.sync.inward import Inward
from wire.codec import encode
from wire.delivery import Status
from wire.topic import Topics

log = logging.getLogger("sync.status")

EVERY_SECONDS = 20.0
"""A live page calls silent who has said nothing for 30 seconds."""


class ListTold:
    def __init__(
        self, link: Link, inward: Inward, clock: Clock, topics: Topics, device: str
    ) -> None:
        self._link = link
        self._inward = inward
        self._clock = clock
        self._topic = topics.status(device)
        self._connected = asyncio.Event()
        self._anew = Bell(clock)

    def connection(self, connected: bool) -> None:
        if connected:
            self._connected.set()
            self._anew.ring()
        else:
            self._connected.clear()

    async def run(self) -> None:
        """Tell it with each connection, and then now and again."""
        while True:
            await self._connected.wait()
            self._anew.clear()
            try:
                await self._link.publish(self._topic, encode(self._status()))
            except DriverError as error:
                log.info("central is not told of the list: %s", error)
            deadline = self._clock.now().uptime + EVERY_SECONDS
            await self._anew.rings(deadline)

    def _status(self) -> Status:
        confirmed = self._inward.confirmed
        if confirmed is None:
            return Status(self._inward.sequence)
        ago = max(0.0, self._clock.now().uptime - confirmed.uptime)
        return Status(self._inward.sequence, int(ago))
