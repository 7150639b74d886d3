"""Enrolment at the gate, which says on its panels what to do and how it went."""

from collections.abc import Sequence

from edge.core import enrolment
from edge.gate.lane import LaneShell
from edge.runtime.enrolment import Enrolling
from edge.runtime.intercom import EnrolmentEnded


class EnrolmentDesk(Enrolling):
    """At the lanes of a gate."""

    async def ended(self, word: EnrolmentEnded, lanes: Sequence[LaneShell]) -> None:
        for lane in lanes:
            await lane.announce(enrolment.ended(word.done, word.said))

    async def run(self, lanes: Sequence[LaneShell]) -> None:
        """Watch contact and identity: nobody is left standing in a gate that begins anew."""
        await self.watch(lambda: all(lane.idle for lane in lanes))
