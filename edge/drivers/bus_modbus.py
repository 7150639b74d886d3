"""A Modbus RTU line that relays and sensors share: one request at a time, commands first.

The inputs are polled by one loop for all sensors of a board. A write that got no answer is never
repeated where that could pulse twice; a read may be.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

from edge.core import modbus
from edge.core.modbus import Refusal, Request
from edge.drivers.interfaces import DriverError
from edge.drivers.serial_line import SerialLine, open_line
from edge.runtime.clock import Clock

REPLY_SECONDS = 0.2
READ_TRIES = 3
POLL_SECONDS = 0.02
INPUTS = 16


class ModbusBus:
    """One serial line; used by any number of drivers in one event loop."""

    def __init__(self, path: Path, baud: int, clock: Clock) -> None:
        self._path = path
        self._baud = baud
        self._clock = clock
        self._line: SerialLine | None = None
        self._turn = asyncio.Lock()
        self._commands = 0
        self._no_command = asyncio.Event()
        self._no_command.set()
        self._polls: dict[int, _Poll] = {}

    async def command(self, request: Request) -> bytes:
        """Send a write and return its reply's body; overtakes polls. Raise DriverError.

        Sent once: without an answer nobody knows whether the board has obeyed.
        """
        self._commands += 1
        self._no_command.clear()
        try:
            async with self._turn:
                return await self._ask(request)
        finally:
            self._commands -= 1
            if not self._commands:
                self._no_command.set()

    async def inputs(self, address: int) -> AsyncIterator[tuple[tuple[bool, ...], float]]:
        """Yield (levels, uptime) of each poll of the board; raise DriverError when it is lost."""
        poll = self._polls.setdefault(address, _Poll())
        async for seen in poll.follow(self, address, self._clock):
            yield seen

    async def read_inputs(self, address: int) -> tuple[bool, ...]:
        """Read the board's inputs once; raise DriverError."""
        request = modbus.read_inputs(address, INPUTS)
        for attempt in range(READ_TRIES):
            await self._no_command.wait()
            async with self._turn:
                try:
                    return modbus.levels(await self._ask(request), INPUTS)
                except DriverError:
                    if attempt == READ_TRIES - 1:
                        self._drop()
                        raise
        raise AssertionError("unreachable")

    async def close(self) -> None:
        self._drop()

    async def _ask(self, request: Request) -> bytes:
        line = self._opened()
        try:
            line.read_waiting()  # A late answer to somebody else's question.
            line.write(request.frame)
            heard = await self._hear(line, request)
        except DriverError:
            self._drop()
            raise
        if isinstance(heard, Refusal):
            raise DriverError(f"{self._path}: the board refuses: {heard.why}")
        return heard

    async def _hear(self, line: SerialLine, request: Request) -> bytes | Refusal:
        heard = b""
        with suppress(TimeoutError):
            async with asyncio.timeout(REPLY_SECONDS):
                while (found := modbus.find_reply(request, heard)) is None:
                    heard += await line.read()
                return found
        raise DriverError(
            f"{self._path}: board {request.frame[0]} does not answer; check power and wiring"
        )

    def _opened(self) -> SerialLine:
        if self._line is None:
            self._line = open_line(self._path, self._baud)
        return self._line

    def _drop(self) -> None:
        line, self._line = self._line, None
        if line:
            line.close()


class _Poll:
    """The polling of one board for all sensors on it: whoever asks first reads for the others."""

    def __init__(self) -> None:
        self._seen: tuple[tuple[bool, ...], float] | None = None
        self._due = 0.0
        self._reading: asyncio.Task[None] | None = None

    async def follow(
        self, bus: ModbusBus, address: int, clock: Clock
    ) -> AsyncIterator[tuple[tuple[bool, ...], float]]:
        while True:
            if self._reading is None or self._reading.done():
                self._reading = asyncio.create_task(self._read(bus, address, clock))
            await asyncio.shield(self._reading)
            assert self._seen
            yield self._seen

    async def _read(self, bus: ModbusBus, address: int, clock: Clock) -> None:
        await clock.wait_until(self._due)
        self._due = clock.now().uptime + POLL_SECONDS
        levels = await bus.read_inputs(address)
        self._seen = (levels, clock.now().uptime)
