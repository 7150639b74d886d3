"""When a newer snapshot takes the place of one beside which many changes have gathered.

Changes are read whole at each start and held in memory; a newer snapshot has them in it already.
Central says with each heartbeat how far its newest snapshot goes. To fetch it is no hurry, so each
device waits for a time of its own: a venue's gates have one line between them. Meanwhile, and
while it is fetched, the list in use is followed as ever.
"""

from dataclasses import replace
from math import inf

from edge.core.list_terms import AnyCommand, Command, ListUpdate, Overlay
from edge.core.moment import Moment
from wire.snapshot import Heartbeat

OVERLAY_BYTES_MAX = 2_000_000
"""Some 10,000 changes of one ticket each, or 60,000 tickets in few changes: half a second of a
gate's start and 3 MB of memory in the one case, 16 MB in the other, measured on 2-core x86-64."""
SPREAD_SECONDS = 1200.0
"""200 gates with a list of 13 MB, a million tickets, then fetch 17 Mbit/s in all."""


def heard(update: ListUpdate, heartbeat: Heartbeat, now: Moment) -> ListUpdate:
    """Take up what central says of its newest snapshot."""
    update = replace(update, newest=heartbeat.snapshot, forget=heartbeat.forget)
    return scheduled(update, update.overlay, update.spread, now)


def scheduled(
    update: ListUpdate, overlay: Overlay | None, spread: float, now: Moment
) -> ListUpdate:
    """Note what has gathered; `spread`, from 0 to 1, is this device's place among the others."""
    update = replace(update, overlay=overlay, spread=spread)
    if not _wanted(update):
        return replace(update, renew_at=inf)
    if update.renew_at < inf:
        return update
    return replace(update, renew_at=now.uptime + spread * SPREAD_SECONDS)


def ended(update: ListUpdate, overlay: Overlay | None, spread: float, now: Moment) -> ListUpdate:
    """Note that a renewal was tried; if it came to nothing, another one is not tried soon."""
    later = now.uptime + (0.5 + spread) * SPREAD_SECONDS
    update = replace(update, renewing=False, overlay=overlay, spread=spread, renew_at=later)
    return scheduled(update, overlay, spread, now)


def begun(update: ListUpdate, now: Moment) -> tuple[ListUpdate, list[AnyCommand]]:
    """Begin a renewal if it is time, and nothing else fetches a snapshot."""
    if update.renewing or now.uptime < update.renew_at:
        return update, []
    return replace(update, renewing=True, renew_at=inf), [Command.RENEW]


def _wanted(update: ListUpdate) -> bool:
    overlay = update.overlay
    if overlay is None or update.newest <= overlay.after:
        return False
    return overlay.size_bytes > OVERLAY_BYTES_MAX or overlay.after < update.forget
