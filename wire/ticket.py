"""GH1: the signed ticket, small enough for a QR code a cheap reader can see.

`GH1` + base32 without padding (RFC 4648, 6) of an untagged COSE_Sign1 (RFC 9052, 4.2) that holds
a CWT (RFC 8392), signed with Ed25519 (EdDSA, RFC 9053, 2.2); `ticket.cddl` beside this file says
it in CDDL. Exactly one spelling of a ticket is accepted: deterministic CBOR, an empty
unprotected header, base32 with zero spare bits. External data is empty and the algorithm is -8,
so that any CWT library can verify it. A ticket is identified by its `cti`, never by its text.
"""

import base64
import binascii
import re
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from wire import cose
from wire.codec import WireError, encode, loads
from wire.key import KID_BYTES_MAX, KeyRing, Role, Status
from wire.reason import Reason

PREFIX = "GH1"
INPUT_CHARACTERS_MAX = 512
TICKET_CHARACTERS_MAX = 244

CTI_BYTES = 16
AUDIENCE_CHARACTERS_MAX = 8
SMALL_MAX = 23  # What CBOR writes in one byte.

AUD, EXP, NBF, IAT, CTI, GATEHOUSE = 3, 4, 5, 6, 7, -65537
_ALPHABET, _DIGITS_OF_32 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", b"0123456789abcdefghijklmnopqrstuv"
# Whatever is not of the alphabet becomes "!", which `int` refuses.
_DIGITS = bytes.maketrans(
    bytes(range(256)),
    bytes(
        _DIGITS_OF_32[_ALPHABET.index(byte)] if byte in _ALPHABET else 0x21 for byte in range(256)
    ),
)

_BOUNDS = {
    "not_before": (0, 2**32 - 1),
    "expires": (0, 2**32 - 1),
    "issued_at": (0, 2**32 - 1),
    "ticket_class": (0, 2**16 - 1),
    "seat": (0, 2**32 - 1),
    "flags": (0, SMALL_MAX),
    "serial": (0, 2**32 - 1),
    "generation": (0, SMALL_MAX),
    "quantity": (1, SMALL_MAX),
    "leg": (0, SMALL_MAX),
}
_NAMES = tuple(_BOUNDS)
_numbers = attrgetter(*_NAMES)
_LEAST, _MOST = zip(*_BOUNDS.values(), strict=True)
# How `sign` spells claims: keys in order, times of four bytes, numbers by their shortest heads.
_NUMBER = re.compile(rb"[\x00-\x17]|\x18[\x18-\xff]|\x19(?!\x00)..|\x1a(?!\x00\x00)....", re.DOTALL)
_TIME = rb"\x1a((?!\x00\x00)....)"
_USUAL = re.compile(
    rb"\xa6\x03([\x61-\x68])([!-~]{1,8})\x04%b\x05%b\x06%b\x07\x50(.{16})"
    rb"\x3a\x00\x01\x00\x00([\x81-\x87])((?:%b)+)" % (_TIME, _TIME, _TIME, _NUMBER.pattern),
    re.DOTALL,
)
CLAIMS = {AUD, EXP, NBF, IAT, CTI, GATEHOUSE}
FLAG_ROTATION_REQUIRED = 1


@dataclass(frozen=True, slots=True)
class Ticket:
    """The claims of a ticket. Times are Unix seconds; `not_before` <= t < `expires`."""

    cti: bytes
    """16 bytes that name the right; the same on the phone and on paper."""
    audience: str
    """Short code of the event, series or organiser, at most 8 printable ASCII characters."""
    not_before: int
    expires: int
    issued_at: int
    ticket_class: int
    """u16, a class of that audience."""
    seat: int = 0
    """u32 seat code; its words are in the list."""
    flags: int = 0
    serial: int = 0
    """u32, unique within the audience."""
    generation: int = 0
    """Raised by exchange and reissue; lower ones become void where that is known."""
    quantity: int = 1
    leg: int = 0


class TicketError(ValueError):
    """A ticket that must not be signed; the message names the claim."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A ticket as it was read, its signature not yet checked."""

    ticket: Ticket
    kid: bytes
    signed: bytes
    signature: bytes


def sign(ticket: Ticket, kid: bytes, key: Ed25519PrivateKey) -> str:
    """Return the ticket's text; raise TicketError if a claim is out of bounds."""
    wrong = out_of_bounds(ticket)
    if wrong or not 1 <= len(kid) <= KID_BYTES_MAX:
        raise TicketError(wrong or "kid: 1 to 4 bytes")
    protected = cose.header(kid)
    payload = encode(_claims(ticket))
    signature = key.sign(cose.to_be_signed(protected, payload))
    return PREFIX + base32(cose.enclose(protected, payload, signature))


def read(data: bytes) -> Signed | Reason:
    """Read a ticket's text without checking its signature; any bytes give an answer.

    Upper and lower case are the same, since some scanners change it; surrounding white space is
    dropped.
    """
    if len(data) > INPUT_CHARACTERS_MAX:
        return Reason.OVERSIZED
    text = data.strip(b" \t\r\n")
    if not text:
        return Reason.EMPTY
    if text[:3].upper() != PREFIX.encode():
        return Reason.NOT_A_TICKET
    try:
        return _read_cose(from_base32(text[3:].upper()))
    except (WireError, binascii.Error, ValueError, TypeError):
        return Reason.MALFORMED


def verify(data: bytes, ring: KeyRing) -> Ticket | Reason:
    """Return the ticket if a key of `ring` signed it and may have, else the reason it is not good.

    Whether it may be used now and here is for the rules to say.
    """
    signed = read(data)
    if isinstance(signed, Reason):
        return signed
    found = ring.find(signed.kid)
    if found is None:
        return Reason.UNKNOWN_KEY
    record, genuine = found
    if not genuine(signed.signature, signed.signed):
        return Reason.FORGED
    ticket = signed.ticket
    if record.status is Status.REVOKED:
        return Reason.KEY_REVOKED
    if record.role is not Role.TICKET:
        return Reason.FORGED  # An exchange key must not mint a right.
    if record.audiences and ticket.audience not in record.audiences:
        return Reason.FORGED
    if not record.valid_from <= ticket.issued_at <= record.valid_until:
        return Reason.FORGED
    return ticket


def out_of_bounds(ticket: Ticket) -> str | None:
    """Return a sentence naming the first claim that a ticket may not carry, or None."""
    if len(ticket.cti) != CTI_BYTES:
        return f"cti: {CTI_BYTES} bytes"
    audience = ticket.audience
    if not 1 <= len(audience) <= AUDIENCE_CHARACTERS_MAX or not audience.isascii():
        return f"audience: 1 to {AUDIENCE_CHARACTERS_MAX} ASCII characters"
    if not audience.isprintable() or " " in audience:
        return "audience: printable characters without spaces"
    for name, value, least, most in zip(_NAMES, _numbers(ticket), _LEAST, _MOST, strict=True):
        if type(value) is not int or not least <= value <= most:
            return f"{name}: a whole number from {least} to {most}"
    if ticket.expires <= ticket.not_before:
        return "expires: later than not_before"
    return None


def _claims(ticket: Ticket) -> dict[int, object]:
    fields = [ticket.ticket_class, ticket.seat, ticket.flags, ticket.serial]
    fields += [ticket.generation, ticket.quantity, ticket.leg]
    defaults = [None, 0, 0, 0, 0, 1, 0]
    while len(fields) > 1 and fields[-1] == defaults[len(fields) - 1]:
        fields.pop()
    return {
        AUD: ticket.audience,
        EXP: ticket.expires,
        NBF: ticket.not_before,
        IAT: ticket.issued_at,
        CTI: ticket.cti,
        GATEHOUSE: fields,
    }


def _read_cose(data: bytes) -> Signed:
    """Raise ValueError or TypeError for anything that is not exactly a GH1."""
    protected, payload, signature = cose.parts(data)
    kid = cose.kid_of(protected)
    if len(kid) > KID_BYTES_MAX:
        raise WireError("kid")
    ticket = _at_once(payload) or _at_length(payload)
    wrong = out_of_bounds(ticket)
    if wrong:
        raise WireError(wrong)
    return Signed(ticket, kid, cose.to_be_signed(protected, payload), signature)


def _at_length(payload: bytes) -> Ticket:
    """Read the claims of any ticket; raise WireError or TypeError if they are none."""
    claims = _map(loads(payload))
    if set(claims) != CLAIMS or any(type(key) is not int for key in claims):
        raise WireError("claims")
    fields = claims[GATEHOUSE]
    if type(fields) is not list or not fields or type(claims[AUD]) is not str:
        raise WireError("claims")
    known = [*fields[:7], *[0, 0, 0, 0, 0, 1, 0][len(fields) :]]
    return Ticket(_bytes(claims[CTI]), claims[AUD], claims[NBF], claims[EXP], claims[IAT], *known)


def _at_once(payload: bytes) -> Ticket | None:
    """Read the claims as `sign` spells them, or return None: then they are read at length.

    Nearly every code shown is spelled so, and read at a fifth of the cost.
    """
    usual = _USUAL.fullmatch(payload)
    if usual is None:
        return None
    length, audience, expires, not_before, issued_at, cti, count, fields = usual.groups()
    # A number below 24 is its own head; any other follows one.
    numbers = [int.from_bytes(head[1:] or head, "big") for head in _NUMBER.findall(fields)]
    if len(audience) != length[0] - 0x60 or len(numbers) != count[0] - 0x80:
        return None
    times = (int.from_bytes(time, "big") for time in (not_before, expires, issued_at))
    return Ticket(cti, audience.decode(), *times, *numbers)


def _map(value: object) -> dict[object, Any]:
    if type(value) is not dict:
        raise WireError("a map expected")
    return value


def _bytes(value: object) -> bytes:
    if type(value) is not bytes:
        raise WireError("bytes expected")
    return value


def base32(data: bytes) -> str:
    """Return RFC 4648 base32 without padding."""
    return base64.b32encode(data).decode().rstrip("=")


def from_base32(text: bytes) -> bytes:
    """Undo `base32`; raise ValueError for anything it could not have written.

    Python's own decoder takes five times as long, and what is shown must be answered at once.
    """
    spare = len(text) * 5 % 8
    if spare >= 5:  # No whole number of bytes has this length.
        raise WireError("length")
    value = int(text.translate(_DIGITS), 32)
    if value & (1 << spare) - 1:
        raise WireError("spare bits")
    return (value >> spare).to_bytes(len(text) * 5 // 8, "big")
