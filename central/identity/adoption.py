"""A site's own root above our issuing authority: we ask, the site signs, we adopt what came.

The key is made here and stays here; what is brought is the certificate, the root, and the root's
revocation list, all PEM. Devices pin the root, so it is the site's that they are shown when they
are enrolled. What only the root can say (a newer list, another issuing authority) comes by the
same way again. Whatever cannot be adopted is AuthorityMissing, a sentence for the admin.
"""

import time
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from central.identity import authority, revocation, shape
from central.identity.authority import AuthorityMissing, Issuing


def request(name: str) -> bytes:
    """Make a key for an issuing authority and return the request for its certificate, PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    authority.write_asked_key(key)
    below = x509.BasicConstraints(ca=True, path_length=0)
    asked = x509.CertificateSigningRequestBuilder().subject_name(shape.called(name))
    made = asked.add_extension(below, critical=True).sign(key, SHA256())
    return made.public_bytes(Encoding.PEM)


def adopt(brought: bytes, lists: bytes, now: int) -> Issuing:
    """Let what a site has signed be our issuing authority from now on.

    `brought`: its root and our certificate; `lists`: the root's revocation list. Brought again, a
    newer list takes the place of the older one. Raise AuthorityMissing.
    """
    root, ours = _read(brought)
    _check(ours, now)
    kept = _list_of(root, lists, now)
    older = _before(root, ours)
    made = Issuing(authority.key_of(ours), ours, root, older)
    with revocation.one_writer():
        authority.write_public(authority.ROOT_LIST, kept)
        # Lists first: whoever meets the new authority's signature asks for its list.
        revocation.write_for(made, now)
        authority.write_believed(made)
    return made


def list_ends() -> float:
    """Return until when the root's revocation list is good, Unix seconds; inf: for ever."""
    try:
        content = (authority.public() / authority.ROOT_LIST).read_bytes()
        ends = x509.load_pem_x509_crl(content).next_update_utc
    except (OSError, ValueError):
        return float("inf")  # There is none, and that is said elsewhere.
    return float("inf") if ends is None else ends.timestamp()


def _read(brought: bytes) -> tuple[x509.Certificate, x509.Certificate]:
    try:
        shown = x509.load_pem_x509_certificates(brought)
    except authority.UNREADABLE as error:
        raise AuthorityMissing(f"no certificates: {error}") from None
    roots = [one for one in shown if authority.issued(one, one)]
    ours = [one for one in shown if one not in roots]
    if len(roots) != 1 or len(ours) != 1:
        raise AuthorityMissing("bring the root, which signed itself, and our certificate alone")
    if not authority.issued(roots[0], ours[0]):
        raise AuthorityMissing("our certificate is not signed by that root itself")
    return roots[0], ours[0]


def _check(ours: x509.Certificate, now: int) -> None:
    try:
        authority.key_of(ours)
    except AuthorityMissing:
        why = "our certificate is for a key that is not here: was it asked for on this machine?"
        raise AuthorityMissing(why) from None
    try:
        constraints = ours.extensions.get_extension_for_class(x509.BasicConstraints).value
        usage = ours.extensions.get_extension_for_class(x509.KeyUsage).value
    except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension):
        raise AuthorityMissing("our certificate does not say what it is good for") from None
    if not (constraints.ca and usage.key_cert_sign and usage.crl_sign):
        raise AuthorityMissing("our certificate is not that of an authority: CA, and signs lists")
    if not ours.not_valid_before_utc.timestamp() <= now < ours.not_valid_after_utc.timestamp():
        raise AuthorityMissing("our certificate is not good today")


def _list_of(root: x509.Certificate, lists: bytes, now: int) -> bytes:
    key = root.public_key()
    try:
        made = x509.load_pem_x509_crl(lists)
        assert isinstance(key, ec.EllipticCurvePublicKey | RSAPublicKey | Ed25519PublicKey)
        genuine = made.issuer == root.subject and made.is_signature_valid(key)
    except (*authority.UNREADABLE, AssertionError):
        genuine = False
    if not genuine:
        raise AuthorityMissing("the revocation list is not that root's (PEM)")
    if made.next_update_utc is not None and made.next_update_utc.timestamp() <= now:
        day = time.strftime("%Y-%m-%d", made.next_update_utc.timetuple())
        raise AuthorityMissing(f"the root's revocation list has run out on {day}")
    return made.public_bytes(Encoding.PEM)


def _before(root: x509.Certificate, ours: x509.Certificate) -> tuple[x509.Certificate, ...]:
    """Return the issuing authorities that are believed beside ours, newest first."""
    if not (authority.public() / "ca.pem").exists():
        return ()
    known, *issuing = authority.certificates()
    if known != root:
        raise AuthorityMissing(
            "devices know another root already: a new one is a new enrolment of every device"
        )
    return tuple(one for one in issuing if one != ours)


def read(path: Path) -> bytes:
    """Return a file that was brought; raise AuthorityMissing."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise AuthorityMissing(f"{path}: {error.strerror}") from None
