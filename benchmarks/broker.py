"""One change of the list from the broker to all gates: mosquitto, with TLS and without.

The subscribers are sockets of this process, read one after another, so what is measured includes
their share of the same cores: a floor for a real venue, where each gate reads by itself.
"""

import os
import resource
import selectors
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.conf import settings

from benchmarks import rig
from gatehouse.demo.processes import BROKER_CONFIGURATION, free_port, mosquitto_command
from wire.topic import Topics

DELTA_BYTES = 180
"""One row, sealed."""
ROUNDS = {200: 200, 2000: 40}
"""Subscribers, and how often each is told."""
VENUE, DEVICE = "bench", "00112233445566aa"
CONFIGURATION = Path(__file__).parent.parent / "provisioning/mosquitto.conf"


@dataclass(frozen=True, slots=True)
class Broker:
    pid: int
    port: int
    context: ssl.SSLContext | None

    def cpu_ms(self) -> float:
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")


def measure(folder: Path) -> rig.Report:
    """Tell 200 and 2 000 subscribers of one change, again and again."""
    report = rig.Report()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    for subscribers, rounds in ROUNDS.items():
        for secure in (False, True):
            with running(folder, secure) as broker:
                _measure(report, broker, subscribers, rounds)
    return report


def _measure(report: rig.Report, broker: Broker, subscribers: int, rounds: int) -> None:
    name = f"delta to {subscribers} gates, {'TLS' if broker.context else 'plain'}"
    topic = Topics(VENUE).deltas()
    with ExitStack() as stack, selectors.DefaultSelector() as selector:
        began = broker.cpu_ms()
        for number in range(subscribers):
            gate = stack.enter_context(connected(broker, f"gate-{number}"))
            gate.sendall(packet(0x82, b"\0\1" + text(topic) + b"\1"))
            _answer(gate)
            gate.setblocking(False)
            selector.register(gate, selectors.EVENT_READ)
        report.figure(
            f"{name}: connecting, broker's CPU, ms each",
            round((broker.cpu_ms() - began) / subscribers, 2),
            rig.SLOWER,
        )
        publisher = stack.enter_context(connected(broker, "publisher", central=True))
        began = broker.cpu_ms()
        took, last = list[float](), list[float]()
        for _ in range(rounds):
            one = _told(publisher, selector, subscribers, topic)
            took += one
            last.append(one[-1])
        cpu = (broker.cpu_ms() - began) / rounds
    report.add(rig.row(name, [], took), rig.SLOWER)
    report.add(rig.row(f"{name}: the last one", [], last), rig.SLOWER)
    report.figure(f"{name}: broker's CPU, ms a delta", round(cpu, 2), rig.SLOWER)


def _told(
    publisher: socket.socket, selector: selectors.BaseSelector, subscribers: int, topic: str
) -> list[float]:
    """Publish one delta; return after how many milliseconds each had it, the last one last."""
    took = list[float]()
    body = text(topic) + b"\0\1" + os.urandom(DELTA_BYTES)
    began = time.perf_counter()
    publisher.sendall(packet(0x32, body))
    while len(took) < subscribers:
        for key, _ in selector.select(30):
            gate = key.fileobj
            assert isinstance(gate, socket.socket)
            try:
                taken = gate.recv(1024)
            except ssl.SSLWantReadError:
                continue
            assert len(taken) > DELTA_BYTES, taken
            took.append((time.perf_counter() - began) * 1000)
            place = 3 + len(text(topic))
            gate.sendall(b"\x40\x02" + taken[place : place + 2])
    assert _answer(publisher)[0] == 0x40
    return took


def connected(broker: Broker, name: str, central: bool = False) -> socket.socket:
    """Connect as MQTT 3.1.1 does, with a clean session."""
    plain = socket.create_connection(("127.0.0.1", broker.port), timeout=60)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    context = broker.context
    if context is not None and central:
        context = _context(Path(settings.DIRECTORY) / "authority", "central-publish")
    secure = plain if context is None else context.wrap_socket(plain, server_hostname="127.0.0.1")
    secure.sendall(packet(0x10, text("MQTT") + b"\4\2\0\0" + text(name)))
    assert _answer(secure) == b"\x20\x02\0\0"
    return secure


def _answer(party: socket.socket) -> bytes:
    return party.recv(64)


def text(said: str) -> bytes:
    return len(said).to_bytes(2, "big") + said.encode()


def packet(kind: int, body: bytes) -> bytes:
    """Frame a packet (MQTT 3.1.1, 2.2), of up to 16383 bytes."""
    size = len(body)
    length = bytes([size]) if size < 128 else bytes([size & 0x7F | 0x80, size >> 7])
    return bytes([kind]) + length + body


@contextmanager
def running(folder: Path, secure: bool) -> Iterator[Broker]:
    """A mosquitto on a free port; with TLS on the file that a venue's runs on."""
    port, context = free_port(), None
    written = BROKER_CONFIGURATION.format(port=port)
    if secure:
        authority = _authority(folder / "central")
        written, context = _secured(authority, folder, port), _context(authority, DEVICE)
    path = folder / "mosquitto.conf"
    path.write_text(written)
    process = subprocess.Popen([mosquitto_command(), "-c", str(path)], stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                time.sleep(0.05)
        yield Broker(process.pid, port, context)
    finally:
        process.terminate()
        process.wait()


def _secured(authority: Path, folder: Path, port: int) -> str:
    written = CONFIGURATION.read_text()
    for there, here in (
        ("listener 8883\n", f"user root\nlistener {port} 127.0.0.1\n"),
        ("/run/gatehouse-broker/", f"{authority}/"),
        ("/run/credentials/mosquitto.service/", f"{authority}/"),
        ("/var/lib/mosquitto/", f"{folder}/"),
        # Here all gates show one certificate; at a venue, none may be there twice.
        ("use_username_as_clientid true\n", ""),
    ):
        assert there in written
        written = written.replace(there, here)
    return written


def _authority(folder: Path) -> Path:
    """Make an authority, what the broker needs and a device; return where they lie."""
    if not settings.configured:
        settings.configure(DIRECTORY=folder)
    from central.identity import access, authority

    shutil.rmtree(authority.public(), ignore_errors=True)
    now = int(time.time())
    authority.create(b"a passphrase for a bench", now)
    access.write(["127.0.0.1"], VENUE, now)
    key = ec.generate_private_key(ec.SECP256R1())
    made = authority.device_certificate(authority.load(), DEVICE, key.public_key(), now)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    chain = made.public_bytes(Encoding.PEM)
    chain += authority.load().certificate.public_bytes(Encoding.PEM)
    authority.write_public(f"{DEVICE}.key", private)
    authority.write_public(f"{DEVICE}.pem", chain)
    return authority.public()


def _context(authority: Path, name: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(authority / "ca.pem"))
    context.load_cert_chain(authority / f"{name}.pem", authority / f"{name}.key")
    return context
