"""A relay on a GPIO pin by gpiozero, on whatever pin library it finds (lgpio on a Pi).

[lane.relay] kind = "gpio", pin = 17, active_low = false

gpiozero's own `blink` would lengthen a running pulse, so the pulse is timed here. Closing makes
the pin an input: choose one whose pull leaves the relay off. Tried on gpiozero's mock pins only.
"""

from contextlib import suppress
from typing import Any

from gpiozero import DigitalOutputDevice

from edge.drivers.gpio_errors import FAILURES
from edge.drivers.interfaces import DriverError
from edge.drivers.pulse import TimedOutput
from edge.runtime.clock import Clock


class GpioRelay:
    def __init__(
        self, pin: int, clock: Clock, active_low: bool = False, factory: Any = None
    ) -> None:
        """`factory` is a gpiozero pin factory; None: its default."""
        self._pin = pin
        self._active_low = active_low
        self._factory = factory
        self._device: DigitalOutputDevice | None = None
        self._output = TimedOutput(f"GPIO {pin}", self._switch, clock)

    async def pulse(self, seconds: float) -> None:
        await self._output.pulse(seconds)

    async def hold(self, closed: bool) -> None:
        await self._output.hold(closed)

    async def close(self) -> None:
        with suppress(DriverError):
            await self._output.hold(False)
        self._drop()

    def _switch(self, on: bool) -> None:
        try:
            if self._device is None:
                self._device = DigitalOutputDevice(
                    self._pin,
                    active_high=not self._active_low,
                    initial_value=False,
                    pin_factory=self._factory,
                )
            self._device.value = on
        except FAILURES as error:
            self._drop()
            raise DriverError(f"GPIO {self._pin}: {error}; check the pin library") from None

    def _drop(self) -> None:
        device, self._device = self._device, None
        if device is not None:
            with suppress(*FAILURES):
                device.close()
