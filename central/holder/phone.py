"""Gives a phone the key of its moving code: once, late, sealed to a key that cannot leave it.

The page makes two P-256 key pairs that the browser will not export: one signs its requests, to the
other the ticket's key is sealed (ECDH, HKDF-SHA-256 of RFC 5869, AES-256-GCM), so that it is opened
straight into a browser key which computes and cannot be read. The first phone that asks, asks for
good. It is answered again only until it has said that it has the key; another phone is refused
and counted.
"""

import base64
import binascii
import secrets
import time
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from central.holder.models import Link, Phone
from central.lists.changes import reissue
from central.venue import keys
from central.venue.issue import texts
from central.venue.models import Event, Ticket
from wire import rotating
from wire.entry import Standing
from wire.ticket import SMALL_MAX

AGREE_SECONDS = 300
POINT_BYTES = 65
CURVE = ec.SECP256R1()
INFO = b"gatehouse holder key"


class Refused(Exception):
    """What the phone asked for is not given; the message is a word that the page explains."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as a phone signed it."""

    signing: bytes
    agreement: bytes


def read(verb: str, token: str, told: Any, now: float) -> Asked:
    """Return what was asked, if the phone's key signed it just now; raise Refused."""
    try:
        signing, agreement = _unpacked(told["signing"]), _unpacked(told["agreement"])
        at, signature = int(told["at"]), _unpacked(told["signature"])
        if len(signature) != 64 or {len(signing), len(agreement)} != {POINT_BYTES}:
            raise ValueError("lengths")
        key = ec.EllipticCurvePublicKey.from_encoded_point(CURVE, signing)
        ec.EllipticCurvePublicKey.from_encoded_point(CURVE, agreement)
    except (KeyError, TypeError, ValueError, OverflowError):
        raise Refused("malformed") from None
    said = " ".join((verb, token, str(at), told["signing"], told["agreement"]))
    r, s = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
    try:
        key.verify(encode_dss_signature(r, s), said.encode(), ec.ECDSA(SHA256()))
    except InvalidSignature:
        raise Refused("not-signed") from None
    if abs(now - at) > AGREE_SECONDS:
        raise Refused("clock")
    return Asked(signing, agreement)


def give(link: Link, asked: Asked, now: float) -> dict[str, Any]:
    """Bind the phone, and return its ticket and, until it has it, the sealed key; raise Refused."""
    with transaction.atomic():
        # Two phones that ask at once wait here for one another.
        Link.objects.select_for_update().get(pk=link.pk)
        ticket = Ticket.objects.select_related("ticket_class__event__venue").get(pk=link.ticket_id)
        event = ticket.ticket_class.event
        if not ticket.must_move or event.rotation_key is None:
            raise Refused("not-moving")
        if ticket.standing != Standing.GOOD.value:
            raise Refused(ticket.standing)
        if ticket.on_paper:
            raise Refused("collected")
        opens, closes = hours(ticket)
        if not opens - event.rotation_lead_seconds <= now < closes:
            raise Refused("too-early" if now < closes else "too-late")
        phone = Phone.objects.filter(ticket=ticket, released_at=None).first()
        if phone is None:
            phone = Phone.objects.create(
                ticket=ticket, signing=asked.signing, agreement=asked.agreement
            )
        if (bytes(phone.signing), bytes(phone.agreement)) == (asked.signing, asked.agreement):
            return _given(ticket, event, phone)
        tried(link, asked)
    raise Refused("other-phone")


def tried(link: Link, asked: Asked) -> None:
    """Another phone than the one that is bound has opened the link: something for admins to see."""
    found = Phone.objects.filter(ticket=link.ticket_id, released_at=None)
    found = found.exclude(signing=asked.signing)
    found.update(others_refused=F("others_refused") + 1, last_other_at=timezone.now())


def kept(link: Link, asked: Asked) -> None:
    """The phone has its key: it is not given again."""
    found = Phone.objects.filter(ticket=link.ticket, signing=asked.signing, released_at=None)
    found.filter(kept_at=None).update(kept_at=timezone.now())


def release(ticket: Ticket, by: str, asked: Asked | None = None) -> bool:
    """Take a ticket from its phone, so that another can have it; return whether it had one.

    The phone keeps its key, which is made of the right alone; so the generation is raised, and
    every gate that hears of it refuses that phone's codes. Raise Refused where that is not
    possible any more.
    """
    with transaction.atomic():
        found = Phone.objects.select_for_update().filter(ticket=ticket, released_at=None)
        if asked:
            found = found.filter(signing=asked.signing)
        phone = found.first()
        if phone is None:
            return False
        ticket.refresh_from_db(fields=["generation", "generation_given"])
        if ticket.next_generation > SMALL_MAX:
            raise Refused("too-often")
        phone.released_at, phone.released_by = timezone.now(), by
        phone.save(update_fields=["released_at", "released_by"])
        reissue(ticket)
    return True


def hours(ticket: Ticket) -> tuple[int, int]:
    """Return from when and until when a ticket opens: its own new times, or its event's shift."""
    shift = ticket.ticket_class.event.shift_seconds
    opens, closes = ticket.not_before + shift, ticket.expires + shift
    return (
        opens if ticket.moved_from is None else ticket.moved_from,
        closes if ticket.moved_until is None else ticket.moved_until,
    )


def _given(ticket: Ticket, event: Event, phone: Phone) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "ticket": next(texts([ticket], *keys.active(event.venue))),
        "generation": ticket.generation,
        "now": time.time(),
    }
    if phone.kept_at is None:
        assert event.rotation_key is not None
        key = rotating.key_of(bytes(ticket.cti), bytes(event.rotation_key))
        answer |= _sealed(key, bytes(phone.agreement))
    return answer


def _sealed(key: bytes, agreement: bytes) -> dict[str, str]:
    ours = ec.generate_private_key(CURVE)
    theirs = ec.EllipticCurvePublicKey.from_encoded_point(CURVE, agreement)
    shared = ours.exchange(ec.ECDH(), theirs)
    secret = HKDF(SHA256(), 32, salt=b"", info=INFO).derive(shared)
    nonce = secrets.token_bytes(12)
    point = ours.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return {
        "point": _packed(point),
        "nonce": _packed(nonce),
        "sealed": _packed(AESGCM(secret).encrypt(nonce, key, None)),
    }


def _packed(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _unpacked(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(str(error)) from None
