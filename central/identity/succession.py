"""A new issuing authority for an old one, with both believed while devices move to the new.

Devices pin the root, so whatever the root vouches for is the venue's: from the moment that
`replace` has written, the new authority signs, and servers show its certificates. A device goes on
with what the old one signed and gets the new one's signature when it renews. `retire` ends the old
one: the root revokes it, and who has not renewed by then has to be enrolled anew.

The root's key is needed for both, and for nothing else. What is written counts with `ca.pem` and
`crl.pem`, each replaced whole; cut off before, it is begun again.
"""

import time
from collections import Counter
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from central.identity import authority, renewing, revocation
from central.identity.authority import AuthorityMissing, Issuing
from central.identity.models import Certificate
from central.times import second
from central.venue.models import Device

OLDER_MAX = 5
"""Devices read eight certificates at most."""


def replace(root_file: Path, passphrase: bytes, now: int) -> Issuing:
    """Make a new issuing authority and renew what servers show; raise AuthorityMissing."""
    root, newest, *older = authority.certificates()
    if len(older) >= OLDER_MAX:
        raise AuthorityMissing(f"{len(older)} older ones are believed still: retire them first")
    root_key = _root_key(root_file, passphrase, root)
    name = f"Gatehouse issuing {second(now)}"
    made = authority.new_issuing(root_key, root, name, now)._replace(older=(newest, *older))
    with revocation.one_writer():
        authority.write_issuing_key(made)
        authority.write_root_revocations(root_key, made, [], now)
        # Lists first: whoever meets the new authority's signature asks for its list.
        revocation.write_for(made, now)
        authority.write_believed(made)
    renewing.renew_due(now)
    return made


def retire(root_file: Path, passphrase: bytes, now: int, at_once: bool = False) -> int:
    """End all issuing authorities but the newest; return how many.

    Raise AuthorityMissing while a device needs one of them, unless `at_once`.
    """
    issuing = authority.load()
    root_key = _root_key(root_file, passphrase, issuing.root)
    left = waiting(issuing, now)
    if left and not at_once:
        some = ", ".join(device.name for device in left[:5])
        raise AuthorityMissing(
            f"{len(left)} devices have not renewed yet ({some}…): wait, or say --now and enrol "
            "them anew"
        )
    # Whose keys are gone already are ended all the same.
    serials = [one.serial_number for one in issuing.older]
    only = issuing._replace(older=())
    with revocation.one_writer():
        authority.write_root_revocations(root_key, only, serials, now)
        revocation.write_for(only, now)
        authority.write_believed(only)
        for place in authority.keys().glob("issuing*.pem"):
            if place != authority.key_place(only.certificate):
                place.unlink()
    return len(issuing.older)


def waiting(issuing: Issuing, now: int) -> list[Device]:
    """Return the devices whose newest certificate an older authority signed, and which count."""
    newest: dict[int, Certificate] = {}
    live = Certificate.objects.filter(
        revoked_at=None, not_after__gt=now - revocation.GRACE_SECONDS, device__denied=None
    )
    for one in live.select_related("device").order_by("pk"):
        newest[one.device_id] = one
    return [
        one.device
        for one in newest.values()
        if not authority.issued(issuing.certificate, x509.load_der_x509_certificate(bytes(one.der)))
    ]


def described(now: int) -> str:
    """Return which authorities there are and how many devices rest on each, for a person."""
    root, *issuing = authority.certificates()
    live = Certificate.objects.filter(
        revoked_at=None, not_after__gt=now - revocation.GRACE_SECONDS, device__denied=None
    )
    newest = {one.device_id: bytes(one.der) for one in live.order_by("pk")}
    counts: Counter[int] = Counter()
    for der in newest.values():
        shown = x509.load_der_x509_certificate(der)
        counts.update(one.serial_number for one in issuing if authority.issued(one, shown))
    lines = [f"root     until {_day(root)}  {authority.pin(root).hex()[:16]}"]
    for place, one in enumerate(issuing):
        role = "older" if place else "issuing"
        devices = f"{counts[one.serial_number]} devices"
        lines.append(f"{role:<8} until {_day(one)}  {one.serial_number:x}  {devices}")
    return "\n".join(lines)


def _day(certificate: x509.Certificate) -> str:
    return time.strftime("%Y-%m-%d", certificate.not_valid_after_utc.timetuple())


def _root_key(file: Path, passphrase: bytes, root: x509.Certificate) -> ec.EllipticCurvePrivateKey:
    try:
        key = load_pem_private_key(file.read_bytes(), passphrase)
    except FileNotFoundError:
        raise AuthorityMissing(f"{file}: the root's key is not here; say --root FILE") from None
    except (OSError, ValueError, TypeError) as error:
        raise AuthorityMissing(f"{file}: cannot be opened as a key: {error}") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != root.public_key():
        raise AuthorityMissing(f"{file}: not the root's key")
    return key
