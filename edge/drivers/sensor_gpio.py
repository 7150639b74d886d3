"""An input on a GPIO pin by gpiozero.

[lane.pass_contact] kind = "gpio", pin = 22, active_low = true

gpiozero calls back on a thread of its own; the level is then read and debounced on the event
loop, since its mock pins know no debouncing. Tried on gpiozero's mock pins only.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import suppress
from typing import Any

from gpiozero import DigitalInputDevice

from edge.core import debounce
from edge.core.debounce import Contact, Settling
from edge.drivers.gpio_errors import FAILURES
from edge.drivers.hotplug import for_ever, read_until
from edge.drivers.interfaces import DriverError, Found, Level, Lost
from edge.runtime.clock import Clock

LOOK_SECONDS = 1.0
"""How often a quiet pin is read all the same, so that a pin library that has gone is noticed."""


class GpioSensor:
    def __init__(
        self,
        pin: int,
        clock: Clock,
        settling: Settling,
        active_low: bool = False,
        factory: Any = None,
    ) -> None:
        """`factory` is a gpiozero pin factory; None: its default."""
        self._pin = pin
        self._clock = clock
        self._settling = settling
        self._active_low = active_low
        self._factory = factory

    def changes(self) -> AsyncIterator[Level | Lost | Found]:
        return for_ever(self._connection, self._clock)

    async def _connection(self) -> AsyncGenerator[Level | Found, None]:
        moved = asyncio.Event()
        loop = asyncio.get_running_loop()

        def wake() -> None:
            loop.call_soon_threadsafe(moved.set)

        try:
            device = DigitalInputDevice(
                self._pin, pull_up=self._active_low, pin_factory=self._factory
            )
        except FAILURES as error:
            raise self._gone(error) from None
        try:
            device.when_activated = device.when_deactivated = wake
            contact = Contact()
            while True:
                moved.clear()
                uptime = self._clock.now().uptime
                level = bool(device.is_active)
                yield Found()
                contact = debounce.see(contact, level, uptime)
                contact, changed = debounce.settle(contact, self._settling, uptime)
                if changed is not None:
                    yield Level(changed, uptime)
                due = debounce.deadline(contact, self._settling) or uptime + LOOK_SECONDS
                await read_until(due, self._clock, moved.wait, moved.is_set)
        except FAILURES as error:
            raise self._gone(error) from None
        finally:
            with suppress(*FAILURES):
                device.close()

    def _gone(self, error: Exception) -> DriverError:
        return DriverError(f"GPIO {self._pin}: {error}; check pin and pin library")
