"""Fetches the essentials: before the list, where there is none, and again when central has newer.

They are for the day the list is damaged, so they are renewed calmly.
"""

import asyncio
import logging

from edge.core.list_doubts import Suspicion
from edge.drivers.interfaces import DriverError, Fetch
from edge.runtime.clock import Clock
from edge.runtime.workers import SingleThread
from edge.store.essentials import EssentialsStore
from edge.sync.suspects import Suspects
from wire.codec import WireError
from wire.event import Distrust

log = logging.getLogger("sync.essentials")

PATH = "/device/essentials"
RENEW_SECONDS = 600.0
RETRY_SECONDS, RETRY_MAX_SECONDS = 5.0, 300.0


class EssentialsFollower:
    def __init__(
        self, fetch: Fetch, store: EssentialsStore, thread: SingleThread, clock: Clock
    ) -> None:
        """`store` is used on `thread`."""
        self._fetch = fetch
        self._store = store
        self._thread = thread
        self._clock = clock
        self._said = asyncio.Event()
        self._newest = 0

    def newest(self, number: int) -> None:
        """Central says how far they go."""
        self._newest = number
        if number > self._store.number:
            self._said.set()

    async def believe_anew(self) -> None:
        """Read again what there is: other keys sign than did."""
        await self._thread.run(self._store.refresh)

    async def run(self, suspects: Suspects) -> None:
        pause = RETRY_SECONDS
        while True:
            await self._said.wait()
            self._said.clear()
            if self._newest <= self._store.number:
                continue
            if await self.fetch(suspects):
                pause = RETRY_SECONDS
                await self._clock.wait(RENEW_SECONDS)
            else:
                await self._clock.wait(pause)
                pause = min(pause * 2, RETRY_MAX_SECONDS)

    async def fetch(self, suspects: Suspects) -> bool:
        """Fetch them once; return whether there are newer ones now."""
        try:
            sealed = await self._fetch.get(PATH)
            await self._thread.run(self._store.add, sealed)
        except WireError as error:
            log.warning("essentials: %s", error)
            suspects.suspect(Suspicion(Distrust.FORGED, f"essentials: {error}"))
            return False
        except (DriverError, OSError) as error:
            log.warning("essentials: %s", error)
            return False
        log.info("essentials %d", self._store.number)
        return True
