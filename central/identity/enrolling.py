"""From a code to a certificate, and from a certificate to the next one.

Every answer to a device that cannot have a certificate is a Refused with an HTTP status and a
sentence. Callers hand in the time, Unix seconds.
"""

import hashlib
import logging
import secrets

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from django.db import transaction
from django.db.models import F

from central.claims import hubs
from central.identity import authority, revocation
from central.identity.models import Certificate, Denied, Enrolment
from central.identity.revocation import GRACE_SECONDS
from central.ledger.models import Incident
from central.venue.models import Device
from central.venue.trust import root_pin
from wire import enrolment as shown
from wire.codec import WireError

log = logging.getLogger("central.identity")

WRONG_CODES_MAX = 5
RENEWAL_CONTEXT = b"gatehouse/1/renewal"
CODE_ABUSED, CERTIFICATE_ABUSED = "enrolment-code-abused", "old-certificate-abused"
"""Incidents: two who claim to be one device."""

NO_HUB = "本设备不是场馆节点 · this device is not the venue's hub: say so at central"
NOT_ITS_OWN = "无此设备，或登记码不符 · no such device, or the code is not its own"


class Refused(Exception):
    """No certificate: an HTTP status, and why, for the device's panel and its log."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status, self.why = status, why


def begin(device: Device, by: str, url: str, now: int) -> str:
    """Make a code for `device` and return the text to be shown; older open codes end.

    Raise AuthorityMissing, TrustMissing, or WireError for a `url` that no device takes.
    """
    root, *_ = authority.certificates()
    code = secrets.token_bytes(shown.CODE_BYTES)
    identity, roles = bytes.fromhex(device.identity), root_pin(device.venue)
    text = shown.compose(shown.Enrolment(url, authority.pin(root), code, identity, roles))
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

    The same code and key again get the same certificate: an answer may be lost on the way. What
    the device had before is revoked: of one identity there is one device.
    Raise Refused or AuthorityMissing.
    """
    issuing = authority.load()
    key = requested_key(request, identity)
    if not Enrolment.objects.filter(device__identity=identity).exists():
        raise Refused(401, NOT_ITS_OWN)
    with revocation.one_writer():
        # A refusal is part of the transaction, so that a wrong code is counted.
        with transaction.atomic():
            answer, replaced = redeemed(issuing, identity, password, key, now)
        if replaced:
            _publish(identity, now)
    if isinstance(answer, Refused):
        log.warning("enrolment of %s: %s", identity, answer.why)
        raise answer
    return answer


def _publish(identity: str, now: int) -> None:
    """The device is not kept waiting for a list that is about its predecessor."""
    try:
        revocation.publish(now)
    except revocation.ListNotWritten as error:
        log.error("older certificates of %s are not on the revocation list: %s", identity, error)


def redeemed(
    issuing: authority.Issuing, identity: str, password: str, key: authority.PublicKey, now: int
) -> tuple[x509.Certificate | Refused, int]:
    """Return the answer, and how many older certificates ended with it."""
    # Everybody takes the device's row first: who revokes, who makes a code and who uses it.
    device = Device.objects.select_for_update().get(identity=identity)
    # Looked up by its hash: how long that takes says nothing of the code.
    one = Enrolment.objects.filter(device=device, code_hash=_hash(password)).first()
    if one is None:
        return _wrong(device), 0
    if one.wrong_codes >= WRONG_CODES_MAX:
        return _too_many(), 0
    if one.used_at is not None:
        return _again(one, key, now), 0
    if one.withdrawn:
        return Refused(403, "登记码已作废 · this code was withdrawn: ask for a new one"), 0
    if now >= one.expires_at:
        why = "登记码已超过 15 分钟 · this code is older than 15 minutes: ask for a new one"
        return Refused(403, why), 0
    older = Certificate.objects.filter(device=device, revoked_at=None)
    replaced = older.update(revoked_at=now)
    one.certificate, made = _issue(issuing, device, key, now)
    one.used_at = now
    one.save(update_fields=["certificate", "used_at"])
    # The admin asked for this code after the device was denied: revoking withdraws open codes.
    Denied.objects.filter(device=device).delete()
    return made, replaced


def _wrong(device: Device) -> Refused:
    """Count a wrong code against the one that is open; nobody guesses 128 bits in five tries."""
    newest = Enrolment.objects.filter(device=device).order_by("-pk").first()
    if newest is None or newest.wrong_codes >= WRONG_CODES_MAX:
        return _too_many()
    newest.wrong_codes += 1
    newest.save(update_fields=["wrong_codes"])
    return Refused(401, NOT_ITS_OWN)


def _too_many() -> Refused:
    return Refused(429, "错码次数过多 · too many wrong codes: ask for a new one at central")


def _again(one: Enrolment, key: authority.PublicKey, now: int) -> x509.Certificate | Refused:
    if one.certificate is not None and one.certificate.revoked_at is None:
        made = x509.load_der_x509_certificate(bytes(one.certificate.der))
        if made.public_key() == key:
            return made
    Enrolment.objects.filter(pk=one.pk).update(used_again=F("used_again") + 1)
    _alarm(one.device, CODE_ABUSED, {"code made": one.created_at, "by": one.by}, now)
    why = "此码已被另一台设备使用 · this code was used already, with another key"
    return Refused(403, f"{why}: if not by you, revoke this device")


def renew(certificate: x509.Certificate, request: bytes, now: int, grace: bool) -> x509.Certificate:
    """Return the next certificate of whoever holds `certificate`, of which proof was seen.

    `grace` lets one in that expired less than 180 days ago. One whose successor is at work is not
    renewed again: whoever copied a card has until its certificate expires, and no longer. The
    same key again gets the same certificate. Raise Refused or AuthorityMissing.
    """
    issuing = authority.load()
    held = held_certificate(certificate, now, grace=grace)
    life = held.not_after - held.not_before
    if now < held.not_before + life * 2 // 3:
        raise Refused(403, "it is too early to renew: from two thirds of a certificate's life")
    key = requested_key(request, held.device.identity)
    with transaction.atomic():
        # Whoever renews while the device is being revoked waits here, and then finds it denied.
        Device.objects.select_for_update().get(pk=held.device_id)
        held = held_certificate(certificate, now, grace=grace)
        later = list(Certificate.objects.filter(device=held.device_id, pk__gt=held.pk))
        if (same := _same_key(later, key)) is not None:
            return same
        if not any(one.seen_at is not None for one in later):
            return _issue(issuing, held.device, key, now)[1]
        _alarm(held.device, CERTIFICATE_ABUSED, {"serial": held.serial}, now)
    why = "证书已被替换 · this certificate was replaced, and its successor is in use"
    raise Refused(403, f"{why}: if this is the device, enrol it anew")


def enrol_server(device: Device, request: bytes, now: int) -> x509.Certificate:
    """Return a certificate for the broker of a hub; raise Refused or AuthorityMissing.

    By what names it is called an admin has said; only the key is taken from the request.
    """
    hub = hubs.of(device)
    if hub is None:
        raise Refused(403, NO_HUB)
    try:
        names = hubs.names(hub)
    except WireError as error:
        raise Refused(409, f"{error}") from None
    key = requested_key(request, names[0])
    log.info("a certificate of the hub's broker for %s: %s", device.identity, ", ".join(names))
    return authority.server_certificate(authority.load(), names, key, now)


def _same_key(later: list[Certificate], key: authority.PublicKey) -> x509.Certificate | None:
    for one in later:
        made = x509.load_der_x509_certificate(bytes(one.der))
        if one.revoked_at is None and made.public_key() == key:
            return made
    return None


def held_certificate(certificate: x509.Certificate, now: int, grace: bool) -> Certificate:
    """Return our record of a device's certificate that is good; raise Refused.

    Nothing that the certificate says of itself counts: it is ours if we signed it, and if the very
    same bytes are in the database, there not revoked, and their device not denied.
    """
    der = certificate.public_bytes(Encoding.DER)
    serial = f"{certificate.serial_number:x}"[:40]
    found = (
        Certificate.objects.filter(serial=serial)
        .select_related("device__venue", "device__denied")
        .first()
    )
    if found is None or bytes(found.der) != der or not authority.ours(certificate):
        raise Refused(401, "who are you? This certificate is not one of this central's devices")
    if found.revoked_at is not None or hasattr(found.device, "denied"):
        raise Refused(403, "设备已停用 · this device was revoked: it needs a new enrolment")
    if now < found.not_before:
        raise Refused(403, "this certificate is not good yet: one of our clocks is wrong")
    if now >= found.not_after + (GRACE_SECONDS if grace else 0):
        raise Refused(403, "证书已过期 · this certificate has expired: " + _instead(found, now))
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
    try:
        key = certificate.public_key()
        if not isinstance(key, ec.EllipticCurvePublicKey):
            raise Refused(401, "who are you? This certificate is not one of this central's devices")
        key.verify(signature, proof_message(request), ec.ECDSA(SHA256()))
    except InvalidSignature:
        raise Refused(401, "the proof was not made by this certificate's key") from None
    except authority.UNREADABLE:
        raise Refused(400, "the certificate cannot be read") from None


def requested_key(request: bytes, identity: str) -> authority.PublicKey:
    """Return the public key of a PKCS#10 request (RFC 2986) for `identity`; raise Refused.

    Only name and key are taken from it: what the certificate is good for is ours to say.
    """
    try:
        asked = x509.load_der_x509_csr(request)
        names = asked.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        key, genuine = asked.public_key(), asked.is_signature_valid
    except authority.UNREADABLE:
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


def _alarm(device: Device, kind: str, detail: dict[str, object], now: int) -> None:
    """Show it to the admins, once however often it is tried."""
    log.error("%s: %s %s", device.identity, kind, detail)
    Incident.objects.get_or_create(
        kind=kind, device=device, detail=detail, defaults={"received_ms": now * 1000}
    )


def _hash(code: str) -> str:
    return hashlib.sha256(code.strip().lower().encode()).hexdigest()
