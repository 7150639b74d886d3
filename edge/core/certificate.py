"""What a device accepts as a certificate (RFC 5280): central's, and its own.

Chain, key and name are judged here. Dates are judged by TLS, and only once the device can know
what day it is; see `dates_count`.
"""

import hashlib
from collections.abc import Sequence

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from edge.core.moment import Moment
from edge.core.trusted_time import BUILT
from wire.event import ClockQuality

CHAIN_MAX = 8
SPREAD = 0.05
"""Devices enrolled on one day renew over this part of a certificate's life."""


class NotOurs(Exception):
    """A certificate that is not to be believed or used; the message says why."""


def dates_count(now: Moment) -> bool:
    """Tell whether this device can judge the dates of a certificate.

    A machine without a battery begins in 1970: to it every certificate is not good yet, and it
    could never learn the time from a central that it refuses to talk to. So it is with a clock that
    is in doubt.
    """
    if now.quality is ClockQuality.SIGNED:
        return True
    return now.quality is ClockQuality.UNCONFIRMED and now.wall >= BUILT


def chain(shown: Sequence[x509.Certificate], pin: bytes) -> tuple[x509.Certificate, ...]:
    """Return the root whose SHA-256 is `pin`, and what it issued of the rest; raise NotOurs."""
    if len(shown) > CHAIN_MAX:
        raise NotOurs(f"more than {CHAIN_MAX} certificates")
    pinned = [one for one in shown if hashlib.sha256(_der(one)).digest() == pin]
    if not pinned:
        raise NotOurs("none of its certificates is the one that the code names")
    root = pinned[0]
    if not issued(root, root):
        raise NotOurs("the certificate that the code names is no root")
    return root, *(one for one in shown if one is not root and issued(one, root))


def own(
    shown: Sequence[x509.Certificate],
    authority: Sequence[x509.Certificate],
    public: EllipticCurvePublicKey,
    identity: str,
) -> x509.Certificate:
    """Return the certificate of `public`, issued by `authority` for `identity`; raise NotOurs."""
    if not shown:
        raise NotOurs("no certificate came")
    certificate = shown[0]
    if not any(issued(certificate, one) for one in authority):
        raise NotOurs("it is not issued by the authority that the code names")
    if _key_of(certificate) != public:
        raise NotOurs("it is for another key")
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    if [name.value for name in names] != [identity]:
        raise NotOurs("it is for another device")
    return certificate


def issued(certificate: x509.Certificate, by: x509.Certificate) -> bool:
    """Tell whether `by` is an authority and has signed `certificate`."""
    try:
        constraints = by.extensions.get_extension_for_class(x509.BasicConstraints).value
        certificate.verify_directly_issued_by(by)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    except x509.ExtensionNotFound:
        return False
    return constraints.ca


def renewal_due(certificate: x509.Certificate, identity: str) -> float:
    """Return when to renew, Unix seconds: at two thirds of its life, a little later for some."""
    begins = certificate.not_valid_before_utc.timestamp()
    life = certificate.not_valid_after_utc.timestamp() - begins
    drawn = int.from_bytes(hashlib.sha256(identity.encode()).digest()[:4], "big") / 2**32
    return begins + life * 2 / 3 + life * SPREAD * drawn


def expired(certificate: x509.Certificate, wall: float) -> bool:
    return wall >= certificate.not_valid_after_utc.timestamp()


def _key_of(certificate: x509.Certificate) -> object:
    try:
        return certificate.public_key()
    except (ValueError, UnsupportedAlgorithm):
        return None


def _der(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)


def serves(certificate: x509.Certificate, host: str) -> bool:
    """Tell whether it is for a server that is called `host`, a name or an address."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension):
        return False
    except x509.UnsupportedGeneralNameType:
        return False
    addresses = (str(one) for one in names.get_values_for_type(x509.IPAddress))
    return host in (*names.get_values_for_type(x509.DNSName), *addresses)


def revocations(lists: bytes, authority: Sequence[x509.Certificate]) -> bytes:
    """Return revocation lists (PEM) of which each of `authority` has signed one; raise NotOurs.

    A broker that was given others would turn everybody away.
    """
    ends = b"-----END X509 CRL-----\n"
    parts = [one + ends for one in lists.split(ends) if one.strip()]
    try:
        found = [x509.load_pem_x509_crl(one) for one in parts[: 2 * CHAIN_MAX]]
    except (ValueError, x509.InvalidVersion, UnsupportedAlgorithm) as error:
        raise NotOurs(f"no revocation lists: {error}") from None
    for one in authority:
        if not any(_signed_list(made, one) for made in found):
            raise NotOurs(f"no revocation list of {one.subject.rfc4514_string()}")
    return b"".join(parts)


def _signed_list(made: x509.CertificateRevocationList, by: x509.Certificate) -> bool:
    key = _key_of(by)
    if made.issuer != by.subject:
        return False
    if not isinstance(key, EllipticCurvePublicKey | RSAPublicKey | Ed25519PublicKey):
        return False
    try:
        return made.is_signature_valid(key)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return False
