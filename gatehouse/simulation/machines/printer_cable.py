"""The cable between a kiosk and its printer, which holds one piece at a time.

What a dead kiosk had put into it, the printer still prints.
"""

import asyncio

from edge.drivers.interfaces import DriverError
from gatehouse.simulation.machines.loop import Scheduler
from gatehouse.simulation.machines.machine import Process

BYTES_MAX = 4096
ANSWER_SECONDS = 0.002


class Cable:
    """Between one printer and whichever life of the kiosk has it open."""

    def __init__(self, scheduler: Scheduler) -> None:
        self.session = 0
        self.plugged = True
        self._scheduler = scheduler
        self._piece = b""
        self._end: CableEnd | None = None
        self._printer_waits: asyncio.Future[None] | None = None

    def open(self, end: "CableEnd") -> None:
        if not self.plugged:
            raise DriverError("the simulated printer is not there")
        self.session += 1
        self._end, self._piece = end, b""

    # The printer's end.

    def plug(self) -> None:
        self.plugged = True

    def unplug(self) -> None:
        self.plugged, self._piece = False, b""
        end, self._end = self._end, None
        if end is not None and end.process.alive:
            end.lose()

    async def read(self) -> bytes:
        while not self._piece:
            self._printer_waits = self._scheduler.world.create_future()
            await self._printer_waits
        piece, self._piece = self._piece, b""
        if self._end is not None and self._end.process.alive:
            self._end.wake_writer()
        return piece

    def send(self, message: bytes) -> None:
        end = self._end
        if end is not None and end.process.alive:
            end.process.loop.call_later(ANSWER_SECONDS, end.hear, message)

    # The kiosk's.

    def put(self, piece: bytes) -> bool:
        """Put a piece on it; False: there is one on it already."""
        if self._piece:
            return False
        self._piece = piece
        if self._printer_waits is not None and not self._printer_waits.done():
            self._printer_waits.set_result(None)
        return True

    def let_go(self, end: "CableEnd") -> None:
        if self._end is end:
            self._end, self._piece = None, b""


class CableEnd:
    """The kiosk's way to its printer, for one life of the process (escpos_transport.Transport)."""

    name = "the simulated printer"

    def __init__(self, cable: Cable, process: Process) -> None:
        self.process = process
        self._cable = cable
        self._open = False
        self._heard = b""
        self._reading: asyncio.Future[None] | None = None
        self._writing: asyncio.Future[None] | None = None

    async def open(self) -> None:
        await self.process.point()
        self._cable.open(self)
        self._open, self._heard = True, b""

    async def read(self) -> bytes:
        while not self._heard:
            self._still_open()
            self._reading = self.process.loop.create_future()
            await self._reading
        heard, self._heard = self._heard, b""
        return heard

    async def write(self, data: bytes) -> int:
        await self.process.point()
        self._still_open()
        while not self._cable.put(data[:BYTES_MAX]):
            self._writing = self.process.loop.create_future()
            await self._writing
            self._still_open()
        await self.process.point()
        return len(data[:BYTES_MAX])

    def close(self) -> None:
        self._cable.let_go(self)
        self.lose()

    # What comes by the cable.

    def hear(self, message: bytes) -> None:
        if self._open:
            self._heard += message
            _done(self._reading)

    def wake_writer(self) -> None:
        _done(self._writing)

    def lose(self) -> None:
        self._open = False
        _done(self._reading)
        _done(self._writing)

    def _still_open(self) -> None:
        if not self._open:
            raise DriverError("the simulated printer is lost")


def _done(waiting: asyncio.Future[None] | None) -> None:
    if waiting is not None and not waiting.done():
        waiting.set_result(None)
