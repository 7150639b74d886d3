"""When something happened: on the wall, and since boot.

A Raspberry Pi has no battery clock, so its wall time may jump when the network arrives.
Deadlines use `uptime`; records carry both, and what the wall time was worth.
"""

import msgspec

from wire.event import ClockQuality


class Moment(msgspec.Struct, frozen=True):
    """A reading of both clocks at once."""

    wall: float
    """Seconds since 1970-01-01 UTC."""
    uptime: float
    """Seconds since this machine booted, sleep included (CLOCK_BOOTTIME)."""
    quality: ClockQuality = ClockQuality.UNCONFIRMED
    earliest: float | None = None
    latest: float | None = None
    """Between which it lies where `quality` is suspect; None: it is what `wall` says."""
