"""A certificate authority of the test's own: root, issuing authority, servers and clients."""

import hashlib
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

DAY = 86_400.0
Key = ec.EllipticCurvePrivateKey


def new_key() -> Key:
    return ec.generate_private_key(ec.SECP256R1())


def key_pem(key: Key) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@dataclass
class TestAuthority:
    """`begins` and `ends`: Unix seconds, of whatever is issued without saying so."""

    __test__ = False

    name: str = "root"
    begins: float = 1_700_000_000.0
    ends: float = 2_000_000_000.0
    root_key: Key = field(default_factory=new_key)
    issuing_key: Key = field(default_factory=new_key)

    def __post_init__(self) -> None:
        self.root = self._sign(self.name, self.root_key, self.name, self.root_key, ca=True)
        issuing = f"{self.name} issuing"
        self.issuing = self._sign(issuing, self.issuing_key, self.name, self.root_key, ca=True)

    def certificate(
        self, name: str, key: Key, begins: float | None = None, ends: float | None = None
    ) -> x509.Certificate:
        by = f"{self.name} issuing"
        return self._sign(name, key, by, self.issuing_key, False, begins, ends)

    def certificate_of(
        self, name: str, public: Any, begins: float, ends: float
    ) -> x509.Certificate:
        """As `certificate`, for a key that somebody else holds."""
        by = f"{self.name} issuing"
        return self._signed(name, public, by, self.issuing_key, False, begins, ends)

    def pin(self) -> bytes:
        return hashlib.sha256(self.root.public_bytes(Encoding.DER)).digest()

    def pem(self) -> bytes:
        both = (self.root, self.issuing)
        return b"".join(one.public_bytes(Encoding.PEM) for one in both)

    def write(self, folder: Path) -> Path:
        path = folder / f"{self.name}.pem"
        path.write_bytes(self.pem())
        return path

    def write_pair(
        self, path: Path, name: str, begins: float | None = None, ends: float | None = None
    ) -> Path:
        """Write key, certificate and issuing authority into one file."""
        key = new_key()
        parts = (self.certificate(name, key, begins, ends), self.issuing)
        chain = b"".join(one.public_bytes(Encoding.PEM) for one in parts)
        path.write_bytes(key_pem(key) + chain)
        return path

    def _sign(
        self,
        name: str,
        key: Key,
        by: str,
        by_key: Key,
        ca: bool,
        begins: float | None = None,
        ends: float | None = None,
    ) -> x509.Certificate:
        return self._signed(name, key.public_key(), by, by_key, ca, begins, ends)

    def _signed(
        self,
        name: str,
        public: Any,
        by: str,
        by_key: Key,
        ca: bool,
        begins: float | None,
        ends: float | None,
    ) -> x509.Certificate:
        made = (
            x509.CertificateBuilder()
            .subject_name(_name(name))
            .issuer_name(_name(by))
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(_moment(self.begins if begins is None else begins))
            .not_valid_after(_moment(self.ends if ends is None else ends))
            .add_extension(x509.BasicConstraints(ca, None), critical=True)
        )
        if name == "127.0.0.1":
            host = x509.SubjectAlternativeName([x509.IPAddress(ip_address(name))])
            made = made.add_extension(host, critical=False)
        return made.sign(by_key, SHA256())


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _moment(unix: float) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(seconds=unix)
