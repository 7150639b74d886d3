"""GH9: a ticket whose code moves, so that a picture of it is soon worth nothing.

`GH9` + the base32 of the GH1 + ten digits of time (Unix seconds) + the eight digits of a TOTP for
that time (RFC 6238: HMAC-SHA-1, steps of 30 s from 1970), which is what Google Wallet makes of the
pattern `GH9…{totp_timestamp_seconds}{totp_value_0}`. The last 18 characters are always the digits,
whatever stands before them; base32 may end in digits of its own. The ticket's key is the first 20
bytes of HMAC-SHA-256(key of the event, cti), so that a gate that holds the event's key needs none
per ticket, and a phone that holds a ticket's key can make no other's code.
"""

import hashlib
import hmac
from dataclasses import dataclass

from wire import ticket as gh1
from wire.reason import Reason

PREFIX = "GH9"
CHARACTERS_MAX = 262
"""Version 9-M in alphanumeric mode (ISO/IEC 18004)."""
STEP_SECONDS = 30
STEPS_APART_MAX = 1
"""Between code and clock: a phone, a gate, and the time it takes to hold one to the other."""
EVENT_KEY_BYTES, KEY_BYTES = 32, 20
TIME_DIGITS, TOTP_DIGITS = 10, 8
TIME_MAX = 10**TIME_DIGITS - 1
_DIGITS = TIME_DIGITS + TOTP_DIGITS


@dataclass(frozen=True, slots=True)
class MovingCode:
    """What a GH9 says beyond its ticket; nothing of it is checked yet."""

    time: int
    """Unix seconds for which it says it was made."""
    totp: str
    """Eight digits."""

    @property
    def step(self) -> int:
        return self.time // STEP_SECONDS


def key_of(cti: bytes, event_key: bytes) -> bytes:
    """Return the key of one ticket, 20 bytes."""
    return hmac.digest(event_key, cti, hashlib.sha256)[:KEY_BYTES]


def totp(key: bytes, time: int) -> str:
    """Return the eight digits for a time, Unix seconds (RFC 6238, 4; RFC 4226, 5.3)."""
    mac = hmac.digest(key, (time // STEP_SECONDS).to_bytes(8, "big"), hashlib.sha1)
    start = mac[-1] & 15
    number = int.from_bytes(mac[start : start + 4], "big") & 0x7FFFFFFF
    return f"{number % 10**TOTP_DIGITS:0{TOTP_DIGITS}}"


def text(ticket: str, key: bytes, time: int) -> str:
    """Return the GH9 of a GH1 for a time; raise ValueError for a time of more than ten digits."""
    if not 0 <= time <= TIME_MAX:
        raise ValueError(f"a code's time is from 0 to {TIME_MAX}")
    return f"{PREFIX}{ticket.removeprefix(gh1.PREFIX)}{time:0{TIME_DIGITS}}{totp(key, time)}"


def read(data: bytes) -> tuple[bytes, MovingCode] | Reason:
    """Return the GH1 within a GH9, and what moves; nothing is checked but the shape."""
    if len(data) > gh1.INPUT_CHARACTERS_MAX:
        return Reason.OVERSIZED
    shown = data.strip(b" \t\r\n")
    if shown[: len(PREFIX)].upper() != PREFIX.encode():
        return Reason.NOT_A_TICKET
    ticket, digits = shown[len(PREFIX) : -_DIGITS], shown[len(PREFIX) :][-_DIGITS:]
    if len(digits) != _DIGITS or not digits.isdigit():
        return Reason.MALFORMED
    code = MovingCode(int(digits[:TIME_DIGITS]), digits[TIME_DIGITS:].decode())
    return gh1.PREFIX.encode() + ticket, code


def genuine(code: MovingCode, cti: bytes, event_key: bytes) -> bool:
    """Whether the holder of this ticket's key made the code, at whatever time."""
    return hmac.compare_digest(totp(key_of(cti, event_key), code.time), code.totp)
