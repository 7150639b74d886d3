"""Whom a device believes over HTTP and MQTT: a pinned authority, and dates by its own clock."""

import asyncio
import http.server
import ssl
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
import requests.adapters

from edge.core.moment import Moment
from edge.core.trusted_time import BUILT
from edge.drivers.fetch_http import HttpFetch
from edge.drivers.interfaces import (
    Connected,
    Declined,
    Disconnected,
    DriverError,
    Fetch,
    Impostor,
    Message,
)
from edge.drivers.link_mqtt import Broker, MqttLink
from edge.drivers.tls import Tls
from edge.runtime.clock import SystemClock
from edge.runtime.workers import Workers
from tests.authority import DAY, TestAuthority
from tests.brokers import TestBroker, running
from wire.event import ClockQuality

PATIENCE_SECONDS = 60.0
SECURED = """
user root
cafile {folder}/root.pem
certfile {folder}/server.pem
keyfile {folder}/server.pem
require_certificate true
use_identity_as_username true
"""


class Secured(TestBroker):
    def configuration(self) -> str:
        return super().configuration() + SECURED.format(folder=self._directory)


class WrongClock(SystemClock):
    """A machine whose wall clock says what the test wants."""

    def __init__(self, wall: float, quality: ClockQuality = ClockQuality.UNCONFIRMED) -> None:
        self.wall, self.quality = wall, quality

    def now(self) -> Moment:
        return Moment(self.wall, super().now().uptime, self.quality)


class Server(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self._answer(200, b"hello")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/no":
            self._answer(403, b"this code was withdrawn: ask for a new one\n")
        else:
            self._answer(200, self.headers["X-What"].encode() + b" " + body)

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def serving(pair: Path, clients: Path | None = None) -> Iterator[str]:
    told = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    # From Python 3.13 on, this one asks for extensions that no web server in front does.
    told.verify_flags &= ~ssl.VERIFY_X509_STRICT
    told.load_cert_chain(pair)
    if clients:
        told.verify_mode = ssl.CERT_REQUIRED
        told.load_verify_locations(clients)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        server.socket = told.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"https://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def fetching(
    url: str,
    story: Callable[[Fetch], Awaitable[None]],
    tls: Tls | None = None,
    clock: SystemClock | None = None,
    verified: bool = True,
) -> None:
    async def run() -> None:
        thread = Workers().single("fetch")
        fetch = HttpFetch(url, thread, clock or SystemClock(), tls=tls, verified=verified)
        try:
            await asyncio.wait_for(story(fetch), PATIENCE_SECONDS)
        finally:
            fetch.close()
            thread.close()

    asyncio.run(run())


async def answered(fetch: Fetch) -> None:
    assert await fetch.get("/") == b"hello"


async def an_impostor(fetch: Fetch) -> None:
    with pytest.raises(Impostor):
        await fetch.get("/")


@pytest.fixture(autouse=True)
def central(tmp_path: Path) -> TestAuthority:
    authority = TestAuthority()
    authority.write(tmp_path)
    authority.write_pair(tmp_path / "server.pem", "127.0.0.1")
    return authority


def test_only_the_pinned_authority_is_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger = TestAuthority("stranger")
    theirs = stranger.write(tmp_path)
    stranger.write_pair(tmp_path / "stranger-server.pem", "127.0.0.1")
    # As if the system believed the stranger: the device must not ask the system.
    monkeypatch.setattr(requests.adapters, "DEFAULT_CA_BUNDLE_PATH", str(theirs))
    ours = Tls(str(tmp_path / "root.pem"))
    with serving(tmp_path / "server.pem") as url:
        fetching(url, answered, ours)
        fetching(url, an_impostor, Tls(str(theirs)))
    with serving(tmp_path / "stranger-server.pem") as url:
        fetching(url, an_impostor, ours)


def test_a_certificate_of_another_name_is_not_central(
    tmp_path: Path, central: TestAuthority
) -> None:
    central.write_pair(tmp_path / "gate.pem", "some-gate")
    with serving(tmp_path / "gate.pem") as url:
        fetching(url, an_impostor, Tls(str(tmp_path / "root.pem")))


def test_unverified_believes_anybody_to_be_there(tmp_path: Path) -> None:
    with serving(tmp_path / "server.pem") as url:
        fetching(url, answered, verified=False)


@pytest.mark.parametrize(
    ("wall", "quality", "believed"),
    [
        (0.0, ClockQuality.UNCONFIRMED, True),
        (BUILT - DAY, ClockQuality.UNCONFIRMED, True),
        (BUILT + 2 * DAY, ClockQuality.UNCONFIRMED, True),
        (BUILT + 9 * DAY, ClockQuality.UNCONFIRMED, False),
        (BUILT + DAY / 2, ClockQuality.UNCONFIRMED, False),
        (0.0, ClockQuality.SIGNED, False),
        (BUILT + 9 * DAY, ClockQuality.SUSPECT, True),
    ],
)
def test_dates_are_judged_by_the_devices_clock_once_it_knows_the_day(
    tmp_path: Path, central: TestAuthority, wall: float, quality: ClockQuality, believed: bool
) -> None:
    """Good for one week after the build, whatever the clock of this machine says."""
    week = (BUILT + DAY, BUILT + 8 * DAY)
    central.write_pair(tmp_path / "server.pem", "127.0.0.1", *week)
    with serving(tmp_path / "server.pem") as url:
        story = answered if believed else an_impostor
        fetching(url, story, Tls(str(tmp_path / "root.pem")), WrongClock(wall, quality))


def test_a_device_that_boots_in_1970_still_tells_central_from_a_stranger(tmp_path: Path) -> None:
    stranger = TestAuthority("stranger")
    stranger.write_pair(tmp_path / "server.pem", "127.0.0.1")
    with serving(tmp_path / "server.pem") as url:
        fetching(url, an_impostor, Tls(str(tmp_path / "root.pem")), WrongClock(0.0))


def test_central_asks_for_our_certificate_and_gets_it(
    tmp_path: Path, central: TestAuthority
) -> None:
    pair = central.write_pair(tmp_path / "device.pem", "0011223344556677")
    root = tmp_path / "root.pem"

    async def refused(fetch: Fetch) -> None:
        with pytest.raises(DriverError):
            await fetch.get("/")

    with serving(tmp_path / "server.pem", root) as url:
        fetching(url, answered, Tls(str(root), str(pair)))
        fetching(url, refused, Tls(str(root)))


def test_a_post_carries_headers_and_a_refusal_its_sentence(tmp_path: Path) -> None:
    async def story(fetch: Fetch) -> None:
        assert await fetch.post("/yes", b"body", {"X-What": "what"}) == b"what body"
        with pytest.raises(Declined, match="withdrawn") as caught:
            await fetch.post("/no", b"", {"X-What": ""})
        assert caught.value.status == 403
        assert caught.value.why == "this code was withdrawn: ask for a new one"

    with serving(tmp_path / "server.pem") as url:
        fetching(url, story, Tls(str(tmp_path / "root.pem")))


def test_files_that_are_no_certificates_are_a_sentence(tmp_path: Path) -> None:
    async def story(fetch: Fetch) -> None:
        with pytest.raises(DriverError, match="cannot be used for TLS"):
            await fetch.get("/")

    fetching("https://127.0.0.1:9", story, Tls(str(tmp_path / "nowhere.pem")))


@asynccontextmanager
async def linked(
    folder: Path, port: int, clock: SystemClock
) -> AsyncIterator[AsyncIterator[Connected | Disconnected | Message]]:
    tls = Tls(str(folder / "root.pem"), str(folder / "device.pem"))
    told = Broker("127.0.0.1", port, tls=tls)
    link = MqttLink(told, "device", ("t",), clock, lambda: 0.0)
    running = asyncio.create_task(link.run())
    try:
        yield link.messages()
    finally:
        running.cancel()


@pytest.mark.parametrize(("wall", "expected"), [(0.0, Connected), (BUILT + 9 * DAY, Disconnected)])
def test_the_link_judges_dates_by_the_same_clock(
    tmp_path: Path, central: TestAuthority, wall: float, expected: type
) -> None:
    week = (BUILT + DAY, BUILT + 8 * DAY)
    central.write_pair(tmp_path / "server.pem", "127.0.0.1", *week)
    central.write_pair(tmp_path / "device.pem", "device")

    async def story(port: int) -> None:
        async with linked(tmp_path, port, WrongClock(wall)) as said:
            first = await asyncio.wait_for(anext(said), PATIENCE_SECONDS)
            assert isinstance(first, expected)

    with running(Secured(tmp_path)) as broker:
        asyncio.run(story(broker.port))
