"""GH2: a paper that a kiosk signed while central was away.

`GH2` + base32 (no padding) of a COSE_Sign1 by a delegated exchange key over [the code that was
shown, as central signed it; generation; issued at]. Whatever the right allows stands in central's
own signature, so that such a key can raise the generation of a code that somebody showed, and
nothing else: it mints no right, and widens none. A paper's code does not move, whatever the
phone's did.
"""

import binascii
from dataclasses import dataclass

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from wire import cose
from wire import ticket as gh1
from wire.codec import WireError, decode, encode
from wire.key import KeyRing, Role, Status
from wire.reason import Reason
from wire.ticket import FLAG_ROTATION_REQUIRED, INPUT_CHARACTERS_MAX, SMALL_MAX, Ticket

PREFIX = "GH2"
EXTERNAL = b"gatehouse exchange"
"""External data of its signature: nothing else that is signed can be taken for one."""


class _Said(msgspec.Struct, frozen=True, array_like=True):
    code: bytes
    """The COSE_Sign1 of a GH1."""
    generation: int
    issued_at: int


@dataclass(frozen=True, slots=True)
class Paper:
    """What was read, its signature unchecked; `code` is the GH1 inside."""

    code: bytes
    generation: int
    issued_at: int
    kid: bytes
    signed: bytes
    signature: bytes


def sign(code: str, generation: int, issued_at: int, kid: bytes, key: Ed25519PrivateKey) -> str:
    """Return the paper's text for a GH1 that was shown; raise ValueError if it cannot be one."""
    bare = code.strip()[len(gh1.PREFIX) :].upper().encode()
    protected = cose.header(kid)
    payload = encode(_Said(gh1.from_base32(bare), generation, issued_at))
    signature = key.sign(cose.to_be_signed(protected, payload, EXTERNAL))
    return PREFIX + gh1.base32(cose.enclose(protected, payload, signature))


def read(data: bytes) -> Paper | Reason:
    """Read a paper's text without checking it; any bytes give an answer."""
    if len(data) > INPUT_CHARACTERS_MAX:
        return Reason.OVERSIZED
    text = data.strip(b" \t\r\n")
    if text[: len(PREFIX)].upper() != PREFIX.encode():
        return Reason.NOT_A_TICKET
    try:
        protected, payload, signature = cose.parts(gh1.from_base32(text[len(PREFIX) :].upper()))
        kid, said = cose.kid_of(protected), decode(payload, _Said)
    except (WireError, binascii.Error, ValueError, TypeError, IndexError):
        return Reason.MALFORMED
    signed = cose.to_be_signed(protected, payload, EXTERNAL)
    code = (gh1.PREFIX + gh1.base32(said.code)).encode()
    return Paper(code, said.generation, said.issued_at, kid, signed, signature)


def verify(data: bytes, ring: KeyRing) -> Ticket | Reason:
    """Return the right with the paper's generation, or why it is none.

    Both signatures must be good: central's, and that of a key which may exchange for this event,
    at the time that it says. Whether the list holds the right is for the rules to say.
    """
    paper = read(data)
    if isinstance(paper, Reason):
        return paper
    ticket = gh1.verify(paper.code, ring)
    if isinstance(ticket, Reason):
        return ticket
    found = ring.find(paper.kid)
    if found is None:
        return Reason.UNKNOWN_KEY
    record, genuine = found
    if not genuine(paper.signature, paper.signed):
        return Reason.FORGED
    if record.status is Status.REVOKED:
        return Reason.KEY_REVOKED
    if record.role is not Role.EXCHANGE or record.audiences != (ticket.audience,):
        return Reason.FORGED
    if not record.valid_from <= paper.issued_at <= record.valid_until:
        return Reason.FORGED
    if not ticket.generation < paper.generation <= SMALL_MAX:
        return Reason.FORGED
    return msgspec.structs.replace(
        ticket, generation=paper.generation, flags=ticket.flags & ~FLAG_ROTATION_REQUIRED
    )
