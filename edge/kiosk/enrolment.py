"""Enrolment at the kiosk: its screen says what to do and how it went, over all else it shows."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from edge.core import enrolment
from edge.core.notice import Notice
from edge.runtime.enrolment import LOOK_SECONDS, Enrolling
from edge.runtime.intercom import EnrolmentEnded

Shows = Callable[[], Awaitable[None]]
"""Draws the page anew."""


class EnrolmentDesk(Enrolling):
    """On the screen of a kiosk."""

    notice: Notice | None = None
    """What is said over everything else that the screen shows."""
    _until = 0.0

    async def say(self, notice: Notice, show: Shows) -> None:
        """Show `notice` for as long as it says."""
        self.notice, self._until = notice, self._clock.now().uptime + (notice.seconds or 0.0)
        await show()

    async def ended(self, word: EnrolmentEnded, show: Shows) -> None:
        await self.say(enrolment.ended(word.done, word.said), show)

    async def run(self, idle: Callable[[], bool], show: Shows) -> None:
        """Watch contact and identity, and take down what was shown long enough."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.watch(idle))
            tasks.create_task(self._take_down(show))

    async def _take_down(self, show: Shows) -> None:
        while True:
            if self.notice and self._clock.now().uptime >= self._until:
                self.notice = None
                await show()
            await self._clock.wait(LOOK_SECONDS)


def picture(notice: Notice) -> dict[str, Any]:
    """Return what the page names of a notice: both languages at once, whoever reads it."""
    return {
        "lamp": notice.lamp.value,
        "titles": (notice.title.zh, notice.title.en),
        "advice": (notice.advice.zh, notice.advice.en),
    }
