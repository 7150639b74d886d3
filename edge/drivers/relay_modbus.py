"""A relay on a Modbus RTU board, its pulse timed by the board: the safest way to open a gate.

[lane.relay] kind = "modbus", path = "/dev/gatehouse/board", baud = 9600, address = 1, coil = 0

Flash-on (coil 0x0200 + n, value in tenths of a second) as Waveshare's and compatible boards have
it: the contact opens again by itself even if this process dies. Tried against a simulated board
only.
"""

from edge.core import modbus
from edge.drivers.bus_modbus import ModbusBus
from edge.drivers.interfaces import DriverError
from edge.runtime.clock import Clock

PULSE_SECONDS_MIN, PULSE_SECONDS_MAX = 0.1, 1.0


class ModbusRelay:
    def __init__(self, bus: ModbusBus, address: int, coil: int, clock: Clock) -> None:
        self._bus = bus
        self._address = address
        self._coil = coil
        self._clock = clock
        self._busy_until = 0.0

    async def pulse(self, seconds: float) -> None:
        now = self._clock.now().uptime
        if now < self._busy_until:
            raise DriverError(f"coil {self._coil}: a pulse is under way")
        asked = min(max(seconds, PULSE_SECONDS_MIN), PULSE_SECONDS_MAX)
        tenths = round(asked * 10)
        self._busy_until = now + tenths / 10
        flash = modbus.write_coil(self._address, modbus.FLASH_ON + self._coil, tenths)
        await self._bus.command(flash)

    async def hold(self, closed: bool) -> None:
        value = modbus.COIL_ON if closed else modbus.COIL_OFF
        await self._bus.command(modbus.write_coil(self._address, self._coil, value))

    async def close(self) -> None:
        try:
            await self.hold(False)
        except DriverError:
            return  # Without the board there is nothing left to switch off.
