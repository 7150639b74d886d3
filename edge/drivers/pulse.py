"""How long a pulse may be, and one that this process times: for boards without a timer.

On a Raspberry Pi a line stays driven when its process dies (`dtparam=strict_gpiod` and the
unit's ExecStopPost mend that), so the line is switched off on every path out of here.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from edge.drivers.interfaces import DriverError
from edge.runtime.clock import Clock

PULSE_SECONDS_MIN, PULSE_SECONDS_MAX = 0.1, 1.0


def clamped(seconds: float) -> float:
    """Return the length that every relay gives a pulse asked for `seconds`."""
    return min(max(seconds, PULSE_SECONDS_MIN), PULSE_SECONDS_MAX)


class TimedOutput:
    """Switches by `switch(on)`, which raises DriverError; one pulse at a time."""

    def __init__(self, name: str, switch: Callable[[bool], None], clock: Clock) -> None:
        self._name = name
        self._switch = switch
        self._clock = clock
        self._lasting: asyncio.Task[None] | None = None

    async def pulse(self, seconds: float) -> None:
        """Switch on, and off after `seconds` (clamped); raise DriverError while one runs."""
        if self._lasting and not self._lasting.done():
            raise DriverError(f"{self._name}: a pulse is under way")
        self._switch(True)
        self._lasting = asyncio.create_task(self._clock.wait(clamped(seconds)))
        # A callback and no `finally`: a task cancelled before its first step runs none.
        self._lasting.add_done_callback(self._off)

    async def hold(self, closed: bool) -> None:
        await self.stop()
        self._switch(closed)

    async def stop(self) -> None:
        """End a pulse that runs, at once."""
        if self._lasting and not self._lasting.done():
            self._lasting.cancel()
            await asyncio.wait({self._lasting})

    def _off(self, _: asyncio.Task[None]) -> None:
        with suppress(DriverError):  # Gone with its chip: then nothing drives the line.
            self._switch(False)
