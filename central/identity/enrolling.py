"""From a code to a certificate, and from a certificate to the next one.

Every answer to a device that cannot have a certificate is a Refused with an HTTP status and a
sentence. Callers hand in the time, Unix seconds.
"""

import hashlib
import logging
import secrets

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from django.db import transaction
from django.utils.crypto import constant_time_compare

from central.identity import authority
from central.identity.models import Certificate, Denied, Enrolment
from central.identity.revocation import GRACE_SECONDS
from central.venue.models import Device
from wire import enrolment as shown

log = logging.getLogger("central.identity")

WRONG_CODES_MAX = 5
RENEWAL_CONTEXT = b"gatehouse/1/renewal"


class Refused(Exception):
    """No certificate: an HTTP status, and why, for the device's panel and its log."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status, self.why = status, why


def begin(device: Device, by: str, url: str, now: int) -> str:
    """Make a code for `device` and return the text to be shown; older open codes end.

    Raise AuthorityMissing, or WireError for a `url` that no device takes.
    """
    root, _ = authority.certificates()
    code = secrets.token_bytes(shown.CODE_BYTES)
    identity = bytes.fromhex(device.identity)
    text = shown.compose(shown.Enrolment(url, authority.pin(root), code, identity))
    with transaction.atomic():
        Device.objects.select_for_update().get(pk=device.pk)
        Enrolment.objects.filter(device=device, used_at=None).update(withdrawn=True)
        Enrolment.objects.create(
            device=device,
            code_hash=_hash(code.hex()),
            by=by,
            created_at=now,
            expires_at=now + shown.CODE_SECONDS,
        )
    return text


def enrol(identity: str, password: str, request: bytes, now: int) -> x509.Certificate:
    """Return the first certificate of device `identity` for its code and PKCS#10 request in DER.

    The same code and key again get the same certificate: an answer may be lost on the way.
    Raise Refused or AuthorityMissing.
    """
    issuing = authority.load()
    # A refusal is part of the transaction, so that a wrong code is counted.
    with transaction.atomic():
        answer = _redeemed(issuing, identity, password, request, now)
    if isinstance(answer, Refused):
        log.warning("enrolment of %r: %s", identity[:16], answer.why)
        raise answer
    return answer


def _redeemed(
    issuing: authority.Issuing, identity: str, password: str, request: bytes, now: int
) -> x509.Certificate | Refused:
    # Everybody takes the device's row first: who revokes, who makes a code and who uses it.
    device = Device.objects.select_for_update().filter(identity=identity).first()
    one = Enrolment.objects.filter(device=device).order_by("-pk").first()
    if device is None or one is None:
        return Refused(401, "no such device, or the code is not its own")
    if one.wrong_codes >= WRONG_CODES_MAX:
        return Refused(429, "too many wrong codes: ask for a new one at central")
    if not constant_time_compare(one.code_hash, _hash(password)):
        one.wrong_codes += 1
        one.save(update_fields=["wrong_codes"])
        return Refused(401, "no such device, or the code is not its own")
    if one.withdrawn:
        return Refused(403, "this code was withdrawn: ask for a new one at central")
    try:
        key = requested_key(request, identity)
    except Refused as refused:
        return refused
    if one.used_at is not None:
        return _again(one, key)
    if now >= one.expires_at:
        return Refused(403, "this code is older than 15 minutes: ask for a new one at central")
    one.certificate, made = _issue(issuing, device, key, now)
    one.used_at = now
    one.save(update_fields=["certificate", "used_at"])
    # The admin asked for this code after the device was denied: revoking withdraws open codes.
    Denied.objects.filter(device=device).delete()
    return made


def _again(one: Enrolment, key: authority.PublicKey) -> x509.Certificate | Refused:
    if one.certificate is not None and one.certificate.revoked_at is None:
        made = x509.load_der_x509_certificate(bytes(one.certificate.der))
        if made.public_key() == key:
            return made
    one.used_again += 1
    one.save(update_fields=["used_again"])
    return Refused(
        403, "this code was used already, with another key: if not by you, revoke this device"
    )


def renew(certificate: x509.Certificate, request: bytes, now: int, grace: bool) -> x509.Certificate:
    """Return the next certificate of whoever holds `certificate`, of which proof was seen.

    `grace` lets one in that expired less than 180 days ago. Raise Refused or AuthorityMissing.
    """
    issuing = authority.load()
    with transaction.atomic():
        held = held_certificate(certificate, now, grace=grace)
        life = held.not_after - held.not_before
        if now < held.not_before + life * 2 // 3:
            raise Refused(403, "it is too early to renew: from two thirds of a certificate's life")
        key = requested_key(request, held.device.identity)
        return _issue(issuing, held.device, key, now)[1]


def held_certificate(certificate: x509.Certificate, now: int, grace: bool) -> Certificate:
    """Return our record of a device's certificate that is good; raise Refused.

    Nothing that the certificate says of itself counts: it is ours if we signed it, and if the very
    same bytes are in the database, there not revoked, and their device not denied.
    """
    _, issuing = authority.certificates()
    der = certificate.public_bytes(Encoding.DER)
    serial = f"{certificate.serial_number:x}"[:40]
    found = Certificate.objects.filter(serial=serial).select_related("device__venue").first()
    if found is None or bytes(found.der) != der or not authority.issued(issuing, certificate):
        raise Refused(401, "this certificate is not one of this central's devices")
    with transaction.atomic():
        # Whoever renews while the device is being revoked waits here, and then finds it denied.
        Device.objects.select_for_update().get(pk=found.device_id)
        found.refresh_from_db(fields=["revoked_at"])
    if found.revoked_at is not None or Denied.objects.filter(device=found.device_id).exists():
        raise Refused(403, "this device was revoked: it needs a new enrolment")
    if now < found.not_before:
        raise Refused(403, "this certificate is not good yet: one of our clocks is wrong")
    if now >= found.not_after + (GRACE_SECONDS if grace else 0):
        raise Refused(403, "this certificate has expired: " + _instead(found, now))
    return found


def _instead(found: Certificate, now: int) -> str:
    if now < found.not_after + GRACE_SECONDS:
        return "renew it with a proof of its key"
    return "the device needs a new enrolment"


def proof_message(request: bytes) -> bytes:
    """Return what the old key signs (ECDSA with SHA-256) to vouch for a request in DER."""
    return RENEWAL_CONTEXT + hashlib.sha256(request).digest()


def check_proof(certificate: x509.Certificate, request: bytes, signature: bytes) -> None:
    """Raise Refused unless the certificate's key vouches for this request."""
    key = certificate.public_key()
    try:
        if not isinstance(key, ec.EllipticCurvePublicKey):
            raise Refused(401, "this certificate is not one of this central's devices")
        key.verify(signature, proof_message(request), ec.ECDSA(SHA256()))
    except InvalidSignature:
        raise Refused(401, "the proof was not made by this certificate's key") from None


def requested_key(request: bytes, identity: str) -> authority.PublicKey:
    """Return the public key of a PKCS#10 request (RFC 2986) for `identity`; raise Refused.

    Only name and key are taken from it: what the certificate is good for is ours to say.
    """
    try:
        asked = x509.load_der_x509_csr(request)
        names = asked.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        key, genuine = asked.public_key(), asked.is_signature_valid
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise Refused(400, "not a certificate request (PKCS#10, base64) that can be read") from None
    if not genuine:
        raise Refused(400, "the request is not signed by the key in it")
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise Refused(400, "the key in the request is not a P-256 key")
    if [name.value for name in names] != [identity]:
        raise Refused(400, f"the request's common name must be {identity}")
    return key


def _issue(
    issuing: authority.Issuing, device: Device, key: authority.PublicKey, now: int
) -> tuple[Certificate, x509.Certificate]:
    made = authority.device_certificate(issuing, device.identity, key, now)
    kept = Certificate.objects.create(
        device=device,
        serial=f"{made.serial_number:x}",
        der=made.public_bytes(Encoding.DER),
        not_before=int(made.not_valid_before_utc.timestamp()),
        not_after=int(made.not_valid_after_utc.timestamp()),
    )
    return kept, made


def _hash(code: str) -> str:
    return hashlib.sha256(code.strip().lower().encode()).hexdigest()
