"""An input on a GPIO pin by gpiozero.

[lane.pass_contact] kind = "gpio", pin = 22, active_low = true

gpiozero calls back on a thread of its own and knows when the edge was; edges are debounced on the
event loop, since its mock pins know no debouncing, by their own times: a loop that stood still
misses no pulse. Tried on gpiozero's mock pins only.
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


EDGE_AGE_SECONDS_MAX = 60.0
"""Beyond, pin library and kernel count from different days, and an edge was just now."""


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
        edges = list[tuple[bool, float]]()
        loop = asyncio.get_running_loop()

        def heard(level: bool, uptime: float) -> None:
            edges.append((level, uptime))
            moved.set()

        def active() -> None:
            loop.call_soon_threadsafe(heard, True, self._since(device.active_time))

        def inactive() -> None:
            loop.call_soon_threadsafe(heard, False, self._since(device.inactive_time))

        try:
            device = DigitalInputDevice(
                self._pin, pull_up=self._active_low, pin_factory=self._factory
            )
        except FAILURES as error:
            raise self._gone(error) from None
        try:
            device.when_activated, device.when_deactivated = active, inactive
            contact = Contact()
            while True:
                moved.clear()
                waiting, edges[:] = tuple(edges), []
                uptime = self._clock.now().uptime
                level = bool(device.is_active)
                yield Found()
                contact, believed = debounce.replay(contact, waiting, self._settling)
                for changed, at in believed:
                    yield Level(changed, at)
                contact = debounce.see(contact, level, uptime)
                contact, now_believed = debounce.settle(contact, self._settling, uptime)
                if now_believed is not None:
                    yield Level(now_believed, uptime)
                due = debounce.deadline(contact, self._settling) or uptime + LOOK_SECONDS
                await read_until(due, self._clock, moved.wait, moved.is_set)
        except FAILURES as error:
            raise self._gone(error) from None
        finally:
            with suppress(*FAILURES):
                device.close()

    def _since(self, seconds: float | None) -> float:
        ago = 0.0 if seconds is None or not 0.0 <= seconds < EDGE_AGE_SECONDS_MAX else seconds
        return self._clock.now().uptime - ago

    def _gone(self, error: Exception) -> DriverError:
        return DriverError(f"GPIO {self._pin}: {error}; check pin and pin library")
