"""How much a device knows, in rungs: fresh, stale, signature and revocations, signature only.

A device moves between them by itself, both ways; free passage is never one of them. It falls at
once, since a rung is a promise about every decision, and rises again at once as well, unless it
fell just after it had risen: each such time it waits twice as long, so that a link that flaps
does not fill the journal.
"""

from dataclasses import dataclass, replace
from math import inf

import msgspec

from wire.event import Rung

RISE_SECONDS, RISE_SECONDS_MAX = 10.0, 320.0
CALM_SECONDS = 600.0
"""Who kept a rung for so long did not flap."""
_BEST_FIRST = tuple(Rung)


class Known(msgspec.Struct, frozen=True):
    """What there is to go by."""

    damage: str | None
    """Why there is no list to go by; None: there is one."""
    essentials: bool = False
    """Keys, classes, events and revocations, apart from the list (wire/essentials.py)."""
    age_seconds: float | None = None
    """Since central last confirmed the list; None: never in this life."""


@dataclass(frozen=True, slots=True)
class Ladder:
    rung: Rung | None = None
    """None: nothing has been looked at yet."""
    risen_at: float = -inf
    better_since: float | None = None
    """Uptime since which more is known than the rung says."""
    patience: float = 0.0
    """How long that has to last before the device rises."""


def rung(known: Known, stale_after_seconds: float) -> Rung:
    """Return what is known, as a rung."""
    if known.damage is not None:
        return Rung.SIGNATURE_AND_REVOCATIONS if known.essentials else Rung.SIGNATURE_ONLY
    if known.age_seconds is None or known.age_seconds > stale_after_seconds:
        return Rung.STALE
    return Rung.FRESH


def step(
    ladder: Ladder, known: Known, stale_after_seconds: float, uptime: float
) -> tuple[Ladder, str | None]:
    """Return the ladder now, and why the rung has changed; None: it has not."""
    found = rung(known, stale_after_seconds)
    if ladder.rung is None:
        return Ladder(found, uptime), _why(found, known)
    if found is ladder.rung:
        calm = ladder.better_since is None
        return ladder if calm else replace(ladder, better_since=None), None
    if _BEST_FIRST.index(found) > _BEST_FIRST.index(ladder.rung):
        flapped = uptime - ladder.risen_at < CALM_SECONDS
        longer = min(max(ladder.patience * 2, RISE_SECONDS), RISE_SECONDS_MAX)
        return Ladder(found, ladder.risen_at, None, longer if flapped else 0.0), _why(found, known)
    since = uptime if ladder.better_since is None else ladder.better_since
    if uptime - since < ladder.patience:
        return replace(ladder, better_since=since), None
    return Ladder(found, uptime, None, ladder.patience), _why(found, known)


def _why(found: Rung, known: Known) -> str:
    match found:
        case Rung.FRESH:
            return "central confirms the list"
        case Rung.STALE if known.age_seconds is None:
            return "central has not confirmed the list since the start"
        case Rung.STALE:
            return f"central has not confirmed the list for {known.age_seconds:.0f} s"
        case _:
            return known.damage or ""
