"""What every event of a journal has in common: where it happened, and its stamp."""

from enum import StrEnum

import msgspec

ADMISSION_BYTES = 12
SCAN_BYTES = 12
BOOT_BYTES = 8


class ClockQuality(StrEnum):
    """What a wall time is worth."""

    SIGNED = "signed"  # Central said so, with a signature, not long ago.
    UNCONFIRMED = "unconfirmed"  # The machine says so; nothing contradicts it.
    SUSPECT = "suspect"  # Below the floor, or stepped.


class Stamp(msgspec.Struct, frozen=True, array_like=True):
    """When and in which life of the machine; own rows are ordered by seq, never by `wall_ms`."""

    wall_ms: int
    uptime_ms: int
    boot: bytes
    """First 8 bytes of the kernel's boot id."""
    clock: ClockQuality


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind"):
    """Something that happened, on `lane` if it is a lane's."""

    lane: str = ""
