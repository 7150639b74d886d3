"""Keys, requests and proofs as a device makes them, and an authority for central's tests."""

import base64
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.hazmat.primitives.serialization.pkcs7 import load_der_pkcs7_certificates
from cryptography.x509.oid import NameOID

PASSPHRASE = b"correct horse battery"
DEVICE = "0102030405060708"
URL = "https://central.example:8443"


class DeviceKey:
    """A device's private key."""

    def __init__(self, identity: str = DEVICE) -> None:
        self.identity = identity
        self.key = ec.generate_private_key(ec.SECP256R1())

    def request(self, name: str | None = None) -> bytes:
        """Return a PKCS#10 request in DER."""
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name or self.identity)])
        made = x509.CertificateSigningRequestBuilder().subject_name(subject)
        return made.sign(self.key, SHA256()).public_bytes(Encoding.DER)

    def proof(self, request: bytes) -> bytes:
        """Return what vouches for another key's request."""
        from central.identity.enrolling import proof_message

        return self.key.sign(proof_message(request), ec.ECDSA(SHA256()))

    def pem(self) -> bytes:
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def base64_of(data: bytes) -> str:
    return base64.b64encode(data).decode()


def basic(identity: str, code: str) -> str:
    return "Basic " + base64_of(f"{identity}:{code}".encode())


def certificate_in(body: bytes) -> x509.Certificate:
    """Read the one certificate of an EST answer."""
    (found,) = load_der_pkcs7_certificates(base64.b64decode(body))
    return found


def escaped(certificate: x509.Certificate) -> str:
    """As the web server in front hands a certificate on."""
    return quote(certificate.public_bytes(Encoding.PEM).decode(), safe="")


@contextmanager
def new_authority(url: str = URL) -> Iterator[Any]:
    """A fresh authority in the folder of central's tests, and `url` in its configuration."""
    import msgspec
    from django.conf import settings
    from django.test import override_settings

    from central.identity import authority

    shutil.rmtree(authority.public(), ignore_errors=True)
    authority.create(PASSPHRASE, int(time.time()))
    told = msgspec.structs.replace(settings.DEVICES, url=url)
    with override_settings(DEVICES=told):
        yield authority.load()
    shutil.rmtree(authority.public(), ignore_errors=True)
    for name in ("root", "issuing"):
        (Path(settings.DIRECTORY) / "keys" / f"{name}.pem").unlink()


def foreign(name: str, key: DeviceKey, now: int, issuer: DeviceKey | None = None) -> Any:
    """Return a certificate for `name` that another authority signed, or the key itself."""
    from datetime import UTC, datetime

    signer = issuer or key
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signed_by = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Gatehouse issuing")])
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(signed_by if issuer else subject)
        .public_key(key.key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.fromtimestamp(now - 3600, UTC))
        .not_valid_after(datetime.fromtimestamp(now + 86_400, UTC))
        .sign(signer.key, SHA256())
    )
