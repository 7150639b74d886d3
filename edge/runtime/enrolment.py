"""Enrolment by a device's own scanner, which reads the code while the service contact is held.

Sync does the work; the door daemon decides whether the code may be taken at all, says how it went,
and begins anew once this device is somebody.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from edge.core import enrolment
from edge.core.enrolment import Failure
from edge.core.notice import Notice
from edge.core.scan import without_aim
from edge.runtime import identity
from edge.runtime.clock import Clock
from edge.runtime.intercom import EnrolmentRead, IntercomClient
from wire import enrolment as shown
from wire.codec import WireError

log = logging.getLogger("enrolment")

LOOK_SECONDS = 0.5


class Enrolling:
    """Where enrolment codes go. `contact`: whether it is held, when that changes; None: no wire.

    `known` is the stamp of the identity that this daemon was assembled for.
    """

    def __init__(
        self,
        directory: Path,
        contact: AsyncIterator[bool] | None,
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
        return enrolment.CONTACT_NOT_HELD if self._contact else enrolment.NO_CONTACT

    async def watch(self, idle: Callable[[], bool]) -> None:
        """Watch the contact, and who this device is; begin anew when that changes."""
        async with asyncio.TaskGroup() as tasks:
            if self._contact:
                tasks.create_task(self._watch_contact(self._contact))
            tasks.create_task(self._watch_identity(idle))

    async def _watch_contact(self, contact: AsyncIterator[bool]) -> None:
        async for held in contact:
            self._held = held

    async def _watch_identity(self, idle: Callable[[], bool]) -> None:
        """Begin anew when this device is somebody else, as soon as nobody is at it."""
        while identity.stamp(self._directory) == self._known:
            await self._clock.wait(LOOK_SECONDS)
        while not idle():
            await self._clock.wait(LOOK_SECONDS)
        self._begin_again("this device was enrolled")
