"""Tells the doors what was said of the list and is not believed, so that it is on record.

What nobody known here has signed may be signed by a key that is new: roles are asked for first.
"""

import asyncio
import logging
from typing import Protocol

from edge.core import list_doubts
from edge.core.list_doubts import Doubts, Suspicion
from edge.core.list_terms import Doing, Held, ListUpdate
from edge.runtime.clock import Clock
from edge.runtime.intercom import Distrusted, Word
from edge.sync.roles import RolesFollower
from wire.event import Distrust
from wire.snapshot import Delta, Heartbeat

log = logging.getLogger("sync.suspects")

TOLD_SECONDS = 10.0
"""Between two words of one kind: a door that was away hears the next."""


class Doors(Protocol):
    """Whom sync tells what it heard (edge.runtime.intercom.IntercomServer)."""

    def tell(self, word: Word) -> None: ...


class Suspects:
    def __init__(self, roles: RolesFollower, doors: Doors, clock: Clock) -> None:
        self._roles = roles
        self._doors = doors
        self._clock = clock
        self._doubts = Doubts()
        self._told: dict[Distrust, float] = {}
        self._doubtful: str | None = None
        self._doubted = asyncio.Event()

    async def run(self) -> None:
        """Ask for newer roles after each doubt; if there are none, it was forged."""
        while True:
            await self._doubted.wait()
            self._doubted.clear()
            before, why = self._roles.trust.version, self._doubtful or ""
            await self._roles.ask_again()
            if self._roles.trust.version == before:
                self.suspect(Suspicion(Distrust.FORGED, why))

    def doubt(self, why: str) -> None:
        """Somebody said something that is not signed by whom this device believes."""
        self._doubtful = why
        self._doubted.set()

    def heard(self, heartbeat: Heartbeat, update: ListUpdate, uptime: float) -> None:
        """A live heartbeat of central's."""
        said, fetching = Held(heartbeat.sequence, heartbeat.head), update.doing is Doing.SNAPSHOT
        self._doubts, found = list_doubts.heartbeat(
            self._doubts, said, update.has, fetching or update.snapshot_wanted, uptime
        )
        if heartbeat.roles < self._roles.trust.version:
            why = f"central says roles {heartbeat.roles}; {self._roles.trust.version} are known"
            found = Suspicion(Distrust.PUT_BACK, why)
        self.suspect(found)

    def arrived(self, delta: Delta, has: Held | None) -> None:
        """A delta of central's, by MQTT."""
        self._doubts, found = list_doubts.arrived(self._doubts, delta, has)
        self.suspect(found)

    def suspect(self, found: Suspicion | None) -> None:
        """Tell the doors, not too often of one kind."""
        if found is None:
            return
        uptime = self._clock.now().uptime
        if list_doubts.is_due(self._told, found.what, uptime, TOLD_SECONDS):
            self._told[found.what] = uptime
            log.warning("%s: %s", found.what.value, found.why)
            self._doors.tell(Distrusted(found.what, found.why[:200]))
