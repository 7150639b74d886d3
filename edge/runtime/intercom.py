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
from wire.event import Distrust
from wire.words import Words

log = logging.getLogger("intercom")

FRAME_BYTES_MAX = 256 * 1024
UNSENT_BYTES_MAX = 512 * 1024
UNREAD_MAX = 256
PEERS_MAX = 32
RETRY_SECONDS = 1.0


class Grew(msgspec.Struct, frozen=True, tag="grew"):
    """Daemon to sync: the journal has new rows."""


class Heard(msgspec.Struct, frozen=True, tag="heard"):
    """Sync to daemon: a heartbeat as central sealed it, and the uptime at which it came.

    The daemon verifies it itself: sync is the one that strangers can talk to. The uptime is this
    machine's own (CLOCK_BOOTTIME), the same for all its processes.
    """

    envelope: bytes
    uptime: float


class Ordered(msgspec.Struct, frozen=True, tag="ordered"):
    """Sync to daemon: a command as it came (wire/command.py)."""

    envelope: bytes
    retained: bool = False
    """The broker had kept it, which no order of central's ever asks for."""


class Configured(msgspec.Struct, frozen=True, tag="configured"):
    """Sync to daemon: a configuration as central sealed it (wire/configuration.py)."""

    envelope: bytes


class NotConfigured(msgspec.Struct, frozen=True, tag="not-configured"):
    """Sync to daemon: what came as a configuration and is none; to be recorded."""

    stray: str
    """The name of what is wrong with it (edge.core.strays.Stray)."""


class Distrusted(msgspec.Struct, frozen=True, tag="distrusted"):
    """Sync to daemon: something said of the list was not believed; to be recorded."""

    what: Distrust
    why: str


class AskTime(msgspec.Struct, frozen=True, tag="ask-time"):
    """Daemon to sync: ask central what time it is, with this nonce."""

    nonce: bytes


class TimeTold(msgspec.Struct, frozen=True, tag="time-told"):
    """Sync to daemon: central's answer as it was sealed (wire/signed_time.py)."""

    envelope: bytes


class ClaimSaid(msgspec.Struct, frozen=True, tag="claim-said"):
    """Daemon to sync: a word for the ledger of claims (wire/claim.py)."""

    payload: bytes


class ClaimTold(msgspec.Struct, frozen=True, tag="claim-told"):
    """Sync to daemon: what the ledger answers, as it was sealed."""

    envelope: bytes


class LedgerThere(msgspec.Struct, frozen=True, tag="ledger-there"):
    """Sync to daemon: whether the way to the ledger of claims is open. No answer is promised."""

    there: bool


class KioskAsked(msgspec.Struct, frozen=True, tag="kiosk-asked"):
    """Daemon to sync: a question for central (wire/exchange.py), answered under this name."""

    name: bytes
    question: bytes


class KioskAnswered(msgspec.Struct, frozen=True, tag="kiosk-answered"):
    """Sync to daemon: central's answer; None: it could not be asked."""

    name: bytes
    answer: bytes | None


class EnrolmentRead(msgspec.Struct, frozen=True, tag="enrolment-read"):
    """Daemon to sync: an enrolment text, read while the service contact was held."""

    text: str


class EnrolmentEnded(msgspec.Struct, frozen=True, tag="enrolment-ended"):
    """Sync to daemon: how it went, in words for whoever holds the contact."""

    done: bool
    said: Words


class LogsWanted(msgspec.Struct, frozen=True, tag="logs-wanted"):
    """Daemon to sync, and sync to all: central ordered the logs of this device to be sent."""

    lines: int


class Logged(msgspec.Struct, frozen=True, tag="logged"):
    """Daemon to sync: the end of its log, as it was wanted."""

    daemon: str
    lines: tuple[str, ...]


Word = (
    Grew
    | Heard
    | Ordered
    | Configured
    | NotConfigured
    | Distrusted
    | AskTime
    | TimeTold
    | ClaimSaid
    | ClaimTold
    | LedgerThere
    | KioskAsked
    | KioskAnswered
    | EnrolmentRead
    | EnrolmentEnded
    | LogsWanted
    | Logged
)


STATES = (Heard, Configured, LedgerThere)


class _Words(msgspec.Struct, frozen=True):
    word: Word


class IntercomServer:
    """Sync's end."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._peers: set[asyncio.StreamWriter] = set()
        self._inbox: asyncio.Queue[Word] = asyncio.Queue(UNREAD_MAX)
        self._newest: dict[type[Word], Word] = {}
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

    def tell(self, word: Word) -> None:
        """Tell every daemon that is there; what is a state, the newest also each that comes."""
        if isinstance(word, STATES):
            self._newest[type(word)] = word
        for peer in self._peers:
            _write(peer, word)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._peers) >= PEERS_MAX:
            writer.close()
            return
        self._peers.add(writer)
        try:
            for word in self._newest.values():
                _write(writer, word)
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

    @property
    def connected(self) -> bool:
        return self._writer is not None

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
