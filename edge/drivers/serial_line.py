"""A tty, opened for one driver alone and never blocking the event loop.

Shared by every driver that speaks over a serial line. pyserial opens and configures the port;
bytes are moved on its file descriptor, because pyserial's own `read` and `write` wait in `select`.
A line that has gone answers every call with `DriverError`; whoever owns it closes it and opens a
new one by its path, which may by then lead to another device node.
"""

import asyncio
import errno
import os
import select
import termios
from pathlib import Path
from typing import Literal

import serial

from edge.drivers.interfaces import DriverError

READ_BYTES_MAX = 4096
WRITE_TIMEOUT_SECONDS = 0.5

_PARITIES = {"none": "N", "even": "E", "odd": "O"}
Parity = Literal["none", "even", "odd"]


class SerialLine:
    """One open tty. Made by `open_line`; use it from the event loop's own thread."""

    def __init__(self, port: serial.Serial, path: Path) -> None:
        self._port: serial.Serial | None = port
        self._path = path
        self._waiting: asyncio.Future[None] | None = None

    async def read(self) -> bytes:
        """Wait for bytes and return those that are there (1 to 4096).

        One reader at a time; cancelling it loses nothing. Raise DriverError if the line has gone.
        """
        while not (arrived := self.read_waiting()):
            await self._readable()
        return arrived

    def read_waiting(self) -> bytes:
        """Return what has arrived, b"" if nothing; raise DriverError if the line has gone."""
        port = self._open_port()
        ready = select.poll()
        ready.register(port.fileno(), select.POLLIN)
        # Asked first, because pyserial sets VMIN to 0: then a quiet line reads as b"" as well.
        if not ready.poll(0):
            return b""
        try:
            arrived = os.read(port.fileno(), READ_BYTES_MAX)
        except BlockingIOError:
            return b""
        except OSError as error:
            raise self._gone(error) from error
        if not arrived:
            # An unplugged tty is readable for ever and yields nothing.
            raise DriverError(f"{self._path} was unplugged; plug it in again")
        return arrived

    def write(self, message: bytes) -> None:
        """Send all of `message` without waiting.

        Raise DriverError if the line has gone, or if its buffer has no room for all of it because
        the other end has stopped taking bytes; then an unknown part of it was sent.
        """
        port = self._open_port()
        try:
            taken = os.write(port.fileno(), message)
        except BlockingIOError:
            taken = 0
        except OSError as error:
            raise self._gone(error) from error
        if taken < len(message):
            raise DriverError(
                f"{self._path} takes no more bytes ({taken} of {len(message)} taken); "
                "check the device's power and flow control"
            )

    def close(self) -> None:
        """Let go of the tty; may be called twice. A `read` that waits raises DriverError."""
        port, self._port = self._port, None
        if port is None:
            return
        if self._waiting is not None and not self._waiting.done():
            asyncio.get_running_loop().remove_reader(port.fileno())
            self._waiting.set_exception(self._closed())
        try:
            port.close()
        except (OSError, termios.error):
            # The device node is already gone, and with it whatever close would have done.
            return

    async def _readable(self) -> None:
        descriptor = self._open_port().fileno()
        loop = asyncio.get_running_loop()
        waiting: asyncio.Future[None] = loop.create_future()
        self._waiting = waiting
        loop.add_reader(descriptor, _wake, waiting)
        try:
            await waiting
        finally:
            # After close() the number may already belong to another file, and a cancelled
            # read that ends late must not take the watch from the one that followed it.
            if self._port is not None and self._waiting is waiting:
                loop.remove_reader(descriptor)
                self._waiting = None

    def _open_port(self) -> serial.Serial:
        if self._port is None:
            raise self._closed()
        return self._port

    def _closed(self) -> DriverError:
        return DriverError(f"{self._path} is closed")

    def _gone(self, error: OSError) -> DriverError:
        return DriverError(f"{self._path} was unplugged ({error.strerror}); plug it in again")


def open_line(
    path: Path, baud: int, parity: Parity = "none", stop_bits: Literal[1, 2] = 1
) -> SerialLine:
    """Open the tty at `path` (8 data bits) for this process alone; what it had buffered is dropped.

    Raise DriverError with what to do if it is absent, not ours to open, in use, or no tty.
    """
    port = serial.Serial()
    try:
        port.port = str(path)
        port.baudrate = baud
        port.parity = _PARITIES[parity]
        port.stopbits = stop_bits
        port.timeout = 0
        port.write_timeout = WRITE_TIMEOUT_SECONDS
        port.exclusive = True
        port.open()
    except (OSError, ValueError, termios.error) as error:
        raise DriverError(_why_not_open(path, baud, error)) from error
    return SerialLine(port, path)


def _wake(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)


def _why_not_open(path: Path, baud: int, error: Exception) -> str:
    if isinstance(error, ValueError):
        return f"{path} cannot be set to {baud} baud: {error}"
    # pyserial wraps what termios said in a sentence of its own, without the number.
    told = error.__context__ if isinstance(error.__context__, termios.error) else error
    match told.args[0] if told.args else None:
        case errno.ENOENT | errno.ENODEV | errno.ENXIO:
            return f"{path} is not there; plug the device in, or correct its path"
        case errno.EACCES | errno.EPERM:
            return f"{path} may not be opened; give this user the group that owns it"
        case errno.EAGAIN | errno.EBUSY:
            return f"{path} is in use by another program; stop that program"
        case errno.ENOTTY | errno.EISDIR:
            return f"{path} is no serial line; correct its path"
        case _:
            return f"{path} could not be opened: {error}"
