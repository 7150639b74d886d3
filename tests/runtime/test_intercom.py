"""The intercom on real Unix sockets: missing, hung, hostile and returning peers."""

import asyncio
import contextlib
import stat
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from edge.core.zone_text import CONFIGURATION_BYTES_MAX
from edge.runtime.clock import SystemClock
from edge.runtime.intercom import (
    FRAME_BYTES_MAX,
    UNSENT_BYTES_MAX,
    ClaimSaid,
    Configured,
    Grew,
    Heard,
    IntercomClient,
    IntercomServer,
)

PATIENCE_SECONDS = 30.0
LARGE_BYTES = 2000


def frame(body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + body


@contextlib.asynccontextmanager
async def serving(path: Path) -> AsyncIterator[IntercomServer]:
    server = IntercomServer(path)
    await server.open()
    task = asyncio.create_task(server.run())
    try:
        yield server
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@contextlib.asynccontextmanager
async def listening(path: Path) -> AsyncIterator[IntercomClient]:
    client = IntercomClient(path, SystemClock())
    task = asyncio.create_task(client.run())
    try:
        yield client
    finally:
        task.cancel()


def play(story: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(story(), PATIENCE_SECONDS))


def test_both_hear_each_other_and_the_newest_is_told_to_whoever_comes(tmp_path: Path) -> None:
    async def story() -> None:
        path = tmp_path / "run" / "sync.sock"
        async with serving(path) as server:
            assert stat.S_IMODE(path.stat().st_mode) == 0o660
            server.tell(Heard(b"6", 90.0))
            server.tell(Heard(b"7", 91.5))
            async with listening(path) as client:
                words = client.words()
                assert await anext(words) == Heard(b"7", 91.5)
                client.tell(Grew())
                assert await anext(server.words()) == Grew()
                server.tell(Heard(b"8", 92.5))
                assert await anext(words) == Heard(b"8", 92.5)

    play(story)


def test_the_largest_configuration_reaches_a_daemon_that_comes_later(tmp_path: Path) -> None:
    async def story() -> None:
        path = tmp_path / "sync.sock"
        async with serving(path) as server:
            largest = Configured(bytes(CONFIGURATION_BYTES_MAX))
            server.tell(largest)
            async with listening(path) as client:
                assert await anext(client.words()) == largest

    play(story)


def test_a_missing_sync_is_no_error_and_is_found_when_it_comes(tmp_path: Path) -> None:
    async def story() -> None:
        path = tmp_path / "sync.sock"
        async with listening(path) as client:
            client.tell(Grew())
            words = client.words()
            for sequence in (1, 2):
                # The second life finds the socket file of the first.
                async with serving(path) as server:
                    server.tell(Heard(b"%d" % sequence, 1.0))
                    assert await anext(words) == Heard(b"%d" % sequence, 1.0)

    play(story)


def test_a_hung_peer_is_never_waited_for(tmp_path: Path) -> None:
    async def story() -> None:
        path = tmp_path / "sync.sock"

        hung = asyncio.Event()

        async def hang(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            transport = writer.transport
            assert isinstance(transport, asyncio.Transport)
            transport.pause_reading()
            hung.set()
            await asyncio.get_running_loop().create_future()

        server = await asyncio.start_unix_server(hang, path)
        # Closed and not waited for: since Python 3.12 that would wait for the hung peer.
        async with listening(path) as client:
            await hung.wait()
            # Few and large ones: since Python 3.12 a transport counts all that waits at each word.
            for _ in range(4 * UNSENT_BYTES_MAX // LARGE_BYTES):
                client.tell(ClaimSaid(bytes(LARGE_BYTES)))
            writer = client._writer  # noqa: SLF001
            assert writer is not None
            waiting = writer.transport.get_write_buffer_size()
            assert UNSENT_BYTES_MAX <= waiting <= UNSENT_BYTES_MAX + LARGE_BYTES + 100
        server.close()

    play(story)


def test_any_bytes_from_a_peer_do_no_harm(tmp_path: Path) -> None:
    async def story() -> None:
        path = tmp_path / "sync.sock"
        async with serving(path) as server:
            for rubbish in (
                b"",
                b"\x00",
                b"\xff\xff\xff\xff" + bytes(100),
                (FRAME_BYTES_MAX + 1).to_bytes(4, "big"),
                frame(b""),
                frame(b"\xff\x00"),
                frame(b"\xa1dword\xa1dtypeeother"),
                b"GET / HTTP/1.1\r\n\r\n",
            ):
                _, writer = await asyncio.open_unix_connection(path)
                writer.write(rubbish)
                writer.close()
                with contextlib.suppress(OSError):
                    await writer.wait_closed()
            async with listening(path) as client:
                server.tell(Heard(b"1", 1.0))
                assert await anext(client.words()) == Heard(b"1", 1.0)
                client.tell(Grew())
                assert await anext(server.words()) == Grew()

    play(story)


def test_a_frame_that_is_too_long_ends_the_conversation(tmp_path: Path) -> None:
    async def story() -> None:
        async with serving(tmp_path / "sync.sock"):
            reader, writer = await asyncio.open_unix_connection(tmp_path / "sync.sock")
            writer.write((FRAME_BYTES_MAX + 1).to_bytes(4, "big"))
            assert await reader.read() == b""
            writer.close()

    play(story)


def test_a_word_of_a_newer_peer_is_passed_over(tmp_path: Path) -> None:
    async def story() -> None:
        path = tmp_path / "sync.sock"
        async with serving(path) as server:
            _, writer = await asyncio.open_unix_connection(path)
            writer.write(frame(b"\xa1dword\xa1dtypeeclaim"))
            writer.write(frame(b"\xa1dword\xa1dtypedgrew"))
            assert await anext(server.words()) == Grew()
            writer.close()

    play(story)
