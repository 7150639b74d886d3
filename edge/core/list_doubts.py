"""What is wrong with what central, or somebody in its name, says of the list; each has a name.

A signature says who spoke, not whether it is all that was said, nor when. That is told from what
was said before: by heartbeats, whose walls grow, and by deltas, whose numbers do.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from math import inf

from edge.core.heartbeat import LATE_SECONDS
from edge.core.list_terms import Held
from wire.event import Distrust
from wire.snapshot import Delta

SUPPRESSED_SECONDS = 30.0
"""More exists, central says, and has not come for so long."""
BEHIND_SECONDS = 10.0
"""For so long may a heartbeat say less than is known: it was on its way."""
RECORDED_SECONDS = 600.0
"""Between two records of one kind."""


@dataclass(frozen=True, slots=True)
class Suspicion:
    what: Distrust
    why: str


@dataclass(frozen=True, slots=True)
class Doubts:
    """What was said of the list since the start."""

    wanted: int | None = None
    """The number that is waited for, since `since`."""
    since: float = -inf
    behind_since: float | None = None
    arrived: int = 0
    """The highest number of a delta that came by itself."""


def heartbeat(
    doubts: Doubts, said: Held, has: Held | None, fetching: bool, uptime: float
) -> tuple[Doubts, Suspicion | None]:
    """Hold a heartbeat against what there is; `fetching`: a snapshot is on its way."""
    reach = has.sequence if has else -1
    if has and (said.sequence < reach or (said.sequence == reach and said.head != has.head)):
        since = uptime if doubts.behind_since is None else doubts.behind_since
        doubts = Doubts(behind_since=since)
        if uptime - since < BEHIND_SECONDS:
            return doubts, None
        why = f"central says {said.sequence}, and was at {reach} before"
        return doubts, Suspicion(Distrust.PUT_BACK, why)
    doubts = replace(doubts, behind_since=None)
    if said.sequence <= reach:
        return replace(doubts, wanted=None), None
    if fetching or doubts.wanted is None or reach >= doubts.wanted:
        return replace(doubts, wanted=said.sequence, since=uptime), None
    if uptime - doubts.since < SUPPRESSED_SECONDS:
        return doubts, None
    why = f"change {reach + 1} of {said.sequence} has not come for {uptime - doubts.since:.0f} s"
    return doubts, Suspicion(Distrust.SUPPRESSED, why)


def late(said_at: float | None, uptime: float) -> Suspicion | None:
    """Judge when a heartbeat was said (edge.core.heartbeat.hear)."""
    if said_at is None:
        return Suspicion(Distrust.REPLAYED, "a heartbeat older than one that was heard")
    if uptime - said_at > LATE_SECONDS:
        return Suspicion(Distrust.REPLAYED, f"a heartbeat {uptime - said_at:.0f} s after its time")
    return None


def arrived(doubts: Doubts, delta: Delta, has: Held | None) -> tuple[Doubts, Suspicion | None]:
    """Hold a delta that came by itself against what came before."""
    before = doubts.arrived
    doubts = replace(doubts, arrived=max(before, delta.sequence))
    if has is None or delta.sequence <= has.sequence:
        return doubts, None
    if delta.sequence < before:
        return doubts, Suspicion(Distrust.REORDERED, f"change {delta.sequence} after {before}")
    if delta.sequence == has.sequence + 1 and delta.previous != has.head:
        why = f"change {delta.sequence} does not follow ours"
        return doubts, Suspicion(Distrust.REORDERED, why)
    return doubts, None


def fetched(deltas: Iterable[Delta], after: int) -> Suspicion | None:
    """Hold what was fetched against what it should be: each change after that one, in order."""
    last = after
    for delta in deltas:
        if delta.sequence > last + 1:
            why = f"change {last + 1} is missing before {delta.sequence}"
            return Suspicion(Distrust.TRUNCATED, why)
        if delta.sequence <= last:
            return Suspicion(Distrust.REORDERED, f"change {delta.sequence} after {last}")
        last = delta.sequence
    return None


def is_due(said: Mapping[Distrust, float], what: Distrust, uptime: float, pause: float) -> bool:
    """Whether a kind that was last said at those uptimes is to be said once more."""
    return uptime - said.get(what, -inf) >= pause
