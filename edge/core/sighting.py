"""Which of the codes that a camera has before it is said, and when.

A scanner says a code when it reads one; a camera sees all that is before it, many times a second:
a ticket that is held, the next visitor's over the shoulder, a poster on the wall. What has just
come into view is what somebody is showing. It is said at once, then now and then for as long as it
is held (see `edge.core.scan`); what came before it is silent until it has been away for a while,
so that a poster, or a sticker on the glass, is said once and is nobody's ticket after that.

Of two that come into view at once the larger is the nearer one. The other stays silent until it
has been away, too: tickets are shown one at a time.
"""

from dataclasses import dataclass
from math import inf

AWAY_SECONDS = 1.0
"""Out of sight for so long, a code that comes back is shown anew; a hand that shakes is shorter."""
AGAIN_SECONDS = 0.3
"""How often a held code is said again: well within what `edge.core.scan` takes for held."""
APART_SECONDS = 0.2
"""What comes into view sooner after another waits for so long, if it is still there then. No
hand is that quick; a screen that changes its code with each picture is."""
KEPT_MAX = 16
"""Codes that are kept in mind at once; the ones seen longest ago are forgotten first."""


@dataclass(frozen=True, slots=True)
class Pace:
    """When to speak, in seconds."""

    away_seconds: float = AWAY_SECONDS
    again_seconds: float = AGAIN_SECONDS
    apart_seconds: float = APART_SECONDS


@dataclass(frozen=True, slots=True)
class Sighting:
    """One code in one picture; `side_pixels`: the length of a side of it, as the camera sees it."""

    data: bytes
    side_pixels: float


@dataclass(frozen=True, slots=True)
class View:
    """What is before a camera: each code and the uptime at which it was last seen."""

    pace: Pace = Pace()
    seen: tuple[tuple[bytes, float], ...] = ()
    shown: bytes | None = None
    """What somebody is showing: the last one said."""
    said_at: float = -inf


def step(view: View, picture: tuple[Sighting, ...], uptime: float) -> tuple[View, bytes | None]:
    """Look at one more picture, taken at `uptime`; return the code to be said, if any."""
    known = {data: at for data, at in view.seen if uptime - at < view.pace.away_seconds}
    in_sight = {sighting.data for sighting in picture}
    arrived = [sighting for sighting in picture if sighting.data not in known]
    silent_for = uptime - view.said_at
    said: bytes | None = None
    if arrived and silent_for >= view.pace.apart_seconds:
        said = max(arrived, key=lambda sighting: sighting.side_pixels).data
    elif view.shown in in_sight and silent_for >= view.pace.again_seconds:
        said = view.shown
    # Whoever has to wait for the one before has not arrived yet.
    waits = {sighting.data for sighting in arrived} if said is None else set[bytes]()
    known |= dict.fromkeys(in_sight - waits, uptime)
    kept = sorted(known.items(), key=lambda item: item[1])[-KEPT_MAX:]
    if said is None:
        return View(view.pace, tuple(kept), view.shown, view.said_at), None
    return View(view.pace, tuple(kept), said, uptime), said
