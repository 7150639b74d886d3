"""Our own certificate authority (RFC 5280), P-256: a root that is taken offline, and what issues.

The root signs the issuing authority and says once that this one is not revoked; its key is
encrypted and belongs into a safe. The issuing key is a file of central's user, beside the ticket
keys. Certificates are public, and lie where broker and web server can read them:

    keys/root.pem, keys/issuing.pem       private, 0600
    authority/ca.pem                      root and issuing: `cafile`, `ssl_client_certificate`
    authority/crl.pem                     both revocation lists: `crlfile`, `ssl_crl`
    authority/<name>.pem, <name>.key      web server, broker, central itself; chain in the .pem

Times are Unix seconds. Whatever is lacking is AuthorityMissing, a sentence for the admin.
"""

import hashlib
import ipaddress
import os
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from django.conf import settings

DAY = 86_400
DEVICE_DAYS, SERVER_DAYS, ISSUING_DAYS, ROOT_DAYS = 90, 90, 3650, 9125
SKEW_SECONDS = 3600
"""Certificates are good an hour earlier: broker and devices need not agree to the second."""
PASSPHRASE_MIN = 12
URN = "urn:gatehouse:device:"

PublicKey = ec.EllipticCurvePublicKey


class AuthorityMissing(Exception):
    """There is nothing to issue or verify with; the message says what to do."""


class Issuing(NamedTuple):
    """What signs certificates and revocation lists, online."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate
    root: x509.Certificate


def keys() -> Path:
    return Path(settings.DIRECTORY) / "keys"


def public() -> Path:
    """Where certificates and revocation lists lie."""
    return Path(settings.DIRECTORY) / "authority"


def make_public() -> None:
    """Make the folder that broker and web server read, if there is none."""
    _make(public(), 0o755)


def create(passphrase: bytes, now: int) -> Path:
    """Make root and issuing authority; return the path of the root's key, to be taken offline."""
    if len(passphrase) < PASSPHRASE_MIN:
        raise AuthorityMissing(f"the passphrase needs at least {PASSPHRASE_MIN} characters")
    if (public() / "ca.pem").exists():
        raise AuthorityMissing(f"{public() / 'ca.pem'}: there is an authority already")
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root_name, name = _name("Gatehouse root"), _name("Gatehouse issuing")
    root = _authority(root_name, root_key.public_key(), 1, _days(now, ROOT_DAYS)).issuer_name(
        root_name
    )
    own = _signed_for(root, root_key.public_key()).sign(root_key, SHA256())
    below = _authority(name, key.public_key(), 0, _days(now, ISSUING_DAYS)).issuer_name(root_name)
    issuing = _signed_for(below, root_key.public_key()).sign(root_key, SHA256())
    _write(keys() / "root.pem", _private(root_key, BestAvailableEncryption(passphrase)), 0o600)
    _write(keys() / "issuing.pem", _private(key, NoEncryption()), 0o600)
    of_root = _revocations(own, now, issuing.not_valid_after_utc, []).sign(root_key, SHA256())
    _write(public() / "root.crl.pem", of_root.public_bytes(Encoding.PEM), 0o644)
    write_revocations(Issuing(key, issuing, own), [], now)
    _write(public() / "ca.pem", _pem(own) + _pem(issuing), 0o644)
    return keys() / "root.pem"


def load() -> Issuing:
    """Return the issuing authority; raise AuthorityMissing."""
    root, issuing = certificates()
    path = keys() / "issuing.pem"
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except (OSError, ValueError, TypeError) as error:
        raise AuthorityMissing(f"{path}: cannot be read as a key: {error}") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise AuthorityMissing(f"{path}: not a P-256 key")
    if key.public_key() != issuing.public_key():
        raise AuthorityMissing(f"{path}: not the key of {public() / 'ca.pem'}")
    return Issuing(key, issuing, root)


def certificates() -> tuple[x509.Certificate, x509.Certificate]:
    """Return root and issuing certificate; raise AuthorityMissing."""
    path = public() / "ca.pem"
    try:
        root, issuing = x509.load_pem_x509_certificates(path.read_bytes())
    except FileNotFoundError:
        raise AuthorityMissing(
            "there is no certificate authority yet: run gatehouse central authority init"
        ) from None
    except (OSError, ValueError) as error:
        raise AuthorityMissing(f"{path}: cannot be read: {error}") from None
    return root, issuing


def pin(root: x509.Certificate) -> bytes:
    """Return what a device is shown of the root: 32 bytes."""
    return hashlib.sha256(root.public_bytes(Encoding.DER)).digest()


def device_certificate(issuing: Issuing, device: str, key: PublicKey, now: int) -> x509.Certificate:
    """Return a certificate of DEVICE_DAYS by which device `device`, 16 hex digits, is a client."""
    names: list[x509.GeneralName] = [x509.UniformResourceIdentifier(URN + device)]
    made = _leaf(issuing, device, key, _days(now, DEVICE_DAYS))
    return (
        made.add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
        .sign(issuing.key, SHA256())
    )


def write_server(
    issuing: Issuing, names: list[str], now: int, file: str = "server", days: int = SERVER_DAYS
) -> Path:
    """Make key and certificate of a server known by `names`, hosts or addresses; return its path.

    It is good for answering alone: nobody who has it is a client of the broker.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    made = _leaf(issuing, names[0], key.public_key(), _days(now, days))
    alternative = x509.SubjectAlternativeName([_host(name) for name in names])
    certificate = (
        made.add_extension(alternative, critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(issuing.key, SHA256())
    )
    return _write_pair(issuing, file, key, certificate)


def write_client(issuing: Issuing, name: str, now: int) -> Path:
    """Make key and certificate by which one of central's own programs is a client of the broker."""
    key = ec.generate_private_key(ec.SECP256R1())
    made = _leaf(issuing, name, key.public_key(), _days(now, SERVER_DAYS))
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
    certificate = made.add_extension(usage, critical=False).sign(issuing.key, SHA256())
    return _write_pair(issuing, name, key, certificate)


def write_renewed(issuing: Issuing, path: Path, old: x509.Certificate, now: int) -> None:
    """Write a certificate like the one that is in a file: same key, names and length of life."""
    key, names = old.public_key(), old.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    assert isinstance(key, ec.EllipticCurvePublicKey)
    life = round((old.not_valid_after_utc - old.not_valid_before_utc).total_seconds())
    until = _moment(now - SKEW_SECONDS + life)
    made = _leaf(issuing, str(names[0].value), key, (_moment(now - SKEW_SECONDS), until))
    for kind in (x509.SubjectAlternativeName, x509.ExtendedKeyUsage):
        with suppress(x509.ExtensionNotFound):
            same = old.extensions.get_extension_for_class(kind)
            made = made.add_extension(same.value, same.critical)
    _write(path, _pem(made.sign(issuing.key, SHA256())) + _pem(issuing.certificate), 0o644)


def write_public(name: str, content: bytes) -> Path:
    """Write a file that anybody may read beside the certificates; return its path."""
    path = public() / name
    _write(path, content, 0o644)
    return path


def write_revocations(issuing: Issuing, revoked: Iterable[tuple[int, int]], now: int) -> Path:
    """Write the list of revoked certificates, (serial, Unix seconds), with the root's; its path.

    It runs as long as the issuing authority does: a broker that finds it out of date would turn
    every device away, and what a late file could hide, central's own denied list shows.
    """
    until = issuing.certificate.not_valid_after_utc
    made = _revocations(issuing.certificate, now, until, revoked).sign(issuing.key, SHA256())
    of_root = (public() / "root.crl.pem").read_bytes()
    path = public() / "crl.pem"
    _write(path, made.public_bytes(Encoding.PEM) + of_root, 0o644)
    return path


def issued(issuing: x509.Certificate, certificate: x509.Certificate) -> bool:
    """Tell whether our issuing authority signed it."""
    try:
        certificate.verify_directly_issued_by(issuing)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return True


def _authority(
    name: x509.Name, key: PublicKey, below: int, valid: tuple[datetime, datetime]
) -> x509.CertificateBuilder:
    signs = x509.KeyUsage(
        digital_signature=False, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, key_cert_sign=True, crl_sign=True,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip
    return (
        _certificate(name, key, valid)
        .add_extension(x509.BasicConstraints(ca=True, path_length=below), critical=True)
        .add_extension(signs, critical=True)
    )


def _leaf(
    issuing: Issuing, name: str, key: PublicKey, valid: tuple[datetime, datetime]
) -> x509.CertificateBuilder:
    last = min(valid[1], issuing.certificate.not_valid_after_utc)
    signs = x509.KeyUsage(
        digital_signature=True, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, key_cert_sign=False, crl_sign=False,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip
    made = (
        _certificate(_name(name), key, (valid[0], last))
        .issuer_name(issuing.certificate.subject)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(signs, critical=True)
    )
    return _signed_for(made, issuing.key.public_key())


def _certificate(
    name: x509.Name, key: PublicKey, valid: tuple[datetime, datetime]
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(valid[0])
        .not_valid_after(valid[1])
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def _signed_for(made: x509.CertificateBuilder, signer: PublicKey) -> x509.CertificateBuilder:
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer)
    return made.add_extension(identifier, critical=False)


def _revocations(
    signer: x509.Certificate, now: int, until: datetime, revoked: Iterable[tuple[int, int]]
) -> x509.CertificateRevocationListBuilder:
    key = signer.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    made = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(signer.subject)
        .last_update(_moment(now - SKEW_SECONDS))
        .next_update(until)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key), critical=False)
        .add_extension(x509.CRLNumber(now), critical=False)
    )
    for serial, at in revoked:
        one = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(_moment(at))
        made = made.add_revoked_certificate(one.build())
    return made


def _days(now: int, days: int) -> tuple[datetime, datetime]:
    return _moment(now - SKEW_SECONDS), _moment(now + days * DAY)


def _moment(unix: int) -> datetime:
    return datetime.fromtimestamp(unix, UTC)


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _host(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _private(key: ec.EllipticCurvePrivateKey, encryption: KeySerializationEncryption) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.PEM)


def _write_pair(
    issuing: Issuing, name: str, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate
) -> Path:
    path = public() / f"{name}.pem"
    _write(path.with_suffix(".key"), _private(key, NoEncryption()), 0o600)
    _write(path, _pem(certificate) + _pem(issuing.certificate), 0o644)
    return path


def _make(folder: Path, mode: int) -> None:
    if not folder.exists():
        folder.mkdir(parents=True)
        folder.chmod(mode)  # The services' umask would hide it from the broker.


def _write(path: Path, content: bytes, mode: int) -> None:
    """Write so that whoever reads it finds the old or the new, whole, and never too open."""
    _make(path.parent, 0o700 if path.parent == keys() else 0o755)
    new = path.with_name(f"{path.name}.{os.getpid()}.new")
    handle = os.open(new, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, mode)
    with os.fdopen(handle, "wb") as file:
        os.fchmod(file.fileno(), mode)  # The services' umask would hide it from the broker.
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
