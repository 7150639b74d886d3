"""A device's real list-keeping on a real central; Django's test client stands for HTTP."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.test import Client

from edge.drivers.fetch_simulated import SimulatedFetch
from edge.drivers.interfaces import DriverError
from edge.runtime.clock import SimulatedClock, settle
from edge.runtime.intercom import Word
from edge.store.essentials import EssentialsStore
from edge.store.list_writer import WhitelistWriter
from edge.store.trust import TrustStore
from edge.store.whitelist import Whitelist
from edge.sync.essentials import EssentialsFollower
from edge.sync.inward import Inward
from edge.sync.new_list import Aside
from edge.sync.roles import RolesFollower
from tests.central_venue import TOKEN
from tests.threads import DirectThread


class CentralFetch(SimulatedFetch):
    """What central's pages answer to a device."""

    def __init__(self) -> None:
        super().__init__()
        self._client = Client(headers={"Authorization": f"Bearer {TOKEN}"})

    def _find(self, path: str) -> bytes:
        self.asked.append(path)
        answer: Any = self._client.get(path)
        if answer.status_code != 200:
            raise DriverError(f"{path}: {answer.status_code}")
        return bytes(answer.getvalue())


class Deaf:
    """Doors that nobody tells anything."""

    def tell(self, word: Word) -> None:
        pass


@dataclass
class Follower:
    directory: Path
    clock: SimulatedClock
    fetch: CentralFetch
    trust: TrustStore
    inward: Inward

    def beat(self) -> None:
        """Hear central's heartbeat."""
        self.inward.heartbeat(_pulse().beat(_venue()), live=True)

    def list_now(self) -> Whitelist:
        """Return the list as a door that starts now reads it."""
        return Whitelist(self.directory, self.trust)

    async def until(self, what: Callable[[], bool], seconds: float = 100.0) -> None:
        for _ in range(int(seconds)):
            if what():
                return
            self.beat()
            await self.clock.advance(1.0)
        raise AssertionError("it never happened")

    async def until_confirmed(self) -> None:
        """Follow central until it says that ours is the newest list."""
        from central.lists.changes import head

        await self.until(lambda: self.inward.sequence == head(_venue())[0])


@asynccontextmanager
async def following(directory: Path) -> AsyncIterator[Follower]:
    """Run what keeps a new device's list."""
    from central.venue import trust as central_trust

    clock, thread, fetch = SimulatedClock(), DirectThread(), CentralFetch()
    trust = TrustStore(directory, central_trust.root_pin(_venue()), "v")
    essentials = EssentialsFollower(fetch, EssentialsStore(directory, trust), thread, clock)
    writer, roles = WhitelistWriter(directory, trust), RolesFollower(fetch, trust, "v", clock)
    aside = Aside(fetch, thread, directory)
    inward = Inward(fetch, writer, roles, essentials, Deaf(), thread, aside, clock, lambda: 0.5)
    running = asyncio.create_task(inward.run())
    try:
        await settle()
        yield Follower(directory, clock, fetch, trust, inward)
        assert not running.done()
    finally:
        running.cancel()


def _venue() -> Any:
    from central.venue.models import Venue

    return Venue.objects.get()


def _pulse() -> Any:
    from central.lists.heartbeat import Pulse

    return Pulse()
