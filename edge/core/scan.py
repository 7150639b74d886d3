"""What a reader saw: when the same code is the same scan, and what came wrapped around it.

A decision belongs to a scan, not to a code. A phone held under a reader that repeats itself is
one scan until the bytes change, a second goes by, or its owner has walked through.
"""

import re
from dataclasses import dataclass, replace

HELD_GAP_SECONDS = 1.5
"""Readers in continuous mode repeat a held code about every second, plus its time on the wire."""

AIM = re.compile(rb"\][A-Za-z][0-9A-Za-z]")


@dataclass(frozen=True, slots=True)
class Scan:
    """One code shown to one reader. `scan` is 12 random bytes drawn by the shell."""

    scan: bytes
    reader: str
    data: bytes
    first_byte_uptime: float


@dataclass(frozen=True, slots=True)
class Held:
    """The code that is, or last was, under a reader."""

    scan: Scan
    last_seen: float
    answered: bool = False
    ended: bool = False


def see(held: Held | None, seen: Scan, last_byte_uptime: float) -> tuple[Held, bool]:
    """Return what is under the reader now, and whether it is a scan to be looked at.

    True for a new scan, and for a held one that was told to wait and has no answer yet.
    """
    gap = seen.first_byte_uptime - held.last_seen if held else 0.0
    if held and held.scan.data == seen.data and not held.ended and gap < HELD_GAP_SECONDS:
        return replace(held, last_seen=last_byte_uptime), not held.answered
    return Held(seen, last_byte_uptime), True


def answered(held: Held | None, scan: bytes) -> Held | None:
    """Its decision is made; held on, it gets no other."""
    if held and held.scan.scan == scan:
        return replace(held, answered=True)
    return held


def ended(held: Held | None, scan: bytes) -> Held | None:
    """Its owner walked through: shown again, it is a new scan."""
    if held and held.scan.scan == scan:
        return replace(held, answered=True, ended=True)
    return held


def without_aim(data: bytes) -> tuple[str, bytes]:
    """Split off the AIM symbology identifier (ISO/IEC 15424), such as `]Q1`, if there is one."""
    if data[:1] == b"]" and AIM.match(data):
        return data[:3].decode(), data[3:]
    return "", data
