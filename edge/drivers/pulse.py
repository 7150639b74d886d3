"""A pulse that this process times: for outputs whose board has no timer of its own.

On a Raspberry Pi a line stays driven when its process dies (`dtparam=strict_gpiod` and the
unit's ExecStopPost mend that), so the line is switched off on every path out of here.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from edge.drivers.interfaces import DriverError
from edge.runtime.clock import Clock

PULSE_SECONDS_MIN, PULSE_SECONDS_MAX = 0.1, 1.0


class TimedOutput:
    """Switches by `switch(on)`, which raises DriverError; one pulse at a time."""

    def __init__(self, name: str, switch: Callable[[bool], None], clock: Clock) -> None:
        self._name = name
        self._switch = switch
        self._clock = clock
        self._ending: asyncio.Task[None] | None = None

    async def pulse(self, seconds: float) -> None:
        """Switch on, and off after `seconds` (clamped); raise DriverError while one runs."""
        if self._ending and not self._ending.done():
            raise DriverError(f"{self._name}: a pulse is under way")
        self._switch(True)
        asked = min(max(seconds, PULSE_SECONDS_MIN), PULSE_SECONDS_MAX)
        self._ending = asyncio.create_task(self._end(asked))

    async def hold(self, closed: bool) -> None:
        await self.stop()
        self._switch(closed)

    async def stop(self) -> None:
        """End a pulse that runs, at once."""
        if self._ending and not self._ending.done():
            self._ending.cancel()
            with suppress(asyncio.CancelledError):
                await self._ending

    async def _end(self, seconds: float) -> None:
        try:
            await self._clock.wait(seconds)
        finally:
            with suppress(DriverError):  # Gone with its chip: then nothing drives the line.
                self._switch(False)
