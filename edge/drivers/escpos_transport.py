"""The lines to printers: opened by python-escpos, read and written without ever blocking the loop.

python-escpos knows how each kind is opened; its reading and writing are not used. What it does
otherwise, and is put right here: `Serial` opens without a lock, knows no RTS/CTS, waits a whole
second for each read, and on closing until the printer has taken everything, for ever if it does
not. `Network` waits 60 s, and says nothing when the cable is drawn. `File` can only write.
Connecting may block, so it is done on a thread.
"""

import asyncio
import errno
import fcntl
import os
import select
import socket
import struct
import termios
from typing import IO, Any, Literal, Protocol

from escpos import printer
from escpos.exceptions import Error as EscposError
from serial import SerialException

from edge.drivers.interfaces import DriverError
from edge.runtime.clock import Clock
from edge.runtime.workers import SingleThread

READ_BYTES_MAX = 4096
CONNECT_SECONDS = 5.0
DEAD_PEER_SECONDS = 10
USBLP_PAUSE_SECONDS = 0.05

Flow = Literal["none", "rtscts", "xonxoff"]


class Transport(Protocol):
    """One line to one printer, opened and closed as often as it must be."""

    name: str

    async def open(self) -> None:
        """Connect; raise DriverError with what to do."""

    async def read(self) -> bytes:
        """Wait for bytes, b"" now and then for none; raise DriverError if the line is lost."""

    async def write(self, data: bytes) -> int:
        """Wait until the line takes bytes; return how many of `data` it took; raise DriverError."""

    def close(self) -> None:
        """Let go at once of the line and of what is still on its way. Never raises."""


class _Descriptor:
    """What all lines with a file descriptor have in common."""

    def __init__(self, name: str, thread: SingleThread) -> None:
        self.name = name
        self._thread = thread
        self._descriptor: int | None = None
        self._waiting: set[asyncio.Future[None]] = set()

    async def open(self) -> None:
        try:
            self._descriptor = await self._thread.run(self._opened)
        except (EscposError, OSError, SerialException, ValueError, termios.error) as error:
            self._closed()
            raise DriverError(_why_not_open(self.name, error)) from error
        os.set_blocking(self._descriptor, False)

    async def read(self) -> bytes:
        while True:
            descriptor = self._open_descriptor()
            await self._ready(descriptor, to_write=False)
            try:
                arrived = os.read(descriptor, READ_BYTES_MAX)
            except BlockingIOError:
                continue
            except OSError as error:
                raise self._gone(error.strerror) from error
            if not arrived and self._ended(descriptor):
                raise self._gone("end of file")
            return arrived

    async def write(self, data: bytes) -> int:
        while True:
            descriptor = self._open_descriptor()
            try:
                return os.write(descriptor, data)
            except BlockingIOError:
                await self._ready(descriptor, to_write=True)
            except OSError as error:
                raise self._gone(error.strerror) from error

    def close(self) -> None:
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is None:
            return
        loop = asyncio.get_running_loop()
        loop.remove_reader(descriptor)
        loop.remove_writer(descriptor)
        for waiting in self._waiting:
            if not waiting.done():
                waiting.set_exception(DriverError(f"{self.name} is closed"))
        self._closed()

    def _opened(self) -> int:
        """Open with python-escpos; return the descriptor. On the thread."""
        raise NotImplementedError

    def _closed(self) -> None:
        """Close what `_opened` opened; never raises."""
        raise NotImplementedError

    def _ended(self, descriptor: int) -> bool:
        """Whether nothing more will come, when a read gave nothing."""
        asked = select.poll()
        asked.register(descriptor, select.POLLIN)
        return any(found & (select.POLLHUP | select.POLLERR) for _, found in asked.poll(0))

    async def _ready(self, descriptor: int, to_write: bool) -> None:
        loop = asyncio.get_running_loop()
        waiting: asyncio.Future[None] = loop.create_future()
        self._waiting.add(waiting)
        watch, unwatch = (
            (loop.add_writer, loop.remove_writer)
            if to_write
            else (loop.add_reader, loop.remove_reader)
        )
        watch(descriptor, _wake, waiting)
        try:
            await waiting
        finally:
            self._waiting.discard(waiting)
            # After close() the number may already belong to another file.
            if self._descriptor == descriptor:
                unwatch(descriptor)

    def _open_descriptor(self) -> int:
        if self._descriptor is None:
            raise DriverError(f"{self.name} is closed")
        return self._descriptor

    def _gone(self, why: str | None) -> DriverError:
        return DriverError(f"{self.name} is lost ({why}); check its power and its cable")


class SerialTransport(_Descriptor):
    """A serial line, or a USB printer that looks like one."""

    def __init__(self, path: str, baud: int, flow: Flow, thread: SingleThread) -> None:
        super().__init__(path, thread)
        self._baud, self._flow = baud, flow
        self._line: printer.Serial | None = None

    def _opened(self) -> int:
        self._line = printer.Serial(
            self.name, self._baud, timeout=0, xonxoff=self._flow == "xonxoff", dsrdtr=False
        )
        self._line.open()
        port = self._line.device
        port.exclusive = True
        port.rtscts = self._flow == "rtscts"
        descriptor: int = port.fileno()
        return descriptor

    def _closed(self) -> None:
        line, self._line = self._line, None
        try:
            if line is not None and line._device:  # noqa: SLF001 - `device` would open it anew
                # Not by its own close, which waits until the printer has taken everything.
                port, line._device = line._device, False  # noqa: SLF001
                termios.tcflush(port.fileno(), termios.TCOFLUSH)
                port.close()
        except (OSError, termios.error, SerialException):
            return


class NetworkTransport(_Descriptor):
    """A printer's own network port, 9100 as a rule."""

    def __init__(self, host: str, port: int, thread: SingleThread) -> None:
        super().__init__(f"{host}:{port}", thread)
        self._host, self._port = host, port
        self._line: printer.Network | None = None

    def _opened(self) -> int:
        self._line = printer.Network(self._host, self._port, timeout=CONNECT_SECONDS)
        self._line.open()
        peer: socket.socket = self._line.device
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT):
            peer.setsockopt(socket.IPPROTO_TCP, option, 3)
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 1000 * DEAD_PEER_SECONDS)
        # What has not arrived when it is closed shall not arrive.
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return peer.fileno()

    def _closed(self) -> None:
        line, self._line = self._line, None
        if line is not None and line._device:  # noqa: SLF001 - `device` would open it anew
            # Without python-escpos's shutdown, which would still deliver what is on its way.
            line._device.close()  # noqa: SLF001
            line._device = False  # noqa: SLF001

    def _ended(self, descriptor: int) -> bool:
        del descriptor
        return True  # A socket reads as nothing only once its peer has closed it.


class _BothWays(printer.File):  # type: ignore[misc]
    """A device file, opened for reading too: usblp allows one opener only."""

    def open(self, raise_not_found: bool = True) -> None:
        del raise_not_found
        descriptor = os.open(self.devfile, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
        self._device: IO[bytes] | Any = os.fdopen(descriptor, "r+b", buffering=0)


class FileTransport(_Descriptor):
    """A USB printer as the kernel's usblp shows it, /dev/usb/lp0; nobody else may have it open."""

    def __init__(self, path: str, thread: SingleThread, clock: Clock) -> None:
        super().__init__(path, thread)
        self._clock = clock
        self._line: _BothWays | None = None

    def _opened(self) -> int:
        self._line = _BothWays(self.name)
        self._line.open()
        descriptor: int = self._line.device.fileno()
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return descriptor

    async def read(self) -> bytes:
        arrived = await super().read()
        if not arrived:
            # Some printers answer an empty packet each time they are asked.
            await self._clock.wait(USBLP_PAUSE_SECONDS)
        return arrived

    def _closed(self) -> None:
        line, self._line = self._line, None
        try:
            if line is not None and line._device:  # noqa: SLF001 - `device` would open it anew
                line.close()
        except OSError:
            return


def _wake(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)


def _why_not_open(name: str, error: Exception) -> str:
    """Say what to do. python-escpos wraps what happened in an error of its own."""
    told: BaseException | None = error
    while told is not None and not (isinstance(told, OSError) and told.errno):
        told = told.__cause__ or told.__context__
    number = told.errno if isinstance(told, OSError) else None
    match number:
        case errno.ENOENT | errno.ENODEV | errno.ENXIO:
            return f"{name} is not there; switch the printer on, or correct its path"
        case errno.EACCES | errno.EPERM:
            return f"{name} may not be opened; give this user the group that owns it (lp, dialout)"
        case errno.EAGAIN | errno.EBUSY:
            return f"{name} is in use by another program; stop that program (CUPS?)"
        case errno.ECONNREFUSED:
            return f"{name} refuses connections; is that address the printer's?"
        case errno.EHOSTUNREACH | errno.ENETUNREACH | errno.ETIMEDOUT:
            return f"{name} cannot be reached; check the printer's network cable and address"
        case _ if isinstance(told or error, TimeoutError):
            return f"{name} cannot be reached; check the printer's network cable and address"
        case _:
            return f"{name} could not be opened: {' '.join(str(error).split())}"
