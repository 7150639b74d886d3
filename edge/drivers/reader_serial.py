"""A scanner on a serial line: USB serial, TTL or RS-232.

The path should name the port, /dev/serial/by-path/…: CH340 adapters have no serial number, and a
device that comes back may lead to another ttyUSB. Framing is decided in `edge.core`.
"""

from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from typing import assert_never

from edge.core.framing import (
    Dead,
    Framing,
    GrowFraming,
    LineFraming,
    LineState,
    Output,
    Read,
    Ready,
    Send,
    begin_line,
    step_line,
)
from edge.core.framing_grow import GrowState, begin_grow, step_grow
from edge.drivers.hotplug import for_ever, read_until
from edge.drivers.interfaces import Code, DriverError, Found, Lost
from edge.drivers.serial_line import open_line
from edge.runtime.clock import Clock

State = LineState | GrowState


class SerialReader:
    """Reads codes from the tty at `path`, with the given `framing`."""

    def __init__(self, path: Path, baud: int, framing: Framing, clock: Clock) -> None:
        self._path = path
        self._baud = baud
        self._framing = framing
        self._clock = clock

    def codes(self) -> AsyncIterator[Code | Lost | Found]:
        return for_ever(self._connection, self._clock)

    async def _connection(self) -> AsyncGenerator[Code | Found, None]:
        line = open_line(self._path, self._baud)
        try:
            state, outputs = _begin(self._framing, self._clock.now().uptime)
            while True:
                for output in outputs:
                    match output:
                        case Read(data, first, last):
                            yield Code(data, first, last)
                        case Ready():
                            yield Found()
                        case Send(message):
                            line.write(message)
                        case Dead(why):
                            raise DriverError(f"{self._path}: {why}")
                        case _:
                            assert_never(output)
                piece = await read_until(state.deadline, self._clock, line.read, line.read_waiting)
                state, outputs = _step(state, piece, self._clock.now().uptime)
        finally:
            line.close()


def _begin(framing: Framing, uptime: float) -> tuple[State, tuple[Output, ...]]:
    match framing:
        case LineFraming():
            return begin_line(framing)
        case GrowFraming():
            return begin_grow(framing, uptime)
        case _:
            assert_never(framing)


def _step(state: State, piece: bytes, uptime: float) -> tuple[State, tuple[Output, ...]]:
    match state:
        case LineState():
            return step_line(state, piece, uptime)
        case GrowState():
            return step_grow(state, piece, uptime)
        case _:
            assert_never(state)
