"""An input on a GPIO pin by gpiozero.

[lane.pass_contact] kind = "gpio", pin = 22, active_low = true

gpiozero calls back on a thread of its own; the level is then read and debounced on the event
loop, since its mock pins know no debouncing. Tried on gpiozero's mock pins only.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

from gpiozero import DigitalInputDevice, GPIOZeroError

from edge.core import debounce
from edge.core.debounce import Contact, Settling
from edge.drivers.hotplug import for_ever, read_until
from edge.drivers.interfaces import DriverError, Found, Level, Lost
from edge.runtime.clock import Clock


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
        except (GPIOZeroError, OSError) as error:
            raise DriverError(f"GPIO {self._pin}: {error}; check the pin library") from None
        try:
            device.when_activated = device.when_deactivated = wake
            yield Found()
            contact = Contact()
            while True:
                uptime = self._clock.now().uptime
                contact = debounce.see(contact, bool(device.is_active), uptime)
                contact, changed = debounce.settle(contact, self._settling, uptime)
                if changed is not None:
                    yield Level(changed, uptime)
                due = debounce.deadline(contact, self._settling)
                await read_until(due, self._clock, moved.wait, lambda: False)
                moved.clear()
        finally:
            device.close()
