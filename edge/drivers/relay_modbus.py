"""A relay on a Modbus RTU board, its pulse timed by the board: the safest way to open a gate.

[lane.relay] kind = "modbus", path = "/dev/gatehouse/board", baud = 9600, address = 1, coil = 0

Flash-on (coil 0x0200 + n, value in tenths of a second) as Waveshare's and compatible boards have
it: the contact opens again by itself even if this process dies. Tried against a simulated board
only.
"""

import math

from edge.core import modbus
from edge.drivers.bus_modbus import ModbusBus
from edge.drivers.interfaces import DriverError
from edge.drivers.pulse import clamped
from edge.runtime.clock import Clock


class ModbusRelay:
    def __init__(self, bus: ModbusBus, address: int, coil: int, clock: Clock) -> None:
        self._bus = bus
        self._address = address
        self._coil = coil
        self._clock = clock
        self._busy_until = 0.0

    async def pulse(self, seconds: float) -> None:
        if self._clock.now().uptime < self._busy_until:
            raise DriverError(f"board {self._address} coil {self._coil}: a pulse is under way")
        tenths = round(clamped(seconds) * 10)
        flash = modbus.write_coil(self._address, modbus.FLASH_ON + self._coil, tenths)
        self._busy_until = math.inf
        try:
            await self._bus.command(flash)
        finally:
            # Also without an answer: the board may have obeyed.
            self._busy_until = self._clock.now().uptime + tenths / 10

    async def hold(self, closed: bool) -> None:
        value = modbus.COIL_ON if closed else modbus.COIL_OFF
        await self._bus.command(modbus.write_coil(self._address, self._coil, value))
        self._busy_until = 0.0

    async def close(self) -> None:
        try:
            await self.hold(False)
        except DriverError:
            return  # Without the board there is nothing left to switch off.
