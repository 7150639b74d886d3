"""Enrolment at the gate: its own scanner reads the code, while its service contact is held.

The gate has no network, so sync does the work; the gate decides whether the code may be taken at
all, says on its panels how it went, and begins anew once this device is somebody.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from pathlib import Path

from edge.core import enrolment
from edge.core.enrolment import Failure
from edge.core.notice import Notice
from edge.core.scan import without_aim
from edge.drivers.interfaces import Level, Lost, Sensor
from edge.gate.lane import LaneShell
from edge.runtime import identity
from edge.runtime.clock import Clock
from edge.runtime.intercom import EnrolmentEnded, EnrolmentRead, IntercomClient
from wire import enrolment as shown
from wire.codec import WireError

log = logging.getLogger("gate.enrolment")

LOOK_SECONDS = 0.5


class EnrolmentDesk:
    """Where enrolment codes go. `contact`: None where nothing is wired for it.

    `known` is the stamp of the identity that this gate was assembled for.
    """

    def __init__(
        self,
        directory: Path,
        contact: Sensor | None,
        intercom: IntercomClient,
        clock: Clock,
        begin_again: Callable[[str], None],
        known: tuple[int, int] | None,
    ) -> None:
        self._directory = directory
        self._contact = contact
        self._intercom = intercom
        self._clock = clock
        self._begin_again = begin_again
        self._held = False
        self._known = known

    def offer(self, data: bytes) -> Notice | None:
        """Take an enrolment code while the contact is held; return what to say of it, or None."""
        if not self._held:
            return None
        _, bare = without_aim(data)
        text = bare.decode("ascii", errors="replace")
        try:
            shown.read(text)
        except WireError as error:
            log.warning("an enrolment code that is none: %s", error)
            return enrolment.ended(False, enrolment.failed(Failure.MISREAD))
        self._intercom.tell(EnrolmentRead(text))
        return enrolment.UNDER_WAY

    @property
    def instead(self) -> Notice:
        """What to do about a code that was shown and may not be taken now."""
        return enrolment.NO_CONTACT if self._contact is None else enrolment.CONTACT_NOT_HELD

    async def ended(self, word: EnrolmentEnded, lanes: Sequence[LaneShell]) -> None:
        for lane in lanes:
            await lane.announce(enrolment.ended(word.done, word.said))

    async def run(self, lanes: Sequence[LaneShell]) -> None:
        """Watch the contact, and who this device is; begin anew when that changes."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._watch_contact())
            tasks.create_task(self._watch_identity(lanes))

    async def _watch_identity(self, lanes: Sequence[LaneShell]) -> None:
        while identity.stamp(self._directory) == self._known:
            await self._clock.wait(LOOK_SECONDS)
        # Nobody is left standing in a lane whose gate begins anew.
        while not all(lane.idle for lane in lanes):
            await self._clock.wait(LOOK_SECONDS)
        self._begin_again("this device was enrolled")

    async def _watch_contact(self) -> None:
        if self._contact is None:
            return
        async for said in self._contact.changes():
            match said:
                case Level(active, _):
                    self._held = active
                case Lost(why):
                    log.error("service contact lost: %s", why)
                    self._held = False
