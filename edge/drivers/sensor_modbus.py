"""An input of a Modbus RTU board: pass contact, beam, fire loop, key switch.

[lane.pass_contact] kind = "modbus", path = "/dev/gatehouse/board", address = 1, input = 0

Polled every 20 ms together with the board's other inputs, and debounced here. A pass contact
must therefore stay closed for at least 60 ms; makers give 200 ms and more. Where two looks lie so
far apart that such a pulse fits in between, that is said. A look takes 24 ms at 9,600 baud (21
characters): six boards on such a line are as many as can be watched.
"""

from collections.abc import AsyncGenerator, AsyncIterator

from edge.core import debounce
from edge.core.debounce import Contact, Settling
from edge.drivers.bus_modbus import ModbusBus
from edge.drivers.hotplug import for_ever
from edge.drivers.interfaces import Found, Level, Lost, Unwatched
from edge.runtime.clock import Clock

UNWATCHED_SECONDS = 0.15
"""A pulse of 200 ms that has no two looks in it, 20 ms apart, lay between looks as far apart."""


class ModbusSensor:
    def __init__(
        self,
        bus: ModbusBus,
        address: int,
        number: int,
        clock: Clock,
        settling: Settling,
        active_low: bool = False,
    ) -> None:
        self._bus = bus
        self._address = address
        self._number = number
        self._clock = clock
        self._settling = settling
        self._active_low = active_low

    def changes(self) -> AsyncIterator[Level | Lost | Found | Unwatched]:
        return for_ever(self._connection, self._clock)

    async def _connection(self) -> AsyncGenerator[Level | Found | Unwatched, None]:
        contact, looked_at = Contact(), None
        async for levels, uptime in self._bus.inputs(self._address, self._number):
            if looked_at is None:
                yield Found()
            elif uptime - looked_at > UNWATCHED_SECONDS:
                yield Unwatched(uptime - looked_at)
            looked_at = uptime
            level = levels[self._number] is not self._active_low
            contact = debounce.see(contact, level, uptime)
            contact, changed = debounce.settle(contact, self._settling, uptime)
            if changed is not None:
                yield Level(changed, uptime)
