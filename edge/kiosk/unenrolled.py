"""The kiosk of a device that nobody has enrolled yet: serves nobody, and says what to do.

It has no name to write under, so nothing is written; its printer is left alone.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from edge.core import enrolment
from edge.core.credential import is_enrolment
from edge.core.notice import REFUSED_SECONDS, Lamp, Notice, Sound
from edge.core.scan import Held, Scan, see
from edge.drivers.interfaces import Code, Reader
from edge.kiosk.enrolment import EnrolmentDesk, picture
from edge.kiosk.showing import Showing
from edge.runtime.clock import Clock
from edge.runtime.intercom import EnrolmentEnded, IntercomClient
from edge.runtime.service import Life
from wire.words import Words

LOOK_AFTER_SECONDS = 1.0
NOBODY_YET = Notice(
    Lamp.STOP,
    Sound.REFUSE,
    enrolment.NOT_ENROLLED.title,
    Words("请使用其他取票机，或找工作人员", "Please use another kiosk, or ask the staff"),
    REFUSED_SECONDS,
)


class UnenrolledKiosk(Showing):
    """The kiosk daemon until somebody enrols the device."""

    def __init__(
        self,
        readers: tuple[Reader, ...],
        enrolling: EnrolmentDesk,
        intercom: IntercomClient,
        clock: Clock,
        life: Life,
    ) -> None:
        super().__init__()
        self._readers = readers
        self.enrolling = enrolling
        self._intercom = intercom
        self._clock = clock
        self._life = life

    async def run(self, serve: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Work until this device is enrolled, or `life` says stop; `serve()` runs the page."""
        async with asyncio.TaskGroup() as tasks:
            work: list[Coroutine[Any, Any, Any]] = [
                *(self._watch(reader) for reader in self._readers),
                *(self.enrolling.run(lambda: True, self.show), self._intercom.run()),
                *(self._listen(), self._look_after(), serve()),
            ]
            working = [tasks.create_task(one) for one in work]
            self._life.ready("not enrolled yet")
            await self._life.stopping.wait()
            for task in working:
                task.cancel()

    async def touch(self, what: str, value: str, at: int) -> None:
        """Nothing can be touched here."""

    def picture(self, kiosk: str) -> dict[str, Any]:
        """Return everything that the templates of the page name."""
        shown = self.enrolling.notice or enrolment.NOT_ENROLLED
        return {"kiosk": kiosk, "number": self.number, "notice": picture(shown), "w": None}

    async def _watch(self, reader: Reader) -> None:
        before: Held | None = None
        async for said in reader.codes():
            if isinstance(said, Code):
                scan = Scan(b"", "", said.data, said.first_byte_uptime)
                before, looked_at = see(before, scan, said.last_byte_uptime)
                if looked_at:
                    await self._read(said.data)

    async def _read(self, data: bytes) -> None:
        said = NOBODY_YET
        if is_enrolment(data):
            said = self.enrolling.offer(data) or self.enrolling.instead
        await self.enrolling.say(said, self.show)

    async def _listen(self) -> None:
        async for word in self._intercom.words():
            if isinstance(word, EnrolmentEnded):
                await self.enrolling.ended(word, self.show)

    async def _look_after(self) -> None:
        while True:
            self._life.alive()
            await self._clock.wait(LOOK_AFTER_SECONDS)
