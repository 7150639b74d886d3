"""GH1: the signed ticket, small enough for a QR code a cheap reader can see.

`GH1` + base32 without padding (RFC 4648, 6) of an untagged COSE_Sign1 (RFC 9052, 4.2) that holds
a CWT (RFC 8392), signed with Ed25519 (EdDSA, RFC 9053, 2.2); `ticket.cddl` beside this file says
it in CDDL. Exactly one spelling of a ticket is accepted: deterministic CBOR, an empty
unprotected header, base32 with zero spare bits. External data is empty and the algorithm is -8,
so that any CWT library can verify it. A ticket is identified by its `cti`, never by its text.
"""

import base64
import binascii
import struct
from operator import attrgetter
from typing import Any

import msgspec
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
_DEFAULTS = (0, 0, 0, 0, 0, 1, 0)
"""What a ticket's fields are where they are left out; the class never is."""
# How `sign` spells a ticket: up to the kid, from the audience to the fields, and what stands
# between that and around it.
_OPENINGS = {b"\x84" + cose.string(cose.header(bytes(n)))[:-n]: n for n in range(1, 5)}
_CLAIMS = struct.Struct(">2sI2sI2sI2s16s5sB")
_HEADS = b"\xa0\x58\xa6\x03\x04\x1a\x05\x1a\x06\x1a\x07\x50\x3a\x00\x01\x00\x00\x58\x40"
_NUMBERS = {0x18: (1, 24), 0x19: (2, 2**8), 0x1A: (4, 2**16)}
"""Head of a number from 24 on -> (its bytes, the least that they may say)."""
CLAIMS = {AUD, EXP, NBF, IAT, CTI, GATEHOUSE}
FLAG_ROTATION_REQUIRED = 1


class Ticket(msgspec.Struct, frozen=True):
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


class Signed(msgspec.Struct, frozen=True):
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
        token = from_base32(text[3:].upper())
        return _at_once(token) or _at_length(token)
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


def _at_length(token: bytes) -> Signed:
    """Read any ticket; raise WireError or TypeError for anything that is not exactly a GH1."""
    protected, payload, signature = cose.parts(token)
    kid = cose.kid_of(protected)
    if len(kid) > KID_BYTES_MAX:
        raise WireError("kid")
    claims = _map(loads(payload))
    if set(claims) != CLAIMS or any(type(key) is not int for key in claims):
        raise WireError("claims")
    fields = claims[GATEHOUSE]
    if type(fields) is not list or not fields or type(claims[AUD]) is not str:
        raise WireError("claims")
    known = [*fields[:7], *_DEFAULTS[len(fields) :]]
    times = claims[NBF], claims[EXP], claims[IAT]
    ticket = Ticket(_bytes(claims[CTI]), claims[AUD], *times, *known)
    wrong = out_of_bounds(ticket)
    if wrong:
        raise WireError(wrong)
    return Signed(ticket, kid, cose.to_be_signed(protected, payload), signature)


def _at_once(token: bytes) -> Signed | None:
    """Read a ticket as `sign` spells it, or return None: then it is read at length.

    Nearly every code shown is spelled so, and read at a fifth of the cost. Whatever is doubtful
    is for the long way, which knows what is wrong with it.
    """
    try:
        kid_ends = 7 + _OPENINGS[token[:7]]
        begins = kid_ends + 3
        ends = begins + token[begins - 1]
        claims_at = begins + 3 + token[begins + 2] - 0x60
        claims = _CLAIMS.unpack_from(token, claims_at)
        fields = _fields(token, claims_at + _CLAIMS.size, ends)
        number, seat, flags, serial, generation, quantity, leg = *fields, *_DEFAULTS[len(fields) :]
        audience = token[begins + 3 : claims_at].decode("ascii")
    except (LookupError, ValueError, struct.error):
        return None
    four, expires, five, not_before, six, issued_at, seven, cti, own, count = claims
    heads = token[kid_ends : begins - 1] + token[begins : begins + 2]
    heads += four + five + six + seven + own + token[ends : ends + 2]
    if heads != _HEADS or count != 0x80 + len(fields) or len(token) != ends + 2 + 64:
        return None
    if not 1 <= len(audience) <= AUDIENCE_CHARACTERS_MAX or not audience.isprintable():
        return None
    least, most = min(expires, not_before, issued_at), max(flags, generation, quantity, leg)
    if least < 2**16 or most > SMALL_MAX or number >= 2**16 or not quantity:
        return None
    if expires <= not_before or " " in audience:
        return None
    times, rest = (not_before, expires, issued_at), (seat, flags, serial, generation, quantity, leg)
    ticket = Ticket(cti, audience, *times, number, *rest)
    # As cose.to_be_signed spells it; protected header and payload stand here with their heads.
    signed = cose.SIGNED_BEGINS + token[1:kid_ends] + b"\x40" + token[kid_ends + 1 : ends]
    return Signed(ticket, token[7:kid_ends], signed, token[ends + 2 :])


def _fields(token: bytes, at: int, ends: int) -> list[int]:
    """Read the numbers from `at` to `ends`; raise LookupError or ValueError if there are others."""
    fields: list[int] = []
    while at < ends:
        value = token[at]
        at += 1
        if value >= 24:
            size, least = _NUMBERS[value]
            value = int.from_bytes(token[at : at + size], "big")
            at += size
            if value < least:
                raise WireError("not the shortest head")
        fields.append(value)
    if at != ends or not fields:
        raise WireError("cut short")
    return fields


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
