"""How much a device knows, and how it moves: down at once, up again without flapping."""

import pytest

from edge.core.ladder import Known, Ladder, rung, step
from wire.event import Rung

STALE_AFTER = 300.0
NO_LIST = "list v1: the row checksum does not hold"


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        (Known(None, age_seconds=0.0), Rung.FRESH),
        (Known(None, age_seconds=300.0), Rung.FRESH),
        (Known(None, age_seconds=300.1), Rung.STALE),
        (Known(None), Rung.STALE),
        (Known(None, essentials=True), Rung.STALE),
        (Known(NO_LIST, essentials=True, age_seconds=0.0), Rung.SIGNATURE_AND_REVOCATIONS),
        (Known(NO_LIST, essentials=True), Rung.SIGNATURE_AND_REVOCATIONS),
        (Known(NO_LIST, age_seconds=0.0), Rung.SIGNATURE_ONLY),
        (Known(NO_LIST), Rung.SIGNATURE_ONLY),
    ],
)
def test_what_is_known_is_a_rung(known: Known, expected: Rung) -> None:
    assert rung(known, STALE_AFTER) is expected


def moves(heard: list[Known], seconds: float = 1.0) -> list[tuple[float, Rung, str]]:
    """Return (uptime, rung, why) of each move, knowing one thing after another."""
    ladder, found = Ladder(), []
    for number, known in enumerate(heard):
        uptime = number * seconds
        ladder, why = step(ladder, known, STALE_AFTER, uptime)
        if why is not None and ladder.rung:
            found.append((uptime, ladder.rung, why))
    return found


@pytest.mark.parametrize(
    "known", [Known(None), Known(NO_LIST), Known(NO_LIST, essentials=True)], ids=str
)
def test_every_life_says_first_where_it_stands(known: Known) -> None:
    assert [rung for _, rung, _ in moves([known] * 3)] == [rung(known, STALE_AFTER)]


def test_it_rises_at_once_when_central_is_first_heard() -> None:
    heard = [Known(None), Known(None, age_seconds=0.5)]
    assert moves(heard) == [
        (0.0, Rung.STALE, "central has not confirmed the list since the start"),
        (1.0, Rung.FRESH, "central confirms the list"),
    ]


def test_after_a_calm_hour_it_falls_at_once_and_rises_at_once() -> None:
    fresh = [Known(None, age_seconds=1.0)] * 3600
    cut = [Known(None, age_seconds=float(age)) for age in range(1, 400)]
    assert moves([*fresh, *cut, Known(None, age_seconds=0.0)])[1:] == [
        (3900.0, Rung.STALE, "central has not confirmed the list for 301 s"),
        (3999.0, Rung.FRESH, "central confirms the list"),
    ]


def test_a_damaged_list_is_said_with_what_is_wrong_and_left_when_it_is_mended() -> None:
    fresh, damaged = Known(None, age_seconds=1.0), Known(NO_LIST, essentials=True, age_seconds=1.0)
    told = moves([fresh] * 700 + [damaged] * 30 + [Known(NO_LIST, age_seconds=1.0), fresh])
    assert [(rung, why) for _, rung, why in told] == [
        (Rung.FRESH, "central confirms the list"),
        (Rung.SIGNATURE_AND_REVOCATIONS, NO_LIST),
        (Rung.SIGNATURE_ONLY, NO_LIST),
        (Rung.FRESH, "central confirms the list"),
    ]


@pytest.mark.parametrize("period", [301, 310, 400, 600])
def test_a_link_that_flaps_for_a_day_fills_no_journal(period: int) -> None:
    """One heartbeat every `period` seconds: fresh for 300 s, then stale until the next."""
    day = [Known(None, age_seconds=float(second % period)) for second in range(86_400)]
    assert len(moves(day)) <= 20


def test_what_flaps_by_the_second_moves_a_few_times_and_ends_where_less_is_known() -> None:
    both = [Known(None, age_seconds=1.0), Known(NO_LIST)]
    told = moves(both * 3600)
    assert len(told) <= 4
    assert told[-1][1] is Rung.SIGNATURE_ONLY


def test_a_link_that_is_good_again_for_good_is_fresh_again_within_minutes() -> None:
    flapping = [Known(None, age_seconds=float(second % 301)) for second in range(20_000)]
    told = moves([*flapping, *[Known(None, age_seconds=1.0)] * 400])
    assert told[-1][1] is Rung.FRESH
