"""What nginx hands on of a client's certificate, seen by whoever stands in central's place."""

import http.server
import signal
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from cryptography import x509

from central.identity import authority, renewing
from tests import central_database
from tests.fronts import Front, running_front
from tests.identities import DeviceKey, foreign
from tests.secure_broker import A, TestAuthority, running_authority, until

OPEN = "/.well-known/est/cacerts"
"""For whoever asks, with a certificate or without."""


class Listener:
    """Central's place: keeps what comes as the client's certificate."""

    def __init__(self) -> None:
        outer = self
        self.came: list[str] = []

        class Answer(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.came.append(self.headers.get("X-Client-Cert", ""))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def told(tmp_path: Path) -> Iterator[TestAuthority]:
    central_database.set_up()
    with running_authority(tmp_path / "central") as made:
        authority.write_server(made.issuing, ["127.0.0.1"], made.now)
        made.device(A)
        made.stranger(A)  # By our authority's name, and not by its key.
        key = DeviceKey()
        made.keep(f"{A}-selfmade", key.key, foreign(A, key, made.now))
        yield made


@pytest.fixture
def listener() -> Iterator[Listener]:
    made = Listener()
    yield made
    made.close()


def ask(front: Front, told: TestAuthority, path: str, name: str) -> int:
    shown = str(told.public / f"{name}.pem"), str(told.public / f"{name}.key")
    root = str(told.public / "ca.pem")
    return requests.get(front.url + path, verify=root, cert=shown, timeout=90).status_code


def test_a_certificate_of_another_authority_never_reaches_central(
    tmp_path: Path, told: TestAuthority, listener: Listener
) -> None:
    with running_front(tmp_path / "front", told.folder, listener.port) as front:
        for name in ("stranger", "selfmade"):
            for path in (OPEN, "/device/trust"):
                assert ask(front, told, path, f"{A}-{name}") == 403
        assert listener.came == [], "turned away before anybody is asked"
        assert ask(front, told, "/device/trust", A) == 200
        assert "BEGIN%20CERTIFICATE" in listener.came.pop()


def test_also_where_nginx_would_let_strangers_in_it_vouches_for_none(
    tmp_path: Path, told: TestAuthority, listener: Listener
) -> None:
    lax = {
        "ssl_verify_client optional;": "ssl_verify_client optional_no_ca;",
        # Without its list nothing can be said of a stranger's authority, which alone refuses it.
        f"ssl_crl {told.public}/crl.pem;": "",
    }
    with running_front(tmp_path / "front", told.folder, listener.port, lax) as front:
        assert ask(front, told, OPEN, f"{A}-selfmade") == 200
        assert listener.came == [""], "let in, as somebody of whom nothing is known"
        assert ask(front, told, "/device/trust", f"{A}-selfmade") == 401
        assert listener.came == [""]


def test_a_renewed_certificate_is_shown_after_nginx_reads_it_again(
    tmp_path: Path, told: TestAuthority, listener: Listener
) -> None:
    path = told.public / "server.pem"

    def certificate() -> x509.Certificate:
        return x509.load_pem_x509_certificates(path.read_bytes())[0]

    with running_front(tmp_path / "front", told.folder, listener.port) as front:

        def shown() -> int:
            pem = ssl.get_server_certificate(("127.0.0.1", front.port), timeout=30)
            return x509.load_pem_x509_certificate(pem.encode()).serial_number

        assert shown() == certificate().serial_number
        assert path in renewing.renew_due(told.now + 61 * authority.DAY)
        # As of today, so that whoever asks with the right time takes it.
        authority.write_renewed(told.issuing, path, certificate(), told.now)
        told.device(A)  # Which was renewed along, for a day to come.
        front.process.send_signal(signal.SIGHUP)
        until(lambda: shown() == certificate().serial_number, "the new certificate")
        assert ask(front, told, "/device/trust", A) == 200
