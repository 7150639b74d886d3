"""Names and ID numbers at rest: on the list, and worth nothing without the ticket in hand.

A name is sealed under a key that is derived from the cti, which the list does not hold: whoever
shows the ticket lets it be read. Of an ID number only two bytes are kept, by the cti as well; one
number in 65,536 agrees with them, so that a stolen list plus a stolen ticket still names nobody.
Where an ID itself is the ticket, its digest is made costly, for a list can be tried at leisure.
"""

import hashlib
import hmac
import re
import unicodedata

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from wire.codec import WireError

ID_CHECK_BYTES = 2
ID_DIGEST_BYTES = 16
NAME_CHARACTERS_MAX = 80
_BLOCK = 16
"""Names are filled up to a multiple of it, so that their length says little."""
_SCRYPT = {"n": 2**15, "r": 8, "p": 1, "maxmem": 64 * 1024 * 1024}
"""RFC 7914: 32 MiB and some 101 ms of a server's core for each try."""
_NUMBER = re.compile(r"[0-9A-Z]{4,30}")


def seal_name(name: str, cti: bytes) -> bytes:
    """Return a name so that only `cti` (16 bytes) opens it; raise WireError for a longer one.

    ChaCha20-Poly1305 (RFC 8439). The nonce is a keyed hash of the name: the key seals few names,
    and the same one twice gives the same bytes, which says nothing that was not known.
    """
    if not 0 < len(name) <= NAME_CHARACTERS_MAX:
        raise WireError(f"a name has 1 to {NAME_CHARACTERS_MAX} characters")
    plain = name.encode()
    filled = plain + b"\0" * (-len(plain) % _BLOCK)
    nonce = hashlib.blake2b(filled, digest_size=12, key=_key(cti, b"name nonce")).digest()
    return nonce + ChaCha20Poly1305(_key(cti, b"name")).encrypt(nonce, filled, None)


def open_name(sealed: bytes, cti: bytes) -> str:
    """Return the name; raise WireError if another ticket sealed it, or it was changed."""
    try:
        filled = ChaCha20Poly1305(_key(cti, b"name")).decrypt(sealed[:12], sealed[12:], None)
        return filled.rstrip(b"\0").decode()
    except (InvalidTag, ValueError) as error:
        raise WireError(f"a name that does not open: {error}") from None


def masked(name: str) -> str:
    """Return as much of a name as its holder knows it by."""
    return name[:1] + "＊" * min(len(name) - 1, 3) if name else ""


def id_check(number: str, cti: bytes) -> bytes:
    """Return what is kept of an ID number beside a ticket, 2 bytes; raise WireError if it is none.

    Ambiguous by design: it finds nearly every wrong ID, and gives none away.
    """
    digest = hashlib.blake2b(_spelled(number), digest_size=32, key=_key(cti, b"id")).digest()
    return digest[:ID_CHECK_BYTES]


def id_agrees(number: str, cti: bytes, kept: bytes) -> bool:
    """Tell whether the ID that is shown may be the one of the ticket; raise WireError if none."""
    return hmac.compare_digest(id_check(number, cti), kept)


def id_digest(number: str, salt: bytes) -> bytes:
    """Return what stands for an ID that is itself the ticket, 16 bytes; raise WireError if none.

    scrypt (RFC 7914) with a salt of the event's own; to be deleted when the event is over. No door
    reads IDs yet: it is here so that the list's format is settled.
    """
    return hashlib.scrypt(_spelled(number), salt=salt, dklen=ID_DIGEST_BYTES, **_SCRYPT)


def _key(cti: bytes, purpose: bytes) -> bytes:
    return hashlib.blake2b(cti, digest_size=32, person=purpose, salt=b"gatehouse/1").digest()


def _spelled(number: str) -> bytes:
    """Return the one spelling of an ID number: half width, capitals, no spaces or hyphens."""
    plain = unicodedata.normalize("NFKC", number).upper()
    plain = re.sub(r"[\s-]", "", plain)
    if not _NUMBER.fullmatch(plain):
        raise WireError("an ID number has 4 to 30 letters and digits")
    return plain.encode()
