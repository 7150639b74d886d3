"""Sync on a device that nobody has enrolled yet: it waits to be shown how."""

import asyncio

from edge.runtime.clock import Clock
from edge.runtime.intercom import EnrolmentRead, IntercomServer
from edge.runtime.service import Life
from edge.sync.enrolment import Enroller

LOOK_AFTER_SECONDS = 1.0


class UnenrolledSync:
    def __init__(
        self, enroller: Enroller, intercom: IntercomServer, clock: Clock, life: Life
    ) -> None:
        self._enroller = enroller
        self._intercom = intercom
        self._clock = clock
        self._life = life

    async def run(self) -> None:
        """Work until this device is enrolled, or `life` says stop."""
        async with asyncio.TaskGroup() as tasks:
            work = (self._intercom.run(), self._enroller.run(), self._hear(), self._look_after())
            working = [tasks.create_task(one) for one in work]
            self._life.ready("not enrolled yet")
            await self._life.stopping.wait()
            for task in working:
                task.cancel()

    async def _hear(self) -> None:
        async for word in self._intercom.words():
            if isinstance(word, EnrolmentRead):
                self._enroller.read(word.text)

    async def _look_after(self) -> None:
        while True:
            self._life.alive()
            await self._clock.wait(LOOK_AFTER_SECONDS)
