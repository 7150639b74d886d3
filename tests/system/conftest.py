"""Real processes around `gatehouse sync`: a broker, a small central, the files of a device."""

import http.server
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion
from playwright.sync_api import Browser, sync_playwright

from edge.store.delivery import DeliveryStore
from edge.store.journal import Journal
from edge.store.outbox import JournalReader
from tests import central_database
from tests.brokers import KINDS, TestBroker, running_broker
from tests.demos import ARGUMENTS, CHROMIUM, DemoVenue, running_demo
from tests.enrolled import write_identity, write_link
from tests.secure_broker import (
    A,
    B,
    Parties,
    SecureBroker,
    TestAuthority,
    running_authority,
    running_secure_broker,
)
from tests.small_central import ListKeeper, RowKeeper
from wire.event import ClockQuality, Left, Stamp

ROOT = Path(__file__).parents[2]
DEVICE = "00112233445566aa"
TOKEN = "a-token"
STAMP = Stamp(1_780_000_000_000, 100_000, b"boot-one", ClockQuality.UNCONFIRMED)
PATIENCE_SECONDS = 90.0


def until(what: Callable[[], bool], why: str, patience_seconds: float = PATIENCE_SECONDS) -> None:
    """Wait until `what` holds; a machine under load is given its time."""
    deadline = time.monotonic() + patience_seconds
    while not what():
        assert time.monotonic() < deadline, f"in vain: {why}"
        time.sleep(0.05)


class OnTheBroker:
    """A RowKeeper that listens and answers over MQTT, and can go away."""

    def __init__(self, port: int, silent: bool = False) -> None:
        """`silent`: somebody else, who only listens."""
        self.rows = RowKeeper()
        self._port, self._silent = port, silent
        self._lock = threading.Lock()
        self._client: Client | None = None

    def start(self) -> None:
        client = Client(
            CallbackAPIVersion.VERSION2, client_id="ears" if self._silent else "central"
        )
        client.reconnect_delay_set(1, 1)
        client.max_inflight_messages_set(1000)
        client.on_connect = lambda told, *_: told.subscribe(self.rows.topics.everything_up(), 1)
        client.on_message = self._receive
        client.connect_async("127.0.0.1", self._port)
        client.loop_start()
        self._client = client

    def stop(self) -> None:
        if self._client is not None:
            self._client.disconnect()
            self._client.loop_stop()
            self._client = None

    def say(self, topic: str, payload: bytes, retain: bool = False) -> None:
        assert self._client is not None
        self._client.publish(topic, payload, 1, retain)

    def count(self) -> int:
        with self._lock:
            return self.rows.count(DEVICE)

    def _receive(self, client: Client, _data: object, message: Any) -> None:
        with self._lock:
            answers = self.rows.receive(message.topic, message.payload)
        for topic, payload in () if self._silent else answers:
            client.publish(topic, payload, 1)


class ListServer:
    """A ListKeeper behind HTTP, with Range; cuts the next file after `cut_after` bytes."""

    def __init__(self, directory: Path) -> None:
        self.keeper = ListKeeper(directory)
        self.cut_after: int | None = None
        self.asked: list[tuple[str, str]] = []
        outer = self

        class Answer(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.serve(self)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def serve(self, request: http.server.BaseHTTPRequestHandler) -> None:
        wanted = request.headers.get("Range", "")
        self.asked.append((request.path, wanted))
        body = self.keeper.answer(request.path)
        if request.headers["Authorization"] != f"Bearer {TOKEN}" or body is None:
            request.send_error(401 if body else 404)
            return
        begin, _, end = wanted.removeprefix("bytes=").partition("-")
        first, body = int(begin or 0), body[: int(end) + 1] if end else body
        request.send_response(206 if wanted else 200)
        request.send_header("Content-Length", str(len(body) - first))
        if wanted:
            request.send_header("Content-Range", f"bytes {first}-{len(body) - 1}/{len(body)}")
        request.end_headers()
        body = body[first:]
        if self.cut_after is not None and request.path.endswith(".zst"):
            body, self.cut_after = body[: self.cut_after], None
        request.wfile.write(body)
        request.close_connection = True

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class Device:
    """A device's files, and `gatehouse sync` as a process on them."""

    def __init__(self, directory: Path, broker_port: int, central_url: str) -> None:
        self.directory = directory / "device"
        self.socket = directory / "sync.sock"
        self.configuration = directory / "sync.toml"
        self.configuration.write_text(
            f'directory = "{self.directory}"\n[intercom]\npath = "{self.socket}"\n'
        )
        write_identity(self.directory, DEVICE)
        write_link(self.directory, broker_port, central_url, TOKEN)
        self._journal = Journal(
            self.directory, bytes.fromhex(DEVICE), STAMP.boot, lambda size: os.urandom(size)
        )
        self.epoch = self._journal.open(STAMP).epoch
        self._process: subprocess.Popen[bytes] | None = None

    def grow(self, rows: int) -> None:
        """Commit `rows` rows."""
        self._journal.transact(
            lambda transaction: [transaction.append(Left(), STAMP) for _ in range(rows)]
        )

    def rows(self) -> list[bytes]:
        reader, found = JournalReader(self.directory, bytes.fromhex(DEVICE)), list[bytes]()
        while batch := reader.batch(self.epoch, len(found) + 1, 500):
            found += batch.rows
        reader.close()
        return found

    def acknowledged(self) -> int:
        store = DeliveryStore(self.directory)
        try:
            return store.acknowledged(self.epoch)
        finally:
            store.close()

    def start(self, *before: str, environment: dict[str, str] | None = None) -> None:
        """`before`: a command that runs it, such as one that enters a namespace."""
        command = [*before, sys.executable, "-m", "edge.sync", "--config", str(self.configuration)]
        self._process = subprocess.Popen(command, cwd=ROOT, env=environment)

    def lives(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Send the signal to our own process; return its exit status."""
        assert self._process is not None
        self._process.send_signal(number)
        status = self._process.wait(PATIENCE_SECONDS)
        self._process = None
        return status

    def close(self) -> None:
        if self._process is not None:
            self.stop(signal.SIGKILL)
        self._journal.close()


@pytest.fixture(params=KINDS)
def broker(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[TestBroker]:
    """One after the other: what delivers must do so on each of them."""
    with running_broker(tmp_path, request.param) as broker:
        yield broker


@pytest.fixture
def central(broker: TestBroker) -> Iterator[OnTheBroker]:
    central = OnTheBroker(broker.port)
    central.start()
    yield central
    central.stop()


@pytest.fixture
def lists(tmp_path: Path) -> Iterator[ListServer]:
    (tmp_path / "central").mkdir()
    server = ListServer(tmp_path / "central")
    yield server
    server.close()


@pytest.fixture
def device(tmp_path: Path, broker: TestBroker, lists: ListServer) -> Iterator[Device]:
    device = Device(tmp_path, broker.port, lists.url)
    yield device
    device.close()


@pytest.fixture
def told(tmp_path: Path) -> Iterator[TestAuthority]:
    """An authority, and two devices with certificates of it."""
    central_database.set_up()
    with running_authority(tmp_path / "central") as made:
        for name in (A, B):
            made.device(name)
        yield made


@pytest.fixture
def secure_broker(tmp_path: Path, told: TestAuthority) -> Iterator[SecureBroker]:
    with running_secure_broker(tmp_path, told.public) as broker:
        yield broker


@pytest.fixture
def parties(told: TestAuthority, secure_broker: SecureBroker) -> Iterator[Parties]:
    parties = Parties(told, secure_broker)
    yield parties
    parties.close()


@pytest.fixture(scope="session")
def demo_venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoVenue]:
    """One demonstration for all tests of pages; whoever uses it is of the group `venue`."""
    with running_demo(tmp_path_factory.mktemp("venue") / "v") as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield started
        started.close()
