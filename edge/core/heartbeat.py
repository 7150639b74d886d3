"""When a heartbeat was true: whoever carries it may hold it back, or say it once more.

Central's walls grow from one heartbeat to the next, and as fast as this machine's uptime. The
least that one was ever late counts as nothing; what a later one is late beyond that is a part of
the list's age. So a broker that plays back an old day at its own pace makes no list fresh.
"""

from dataclasses import dataclass
from math import inf

DRIFT = 0.001
"""How much the two clocks may differ in pace: far more than any crystal does."""
LATE_SECONDS = 30.0
"""What no network alone holds a heartbeat back."""


@dataclass(frozen=True, slots=True)
class Heartbeats:
    """What was heard since this daemon started."""

    wall: float = -inf
    """Of the newest, in Unix seconds."""
    uptime: float = -inf
    """When it came."""
    ahead: float = -inf
    """Central's wall less our uptime, by the heartbeat that came soonest."""


def hear(heard: Heartbeats, wall: float, uptime: float) -> tuple[Heartbeats, float | None]:
    """Return what is known after a heartbeat, and the uptime at which it was said.

    None: it was heard before, or is older than one that was.
    """
    if not wall > heard.wall or wall == inf:
        return heard, None
    passed = max(0.0, uptime - heard.uptime) if heard.uptime > -inf else 0.0
    ahead = max(wall - uptime, heard.ahead - passed * DRIFT)
    return Heartbeats(wall, uptime, ahead), min(uptime, wall - ahead)
