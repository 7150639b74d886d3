"""What sync does for a hub's own broker: certificate, lists and access, against a small central."""

import asyncio
import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs7 import serialize_certificates
from cryptography.x509.oid import NameOID

from edge.core import hub_broker
from edge.core.certificate import NotOurs
from edge.drivers.fetch_simulated import SimulatedFetch
from edge.drivers.interfaces import Declined, DriverError
from edge.runtime.clock import SimulatedClock
from edge.runtime.identity import DeviceIdentity
from edge.store import claims_key
from edge.sync import keys
from edge.sync.hub_broker import HubBroker
from tests.authority import DAY, Key, TestAuthority
from wire.codec import decode
from wire.configuration import HubPlace
from wire.enrolment import HubReport

WHO = DeviceIdentity("00112233445566aa", "venue", "0" * 64)
NOW = 1_795_000_000.0
LISTS = ("ca.pem", "crl.pem")


def revoking(key: Key, by: x509.Certificate) -> bytes:
    now = datetime.fromtimestamp(NOW, UTC)
    made = x509.CertificateRevocationListBuilder().issuer_name(by.subject).last_update(now)
    signed = made.next_update(now + timedelta(days=9)).sign(key, SHA256())
    return signed.public_bytes(Encoding.PEM)


@dataclass
class SmallCentral(SimulatedFetch):
    """`names`: what its admin says that the hub is called."""

    authority: TestAuthority = field(default_factory=TestAuthority)
    names: tuple[str, ...] = ("hub.example", "localhost")
    now: float = NOW
    away: bool = False
    reports: list[bytes] = field(default_factory=list)
    issued: list[x509.Certificate] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    lists: bytes = b""
    version: int = 1
    """Of the configuration that it has for the hub."""
    says: dict[str, bytes | None] = field(default_factory=dict)
    """What it answers instead; None: it is cut off."""

    def __post_init__(self) -> None:
        super().__init__()
        own = self.authority
        self.lists = revoking(own.issuing_key, own.issuing) + revoking(own.root_key, own.root)

    async def get(self, path: str) -> bytes:
        return await self.post(path, b"", {})

    async def post(self, path: str, body: bytes, _headers: Mapping[str, str]) -> bytes:
        self.asked.append(path)
        if self.away:
            raise DriverError("simulated central cannot be reached")
        if path in self.says:
            if (said := self.says[path]) is None:
                raise DriverError("simulated central was cut off")
            return said
        match path:
            case "/device/hub":
                told = decode(body, HubReport)
                self.reports.append(told.claims_key)
                return b"newer" if told.configuration < self.version else b""
            case "/.well-known/est/cacerts":
                return self._pkcs7(self.authority.issuing, self.authority.root)
            case "/device/revocations":
                return self.lists
            case "/.well-known/est/server/simpleenroll":
                asked = x509.load_der_x509_csr(base64.b64decode(b"".join(body.split())))
                key = asked.public_key()
                assert isinstance(key, ec.EllipticCurvePublicKey)
                self.issued.append(self._issue(key))
                return self._pkcs7(self.issued[-1])
        raise Declined(f"nothing at {path}", 404)

    def _issue(self, key: ec.EllipticCurvePublicKey) -> x509.Certificate:
        common = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, self.names[0])])
        begins = datetime.fromtimestamp(self.now, UTC)
        names = x509.SubjectAlternativeName([x509.DNSName(one) for one in self.names])
        return (
            x509.CertificateBuilder()
            .subject_name(common)
            .issuer_name(self.authority.issuing.subject)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(begins)
            .not_valid_after(begins + timedelta(days=90))
            .add_extension(names, critical=False)
            .sign(self.authority.issuing_key, SHA256())
        )

    @staticmethod
    def _pkcs7(*certificates: x509.Certificate) -> bytes:
        return base64.encodebytes(serialize_certificates(list(certificates), Encoding.DER))


@dataclass
class Keeper:
    version: int = 1
    came: list[bytes] = field(default_factory=list)

    def configuration(self, envelope: bytes) -> None:
        self.came.append(envelope)


@dataclass
class Machine:
    folder: Path
    central: SmallCentral
    place: HubPlace = field(default_factory=lambda: HubPlace("hub.example"))
    wall: float = NOW
    keeper: Keeper = field(default_factory=Keeper)

    def __post_init__(self) -> None:
        (self.folder / "identity").mkdir(parents=True)
        (self.folder / "identity/ca.pem").write_bytes(self.central.authority.pem())

    def broker(self) -> HubBroker:
        url, clock = "https://central.example", SimulatedClock(self.wall)
        said = (self.folder, WHO, self.place, url, self.central, clock, lambda: 0.5)
        return HubBroker(*said, self.keeper)

    def look(self) -> None:
        """In a life of its own: nothing is remembered but what is on disk."""
        asyncio.run(self.broker().look())

    def read(self, name: str) -> bytes:
        return (self.folder / "broker" / name).read_bytes()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path, SmallCentral())


def test_it_gets_all_that_a_broker_needs_and_says_its_key(machine: Machine) -> None:
    machine.look()
    key = claims_key.load(machine.folder).public_key().public_bytes_raw()
    assert machine.central.reports == [key]
    assert machine.central.asked[0] == "/device/hub", "before anything else"
    made, issuer = x509.load_pem_x509_certificates(machine.read("hub.pem"))
    assert made.public_key() == keys.load(machine.read("hub.key")).public_key()
    assert issuer == machine.central.authority.issuing
    assert machine.read("crl.pem") == machine.central.lists
    assert machine.read("broker.acl").decode() == hub_broker.access_list("venue", WHO.id)
    assert b"server central.example:443;" in machine.read("central.conf")
    folder = machine.folder / "broker"
    assert folder.stat().st_mode & 0o777 == 0o755
    assert (folder / "hub.key").stat().st_mode & 0o777 == 0o600
    assert (folder / "hub.pem").stat().st_mode & 0o777 == 0o644


def test_what_a_broker_forgot_it_is_told_by_central_itself(machine: Machine) -> None:
    machine.look()
    assert machine.keeper.came == []
    machine.central.version = 2
    machine.look()
    assert machine.keeper.came == [b"newer"]


def test_what_is_as_it_should_be_is_left_alone(machine: Machine) -> None:
    machine.look()
    before = {path: path.stat().st_ino for path in (machine.folder / "broker").iterdir()}
    machine.look()
    assert {path: path.stat().st_ino for path in before} == before, "the broker is not disturbed"
    assert len(machine.central.issued) == 1


def test_at_two_thirds_of_its_life_it_is_renewed_with_its_key(machine: Machine) -> None:
    machine.look()
    key = machine.read("hub.key")
    machine.wall = machine.central.now = NOW + 59 * DAY
    machine.look()
    assert len(machine.central.issued) == 1
    machine.wall = machine.central.now = NOW + 65 * DAY
    machine.look()
    assert machine.read("hub.key") == key
    assert keys.certificate_of(machine.read("hub.pem")) == machine.central.issued[1]


def test_a_clock_that_knows_no_day_renews_nothing(machine: Machine) -> None:
    machine.look()
    machine.wall = 100.0
    machine.look()
    assert len(machine.central.issued) == 1


def test_called_otherwise_it_gets_another_certificate(machine: Machine) -> None:
    machine.look()
    machine.place = HubPlace("other.example")
    machine.central.names = ("other.example", "localhost")
    machine.look()
    assert len(machine.central.issued) == 2


def test_a_new_list_of_the_revoked_is_fetched(machine: Machine) -> None:
    machine.look()
    own = machine.central.authority
    machine.central.lists = revoking(own.root_key, own.root) + machine.central.lists
    machine.look()
    assert machine.read("crl.pem") == machine.central.lists


@pytest.mark.parametrize("lists", ["stranger", "issuing alone", "", "rubbish"])
def test_lists_that_would_turn_everybody_away_are_not_taken(machine: Machine, lists: str) -> None:
    machine.look()
    good, stranger = machine.central.lists, TestAuthority()
    own = machine.central.authority
    machine.central.lists = {
        "stranger": revoking(stranger.issuing_key, own.issuing) + revoking(own.root_key, own.root),
        "issuing alone": revoking(own.issuing_key, own.issuing),
        "": b"",
        "rubbish": b"-----BEGIN X509 CRL-----\nnone\n-----END X509 CRL-----\n",
    }[lists]
    with pytest.raises(NotOurs):
        machine.look()
    assert machine.read("crl.pem") == good


def test_a_certificate_of_another_authority_or_name_is_not_taken(machine: Machine) -> None:
    machine.central.names = ("else.example",)
    with pytest.raises(NotOurs, match="another"):
        machine.look()
    machine.central.names = ("hub.example",)
    machine.central.authority.issuing_key = TestAuthority().issuing_key
    machine.central.lists = SmallCentral(authority=machine.central.authority).lists
    with pytest.raises(NotOurs):
        machine.look()
    assert not (machine.folder / "broker/hub.pem").exists()


STEPS = (
    "/device/hub",
    "/.well-known/est/cacerts",
    "/device/revocations",
    "/.well-known/est/server/simpleenroll",
)


@pytest.mark.parametrize("answer", ["cut off", "rubbish"])
@pytest.mark.parametrize("step", STEPS)
def test_whatever_central_says_at_any_step_it_goes_on_from_there(
    machine: Machine, step: str, answer: str
) -> None:
    machine.central.says[step] = None if answer == "cut off" else b"\xff rubbish"
    said = machine.broker()

    async def story() -> None:
        running = asyncio.create_task(said.run())
        await asyncio.sleep(0.05)
        assert not running.done(), "whatever it was, it is tried again"
        running.cancel()

    asyncio.run(story())
    assert bool(said.trouble) or step == "/device/hub"
    machine.central.says.clear()
    key = machine.folder / "broker/hub.key"
    before = key.read_bytes() if key.exists() else None
    machine.look()
    assert before in (None, key.read_bytes())
    assert keys.certificate_of(machine.read("hub.pem")) == machine.central.issued[-1]


def test_while_central_is_away_it_says_so_and_goes_on(machine: Machine) -> None:
    machine.central.away = True
    broker = machine.broker()

    async def story() -> None:
        running = asyncio.create_task(broker.run())
        await asyncio.sleep(0.05)
        running.cancel()

    asyncio.run(story())
    assert "cannot be reached" in broker.trouble
