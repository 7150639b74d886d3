"""From the bytes of a scan to a credential: a ticket of ours, or the reason it is none.

Any bytes give an answer. What is refused is remembered by length, form and a keyed hash only:
a person may have shown a payment code, an ID number or a private message.
"""

import hashlib
import re
from dataclasses import dataclass

import msgspec

from edge.core.scan import without_aim
from wire import delegated, enrolment, rotating, staff_card
from wire import ticket as gh1
from wire.key import KeyRing
from wire.reason import Reason
from wire.rotating import MovingCode
from wire.ticket import Ticket

# WeChat Pay: 18 digits from 10 to 15; Alipay: 16 to 24 digits from 25 to 30.
PAYMENT = re.compile(rb"(1[0-5]\d{16}|(2[5-9]|30)\d{14,22})")
DIGEST_BYTES = 8
TICKET_BEGINS, MOVING_BEGINS = gh1.PREFIX.encode(), rotating.PREFIX.encode()
DELEGATED_BEGINS = delegated.PREFIX.encode()
ENROLMENT_BEGINS = 32
"""How far to look for the beginning of an enrolment: white space may come first."""


class Shown(msgspec.Struct, frozen=True):
    """A ticket with a good signature."""

    ticket: Ticket
    code: MovingCode | None = None
    """What moved in a GH9; the rules judge it, once the list has said the event's key."""
    delegated: bool = False
    """A kiosk signed it while central was away: good only for a right that the list holds."""


@dataclass(frozen=True, slots=True)
class Unusable:
    """Nothing the rules could judge."""

    reason: Reason


Credential = Shown | Unusable


def read(data: bytes, ring: KeyRing) -> Credential:
    """Read what was shown; AIM identifier and surrounding white space do not matter."""
    _, bare = without_aim(data)
    bare = bare.strip(b" \t\r\n")
    begins, code = bare[:3].upper(), None
    if begins == DELEGATED_BEGINS:
        paper = delegated.verify(bare, ring)
        return Unusable(paper) if isinstance(paper, Reason) else Shown(paper, delegated=True)
    if begins != TICKET_BEGINS:
        if PAYMENT.fullmatch(bare):
            return Unusable(Reason.PAYMENT_CODE)
        if staff_card.looks_like(bare):
            return Unusable(Reason.STAFF_CARD)
        if is_enrolment(bare):
            return Unusable(Reason.ENROLMENT_CODE)
    if begins == MOVING_BEGINS:
        moving = rotating.read(bare)
        if isinstance(moving, Reason):
            return Unusable(moving)
        bare, code = moving
    answer = gh1.verify(bare, ring)
    return Unusable(answer) if isinstance(answer, Reason) else Shown(answer, code)


def is_enrolment(data: bytes) -> bool:
    """Tell whether somebody shows what enrols a device, good or bad."""
    _, bare = without_aim(data)
    return enrolment.looks_like(bare[:ENROLMENT_BEGINS].decode("ascii", errors="replace"))


def kid(data: bytes) -> bytes:
    """Return the name of the key that a ticket says signed it; nothing if it is no ticket."""
    _, bare = without_aim(data)
    paper = delegated.read(bare)
    if not isinstance(paper, Reason):
        return paper.kid
    moving = rotating.read(bare)
    signed = gh1.read(bare if isinstance(moving, Reason) else moving[0])
    return b"" if isinstance(signed, Reason) else signed.kid


def form(data: bytes) -> str:
    """Return what kind of thing was shown, in one word that gives nothing away."""
    _, bare = without_aim(data)
    bare = bare.strip(b" \t\r\n")
    if not bare:
        return "empty"
    if bare[:3].upper() in (TICKET_BEGINS, DELEGATED_BEGINS, MOVING_BEGINS):
        return bare[:3].upper().decode()
    if staff_card.looks_like(bare):
        return staff_card.PREFIX
    if bare.isdigit():
        return "digits"
    if bare.isascii() and all(32 <= byte < 127 for byte in bare):
        return "text"
    return "binary"


def digest(data: bytes, key: bytes) -> bytes:
    """Return 8 bytes that tell two refused codes apart and give neither back."""
    return hashlib.blake2b(data, digest_size=DIGEST_BYTES, key=key).digest()
