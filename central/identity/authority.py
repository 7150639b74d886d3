"""Our own certificate authority (RFC 5280), P-256: a root that is taken offline, and what issues.

The root signs the issuing authority and says once that this one is not revoked; its key is
encrypted and belongs into a safe. The issuing key is a file of central's user, beside the ticket
keys. Certificates are public, and lie where broker and web server can read them:

    keys/root.pem, keys/issuing*.pem      private, 0600
    authority/ca.pem                      root and issuing: `cafile`, `ssl_client_certificate`
    authority/crl.pem                     all revocation lists: `crlfile`, `ssl_crl`
    authority/<name>.pem, <name>.key      web server, broker, central itself; chain in the .pem

Of issuing authorities there may be several for a while (succession.py): the first signs, the
others are believed. Times are Unix seconds. Whatever is lacking is AuthorityMissing, a sentence
for the admin.
"""

import hashlib
import os
from collections.abc import Iterable
from contextlib import suppress
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

from central.identity import shape

DAY, SKEW_SECONDS = shape.DAY, shape.SKEW_SECONDS
DEVICE_DAYS, SERVER_DAYS, ISSUING_DAYS, ROOT_DAYS = 90, 90, 3650, 9125
PASSPHRASE_MIN = 12
URN = "urn:gatehouse:device:"
ROOT_LIST = "root.crl.pem"
UNREADABLE = (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion)
"""What `cryptography` raises for certificates, requests, lists and keys of strangers."""

PublicKey = shape.PublicKey


class AuthorityMissing(Exception):
    """There is nothing to issue or verify with; the message says what to do."""


class Issuing(NamedTuple):
    """What signs certificates and revocation lists, online."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate
    root: x509.Certificate
    older: tuple[x509.Certificate, ...] = ()
    """Issuing authorities before this one whose certificates are still believed."""


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
    root_key = ec.generate_private_key(ec.SECP256R1())
    root_name = shape.called("Gatehouse root")
    root = shape.authority(
        root_name, root_key.public_key(), 1, shape.lasting(now, ROOT_DAYS)
    ).issuer_name(root_name)
    own = shape.signed_for(root, root_key.public_key()).sign(root_key, SHA256())
    made = new_issuing(root_key, own, "Gatehouse issuing", now)
    _write(keys() / "root.pem", _private(root_key, BestAvailableEncryption(passphrase)), 0o600)
    _write(keys() / "issuing.pem", _private(made.key, NoEncryption()), 0o600)
    write_root_revocations(root_key, made, [], now)
    write_revocations(made, [], now)
    write_believed(made)
    return keys() / "root.pem"


def new_issuing(
    root_key: ec.EllipticCurvePrivateKey, root: x509.Certificate, name: str, now: int
) -> Issuing:
    """Return an issuing authority that the root vouches for; nothing is written."""
    key = ec.generate_private_key(ec.SECP256R1())
    begins, ends = shape.lasting(now, ISSUING_DAYS)
    valid = begins, min(ends, root.not_valid_after_utc)
    below = shape.authority(shape.called(name), key.public_key(), 0, valid).issuer_name(
        root.subject
    )
    return Issuing(
        key, shape.signed_for(below, root_key.public_key()).sign(root_key, SHA256()), root
    )


def write_believed(issuing: Issuing) -> None:
    """Write whom devices and servers believe; the first authority after the root signs from now."""
    believed = (issuing.root, issuing.certificate, *issuing.older)
    _write(public() / "ca.pem", b"".join(map(_pem, believed)), 0o644)


def write_issuing_key(issuing: Issuing) -> Path:
    """Write the key of one that is to come; it signs nothing before `write_believed`."""
    path = keys() / f"issuing-{issuing.certificate.serial_number:x}.pem"
    _write(path, _private(issuing.key, NoEncryption()), 0o600)
    return path


def write_asked_key(key: ec.EllipticCurvePrivateKey) -> Path:
    """Write the key of one that somebody else is asked to sign; none of ours before that."""
    name = x509.SubjectKeyIdentifier.from_public_key(key.public_key()).digest.hex()
    path = keys() / f"issuing-{name}.pem"
    _write(path, _private(key, NoEncryption()), 0o600)
    return path


def load() -> Issuing:
    """Return the issuing authority; raise AuthorityMissing."""
    root, newest, *older = certificates()
    return Issuing(key_of(newest), newest, root, tuple(older))


def key_of(certificate: x509.Certificate) -> ec.EllipticCurvePrivateKey:
    """Return the key of an issuing authority of ours; raise AuthorityMissing."""
    return _key_and_place(certificate)[0]


def key_place(certificate: x509.Certificate) -> Path:
    """Return where that key lies; raise AuthorityMissing."""
    return _key_and_place(certificate)[1]


def _key_and_place(certificate: x509.Certificate) -> tuple[ec.EllipticCurvePrivateKey, Path]:
    found = [keys() / "issuing.pem", *sorted(keys().glob("issuing-*.pem"))]
    trouble = f"not the key of {public() / 'ca.pem'}"
    for path in found:
        try:
            key = load_pem_private_key(path.read_bytes(), None)
        except FileNotFoundError:
            continue
        except (OSError, ValueError, TypeError) as error:
            trouble = f"cannot be read as a key: {error}"
            continue
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            trouble = "not a P-256 key"
        elif key.public_key() == certificate.public_key():
            return key, path
    raise AuthorityMissing(f"{found[0]}: {trouble}")


def certificates() -> tuple[x509.Certificate, ...]:
    """Return the root and its issuing authorities, newest first; raise AuthorityMissing."""
    path = public() / "ca.pem"
    try:
        root, newest, *older = x509.load_pem_x509_certificates(path.read_bytes())
    except FileNotFoundError:
        raise AuthorityMissing(
            "there is no certificate authority yet: run gatehouse central authority init"
        ) from None
    except (OSError, ValueError) as error:
        raise AuthorityMissing(f"{path}: cannot be read: {error}") from None
    return root, newest, *older


def pin(root: x509.Certificate) -> bytes:
    """Return what a device is shown of the root: 32 bytes."""
    return hashlib.sha256(root.public_bytes(Encoding.DER)).digest()


def device_certificate(issuing: Issuing, device: str, key: PublicKey, now: int) -> x509.Certificate:
    """Return a certificate of DEVICE_DAYS by which device `device`, 16 hex digits, is a client."""
    names: list[x509.GeneralName] = [x509.UniformResourceIdentifier(URN + device)]
    made = shape.leaf(issuing.certificate, device, key, shape.lasting(now, DEVICE_DAYS))
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
    certificate = server_certificate(issuing, names, key.public_key(), now, days)
    return _write_pair(issuing, file, key, certificate)


def server_certificate(
    issuing: Issuing, names: list[str], key: PublicKey, now: int, days: int = SERVER_DAYS
) -> x509.Certificate:
    """Return a certificate by which the holder of `key` answers to `names`, the first of all."""
    made = shape.leaf(issuing.certificate, names[0], key, shape.lasting(now, days))
    alternative = x509.SubjectAlternativeName([shape.host(name) for name in names])
    return (
        made.add_extension(alternative, critical=False)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(issuing.key, SHA256())
    )


def write_client(issuing: Issuing, name: str, now: int) -> Path:
    """Make key and certificate by which one of central's own programs is a client of the broker."""
    key = ec.generate_private_key(ec.SECP256R1())
    made = shape.leaf(issuing.certificate, name, key.public_key(), shape.lasting(now, SERVER_DAYS))
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
    certificate = made.add_extension(usage, critical=False).sign(issuing.key, SHA256())
    return _write_pair(issuing, name, key, certificate)


def write_renewed(issuing: Issuing, path: Path, old: x509.Certificate, now: int) -> None:
    """Write a certificate like the one that is in a file: same key, names and length of life."""
    key, names = old.public_key(), old.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    assert isinstance(key, ec.EllipticCurvePublicKey)
    life = round((old.not_valid_after_utc - old.not_valid_before_utc).total_seconds())
    until = shape.moment(now - SKEW_SECONDS + life)
    made = shape.leaf(
        issuing.certificate, str(names[0].value), key, (shape.moment(now - SKEW_SECONDS), until)
    )
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
    every device away, and what a late file could hide, central's own denied list shows. Each
    issuing authority has a list of its own, which names all: a serial is drawn and nobody else's.
    """
    entries, lists = list(revoked), list[bytes]()
    for one in (issuing.certificate, *issuing.older):
        key = issuing.key if one is issuing.certificate else key_of(one)
        made = shape.revocations(one, now, one.not_valid_after_utc, entries).sign(key, SHA256())
        lists.append(made.public_bytes(Encoding.PEM))
    path = public() / "crl.pem"
    _write(path, b"".join(lists) + (public() / ROOT_LIST).read_bytes(), 0o644)
    return path


def write_root_revocations(
    root_key: ec.EllipticCurvePrivateKey, newest: Issuing, ended: Iterable[int], now: int
) -> None:
    """Write which issuing authorities, by serial, are revoked; to be read with the next list."""
    place = public() / ROOT_LIST
    before = x509.load_pem_x509_crl(place.read_bytes()) if place.exists() else ()
    entries = {one.serial_number: int(one.revocation_date_utc.timestamp()) for one in before}
    entries = {**dict.fromkeys(ended, now), **entries}
    until = newest.certificate.not_valid_after_utc
    made = shape.revocations(newest.root, now, until, entries.items()).sign(root_key, SHA256())
    _write(place, made.public_bytes(Encoding.PEM), 0o644)


def ours(certificate: x509.Certificate) -> bool:
    """Tell whether an issuing authority that is believed signed it; raise AuthorityMissing."""
    return any(issued(one, certificate) for one in certificates()[1:])


def issued(issuing: x509.Certificate, certificate: x509.Certificate) -> bool:
    """Tell whether this issuing authority signed it."""
    try:
        certificate.verify_directly_issued_by(issuing)
    except (*UNREADABLE, InvalidSignature):
        return False
    return True


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
