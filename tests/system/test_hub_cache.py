"""A hub's cache of lists: nginx on the file of a hub's machine, before nginx as central's.

Everything over TLS with certificates of our own; behind central's front stands a small server that
counts how often it was asked.
"""

import asyncio
import getpass
import http.server
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from central.identity import authority
from edge.drivers.fetch_http import HttpFetch
from edge.drivers.interfaces import DriverError
from edge.drivers.tls import Tls
from edge.runtime.clock import SystemClock
from edge.sync.hub_broker import upstream
from edge.sync.near import NearFirst
from tests import fronts
from tests.brokers import free_port
from tests.fronts import NGINX, Front, running_front
from tests.secure_broker import A, B, TestAuthority
from tests.threads import DirectThread

HUB = "00112233445566ff"
CONFIGURATION = Path(__file__).parents[2] / "provisioning/nginx-hub.conf"
FILE = bytes(range(256)) * 4000
PATH = "/device/list/venue-1-2.db.zst"


@dataclass
class Lists:
    """What stands for central's web server: one file, and how often it was asked for."""

    port: int
    asked: list[str]


@contextmanager
def lists() -> Iterator[Lists]:
    asked: list[str] = []

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200 if self.path == PATH else 404)
            self.send_header("Content-Length", str(len(FILE)))
            self.end_headers()
            self.wfile.write(FILE)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield Lists(server.server_port, asked)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def cache(folder: Path, told: TestAuthority, central: Front) -> Iterator[int]:
    """Run nginx as on a hub; yield its port."""
    assert NGINX
    port, here = free_port(), folder / "hub"
    (here / "gatehouse").mkdir(parents=True)
    (here / "central.conf").write_text(upstream(f"https://localhost:{central.port}"))
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "".join(f"{kind}_temp_path {here}/{kind};" for kind in kinds)
    pair = here / "device.pem"
    pair.write_bytes((told.public / f"{HUB}.pem").read_bytes())
    pair.write_bytes(pair.read_bytes() + (told.public / f"{HUB}.key").read_bytes())
    text = fronts.substituted(
        CONFIGURATION.read_text(),
        {
            # Its workers write into this folder, which is the test's own.
            "user www-data;": f"user {getpass.getuser()}; daemon off;",
            "worker_processes auto;": "worker_processes 1;",
            "pid /run/nginx.pid;": f"pid {here}/nginx.pid;",
            "/var/log/nginx": str(here),
            "/var/cache/nginx/gatehouse": f"{here}/cache",
            "/etc/gatehouse/hub/central.conf": f"{here}/central.conf",
            "/etc/gatehouse/hub": str(told.public),
            "/var/lib/gatehouse/identity/device.pem": str(pair),
            "http {": "http { " + temporary,
            "listen [::]:443 ssl default_server;": "",
            "listen 443 ": f"listen 127.0.0.1:{port} ",
        },
    )
    (here / "nginx.conf").write_text(text)
    told_file, said = here / "nginx.conf", here / "error.log"
    process = subprocess.Popen([NGINX, "-p", str(here), "-c", str(told_file), "-e", str(said)])
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                assert process.poll() is None, said.read_text()
                assert time.monotonic() < deadline, said.read_text()
                time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait(20)


def fetch(told: TestAuthority, port: int, name: str) -> HttpFetch:
    public = told.public
    tls = Tls(str(public / "ca.pem"), str(public / f"{name}.pem"), str(public / f"{name}.key"))
    return HttpFetch(f"https://127.0.0.1:{port}", DirectThread(), SystemClock(), tls=tls)


@pytest.fixture
def stage(tmp_path: Path, told: TestAuthority) -> Iterator[tuple[int, Lists, Front]]:
    if NGINX is None:
        pytest.skip("nginx is not installed")
    for file in ("server", "hub"):
        authority.write_server(told.issuing, ["127.0.0.1", "localhost"], told.now, file)
    authority.write_revocations(told.issuing, [], told.now)
    told.device(HUB)
    with (
        lists() as behind,
        running_front(tmp_path / "f", told.folder, behind.port) as central,
        cache(tmp_path, told, central) as port,
    ):
        yield port, behind, central


def got(fetch: NearFirst | HttpFetch, target: Path, path: str = PATH) -> bytes:
    asyncio.run(fetch.download(path, target, len(FILE)))
    return target.read_bytes()


def test_many_gates_fetch_a_list_once_over_the_venues_line(
    tmp_path: Path, told: TestAuthority, stage: tuple[int, Lists, Front]
) -> None:
    port, behind, central = stage
    for number, name in enumerate((A, B, A)):
        near = NearFirst(fetch(told, central.port, name), fetch(told, port, name))
        assert got(near, tmp_path / f"list-{number}") == FILE
    assert behind.asked == [PATH]
    begun = tmp_path / "begun"
    begun.write_bytes(FILE[:100_001])
    assert got(fetch(told, port, B), begun) == FILE, "it goes on where it was cut"
    central.process.terminate()
    central.process.wait(20)
    assert got(fetch(told, port, B), tmp_path / "later") == FILE, "without central"


def test_nobody_without_a_certificate_and_nothing_but_lists(
    tmp_path: Path, told: TestAuthority, stage: tuple[int, Lists, Front]
) -> None:
    port, behind, _ = stage
    stranger = HttpFetch(
        f"https://127.0.0.1:{port}",
        DirectThread(),
        SystemClock(),
        tls=Tls(str(told.public / "ca.pem")),
    )
    with pytest.raises(DriverError):
        got(stranger, tmp_path / "list")
    for path in ("/device/list/manifest", "/device/trust", "/admin/", "/device/list/../x.db.zst"):
        with pytest.raises(DriverError):
            got(fetch(told, port, A), tmp_path / "other", path)
    assert behind.asked == []


def test_without_the_hub_it_is_fetched_from_central(
    tmp_path: Path, told: TestAuthority, stage: tuple[int, Lists, Front]
) -> None:
    _, behind, central = stage
    near = NearFirst(fetch(told, central.port, A), fetch(told, free_port(), A))
    assert got(near, tmp_path / "list") == FILE
    assert behind.asked == [PATH]
