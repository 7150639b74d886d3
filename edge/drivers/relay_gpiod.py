"""A relay on a GPIO line, by the kernel's character device (libgpiod 2): the default on a Pi.

[lane.relay] kind = "gpiod", chip = "/dev/gpiochip0", line = 17, active_low = false

The line is requested inactive and released inactive. Choose a pin whose pull at boot leaves the
relay off (BCM 9 to 27 for an active-high board). Tried against a fake chip only, never a real
one.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import gpiod
from gpiod.line import Direction, Value

from edge.drivers.interfaces import DriverError
from edge.drivers.pulse import TimedOutput
from edge.runtime.clock import Clock

Request = Callable[..., Any]
FAILURES = (OSError, ValueError, NotImplementedError, gpiod.RequestReleasedError)
"""gpiod makes a ValueError of EINVAL (no such line) and a NotImplementedError of EOPNOTSUPP."""


class GpiodRelay:
    def __init__(
        self,
        chip: str,
        line: int,
        clock: Clock,
        active_low: bool = False,
        request: Request = gpiod.request_lines,
    ) -> None:
        """`request` stands in for `gpiod.request_lines` in tests."""
        self._chip = chip
        self._line = line
        self._active_low = active_low
        self._ask = request
        self._held: Any = None
        self._output = TimedOutput(f"{chip} line {line}", self._switch, clock)

    async def pulse(self, seconds: float) -> None:
        await self._output.pulse(seconds)

    async def hold(self, closed: bool) -> None:
        await self._output.hold(closed)

    async def close(self) -> None:
        with suppress(DriverError):
            await self._output.hold(False)
        self._release()

    def _switch(self, on: bool) -> None:
        try:
            self._requested().set_value(self._line, Value.ACTIVE if on else Value.INACTIVE)
        except FAILURES as error:
            self._release()
            where = f"{self._chip} line {self._line}"
            raise DriverError(f"{where}: {error}; check chip and line") from None

    def _requested(self) -> Any:
        if self._held is None:
            settings = gpiod.LineSettings(
                direction=Direction.OUTPUT,
                output_value=Value.INACTIVE,
                active_low=self._active_low,
            )
            self._held = self._ask(self._chip, consumer="gatehouse", config={self._line: settings})
        return self._held

    def _release(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            with suppress(*FAILURES):
                held.release()
