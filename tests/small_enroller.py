"""A central for tests that enrols devices: EST as central/identity/est.py speaks it, simulated."""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs7 import serialize_certificates
from cryptography.x509.oid import NameOID

from edge.drivers.fetch_simulated import SimulatedFetch
from edge.drivers.interfaces import Declined, Deferred, DriverError, Fetch, Impostor
from edge.sync.keys import RENEWAL_CONTEXT
from tests.authority import DAY, TestAuthority
from wire import enrolment
from wire.codec import encode
from wire.enrolment import Configuration, Enrolment
from wire.signed import Purpose, Roles, Signers, bundle, pin, seal

URL = "https://central.example"
ROOT_KEY = Ed25519PrivateKey.from_private_bytes(bytes([7]) * 32)


def roles(venue: str, version: int = 1) -> bytes:
    root = Signers((ROOT_KEY.public_key().public_bytes_raw(),))
    told = Roles(version, venue, root, {purpose.value: root for purpose in Purpose})
    return bundle([seal(encode(told), Purpose.ROLES, ROOT_KEY)])


class Opened(SimulatedFetch):
    """Whoever opened it believes `believed`, and shows `pair`."""

    def __init__(
        self, central: "SmallEnroller", believed: Path | None = None, pair: Path | None = None
    ) -> None:
        super().__init__()
        self._central, self._believed, self._pair = central, believed, pair

    async def get(self, path: str) -> bytes:
        return await self.post(path, b"", {})

    async def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
        self._central.asked.append(path)
        if self._central.away or self._central.cut_before == path:
            raise DriverError("simulated central cannot be reached")
        if self._believed is not None:
            root = x509.load_pem_x509_certificates(self._believed.read_bytes())[0]
            if root != self._central.shows.root:
                raise Impostor("simulated central is not whom this device believes")
        elif path != "/.well-known/est/cacerts":
            self._central.told_to_strangers.append(path)
        answer = self._central.answer(path, body, headers, self._pair)
        if self._central.cut_after == path:
            raise DriverError("simulated central was cut off")
        return answer


@dataclass
class SmallEnroller:
    """`shows`: by whose authority its TLS proves itself; `hands_out`: what it says that is."""

    venue: str = "venue"
    url: str = URL
    device: bytes = bytes.fromhex("00112233445566aa")
    code: bytes = bytes(range(16))
    authority: TestAuthority = field(default_factory=TestAuthority)
    zone: str = 'checkpoint = "hall"\n'
    now: float = 1_795_000_000.0
    expired: bool = False
    revoked: bool = False
    away: bool = False
    cut_before: str = ""
    cut_after: str = ""
    asked: list[str] = field(default_factory=list)
    told_to_strangers: list[str] = field(default_factory=list)
    issued: list[x509.Certificate] = field(default_factory=list)
    codes_seen: list[str] = field(default_factory=list)
    used: tuple[object, x509.Certificate] | None = None
    older: list[x509.Certificate] = field(default_factory=list)
    """Issuing authorities that were replaced, and are believed still."""
    versions: int = 1
    deferred: int = 0
    """How many requests for a certificate it puts off yet."""
    asked_by: list[object] = field(default_factory=list)
    """Keys of all requests."""

    def __post_init__(self) -> None:
        self.shows = self.authority
        self.hands_out = self.authority

    def unverified(self, url: str) -> Fetch:
        assert url == self.url
        return Opened(self)

    def verified(self, url: str, authority: Path, pair: Path | None) -> Fetch:
        assert url == self.url
        return Opened(self, authority, pair)

    def shown(self, **other: object) -> Enrolment:
        root = pin(roles(self.venue))
        ca = self.authority.pin()
        made = Enrolment(self.url, ca, self.code, self.device, root)
        return Enrolment(**{**{n: getattr(made, n) for n in made.__struct_fields__}, **other})

    def text(self, **other: object) -> str:
        return enrolment.compose(self.shown(**other))

    def answer(
        self, path: str, body: bytes, headers: Mapping[str, str], pair: Path | None
    ) -> bytes:
        match path:
            case "/.well-known/est/cacerts":
                hands_out = (self.hands_out.issuing, *self.older, self.hands_out.root)
                return _pkcs7(list(hands_out))
            case "/.well-known/est/simpleenroll":
                return self._enrol(body, headers)
            case "/.well-known/est/simplereenroll":
                return self._renew(body, headers, pair)
            case "/device/configuration":
                self._known(pair)
                pem = self.authority.pem().decode()
                return encode(
                    Configuration(self.venue, "broker.example", 8883, pem, self.url, self.zone)
                )
            case "/device/trust?after=0":
                self._known(pair)
                return encode([roles(self.venue, one + 1) for one in range(self.versions)])
        raise Declined(f"nothing at {path}", 404)

    def _enrol(self, body: bytes, headers: Mapping[str, str]) -> bytes:
        basic = base64.b64decode(headers["Authorization"].removeprefix("Basic ")).decode()
        self.codes_seen.append(basic)
        if basic != f"{self.device.hex()}:{self.code.hex()}":
            raise Declined("no", 401, "no such device, or the code is not its own")
        key = self._asked(body)
        self._put_off()
        if self.used is not None:
            if self.used[0] != key:
                raise Declined("no", 403, "this code was used already, with another key")
            return _pkcs7([self.used[1]])
        if self.expired:
            raise Declined("no", 403, "this code is older than 15 minutes")
        made = self.issue(key)
        self.used = (key, made)
        return _pkcs7([made])

    def _renew(self, body: bytes, headers: Mapping[str, str], pair: Path | None) -> bytes:
        if self.revoked:
            raise Declined("no", 403, "this device was revoked: it needs a new enrolment")
        if pair is not None:
            old = x509.load_pem_x509_certificates(pair.read_bytes())[0]
            if self.now >= old.not_valid_after_utc.timestamp():
                raise Declined("expired", 403)
        else:
            old = x509.load_der_x509_certificate(base64.b64decode(headers["X-Renewal-Certificate"]))
            key = old.public_key()
            assert isinstance(key, ec.EllipticCurvePublicKey)
            digest = hashlib.sha256(base64.b64decode(b"".join(body.split()))).digest()
            proof = base64.b64decode(headers["X-Renewal-Proof"])
            key.verify(proof, RENEWAL_CONTEXT + digest, ec.ECDSA(SHA256()))
        assert old in self.issued
        fresh = self._asked(body)
        self._put_off()
        return _pkcs7([self.issue(fresh)])

    def _put_off(self) -> None:
        self.deferred -= 1
        if self.deferred >= 0:
            raise Deferred("a person looks at it first", 3600.0)

    def _known(self, pair: Path | None) -> None:
        if pair is None or x509.load_pem_x509_certificates(pair.read_bytes())[0] not in self.issued:
            raise Declined("no", 401, "this path needs the device's certificate")

    def _asked(self, body: bytes) -> object:
        asked = x509.load_der_x509_csr(base64.b64decode(b"".join(body.split())))
        assert asked.is_signature_valid
        names = asked.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        assert [name.value for name in names] == [self.device.hex()]
        key = asked.public_key()
        self.asked_by.append(key)
        return key

    def issue(self, key: object) -> x509.Certificate:
        made = self.authority.certificate_of(
            self.device.hex(), key, self.now - 3600, self.now + 90 * DAY
        )
        self.issued.append(made)
        return made


def _pkcs7(certificates: list[x509.Certificate]) -> bytes:
    return base64.encodebytes(serialize_certificates(certificates, Encoding.DER))
