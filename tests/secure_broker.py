"""The venue's broker as it is configured for production, and whom its certificates name."""

import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from django.test import override_settings
from paho.mqtt.enums import CallbackAPIVersion

from central.config import Broker, BrokerTls
from central.identity import access, authority
from tests.brokers import TestBroker, running
from wire.topic import Topics

CONFIGURATION = Path(__file__).parent.parent / "provisioning/mosquitto.conf"
VENUE = "venue"
A, B = "00112233445566aa", "00112233445566bb"
"""Two devices."""
CONNECT = b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01x"
ACCEPTED = b"\x20\x02\x00\x00"
"""CONNECT of a client called x, and the CONNACK that lets it in (MQTT 3.1.1, 3.1 and 3.2)."""
PATIENCE_SECONDS = 60.0


class SecureBroker(TestBroker):
    """mosquitto on provisioning/mosquitto.conf; of that file only paths and address differ."""

    def __init__(self, directory: Path, public: Path) -> None:
        self._public = public
        super().__init__(directory)

    def configuration(self) -> str:
        text = CONFIGURATION.read_text()
        for there, here in (
            ("listener 8883\n", f"listener {self.port} 127.0.0.1\n"),
            ("/run/gatehouse-broker/", f"{self._public}/"),
            ("/run/credentials/mosquitto.service/", f"{self._public}/"),
            ("/var/lib/mosquitto/", f"{self._directory}/"),
        ):
            assert there in text
            text = text.replace(there, here)
        # Started as root, it would become a user who cannot read this folder.
        return f"user root\n{text}"

    @property
    def denied(self) -> Path:
        """Where it keeps whom central has denied."""
        return self._directory / "gatehouse-denied.json"


@dataclass
class TestAuthority:
    """An authority, its broker's files, and certificates for whoever a test needs."""

    __test__ = False
    folder: Path
    issuing: authority.Issuing
    now: int

    @property
    def public(self) -> Path:
        return self.folder / "authority"

    def tls(self) -> BrokerTls:
        """Return what central is told."""
        return BrokerTls(str(self.public / "ca.pem"), str(self.public))

    def broker(self, port: int) -> Broker:
        return Broker(port=port, tls=self.tls())

    def device(self, name: str, now: int | None = None) -> x509.Certificate:
        """Give device `name` a certificate, as if it were enrolled at `now`."""
        key = ec.generate_private_key(ec.SECP256R1())
        at = self.now if now is None else now
        made = authority.device_certificate(self.issuing, name, key.public_key(), at)
        self.keep(name, key, made)
        return made

    def stranger(self, name: str) -> None:
        """Write a certificate for `name` that another authority has signed."""
        key = ec.generate_private_key(ec.SECP256R1())
        common = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        made = (
            x509.CertificateBuilder()
            .subject_name(common)
            .issuer_name(self.issuing.certificate.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(datetime.fromtimestamp(self.now - 60, UTC))
            .not_valid_after(datetime.fromtimestamp(self.now + 3600, UTC))
            .sign(ec.generate_private_key(ec.SECP256R1()), SHA256())
        )
        self.keep(f"{name}-stranger", key, made)

    def keep(self, name: str, key: ec.EllipticCurvePrivateKey, made: x509.Certificate) -> None:
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        (self.public / f"{name}.key").write_bytes(private)
        chain = (made, self.issuing.certificate)
        pem = b"".join(one.public_bytes(Encoding.PEM) for one in chain)
        (self.public / f"{name}.pem").write_bytes(pem)


@contextmanager
def running_authority(folder: Path) -> Iterator[TestAuthority]:
    """An authority in `folder`, which is central's for as long."""
    with override_settings(DIRECTORY=folder):
        now = int(time.time())
        authority.create(b"a long passphrase", now)
        access.write(["localhost", "127.0.0.1"], VENUE, now)
        yield TestAuthority(folder, authority.load(), now)


@contextmanager
def running_secure_broker(directory: Path, public: Path) -> Iterator[SecureBroker]:
    broker = SecureBroker(directory, public)
    with running(broker):
        yield broker


class Party:
    """Somebody at the broker by the certificate `name`, who says of itself what it likes."""

    def __init__(
        self, told: TestAuthority, port: int, name: str | None, client_id: str = ""
    ) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self.said: list[str] = []
        """What the broker said: connected, refused, gone, listening, deaf."""
        self.puback: set[int] = set()
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id=client_id or name or "nobody",
            protocol=mqtt.MQTTv311, reconnect_on_failure=False,
        )  # fmt: skip
        folder, shown = told.public, name is not None
        client.tls_set(
            str(folder / "ca.pem"),
            str(folder / f"{name}.pem") if shown else None,
            str(folder / f"{name}.key") if shown else None,
            tls_version=ssl.PROTOCOL_TLS_CLIENT,
        )
        client.on_connect = self._on_connect
        client.on_connect_fail = lambda *_: self.said.append("refused")
        client.on_disconnect = lambda *_: self.said.append("gone")
        client.on_subscribe = self._on_subscribe
        client.on_message = lambda _c, _d, told: self.heard.append(
            (told.topic, bytes(told.payload))
        )
        client.on_publish = lambda _c, _d, mid, *_: self.puback.add(mid)
        client.connect_async("127.0.0.1", port, keepalive=20)
        client.loop_start()
        self.client = client

    def connected(self) -> "Party":
        until(lambda: bool(self.said), "an answer of the broker")
        assert self.said == ["connected"]
        return self

    def refused(self) -> bool:
        """Wait for the broker's answer; whether it was to hang up."""
        until(lambda: bool(self.said), "an answer of the broker")
        return "connected" not in self.said

    def listen(self, topic: str) -> "Party":
        before = len(self.said)
        self.client.subscribe(topic, 1)
        until(lambda: len(self.said) > before, "an answer to SUBSCRIBE")
        return self

    def say(self, topic: str, payload: bytes, retain: bool = False) -> None:
        """Publish, and wait for PUBACK: a broker acknowledges what it refuses, too."""
        mid = self.client.publish(topic, payload, 1, retain).mid
        until(lambda: mid in self.puback or "gone" in self.said, "PUBACK")

    @property
    def gone(self) -> bool:
        return "gone" in self.said

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def _on_connect(self, _c: Any, _d: Any, _f: Any, reason: Any, _p: Any) -> None:
        self.said.append("refused" if reason.is_failure else "connected")

    def _on_subscribe(self, _c: Any, _d: Any, _m: Any, reasons: list[Any], _p: Any) -> None:
        self.said.append("deaf" if any(one.is_failure for one in reasons) else "listening")


class Parties:
    """Who is at the broker; all leave with the test."""

    def __init__(self, told: TestAuthority, broker: TestBroker) -> None:
        self._told, self._broker = told, broker
        self._all = list[Party]()

    def comes(self, name: str | None, client_id: str = "") -> Party:
        self._all.append(Party(self._told, self._broker.port, name, client_id))
        return self._all[-1]

    def central(self) -> Party:
        return self.comes("central-ingest").connected().listen(Topics(VENUE).everything_up())

    def close(self) -> None:
        for party in self._all:
            party.close()


def until(what: Callable[[], bool], why: str) -> None:
    """Wait until `what` holds; a machine under load is given its time."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not what():
        assert time.monotonic() < deadline, f"in vain: {why}"
        time.sleep(0.02)
