"""The device's own key and what is asked for with it: P-256, PKCS#10 (RFC 2986), PEM files."""

import base64
import hashlib
import warnings
from collections.abc import Iterable, Sequence

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.hazmat.primitives.serialization.pkcs7 import load_der_pkcs7_certificates
from cryptography.x509.oid import NameOID

from edge.core.certificate import issued

ANSWER_BYTES_MAX = 64 * 1024
RENEWAL_CONTEXT = b"gatehouse/1/renewal"
"""What the old key signs begins so; see central/identity/est.py."""

Key = ec.EllipticCurvePrivateKey


def fresh() -> bytes:
    """Return a new private key in PEM."""
    return _private(ec.generate_private_key(ec.SECP256R1()))


def load(content: bytes) -> Key:
    """Read a key that `fresh` or `pair` wrote; raise OSError if it is none."""
    try:
        key = load_pem_private_key(content, None)
    except (ValueError, TypeError) as error:
        raise OSError(f"the device's key cannot be read: {error}") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise OSError("the device's key is no P-256 key")
    return key


def certificate_of(content: bytes) -> x509.Certificate:
    """Return the first certificate of a file that `pair` wrote; raise OSError if there is none."""
    try:
        return x509.load_pem_x509_certificates(content)[0]
    except ValueError as error:
        raise OSError(f"the device's certificate cannot be read: {error}") from None


def request(key: Key, identity: str) -> bytes:
    """Return the request for a certificate of `key`, in DER."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, identity)])
    asked = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, SHA256())
    return asked.public_bytes(Encoding.DER)


def proof(key: Key, asked: bytes) -> bytes:
    """Return by what the holder of `key` vouches for a request: an ECDSA signature in DER."""
    return key.sign(RENEWAL_CONTEXT + hashlib.sha256(asked).digest(), ec.ECDSA(SHA256()))


def pair(key: Key, certificate: x509.Certificate, authority: Sequence[x509.Certificate]) -> bytes:
    """Return key, certificate and what issued it: one file, so that one rename replaces all.

    The root stays out; of several issuing authorities only its own is shown.
    """
    own = [one for one in authority[1:] if issued(certificate, one)]
    return _private(key) + pem((certificate, *own))


def pem(certificates: Iterable[x509.Certificate]) -> bytes:
    return b"".join(one.public_bytes(Encoding.PEM) for one in certificates)


def der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def pin(certificate: x509.Certificate) -> bytes:
    """Return what a root is known by: the SHA-256 of its DER."""
    return hashlib.sha256(der(certificate)).digest()


def read_pkcs7(answer: bytes) -> list[x509.Certificate]:
    """Read certificates as EST answers them (RFC 7030, 4.1.3); raise ValueError."""
    if len(answer) > ANSWER_BYTES_MAX:
        raise ValueError("too long")
    der = base64.b64decode(b"".join(answer.split()), validate=True)
    try:
        with warnings.catch_warnings():
            # What libest sends is not in DER's order of a set, and read all the same.
            warnings.simplefilter("ignore", UserWarning)
            return load_der_pkcs7_certificates(der)
    except (UnsupportedAlgorithm, x509.InvalidVersion) as error:
        # PKCS#7 holds other things as well: what is encrypted, for one.
        raise ValueError(f"another kind of PKCS#7, or of certificate: {error}") from None


def _private(key: Key) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
