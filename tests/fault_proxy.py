"""A TCP proxy of our own that does to a connection what networks do.

Between a device and its broker, or central. What it is told holds from then on for all its
connections, in both directions: `latency_seconds`, `flips` (one chunk in so many has a bit
flipped), `swallows` (a black hole: connections stand, and nothing comes through), `refuses`,
`resets_after` (so many bytes), and, at once, `reset` and `half_close`.
"""

import asyncio
import contextlib
import random
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

CHUNK_BYTES = 16 * 1024


@dataclass(eq=False)
class _Pair:
    """One connection: whoever came, and where it leads."""

    came: asyncio.StreamWriter
    leads: asyncio.StreamWriter
    carried: int = 0
    half_closed: bool = False
    tasks: list["asyncio.Task[None]"] = field(default_factory=list)


class FaultProxy:
    def __init__(self, port: int, host: str = "127.0.0.1", seed: int = 1) -> None:
        """Lead to `host` and `port`; `listen` says where from."""
        self.latency_seconds = 0.0
        self.flips = 0
        self.swallows = False
        self.refuses = False
        self.resets_after: int | None = None
        self.done: Counter[str] = Counter()
        """What it did, by name: a fault that never happened proves nothing."""
        self.port = 0
        self._to = (host, port)
        self._chance = random.Random(seed)
        self._pairs: set[_Pair] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    def listen(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self._thread.start()
        listening = asyncio.start_server(self._serve, host, port)
        server = asyncio.run_coroutine_threadsafe(listening, self._loop).result(30)
        self.port = server.sockets[0].getsockname()[1]

    def heal(self) -> None:
        """Carry everything as it is from now on; what was swallowed is gone."""
        self.latency_seconds, self.flips, self.swallows = 0.0, 0, False
        self.refuses, self.resets_after = False, None
        self.reset()

    def reset(self) -> None:
        """Break every connection off at both ends, as a firewall does that forgot them (RST)."""
        self._call(self._end)

    def half_close(self) -> None:
        """Tell where it leads that nobody says anything more, and the other side nothing."""
        self._call(self._shut_all)

    def connections(self) -> int:
        return len(self._pairs)

    def close(self) -> None:
        self._call(self._end)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _call(self, what: Callable[[], None]) -> None:
        called = threading.Event()

        def call() -> None:
            what()
            called.set()

        self._loop.call_soon_threadsafe(call)
        assert called.wait(30)

    def _end(self) -> None:
        for pair in list(self._pairs):
            self._break_off(pair)

    def _shut_all(self) -> None:
        for pair in list(self._pairs):
            self._shut(pair)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refuses:
            self.done["refused"] += 1
            _reset(writer)
            return
        try:
            answers, leads = await asyncio.open_connection(*self._to)
        except OSError:
            _reset(writer)
            return
        pair = _Pair(writer, leads)
        self._pairs.add(pair)
        self.done["connected"] += 1
        ways = ((reader, leads), (answers, writer))
        pair.tasks = [asyncio.create_task(self._carry(pair, *way)) for way in ways]
        await asyncio.wait(pair.tasks)
        self._pairs.discard(pair)
        for end in (writer, leads):
            end.close()

    async def _carry(
        self, pair: _Pair, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with contextlib.suppress(OSError, asyncio.CancelledError):
            while chunk := await reader.read(CHUNK_BYTES):
                if self.latency_seconds:
                    self.done["delayed"] += 1
                    await asyncio.sleep(self.latency_seconds)
                if self.swallows:
                    self.done["swallowed"] += 1
                    continue
                writer.write(self._flipped(chunk))
                await writer.drain()
                pair.carried += len(chunk)
                if self.resets_after is not None and pair.carried >= self.resets_after:
                    self._break_off(pair)
        if not pair.half_closed:
            # Whoever is done is done both ways here, as most servers have it.
            writer.close()

    def _flipped(self, chunk: bytes) -> bytes:
        if not self.flips or self._chance.randrange(self.flips):
            return chunk
        self.done["flipped"] += 1
        content, at = bytearray(chunk), self._chance.randrange(8 * len(chunk))
        content[at // 8] ^= 1 << at % 8
        return bytes(content)

    def _break_off(self, pair: _Pair) -> None:
        self.done["reset"] += 1
        for end in (pair.came, pair.leads):
            _reset(end)
        for task in pair.tasks:
            task.cancel()

    def _shut(self, pair: _Pair) -> None:
        self.done["half-closed"] += 1
        pair.half_closed = True
        with contextlib.suppress(OSError, RuntimeError):
            pair.leads.write_eof()


def _reset(writer: asyncio.StreamWriter) -> None:
    plain = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@contextmanager
def faulty(port: int, host: str = "127.0.0.1", listen: str = "127.0.0.1") -> Iterator[FaultProxy]:
    proxy = FaultProxy(port, host)
    proxy.listen(listen)
    try:
        yield proxy
    finally:
        proxy.close()
