"""Central's daemons and `gatehouse sync` as processes, on the venue's broker with its certificates:
what is reported arrives, a flood stops nobody, and who is revoked is off."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.sync.config import link_path
from tests.enrolled import write_identity
from tests.secure_broker import ACCEPTED, CONNECT, VENUE, A, B, Parties, SecureBroker, TestAuthority
from tests.system.conftest import TOKEN, Device, until
from tests.system.test_sync_with_central import Central
from wire.topic import Topics

TOPICS = Topics(VENUE)


@pytest.fixture
def central(tmp_path: Path, told: TestAuthority, secure_broker: SecureBroker) -> Iterator[Central]:
    tls = told.tls()
    central = Central(
        tmp_path,
        secure_broker.port,
        f'{{ authority = "{tls.authority}", certificates = "{tls.certificates}" }}',
    )
    central.start("web", "ingest", "publish")
    try:
        until(central.answers, "central's pages")
        yield central
    finally:
        central.close()


@pytest.fixture
def device(
    tmp_path: Path, told: TestAuthority, secure_broker: SecureBroker, central: Central
) -> Iterator[Device]:
    url, folder = f"http://127.0.0.1:{central.port}", told.public
    device = Device(tmp_path, secure_broker.port, url)
    write_identity(device.directory, A, root=central.root)
    tls = (
        f'authority = "{folder}/ca.pem", certificate = "{folder}/{A}.pem", key = "{folder}/{A}.key"'
    )
    link_path(device.directory).write_text(
        f"[broker]\nport = {secure_broker.port}\ntls = {{ {tls} }}\n"
        f'[central]\nurl = "{url}"\ntoken = "{TOKEN}"\n'
    )
    yield device
    device.close()


class Flooder:
    """Whoever has device B's key, and says as much as the line takes."""

    def __init__(self, told: TestAuthority, port: int) -> None:
        context = ssl.create_default_context(cafile=str(told.public / "ca.pem"))
        context.load_cert_chain(told.public / f"{B}.pem", told.public / f"{B}.key")
        plain = socket.create_connection(("127.0.0.1", port), timeout=30)
        self._line = context.wrap_socket(plain, server_hostname="127.0.0.1")
        self._line.sendall(CONNECT)
        assert self._line.recv(4) == ACCEPTED
        self._thread = threading.Thread(target=self._talk)
        self._thread.start()

    @property
    def talks(self) -> bool:
        return self._thread.is_alive()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._line.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._line.close()

    def _talk(self) -> None:
        topic = TOPICS.live(B).encode()
        packet = bytes([0x30, 2 + len(topic) + 4, 0, len(topic)]) + topic + b"spam"
        with contextlib.suppress(OSError):
            while True:
                self._line.sendall(packet * 500)


def test_a_flood_is_put_off_and_who_is_revoked_is_off_while_the_others_go_on(
    device: Device, central: Central, told: TestAuthority, secure_broker: SecureBroker,
    parties: Parties,
) -> None:  # fmt: skip
    device.grow(1000)
    device.start()
    until(lambda: device.acknowledged() == 1001, "the rows of an ordinary day")
    flooder = Flooder(told, secure_broker.port)
    try:
        device.grow(500)
        until(lambda: device.acknowledged() == 1501, "rows during the flood")
        until(lambda: not flooder.talks, "the end of the flood")
    finally:
        flooder.close()
    # Until an admin looks, or ten minutes are over.
    again = parties.comes(B)
    until(lambda: "connected" in again.said, "a connection")
    again.client.subscribe(TOPICS.ack(B), 1)
    until(lambda: "deaf" in again.said, "the answer to SUBSCRIBE")

    central.run(
        "import time\n"
        "from central.identity.revocation import revoke\n"
        "from central.venue.models import Device\n"
        f"revoke(list(Device.objects.filter(identity='{A}')), 'admin', int(time.time()))"
    )
    until(lambda: A in secure_broker.denied.read_text(), "the broker is told")
    device.grow(10)
    other = parties.comes(A)
    until(lambda: "connected" in other.said, "a connection")
    other.client.subscribe(TOPICS.ack(A), 1)
    until(lambda: "deaf" in other.said, "the answer to SUBSCRIBE")
    assert device.acknowledged() == 1501
