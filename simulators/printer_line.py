"""Where a simulated printer's cable ends: a pty, or a TCP port as network printers have it.

Both take bytes only while there is room in the printer's buffer, so that a driver meets a full
line as it would there.
"""

import asyncio
import socket
from pathlib import Path
from typing import Protocol

from simulators.pty_line import PtyLine

READ_BYTES_MAX = 4096


class PrinterLine(Protocol):
    """What a simulated printer reads from and answers to."""

    session: int
    """Which connection it is: what was on its way by an earlier one is lost."""

    def plug(self) -> None:
        """Make the device appear; nothing if it is there."""

    def unplug(self) -> None:
        """Make it vanish, connections and all."""

    async def read(self) -> bytes:
        """Wait for bytes from the driver."""

    def send(self, message: bytes) -> None:
        """Answer; lost if nobody listens."""


class TcpLine:
    """A port on 127.0.0.1 that serves one connection at a time, as printers do."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.session = 0
        self._received: asyncio.Queue[bytes] = asyncio.Queue(maxsize=1)
        self._server: asyncio.Server | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._starting: asyncio.Task[None] | None = None
        self._serving: asyncio.Task[None] | None = None

    def plug(self) -> None:
        if self._starting is None:
            # At once, so that a driver that connects now finds it.
            listening = socket.create_server(("127.0.0.1", self.port))
            self._starting = asyncio.create_task(self._listen(listening))

    def unplug(self) -> None:
        if self._starting is not None:
            self._starting.cancel()
            self._starting = None
        if self._server is not None:
            self._server.close()
            self._server = None
        self._drop()

    async def read(self) -> bytes:
        return await self._received.get()

    def send(self, message: bytes) -> None:
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(message)

    async def _listen(self, listening: socket.socket) -> None:
        self._server = await asyncio.start_server(self._serve, sock=listening, limit=READ_BYTES_MAX)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._writer is not None and _established(self._writer):
            writer.transport.abort()
            return
        self._drop()
        self._writer, self._serving = writer, asyncio.current_task()
        self.session += 1
        try:
            while arrived := await reader.read(READ_BYTES_MAX):
                await self._received.put(arrived)
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            if self._writer is writer:
                self._writer = self._serving = None

    def _drop(self) -> None:
        """End the connection, with all that came by it and was not read."""
        if self._writer is not None:
            self._writer.transport.abort()
        if self._serving is not None:
            self._serving.cancel()
        self._writer = self._serving = None
        while not self._received.empty():
            self._received.get_nowait()


def _established(writer: asyncio.StreamWriter) -> bool:
    """Whether the other end still holds the connection: nobody may be reading to notice."""
    peer = writer.get_extra_info("socket")
    try:
        return bool(peer.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == 1)
    except OSError:
        return False


def pty_line(link: Path) -> PtyLine:
    """Return a serial line, or, opened as a plain file, something much like /dev/usb/lp0."""
    return PtyLine(link, held_max=1)
