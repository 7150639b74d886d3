"""How the whitelist is brought up to date: what to fetch next, and when the list is the newest.

    RESTING --no list, or not central's chain--> MANIFEST --> SNAPSHOT --> RESTING
    RESTING --central is ahead, or silent------> DELTAS ----> APPLYING --> RESTING
    RESTING --the next delta arrives-----------> APPLYING

A change that no door could use is as unusable when it is fetched again: then, in turns and ever
more seldom, a snapshot beyond it is looked for and the change itself is asked for once more.
One thing at a time, so that never two downloads run; only a renewal (edge.core.list_renewal) goes
on beside what is done for the list in use. A live heartbeat with our own sequence and
head confirms the list; a retained one may be hours old and only says that there is more to fetch.
"""

from dataclasses import replace
from math import inf
from typing import assert_never

from edge.core import list_renewal as renewal
from edge.core.list_terms import (
    PATIENCE_SECONDS,
    Announced,
    AnyCommand,
    AnySignal,
    Apply,
    Arrived,
    Beat,
    Chained,
    Command,
    Confirm,
    Doing,
    Failed,
    FetchDeltas,
    Fetched,
    FetchSnapshot,
    Held,
    Holding,
    ListUpdate,
    Renewed,
    Signal,
)
from edge.core.moment import Moment
from wire.snapshot import Heartbeat

PATIENCE_MAX_SECONDS = 60.0
SILENCE_SECONDS = 60.0
"""Without a heartbeat for so long, ask by HTTP."""
BEHIND_SECONDS = 10.0
"""Central's live heartbeats below our list for so long: it was restored, and what it has counts."""
DELTAS_MAX = 1000
"""What central gives in one answer; as many mean that there may be more."""


def step(update: ListUpdate, signal: AnySignal, now: Moment) -> tuple[ListUpdate, list[AnyCommand]]:
    """Return the state after `signal`, and the commands to perform in order."""
    update, commands = _after(update, signal, now)
    if update.doing is Doing.RESTING:
        update, fetching = _fetch_next(update, now)
        commands += fetching
    if not _snapshot_comes_first(update):
        update, renewing = renewal.begun(update, now)
        commands += renewing
    return update, commands


def due(update: ListUpdate) -> float | None:
    """Return the uptime at which the next `Signal.DUE` is wanted."""
    renewed = inf if update.renewing or _snapshot_comes_first(update) else update.renew_at
    deadline = min(renewed, _fetch_at(update))
    return None if deadline == inf else deadline


def _fetch_at(update: ListUpdate) -> float:
    if update.doing is not Doing.RESTING or (update.renewing and _needs_snapshot(update)):
        return inf
    return update.rest_until if _behind(update) else max(update.look_at, update.rest_until)


def _after(
    update: ListUpdate, signal: AnySignal, now: Moment
) -> tuple[ListUpdate, list[AnyCommand]]:
    match signal:
        case Signal.DUE:
            return update, []
        case Signal.CHAIN_BROKEN:
            return _foreign(replace(update, doing=Doing.RESTING), now), []
        case Holding(has, overlay, spread):
            return _holding(renewal.scheduled(update, overlay, spread, now), has)
        case Renewed(overlay, spread):
            return renewal.ended(update, overlay, spread, now), []
        case Beat(heartbeat, live, said_at):
            at = now.uptime if said_at is None else said_at
            return _heard(update, heartbeat, live, at, now)
        case Arrived(chained):
            return _arrived(update, chained)
        case Announced():
            return _announced(update, signal, now)
        case Fetched(deltas):
            return _fetched(update, deltas, now)
        case Failed(spread, unusable):
            return replace(_rest(update, spread, now), snapshot_wanted=unusable), []
        case _:
            assert_never(signal)


def _holding(update: ListUpdate, has: Held | None) -> tuple[ListUpdate, list[AnyCommand]]:
    done = replace(update, has=has, doing=Doing.RESTING)
    if update.doing is Doing.SNAPSHOT:
        done = replace(done, foreign=False, behind_since=None)
    return _confirmed(done)


def _confirmed(update: ListUpdate) -> tuple[ListUpdate, list[AnyCommand]]:
    if update.has is None or update.has != update.heard:
        return update, []
    calm = replace(update, behind_since=None, patience_seconds=PATIENCE_SECONDS)
    return calm, [Confirm(update.has.sequence, update.heard_at)]


def _foreign(update: ListUpdate, now: Moment) -> ListUpdate:
    """Note that only a snapshot helps; not at once, for the next one may not help either."""
    if update.foreign or update.doing is not Doing.RESTING:
        return replace(update, foreign=True)
    return replace(_rest(update, 0.5, now), foreign=True)


def _heard(
    update: ListUpdate, heartbeat: Heartbeat, live: bool, at: float, now: Moment
) -> tuple[ListUpdate, list[AnyCommand]]:
    said = Held(heartbeat.sequence, heartbeat.head)
    if not live:
        return replace(update, target=max(update.target, said.sequence)), []
    update = renewal.heard(update, heartbeat, now)
    update = replace(
        update,
        target=said.sequence,
        heard=said,
        heard_at=at,
        look_at=now.uptime + SILENCE_SECONDS,
    )
    has = update.has
    if has is None or said.sequence > has.sequence:
        return replace(update, behind_since=None), []
    if said.sequence == has.sequence:
        if said.head == has.head:
            return _confirmed(update)
        return _foreign(replace(update, behind_since=None), now), []
    if update.behind_since is None:
        return replace(update, behind_since=now.uptime), []
    restored = now.uptime - update.behind_since >= BEHIND_SECONDS
    return _foreign(update, now) if restored else update, []


def _arrived(update: ListUpdate, chained: Chained) -> tuple[ListUpdate, list[AnyCommand]]:
    has, delta = update.has, chained.delta
    update = replace(update, target=max(update.target, delta.sequence))
    if update.doing is not Doing.RESTING or update.foreign or has is None:
        return update, []
    if delta.sequence == has.sequence + 1 and delta.previous == has.head:
        return replace(update, doing=Doing.APPLYING), [Apply((chained,))]
    return update, []


def _announced(
    update: ListUpdate, announced: Announced, now: Moment
) -> tuple[ListUpdate, list[AnyCommand]]:
    if update.doing is not Doing.MANIFEST:
        return update, []
    has, manifest = update.has, announced.manifest
    update = replace(update, snapshot_wanted=False)
    if has is not None and not update.foreign and manifest.sequence <= has.sequence:
        # Neither deltas nor a newer snapshot: central has to build one first.
        return _rest(update, 0.5, now), []
    fetch = FetchSnapshot(manifest, announced.sealed, update.foreign)
    return replace(update, doing=Doing.SNAPSHOT), [fetch]


def _fetched(
    update: ListUpdate, deltas: tuple[Chained, ...], now: Moment
) -> tuple[ListUpdate, list[AnyCommand]]:
    has = update.has
    if update.doing is not Doing.DELTAS or has is None:
        return update, []
    fitting, end = list[Chained](), has
    for chained in deltas:
        delta = chained.delta
        if delta.sequence != end.sequence + 1 or delta.previous != end.head:
            break
        fitting.append(chained)
        end = Held(delta.sequence, chained.head)
    if fitting:
        more = end.sequence + 1 if len(deltas) >= DELTAS_MAX else end.sequence
        update = replace(update, doing=Doing.APPLYING, target=max(update.target, more))
        return update, [Apply(tuple(fitting))]
    if deltas:
        return _foreign(replace(update, doing=Doing.RESTING), now), []
    if update.target > has.sequence:
        # Central no longer has the deltas in between.
        return replace(update, doing=Doing.RESTING, snapshot_wanted=True), []
    rested = replace(update, doing=Doing.RESTING, patience_seconds=PATIENCE_SECONDS)
    return replace(rested, look_at=now.uptime + SILENCE_SECONDS), []


def _rest(update: ListUpdate, spread: float, now: Moment) -> ListUpdate:
    patience = update.patience_seconds
    return replace(
        update,
        doing=Doing.RESTING,
        rest_until=now.uptime + patience * (0.5 + spread),
        patience_seconds=min(patience * 2, PATIENCE_MAX_SECONDS),
        look_at=max(update.look_at, now.uptime + patience),
    )


def _behind(update: ListUpdate) -> bool:
    return update.has is None or update.foreign or update.target > update.has.sequence


def _fetch_next(update: ListUpdate, now: Moment) -> tuple[ListUpdate, list[AnyCommand]]:
    if now.uptime < _fetch_at(update):
        return update, []
    if update.has is None or _needs_snapshot(update):
        return replace(update, doing=Doing.MANIFEST), [Command.FETCH_MANIFEST]
    return replace(update, doing=Doing.DELTAS), [FetchDeltas(update.has.sequence)]


def _needs_snapshot(update: ListUpdate) -> bool:
    """Whether no change can help."""
    return update.has is None or update.foreign or update.snapshot_wanted


def _snapshot_comes_first(update: ListUpdate) -> bool:
    return _needs_snapshot(update) or update.doing in (Doing.MANIFEST, Doing.SNAPSHOT)
