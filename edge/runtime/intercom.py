"""What the daemons of one device and its sync say to each other, over a Unix socket of sync's.

A frame is four bytes of length, most significant first, and a CBOR struct. Whoever may speak is
decided by the socket file: mode 0660, group `gatehouse`. Nothing said here is needed for a
decision: what cannot be sent at once is dropped, and a missing or hung peer is never waited for.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec

from edge.runtime.clock import Clock
from wire.codec import WireError, decode, encode

log = logging.getLogger("intercom")

FRAME_BYTES_MAX = 64 * 1024
UNSENT_BYTES_MAX = 256 * 1024
UNREAD_MAX = 256
PEERS_MAX = 32
RETRY_SECONDS = 1.0


class Grew(msgspec.Struct, frozen=True, tag="grew"):
    """Daemon to sync: the journal has new rows."""


class ListAge(msgspec.Struct, frozen=True, tag="list-age"):
    """Sync to daemon: central said at `confirmed_uptime` that list `sequence` is the newest.

    The uptime is this machine's own (CLOCK_BOOTTIME), the same for all its processes.
    """

    sequence: int
    confirmed_uptime: float


Word = Grew | ListAge


class _Words(msgspec.Struct, frozen=True):
    word: Word


class IntercomServer:
    """Sync's end."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._peers: set[asyncio.StreamWriter] = set()
        self._inbox: asyncio.Queue[Word] = asyncio.Queue(UNREAD_MAX)
        self._newest: ListAge | None = None
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Listen; raise OSError if the socket cannot be made."""
        # What an earlier life left behind is taken away by asyncio.
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._server = await asyncio.start_unix_server(
            self._serve, self._path, limit=FRAME_BYTES_MAX
        )
        self._path.chmod(0o660)

    async def run(self) -> None:
        """Serve until cancelled; then close."""
        if self._server is None:
            await self.open()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            for peer in self._peers:
                peer.close()
            if self._server is not None:
                self._server.close()

    async def words(self) -> AsyncIterator[Word]:
        """Yield what daemons say, for ever. Called once."""
        while True:
            yield await self._inbox.get()

    def tell(self, age: ListAge) -> None:
        """Tell every daemon that is there, and the newest also each that comes."""
        self._newest = age
        for peer in self._peers:
            _write(peer, age)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._peers) >= PEERS_MAX:
            writer.close()
            return
        self._peers.add(writer)
        try:
            if self._newest is not None:
                _write(writer, self._newest)
            await _read_all(reader, self._inbox)
        finally:
            self._peers.discard(writer)
            writer.close()


class IntercomClient:
    """A daemon's end. Made without touching the socket."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._writer: asyncio.StreamWriter | None = None
        self._inbox: asyncio.Queue[Word] = asyncio.Queue(UNREAD_MAX)

    async def run(self) -> None:
        """Connect, and connect again for ever; a missing sync is no error."""
        while True:
            try:
                reader, writer = await asyncio.open_unix_connection(
                    self._path, limit=FRAME_BYTES_MAX
                )
            except OSError:
                await self._clock.wait(RETRY_SECONDS)
                continue
            self._writer = writer
            try:
                await _read_all(reader, self._inbox)
            finally:
                self._writer = None
                writer.close()
            await self._clock.wait(RETRY_SECONDS)

    async def words(self) -> AsyncIterator[Word]:
        """Yield what sync says, for ever. Called once."""
        while True:
            yield await self._inbox.get()

    def tell(self, word: Word) -> None:
        """Say it if sync is there and listens; else drop it. Never waits, never raises."""
        if self._writer is not None:
            _write(self._writer, word)


def _write(writer: asyncio.StreamWriter, word: Word) -> None:
    body = encode(_Words(word))
    transport = writer.transport
    if not transport.is_closing() and transport.get_write_buffer_size() < UNSENT_BYTES_MAX:
        writer.write(len(body).to_bytes(4, "big") + body)


async def _read_all(reader: asyncio.StreamReader, inbox: asyncio.Queue[Word]) -> None:
    """Read frames until the peer goes, or says something that is none."""
    try:
        while True:
            length = int.from_bytes(await reader.readexactly(4), "big")
            if length > FRAME_BYTES_MAX:
                log.warning("a frame of %d bytes is too long; peer dropped", length)
                return
            body = await reader.readexactly(length)
            try:
                word = decode(body, _Words).word
            except WireError as error:
                # A newer peer may know more words than this one.
                log.warning("not understood: %s", error)
                continue
            with contextlib.suppress(asyncio.QueueFull):
                inbox.put_nowait(word)
    except (asyncio.IncompleteReadError, OSError):
        return
