"""Enrolment at the gate, which says on its panels what to do and how it went."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

from edge.core import enrolment
from edge.drivers.interfaces import Sensor, held
from edge.gate.lane import LaneShell
from edge.runtime.clock import Clock
from edge.runtime.enrolment import Enrolling
from edge.runtime.intercom import EnrolmentEnded, IntercomClient


class EnrolmentDesk(Enrolling):
    """`contact`: None where nothing is wired for it."""

    def __init__(
        self,
        directory: Path,
        contact: Sensor | None,
        intercom: IntercomClient,
        clock: Clock,
        begin_again: Callable[[str], None],
        known: tuple[int, int] | None,
    ) -> None:
        super().__init__(directory, contact is not None, intercom, clock, begin_again, known)
        self._contact = contact

    async def ended(self, word: EnrolmentEnded, lanes: Sequence[LaneShell]) -> None:
        for lane in lanes:
            await lane.announce(enrolment.ended(word.done, word.said))

    async def run(self, lanes: Sequence[LaneShell]) -> None:
        """Watch the contact, and who this device is; begin anew when that changes."""

        def idle() -> bool:
            """Nobody is left standing in a lane whose gate begins anew."""
            return all(lane.idle for lane in lanes)

        async with asyncio.TaskGroup() as tasks:
            if self._contact:
                tasks.create_task(self.watch_contact(held(self._contact)))
            tasks.create_task(self.watch_identity(idle))
