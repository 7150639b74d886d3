"""The gate of a device that nobody has enrolled yet: admits nobody, and says what to do.

It has no name to write under, so nothing is written: a row is hashed under its device, and nobody
could be told whose it was. What happened is in the log. Fire, free exits and the key switch need
no name, and work as ever.
"""

import asyncio
import logging
from collections.abc import Callable

from edge.core import enrolment
from edge.core.credential import is_enrolment
from edge.core.decision import Decision
from edge.core.lane import Judge, Refused, Signal
from edge.core.moment import Moment
from edge.core.notice import NEXT_GATE, REFUSED_SECONDS, Lamp, Notice, Sound
from edge.drivers.interfaces import Level, Lost, Sensor
from edge.gate.config import LaneConfig
from edge.gate.enrolment import EnrolmentDesk
from edge.gate.lane import LaneShell
from edge.runtime.clock import Clock
from edge.runtime.intercom import EnrolmentEnded, IntercomClient
from edge.runtime.service import Life
from wire.event import AnyEvent

log = logging.getLogger("gate.unenrolled")

LOOK_AFTER_SECONDS = 1.0
NOBODY_YET = Notice(
    Lamp.STOP, Sound.REFUSE, enrolment.NOT_ENROLLED.title, NEXT_GATE, REFUSED_SECONDS
)


class UnenrolledDesk:
    """Judges without store or list. `offer` takes an enrolment code, if it may be taken now.

    `instead` is what is said where it may not.
    """

    def __init__(self, offer: Callable[[bytes], Notice | None], instead: Notice) -> None:
        self._offer = offer
        self._instead = instead

    async def judge(
        self,
        asked: Judge,
        lane: LaneConfig,  # noqa: ARG002
        wanted: Callable[[], bool],  # noqa: ARG002
    ) -> Decision:
        if not is_enrolment(asked.scan.data):
            return Decision((), None, Refused(NOBODY_YET))
        shown = self._offer(asked.scan.data) or self._instead
        return Decision((), None, Refused(shown))

    async def record(
        self, events: tuple[AnyEvent, ...], lane: str = "", at: Moment | None = None
    ) -> None:
        del at
        for happened in events:
            log.info("not enrolled, so not recorded lane=%s: %s", lane, type(happened).__name__)

    async def resolve(self, lane: LaneConfig, why: str) -> int:  # noqa: ARG002
        return 0


class UnenrolledGate:
    """The gate daemon until somebody enrols the device."""

    def __init__(
        self,
        lanes: tuple[LaneShell, ...],
        enrolment_desk: EnrolmentDesk,
        intercom: IntercomClient,
        clock: Clock,
        life: Life,
        fire: Sensor | None = None,
    ) -> None:
        self._lanes = lanes
        self._enrolment = enrolment_desk
        self._intercom = intercom
        self._clock = clock
        self._life = life
        self._fire = fire

    async def run(self) -> None:
        """Work until this device is enrolled, or `life` says stop."""
        async with asyncio.TaskGroup() as tasks:
            work = [lane.run() for lane in self._lanes]
            work += [self._enrolment.run(self._lanes), self._intercom.run()]
            work += [self._listen(), self._look_after()]
            if self._fire:
                work.append(self._watch_fire(self._fire))
            working = [tasks.create_task(one) for one in work]
            self._life.ready("not enrolled yet")
            await self._life.stopping.wait()
            for task in working:
                task.cancel()

    async def _listen(self) -> None:
        async for word in self._intercom.words():
            if isinstance(word, EnrolmentEnded):
                await self._enrolment.ended(word, self._lanes)

    async def _watch_fire(self, fire: Sensor) -> None:
        async for said in fire.changes():
            match said:
                case Level(active, _):
                    for lane in self._lanes:
                        lane.inbox.put(Signal.FIRE if active else Signal.SECURED)
                case Lost(why):
                    log.error("fire contact lost: %s", why)

    async def _look_after(self) -> None:
        while True:
            self._life.alive()
            await self._clock.wait(LOOK_AFTER_SECONDS)
