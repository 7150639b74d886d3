"""The link and the fetching of files: the promises of `interfaces`, on a real broker and server."""

import asyncio
import contextlib
import http.server
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from paho.mqtt import publish as paho_publish

from edge.drivers.fetch_http import HttpFetch
from edge.drivers.fetch_simulated import SimulatedFetch
from edge.drivers.interfaces import (
    Connected,
    Disconnected,
    DriverError,
    Fetch,
    Link,
    Message,
)
from edge.drivers.link_mqtt import PAYLOAD_BYTES_MAX, Broker, MqttLink
from edge.drivers.link_simulated import SimulatedLink
from edge.drivers.tls import Tls
from edge.runtime.clock import SystemClock
from edge.runtime.workers import Workers
from tests.brokers import KINDS, TestBroker, free_port, running_broker

PATIENCE_SECONDS = 30.0
UP, DOWN = "gh/1/venue/up/d1/live", "gh/1/venue/down/d1/ack"


@pytest.fixture(params=KINDS)
def broker(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[TestBroker]:
    with running_broker(tmp_path, request.param) as broker:
        yield broker


def mqtt_link(broker: TestBroker, client_id: str = "d1") -> MqttLink:
    return MqttLink(
        Broker("127.0.0.1", broker.port), client_id, (DOWN,), SystemClock(), lambda: 0.0
    )


@contextlib.asynccontextmanager
async def running(link: Link) -> AsyncIterator[AsyncIterator[Connected | Disconnected | Message]]:
    task = asyncio.create_task(link.run())
    try:
        yield link.messages()
    finally:
        task.cancel()


async def soon(what: Awaitable[object]) -> object:
    return await asyncio.wait_for(what, PATIENCE_SECONDS)


def say(broker: TestBroker, payload: bytes, retain: bool = False) -> None:
    paho_publish.single(DOWN, payload, qos=1, retain=retain, hostname="127.0.0.1", port=broker.port)


def test_a_link_publishes_and_listens(broker: TestBroker) -> None:
    async def story() -> None:
        link = mqtt_link(broker)
        async with running(link) as messages:
            assert await soon(anext(messages)) == Connected()
            await soon(link.publish(UP, b"row"))
            await asyncio.to_thread(say, broker, b"ack")
            assert await soon(anext(messages)) == Message(DOWN, b"ack", False)

    asyncio.run(story())


def test_what_was_said_before_is_marked_as_retained(broker: TestBroker) -> None:
    say(broker, b"old", retain=True)

    async def story() -> None:
        async with running(mqtt_link(broker)) as messages:
            # The order of SUBACK and the retained message is the broker's.
            first = [await soon(anext(messages)) for _ in range(2)]
            assert Message(DOWN, b"old", True) in first

    asyncio.run(story())


def test_a_broker_that_dies_is_said_and_comes_back(broker: TestBroker) -> None:
    async def story() -> None:
        link = mqtt_link(broker)
        async with running(link) as messages:
            assert await soon(anext(messages)) == Connected()
            broker.kill()
            assert isinstance(await soon(anext(messages)), Disconnected)
            with pytest.raises(DriverError, match="not connected"):
                await link.publish(UP, b"row")
            broker.start()
            said = await soon(anext(messages))
            while isinstance(said, Disconnected):
                said = await soon(anext(messages))
            assert said == Connected()
            await soon(link.publish(UP, b"row"))

    asyncio.run(story())


def test_nothing_is_sent_by_itself_after_a_reconnection(broker: TestBroker) -> None:
    """What to send again is the delivery core's to say, not paho's queue's."""
    heard = list[bytes]()

    async def story() -> None:
        link, ear = (
            mqtt_link(broker),
            MqttLink(Broker("127.0.0.1", broker.port), "ear", (UP,), SystemClock(), lambda: 0.0),
        )
        async with running(link) as messages, running(ear) as ears:
            assert await soon(anext(messages)) == Connected()
            assert await soon(anext(ears)) == Connected()
            broker.freeze()
            sending = [asyncio.create_task(link.publish(UP, bytes([n]) * 50_000)) for n in range(9)]
            await asyncio.sleep(0)
            broker.kill()
            results = await soon(asyncio.gather(*sending, return_exceptions=True))
            assert isinstance(results, list)
            assert any(isinstance(result, DriverError) for result in results)
            broker.start()
            for stream in (messages, ears):
                while await soon(anext(stream)) != Connected():
                    pass
            await soon(link.publish(UP, b"new"))
            while True:
                said = await soon(anext(ears))
                if isinstance(said, Message):
                    heard.append(said.payload)
                    if said.payload == b"new":
                        return

    asyncio.run(story())
    assert heard == [b"new"]


def test_no_broker_is_said_once_in_a_sentence() -> None:
    async def story() -> None:
        port = free_port()
        link = MqttLink(Broker("127.0.0.1", port), "d1", (DOWN,), SystemClock(), lambda: 0.0)
        async with running(link) as messages:
            said = await soon(anext(messages))
            assert said == Disconnected(f"the broker at 127.0.0.1:{port} cannot be reached")
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(anext(messages), 2.0)

    asyncio.run(story())


def test_a_wrong_certificate_path_is_a_sentence(broker: TestBroker) -> None:
    async def story() -> None:
        told = Broker("127.0.0.1", broker.port, tls=Tls("/nowhere/ca.pem"))
        async with running(MqttLink(told, "d1", (DOWN,), SystemClock(), lambda: 0.0)) as messages:
            said = await soon(anext(messages))
            assert isinstance(said, Disconnected)
            assert "cannot be set up" in said.why

    asyncio.run(story())


def test_too_large_a_payload_is_refused_here(broker: TestBroker) -> None:
    async def story() -> None:
        link = mqtt_link(broker)
        async with running(link) as messages:
            await soon(anext(messages))
            with pytest.raises(DriverError, match="more than"):
                await link.publish(UP, bytes(PAYLOAD_BYTES_MAX + 1))

    asyncio.run(story())


def test_a_foreign_server_on_the_port_ends_in_a_sentence() -> None:
    def jabber(listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                peer, _ = listener.accept()
                with peer:
                    peer.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 9)

    async def story(port: int) -> None:
        link = MqttLink(Broker("127.0.0.1", port), "d1", (DOWN,), SystemClock(), lambda: 0.0)
        async with running(link) as messages:
            assert isinstance(await soon(anext(messages)), Disconnected)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=jabber, args=(listener,), daemon=True).start()
        asyncio.run(story(listener.getsockname()[1]))


def test_the_simulated_link_keeps_the_same_promises() -> None:
    async def story() -> None:
        link = SimulatedLink()
        messages = link.messages()
        with pytest.raises(DriverError):
            await link.publish(UP, b"row")
        link.connect()
        assert await soon(anext(messages)) == Connected()
        await link.publish(UP, b"row")
        assert link.published == [(UP, b"row")]
        link.deliver(DOWN, b"ack")
        assert await soon(anext(messages)) == Message(DOWN, b"ack", False)
        link.acknowledges = False
        waiting = asyncio.create_task(link.publish(UP, b"row"))
        await asyncio.sleep(0)
        link.cut("gone")
        assert await soon(anext(messages)) == Disconnected("gone")
        with pytest.raises(DriverError, match="gone"):
            await soon(waiting)

    asyncio.run(story())


# Files.

BODY = bytes(range(256)) * 4000


class Server(http.server.BaseHTTPRequestHandler):
    """Serves BODY with Range, and misbehaves on request."""

    token = "secret"
    cut_after: int | None = None
    ranges: list[str]

    def do_GET(self) -> None:
        server = type(self)
        if self.headers["Authorization"] != f"Bearer {self.token}":
            self.send_error(401)
            return
        match self.path:
            case "/file" | "/no-range":
                self._file(server)
            case "/elsewhere":
                self.send_response(302)
                self.send_header("Location", "/file")
                self.end_headers()
            case "/endless":
                self.send_response(200)
                self.end_headers()
                with contextlib.suppress(OSError):
                    while True:
                        self.wfile.write(bytes(65536))
            case "/broken":
                self.wfile.write(b"what?\r\n")
            case _:
                self.send_error(404)

    def _file(self, server: "type[Server]") -> None:
        wanted = self.headers.get("Range")
        server.ranges.append(wanted or "")
        first, body = 0, BODY
        if wanted and self.path == "/file":
            begin, _, end = wanted.removeprefix("bytes=").partition("-")
            first, body = int(begin), BODY[: int(end) + 1] if end else BODY
            if first >= len(BODY):
                self.send_error(416)
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {first}-{len(body) - 1}/{len(BODY)}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(body) - first))
        self.end_headers()
        cut, server.cut_after = server.cut_after, None
        with contextlib.suppress(OSError):  # Whoever asked may have had enough.
            self.wfile.write(body[first:] if cut is None else body[first : first + cut])
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    Server.ranges, Server.cut_after = [], None
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def fetching(url: str, story: Callable[[Fetch], Awaitable[None]], token: str = "secret") -> None:
    async def run() -> None:
        thread = Workers().single("fetch")
        fetch = HttpFetch(url, thread, SystemClock(), token)
        try:
            await asyncio.wait_for(story(fetch), PATIENCE_SECONDS)
        finally:
            fetch.close()
            thread.close()

    asyncio.run(run())


def test_a_download_that_is_cut_goes_on_where_it_was(url: str, tmp_path: Path) -> None:
    async def story(fetch: Fetch) -> None:
        Server.cut_after = 300_000
        with pytest.raises(DriverError, match="cut"):
            await fetch.download("/file", tmp_path / "file", len(BODY))
        had = (tmp_path / "file").stat().st_size
        assert 0 < had <= 300_000
        await fetch.download("/file", tmp_path / "file", len(BODY))
        assert Server.ranges == ["bytes=0-", f"bytes={had}-"]
        await fetch.download("/file", tmp_path / "file", len(BODY))
        assert len(Server.ranges) == 2, "what is there is not asked for again"

    fetching(url, story)
    assert (tmp_path / "file").read_bytes() == BODY


def test_a_part_of_a_file_is_fetched_alone(url: str) -> None:
    async def story(fetch: Fetch) -> None:
        assert await fetch.part("/file", 100, 50) == BODY[100:150]
        with pytest.raises(DriverError):
            await fetch.part("/no-range", 100, 50)
        with pytest.raises(DriverError, match="another part"):
            await fetch.part("/file", len(BODY) - 10, 50)

    fetching(url, story)


def test_a_server_that_knows_no_range_begins_again(url: str, tmp_path: Path) -> None:
    async def story(fetch: Fetch) -> None:
        (tmp_path / "file").write_bytes(BODY[:1000])
        await fetch.download("/no-range", tmp_path / "file", len(BODY))

    fetching(url, story)
    assert (tmp_path / "file").read_bytes() == BODY


def test_a_file_of_another_length_is_refused_and_begun_again(url: str, tmp_path: Path) -> None:
    async def story(fetch: Fetch) -> None:
        with pytest.raises(DriverError, match="longer"):
            await fetch.download("/file", tmp_path / "file", 1000)
        (tmp_path / "file").write_bytes(bytes(len(BODY)))
        with pytest.raises(DriverError, match="416"):
            await fetch.download("/file", tmp_path / "file", len(BODY) + 5)
        assert not (tmp_path / "file").exists()

    fetching(url, story)


@pytest.mark.parametrize(
    ("path", "sentence"),
    [
        ("/nothing", "has nothing at"),
        ("/elsewhere", "status 302"),
        ("/endless", "too many bytes"),
        ("/broken", "cut off|cannot be fetched"),
    ],
)
def test_an_answer_that_is_none_is_a_sentence(url: str, path: str, sentence: str) -> None:
    async def story(fetch: Fetch) -> None:
        with pytest.raises(DriverError, match=sentence):
            await fetch.get(path)

    fetching(url, story)


def test_a_wrong_token_and_no_server_are_sentences(url: str, tmp_path: Path) -> None:
    async def wrong(fetch: Fetch) -> None:
        with pytest.raises(DriverError, match="token"):
            await fetch.get("/file")

    async def nobody(fetch: Fetch) -> None:
        with pytest.raises(DriverError, match="cannot be reached"):
            await fetch.download("/file", tmp_path / "file", len(BODY))

    fetching(url, wrong, token="stolen")
    fetching(f"http://127.0.0.1:{free_port()}", nobody)


def test_a_full_answer_and_a_disk_that_cannot_be_written(url: str, tmp_path: Path) -> None:
    async def story(fetch: Fetch) -> None:
        assert await fetch.get("/file") == BODY
        with pytest.raises(DriverError, match="cannot be written"):
            await fetch.download("/file", tmp_path / "no such directory" / "file", len(BODY))

    fetching(url, story)


def test_the_simulated_fetch_keeps_the_same_promises(tmp_path: Path) -> None:
    async def story() -> None:
        fetch = SimulatedFetch({"/file": BODY})
        assert await fetch.get("/file") == BODY
        fetch.cut_after_bytes = 1000
        with pytest.raises(DriverError):
            await fetch.download("/file", tmp_path / "file", len(BODY))
        await fetch.download("/file", tmp_path / "file", len(BODY))
        assert (tmp_path / "file").read_bytes() == BODY
        with pytest.raises(DriverError):
            await fetch.get("/nothing")

    asyncio.run(story())
