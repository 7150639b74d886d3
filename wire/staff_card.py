"""Staff cards: what is printed on one, and what a device keeps of it.

A card's code is `GHS` + base32 (no padding) of 160 random bits, shown to a gate's or a kiosk's own
reader; a site's own cards may say anything else that is long enough not to be guessed. Devices
keep its digest, from which no card can be made. As with a key of brass, whoever copies it has it,
until it is withdrawn.
"""

import base64
import hashlib

PREFIX = "GHS"
RANDOM_BYTES = 20
CODE_CHARACTERS_MIN, CODE_CHARACTERS_MAX = 8, 128
CONTEXT = b"gatehouse staff card"


def code(random: bytes) -> str:
    """Return what is printed on a card that was drawn as `random`, 20 bytes."""
    return PREFIX + base64.b32encode(random).decode()


def digest(shown: bytes) -> str:
    """Return what a device keeps of a card that says this: 64 hex digits."""
    return hashlib.sha256(CONTEXT + shown.strip(b" \t\r\n")).hexdigest()


def looks_like(shown: bytes) -> bool:
    """Whether this says it is a card that we drew, good or withdrawn."""
    return shown.strip(b" \t\r\n")[: len(PREFIX)] == PREFIX.encode()
