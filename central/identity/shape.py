"""What stands in our certificates and revocation lists (RFC 5280), before anybody signs it."""

import ipaddress
from collections.abc import Iterable
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

DAY = 86_400
SKEW_SECONDS = 3600
"""Certificates are good an hour earlier: broker and devices need not agree to the second."""

PublicKey = ec.EllipticCurvePublicKey


def authority(
    name: x509.Name, key: PublicKey, below: int, valid: tuple[datetime, datetime]
) -> x509.CertificateBuilder:
    """Begin the certificate of one that signs others, with `below` authorities under it."""
    signs = x509.KeyUsage(
        digital_signature=False, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, key_cert_sign=True, crl_sign=True,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip
    return (
        certificate(name, key, valid)
        .add_extension(x509.BasicConstraints(ca=True, path_length=below), critical=True)
        .add_extension(signs, critical=True)
    )


def leaf(
    issuer: x509.Certificate, name: str, key: PublicKey, valid: tuple[datetime, datetime]
) -> x509.CertificateBuilder:
    """Begin the certificate of somebody who signs for nobody; no longer than its issuer's."""
    last = min(valid[1], issuer.not_valid_after_utc)
    signs = x509.KeyUsage(
        digital_signature=True, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, key_cert_sign=False, crl_sign=False,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip
    made = (
        certificate(called(name), key, (valid[0], last))
        .issuer_name(issuer.subject)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(signs, critical=True)
    )
    signer = issuer.public_key()
    assert isinstance(signer, ec.EllipticCurvePublicKey)
    return signed_for(made, signer)


def certificate(
    name: x509.Name, key: PublicKey, valid: tuple[datetime, datetime]
) -> x509.CertificateBuilder:
    """Begin any certificate."""
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(valid[0])
        .not_valid_after(valid[1])
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
    )


def signed_for(made: x509.CertificateBuilder, signer: PublicKey) -> x509.CertificateBuilder:
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer)
    return made.add_extension(identifier, critical=False)


def revocations(
    signer: x509.Certificate, now: int, until: datetime, revoked: Iterable[tuple[int, int]]
) -> x509.CertificateRevocationListBuilder:
    """Begin a list of (serial, Unix seconds) by `signer`."""
    key = signer.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    made = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(signer.subject)
        .last_update(moment(now - SKEW_SECONDS))
        .next_update(until)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key), critical=False)
        .add_extension(x509.CRLNumber(now), critical=False)
    )
    for serial, at in revoked:
        one = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(moment(at))
        made = made.add_revoked_certificate(one.build())
    return made


def lasting(now: int, days: int) -> tuple[datetime, datetime]:
    return moment(now - SKEW_SECONDS), moment(now + days * DAY)


def moment(unix: int) -> datetime:
    return datetime.fromtimestamp(unix, UTC)


def called(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def host(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
