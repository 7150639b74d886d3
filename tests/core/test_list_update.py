"""What of the list is fetched next, by hand and in every state with every signal."""

import hashlib
from itertools import product

import pytest

from edge.core import list_update as core
from edge.core.list_terms import (
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
    Overlay,
    Renewed,
    Signal,
)
from edge.core.moment import Moment
from wire.snapshot import Delta, Heartbeat, Manifest


def at(uptime: float) -> Moment:
    return Moment(1_780_000_000.0 + uptime, uptime)


def head(sequence: int, chain: str = "") -> bytes:
    return hashlib.sha256(f"{chain}{sequence}".encode()).digest() if sequence else bytes(32)


def held(sequence: int, chain: str = "") -> Holding:
    return Holding(Held(sequence, head(sequence, chain)))


def beat(sequence: int, chain: str = "", live: bool = True) -> Beat:
    return Beat(Heartbeat("venue", sequence, head(sequence, chain), 1_780_000_000.0), live)


def delta(sequence: int, chain: str = "") -> Chained:
    return Chained(Delta(sequence, head(sequence - 1, chain)), head(sequence, chain))


def manifest(sequence: int) -> Manifest:
    return Manifest(
        "venue",
        f"v{sequence}",
        sequence,
        head(sequence),
        10,
        bytes(32),
        20,
        bytes(32),
        3,
        1_780_000_000,
        1 << 20,
        bytes(32),
    )


def walk(
    *signals: AnySignal, start: ListUpdate | None = None, seconds: float = 0.1, begin: float = 100.0
) -> tuple[ListUpdate, list[AnyCommand]]:
    update, performed = start or ListUpdate(), list[AnyCommand]()
    for index, signal in enumerate(signals):
        update, commands = core.step(update, signal, at(begin + index * seconds))
        performed += commands
    return update, performed


UP_TO_DATE = walk(held(7), Fetched(()), beat(7))[0]


def test_without_a_list_the_snapshot_comes_first_and_then_the_deltas() -> None:
    update, commands = walk(
        Holding(None), Announced(manifest(5)), held(5), Fetched((delta(6), delta(7))), held(7)
    )
    assert commands == [
        Command.FETCH_MANIFEST,
        FetchSnapshot(manifest(5)),
        FetchDeltas(5),
        Apply((delta(6), delta(7))),
        FetchDeltas(7),
    ]
    update, commands = walk(Fetched(()), beat(7), start=update)
    assert commands == [Confirm(7, 100.1)]


def test_a_list_at_the_start_asks_for_what_came_meanwhile() -> None:
    assert walk(held(7))[1] == [FetchDeltas(7)]


def test_the_next_delta_is_applied_and_confirmed_by_the_heartbeat() -> None:
    _, commands = walk(Arrived(delta(8)), beat(8), held(8), start=UP_TO_DATE)
    assert commands == [Apply((delta(8),)), Confirm(8, 100.1)]


def test_a_lost_delta_is_fetched_when_the_next_one_or_the_heartbeat_tells() -> None:
    assert walk(Arrived(delta(9)), start=UP_TO_DATE)[1] == [FetchDeltas(7)]
    assert walk(beat(8), start=UP_TO_DATE)[1] == [FetchDeltas(7)]


def test_a_retained_heartbeat_confirms_nothing() -> None:
    assert walk(beat(7, live=False), start=UP_TO_DATE)[1] == []
    assert walk(beat(9, live=False), start=UP_TO_DATE)[1] == [FetchDeltas(7)]


def test_deltas_that_do_not_reach_back_far_enough_mean_a_snapshot() -> None:
    _, commands = walk(
        beat(9000), Fetched(()), Announced(manifest(8999)), held(8999), start=UP_TO_DATE
    )
    assert commands == [
        FetchDeltas(7),
        Command.FETCH_MANIFEST,
        FetchSnapshot(manifest(8999)),
        FetchDeltas(8999),
    ]


@pytest.mark.parametrize(
    "signals",
    [(beat(8), Fetched((delta(8, "other"),))), (beat(7, "other"),), (Signal.CHAIN_BROKEN,)],
)
def test_a_chain_that_is_not_ours_means_a_snapshot_after_a_pause(
    signals: tuple[AnySignal, ...],
) -> None:
    update, commands = walk(*signals, start=UP_TO_DATE)
    assert Command.FETCH_MANIFEST not in commands
    assert update.foreign
    deadline = core.due(update)
    assert deadline is not None
    update, commands = core.step(update, Signal.DUE, at(deadline))
    assert commands == [Command.FETCH_MANIFEST]
    update, commands = core.step(update, Announced(manifest(6)), at(deadline))
    assert commands == [FetchSnapshot(manifest(6), foreign=True)], "also an older one"
    assert not walk(held(6), start=update)[0].foreign


def test_a_snapshot_that_never_helps_is_fetched_ever_more_seldom() -> None:
    update, now, pauses = UP_TO_DATE, 200.0, []
    for _ in range(9):
        update, _ = core.step(update, Signal.CHAIN_BROKEN, at(now))
        deadline = core.due(update)
        assert deadline is not None
        pauses.append(round(deadline - now))
        now = deadline
        for signal in (Signal.DUE, Announced(manifest(6)), held(6)):
            update, _ = core.step(update, signal, at(now))
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_a_restored_central_is_followed_after_a_while() -> None:
    update, commands = walk(*[beat(3)] * 9, start=UP_TO_DATE, seconds=1.0)
    assert not update.foreign
    update, _ = walk(*[beat(3)] * 3, start=update, seconds=1.0, begin=109.0)
    assert update.foreign
    assert [one for one in commands if isinstance(one, Confirm)] == []


def test_what_fails_is_tried_again_calmly() -> None:
    update, _ = walk(Holding(None))
    now, pauses = 100.0, []
    for _ in range(8):
        update, commands = core.step(update, Failed(0.5), at(now))
        assert commands == []
        deadline = core.due(update)
        assert deadline is not None
        pauses.append(round(deadline - now))
        now = deadline
        update, commands = core.step(update, Signal.DUE, at(now))
        assert commands == [Command.FETCH_MANIFEST]
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]


def test_a_delta_that_no_door_could_use_is_passed_by_with_a_snapshot() -> None:
    update, now, asked, pauses = walk(beat(9), start=UP_TO_DATE)[0], 200.0, [], []
    for _ in range(8):
        fetched = update.doing is Doing.DELTAS
        answer = Fetched((delta(8),)) if fetched else Announced(manifest(7))
        update, commands = core.step(update, answer, at(now))
        if fetched:
            assert commands == [Apply((delta(8),))]
            update, _ = core.step(update, Failed(0.5, unusable=True), at(now))
            update, _ = core.step(update, held(7), at(now))
        deadline = core.due(update)
        assert deadline is not None
        pauses.append(round(deadline - now))
        now = deadline
        update, commands = core.step(update, Signal.DUE, at(now))
        asked += commands
    turns = [Command.FETCH_MANIFEST, FetchDeltas(7)]
    assert asked == turns * 4
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]
    update, _ = walk(Fetched((delta(8),)), Failed(0.5, unusable=True), start=update, begin=now)
    update, commands = core.step(update, Signal.DUE, at(now + 99.0))
    assert commands == [Command.FETCH_MANIFEST]
    update, commands = walk(Announced(manifest(9)), held(9), start=update, begin=now + 100.0)
    assert commands[0] == FetchSnapshot(manifest(9))
    assert not update.snapshot_wanted


def test_without_heartbeats_central_is_asked_now_and_then() -> None:
    deadline = core.due(UP_TO_DATE)
    assert deadline is not None
    assert core.step(UP_TO_DATE, Signal.DUE, at(deadline))[1] == [FetchDeltas(7)]


LONG = Overlay(3, 10_000_000)
LONG_HELD = Holding(Held(7, head(7)), LONG, 0.25)


def beat_of(newest: int, forget: int = 0) -> Beat:
    said = Heartbeat("venue", 7, head(7), 1_780_000_000.0, snapshot=newest, forget=forget)
    return Beat(said, live=True)


STATES = {
    "new": ListUpdate(),
    "no list": walk(Holding(None))[0],
    "snapshot": walk(Holding(None), Announced(manifest(5)))[0],
    "deltas": walk(held(5))[0],
    "applying": walk(held(7), Fetched(()), Arrived(delta(8)))[0],
    "up to date": UP_TO_DATE,
    "failed": walk(Holding(None), Failed(0.0))[0],
    "foreign": walk(Signal.CHAIN_BROKEN, start=UP_TO_DATE)[0],
    "to be renewed": walk(LONG_HELD, beat_of(6), start=UP_TO_DATE)[0],
    "renewing": walk(LONG_HELD, beat_of(6), Signal.DUE, start=UP_TO_DATE, seconds=500.0)[0],
    "renewing, foreign": walk(
        *(LONG_HELD, beat_of(6), Signal.DUE, Signal.CHAIN_BROKEN), start=UP_TO_DATE, seconds=500.0
    )[0],
}
SIGNALS: list[AnySignal] = [
    *Signal,
    Holding(None),
    held(8),
    beat(0),
    beat(7),
    beat(7, "other"),
    beat(10**12),
    beat(10**12, live=False),
    Arrived(delta(8)),
    Arrived(delta(80)),
    Announced(manifest(0)),
    Announced(manifest(50)),
    Fetched(()),
    Fetched((delta(8),)),
    Fetched((delta(8, "other"),)),
    Failed(1.0),
    Failed(1.0, unusable=True),
    LONG_HELD,
    beat_of(6),
    beat_of(6, forget=4),
    Renewed(LONG, 1.0),
    Renewed(Overlay(6, 0), 0.0),
    Renewed(None, 0.0),
]


@pytest.mark.parametrize(("name", "signal", "later"), list(product(STATES, SIGNALS, (0.0, 99.0))))
def test_every_state_takes_every_signal(name: str, signal: AnySignal, later: float) -> None:
    before = STATES[name]
    when = (2000.0 if before.renewing else 102.0) + later
    after, commands = core.step(before, signal, at(when))
    under_way = [one for one in commands if not isinstance(one, Confirm)]
    assert len(set(under_way) - {Command.RENEW}) <= 1, "one thing at a time"
    if before.doing is not Doing.RESTING and isinstance(signal, Beat | Arrived):
        assert set(under_way) <= {Command.RENEW}
    deadline = core.due(after)
    assert deadline is None or deadline > when, "no busy loop"
    if after.doing is Doing.RESTING and not after.renewing:
        assert deadline is not None
    snapshots = (after.doing in (Doing.MANIFEST, Doing.SNAPSHOT)) + after.renewing
    assert snapshots <= 1, "never two downloads"
    for one in commands:
        if isinstance(one, Confirm):
            assert after.has is not None
            assert after.has == after.heard
