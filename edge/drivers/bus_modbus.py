"""A Modbus RTU line that relays and sensors share: one request at a time, commands first.

The inputs are polled by one loop for all sensors of a board; a panel that has much to say makes
them wait for 60 ms at most, so that no pass contact is overlooked. A write that got no answer is
never repeated where that could pulse twice; a read may be. Some two-wire adapters give back what
is sent, and the reply to a write looks just like that, so a read finds it out before the first
write.
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
OVERTAKEN_SECONDS = 0.06
"""So long commands go before a read."""
QUIET_CHARACTERS, QUIET_SECONDS_MIN = 3.5, 0.00175
"""The silence between two frames: 3.5 characters of 11 bits, and not less at a higher rate."""


class ModbusBus:
    """One serial line; used by any number of drivers in one event loop."""

    def __init__(self, path: Path, baud: int, clock: Clock) -> None:
        self._path = path
        self._baud = baud
        self._clock = clock
        self._line: SerialLine | None = None
        self._echoes: bool | None = None
        """Whether the line gives back what is sent; None: not known yet."""
        self._quiet_until = 0.0
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
                self._opened()
                if self._echoes is None:
                    await self._ask(modbus.read_coils(request.frame[0], 8))
                return self._taken(request, await self._ask(request))
        finally:
            self._commands -= 1
            if not self._commands:
                self._no_command.set()

    async def inputs(
        self, address: int, number: int
    ) -> AsyncIterator[tuple[tuple[bool, ...], float]]:
        """Yield (levels up to input `number` at least, uptime) of each poll of the board.

        Raise DriverError when the board is lost.
        """
        poll = self._polls.setdefault(address, _Poll())
        async for seen in poll.follow(self, address, number, self._clock):
            yield seen

    async def read_inputs(self, address: int, count: int) -> tuple[bool, ...]:
        """Read the board's inputs 0 to count-1 once; raise DriverError."""
        request = modbus.read_inputs(address, count)
        for _ in range(READ_TRIES - 1):
            with suppress(DriverError):
                return modbus.levels(await self._read(request), count)
        return modbus.levels(await self._read(request), count)

    async def close(self) -> None:
        self._drop()

    async def _read(self, request: Request) -> bytes:
        loop = asyncio.get_running_loop()
        overdue = loop.time() + OVERTAKEN_SECONDS
        while True:
            if self._commands:
                with suppress(TimeoutError):
                    async with asyncio.timeout_at(overdue):
                        await self._no_command.wait()
            async with self._turn:
                # Commands may have come while this read waited for another one to end.
                if not self._commands or loop.time() >= overdue:
                    return self._taken(request, await self._ask(request))

    def _taken(self, request: Request, heard: bytes | Refusal) -> bytes:
        if isinstance(heard, Refusal):
            board = f"{self._path}: board {request.frame[0]}"
            raise DriverError(f"{board} refuses: {heard.why}; check coil and input numbers")
        return heard

    async def _ask(self, request: Request) -> bytes | Refusal:
        try:
            await self._clock.wait_until(self._quiet_until)
            line = self._opened()
            line.write(request.frame)
            return await self._hear(line, request)
        except DriverError:
            self._drop()
            raise
        finally:
            quiet = max(QUIET_CHARACTERS * 11 / self._baud, QUIET_SECONDS_MIN)
            self._quiet_until = self._clock.now().uptime + quiet

    async def _hear(self, line: SerialLine, request: Request) -> bytes | Refusal:
        heard = b""
        with suppress(TimeoutError):
            async with asyncio.timeout(REPLY_SECONDS):
                while (found := modbus.find_reply(request, heard, bool(self._echoes))) is None:
                    heard += await line.read()
                if self._echoes is None:
                    self._echoes = request.frame in heard
                return found
        raise DriverError(
            f"{self._path}: board {request.frame[0]} does not answer; check power and wiring"
        )

    def _opened(self) -> SerialLine:
        """Return the line, without late answers to earlier questions; a new one if it had gone."""
        if self._line is not None:
            try:
                self._line.read_waiting()
            except DriverError:
                self._drop()
        if self._line is None:
            self._line = open_line(self._path, self._baud)
        return self._line

    def _drop(self) -> None:
        line, self._line, self._echoes = self._line, None, None
        if line:
            line.close()


class _Poll:
    """The polling of one board for all sensors on it: whoever asks first reads for the others."""

    def __init__(self) -> None:
        self._count = 0
        self._seen: tuple[tuple[bool, ...], float] | None = None
        self._due = 0.0
        self._reading: asyncio.Task[None] | None = None

    async def follow(
        self, bus: ModbusBus, address: int, number: int, clock: Clock
    ) -> AsyncIterator[tuple[tuple[bool, ...], float]]:
        # In eights, and no more than needed: a board refuses a read beyond its last input.
        self._count = max(self._count, number // 8 * 8 + 8)
        while True:
            if self._reading is None or self._reading.done():
                self._reading = asyncio.create_task(self._read(bus, address, clock))
            await asyncio.shield(self._reading)
            if self._seen and number < len(self._seen[0]):
                yield self._seen

    async def _read(self, bus: ModbusBus, address: int, clock: Clock) -> None:
        await clock.wait_until(self._due)
        self._due = clock.now().uptime + POLL_SECONDS
        levels = await bus.read_inputs(address, self._count)
        self._seen = (levels, clock.now().uptime)
