"""Fetches who may sign what: the first roles on a new device, and newer ones when there are any.

That there are newer ones is said by the heartbeat, or guessed from a signature that nobody known
here made. Central is asked calmly, whoever sends how much of that.
"""

import asyncio
import logging

from edge.drivers.interfaces import DriverError, Fetch
from edge.runtime.clock import Clock
from edge.store.trust import TrustStore
from wire.codec import WireError, decode

log = logging.getLogger("sync.roles")

PAUSE_SECONDS, PAUSE_MAX_SECONDS = 1.0, 60.0
DOUBT_SECONDS = 10.0
"""Between two questions that only a doubtful signature gave rise to."""


class RolesFollower:
    def __init__(self, fetch: Fetch, trust: TrustStore, venue: str, clock: Clock) -> None:
        self.trust = trust
        self.venue = venue
        self._fetch = fetch
        self._clock = clock
        self._there = asyncio.Event()
        self._wanted = asyncio.Event()
        self._asked = asyncio.Event()
        self._newest = 1
        self._told = False

    @property
    def caught_up(self) -> bool:
        """Whether central has said in this life how far its roles go, and we have them all."""
        return self._told and self.trust.version >= self._newest

    def newest(self, version: int) -> None:
        """Central says how far its roles go."""
        self._told = True
        if version > self.trust.version:
            self._newest = version
            self._wanted.set()

    async def ask_again(self) -> None:
        """Ask once for newer roles, because somebody signed whom nobody here knows."""
        self._wanted.set()
        self._asked.clear()
        await self._asked.wait()

    async def present(self) -> None:
        """Return as soon as there is somebody to believe."""
        await self._there.wait()

    async def run(self) -> None:
        pause = PAUSE_SECONDS
        while True:
            if self.trust.version:
                self._there.set()
            if self.trust.version >= self._newest:
                pause = PAUSE_SECONDS
                await self._wanted.wait()
            self._wanted.clear()
            before = self.trust.version
            await self._ask()
            self._asked.set()
            if self.trust.version > before:
                continue
            known = self.trust.version >= self._newest
            # Not shortened by what strangers send meanwhile.
            await self._clock.wait(DOUBT_SECONDS if known else pause)
            pause = min(pause * 2, PAUSE_MAX_SECONDS)

    async def _ask(self) -> None:
        """Fetch and keep what comes after what there is."""
        try:
            answer = await self._fetch.get(f"/device/trust?after={self.trust.version}")
            for bundled in decode(answer, list[bytes]):
                self.trust.add(bundled)
                log.info("roles %d", self.trust.version)
        except (DriverError, WireError, OSError) as error:
            log.warning("roles: %s", error)
