"""A newer snapshot in place of a long overlay: each device in its own time, beside the rest."""

from edge.core import list_update as core
from edge.core.list_renewal import OVERLAY_BYTES_MAX, SPREAD_SECONDS
from edge.core.list_terms import (
    AnyCommand,
    AnySignal,
    Apply,
    Arrived,
    Beat,
    Command,
    Failed,
    FetchDeltas,
    Fetched,
    Held,
    Holding,
    ListUpdate,
    Overlay,
    Renewed,
    Signal,
)
from tests.core.test_list_update import at, delta, head
from wire.snapshot import Heartbeat

LONG, SHORT = Overlay(3, OVERLAY_BYTES_MAX + 1), Overlay(3, OVERLAY_BYTES_MAX)


def beat(newest: int, forget: int = 0, sequence: int = 7) -> Beat:
    said = Heartbeat(
        "venue", sequence, head(sequence), 1_780_000_000.0, snapshot=newest, forget=forget
    )
    return Beat(said, live=True)


def holding(overlay: Overlay, spread: float = 0.5) -> Holding:
    return Holding(Held(7, head(7)), overlay, spread)


def told(*signals: AnySignal, begin: float = 100.0) -> tuple[ListUpdate, list[AnyCommand]]:
    """Return what comes of these within a second, on a device whose list is the newest."""
    update, done = ListUpdate(), list[AnyCommand]()
    for signal in (holding(SHORT), Fetched(()), *signals):
        update, commands = core.step(update, signal, at(begin))
        done += commands
    return update, done


def renews_at(update: ListUpdate) -> float | None:
    """Return when, if nothing more is heard."""
    for _ in range(10_000):
        deadline = core.due(update)
        if deadline is None or deadline > 100_000.0:
            return None
        update, commands = core.step(update, Signal.DUE, at(deadline))
        if Command.RENEW in commands:
            return deadline
        update, _ = core.step(update, Fetched(()), at(deadline))
    return None


def test_a_long_overlay_is_replaced_once_central_has_a_newer_snapshot() -> None:
    assert renews_at(told(holding(LONG), beat(newest=6))[0]) == 100.0 + SPREAD_SECONDS / 2
    assert renews_at(told(beat(newest=6), holding(LONG))[0]) == 100.0 + SPREAD_SECONDS / 2
    assert renews_at(told(holding(LONG), beat(newest=3))[0]) is None, "there is none"
    assert renews_at(told(holding(SHORT), beat(newest=6))[0]) is None, "it is not worth it"


def test_what_is_to_be_forgotten_is_replaced_however_short_the_overlay() -> None:
    assert renews_at(told(holding(SHORT), beat(newest=5, forget=4))[0]) is not None
    assert renews_at(told(holding(SHORT), beat(newest=5, forget=3))[0]) is None, "it is not in ours"


def test_two_hundred_gates_do_not_come_at_once() -> None:
    draws = [(number * 0.618) % 1 for number in range(1, 201)]
    times = [renews_at(told(holding(LONG, draw), beat(newest=6))[0]) for draw in draws]
    at_all = sorted(time for time in times if time is not None)
    assert len(at_all) == 200
    most = max(
        sum(1 for one in at_all if begin <= one < begin + SPREAD_SECONDS / 20) for begin in at_all
    )
    assert most < 15, "of 200, in any twentieth of the time"


def test_changes_that_come_meanwhile_do_not_put_it_off() -> None:
    update, _ = told(holding(LONG), beat(newest=6))
    for second in range(1, 590):
        grown = Overlay(3, OVERLAY_BYTES_MAX + second)
        for signal in (holding(grown), beat(newest=6)):
            update, commands = core.step(update, signal, at(100.0 + second))
            assert Command.RENEW not in commands
    assert renews_at(update) == 100.0 + SPREAD_SECONDS / 2


def renewing() -> ListUpdate:
    update, _ = told(holding(LONG, 0.0), beat(newest=6))
    assert update.renewing
    return update


def test_the_list_in_use_is_followed_meanwhile() -> None:
    update, commands = core.step(renewing(), Arrived(delta(8)), at(101.0))
    assert commands == [Apply((delta(8),))]
    update, _ = core.step(update, Holding(Held(8, head(8)), LONG), at(101.0))
    update, commands = core.step(update, beat(newest=6, sequence=9), at(102.0))
    assert commands == [FetchDeltas(8)]
    assert update.renewing


def test_one_that_failed_is_tried_again_calmly() -> None:
    update, commands = core.step(renewing(), Renewed(LONG, 0.5), at(200.0))
    assert Command.RENEW not in commands
    update, _ = core.step(update, Fetched(()), at(200.0))
    assert renews_at(update) == 200.0 + SPREAD_SECONDS


def test_one_that_succeeded_is_the_last() -> None:
    update, _ = core.step(renewing(), Renewed(Overlay(6, 500), 0.5), at(200.0))
    assert renews_at(update) is None


def test_a_snapshot_that_is_needed_waits_for_the_one_under_way() -> None:
    update, commands = core.step(renewing(), Failed(0.5, unusable=True), at(101.0))
    update, commands = core.step(update, beat(newest=6, sequence=9), at(150.0))
    assert commands == []
    assert core.due(update) is None
    update, commands = core.step(update, Renewed(LONG, 0.5), at(160.0))
    assert commands == [Command.FETCH_MANIFEST]
