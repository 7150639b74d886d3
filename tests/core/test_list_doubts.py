"""What is wrong with what is said of a list: by hand, kind by kind."""

from collections.abc import Sequence

import pytest

from edge.core import list_doubts
from edge.core.heartbeat import Heartbeats, hear
from edge.core.list_doubts import Doubts
from edge.core.list_terms import Held
from wire.event import Distrust
from wire.snapshot import Delta

A, B = b"a" * 32, b"b" * 32


def kinds(
    said: Sequence[tuple[float, Held, Held | None]], fetching: bool = False
) -> list[Distrust]:
    """Tell heartbeats: (uptime, what it says, what there is)."""
    doubts, found = Doubts(), list[Distrust]()
    for uptime, saying, has in said:
        doubts, one = list_doubts.heartbeat(doubts, saying, has, fetching, uptime)
        found += [one.what] if one else []
    return found


def test_what_exists_and_does_not_come_is_suppressed_after_half_a_minute() -> None:
    has, more = Held(7, A), Held(8, B)
    assert kinds([(float(second), more, has) for second in range(30)]) == []
    assert kinds([(float(second), more, has) for second in range(31)]) == [Distrust.SUPPRESSED]


def test_a_list_that_is_followed_is_not_suppressed_however_fast_it_grows() -> None:
    beats = [(float(n), Held(n + 1, A), Held(n, A)) for n in range(100)]
    assert kinds(beats) == []


def test_a_long_download_is_no_suppression() -> None:
    beats = [(float(second), Held(8, B), None) for second in range(200)]
    assert kinds(beats, fetching=True) == []
    assert Distrust.SUPPRESSED in kinds(beats)


@pytest.mark.parametrize("said", [Held(6, B), Held(7, B)])
def test_central_that_says_less_or_something_else_was_put_back(said: Held) -> None:
    has = Held(7, A)
    assert kinds([(float(second), said, has) for second in range(10)]) == []
    beats = [(float(second), said, has) for second in range(11)]
    assert kinds(beats) == [Distrust.PUT_BACK]


def test_deltas_that_come_out_of_order_are_named() -> None:
    has, doubts, found = Held(1, A), Doubts(), []
    for delta in (Delta(2, A), Delta(2, A), Delta(4, B), Delta(3, B), Delta(1, A)):
        doubts, one = list_doubts.arrived(doubts, delta, has)
        found.append(one.what if one else None)
    assert found == [None, None, None, Distrust.REORDERED, None]
    _, one = list_doubts.arrived(Doubts(), Delta(2, B), has)
    assert one is not None
    assert one.what is Distrust.REORDERED, "another chain"


@pytest.mark.parametrize(
    ("numbers", "what"),
    [
        ((), None),
        ((2, 3, 4), None),
        ((3, 4), Distrust.TRUNCATED),
        ((2, 4), Distrust.TRUNCATED),
        ((2, 2), Distrust.REORDERED),
        ((1, 2), Distrust.REORDERED),
    ],
)
def test_what_is_fetched_is_each_change_once(
    numbers: tuple[int, ...], what: Distrust | None
) -> None:
    found = list_doubts.fetched([Delta(number, A) for number in numbers], 1)
    assert (found.what if found else None) is what


# When a heartbeat was said.


def test_a_heartbeat_counts_once_and_never_after_a_newer_one() -> None:
    heard, at = hear(Heartbeats(), 1000.0, 10.0)
    assert at == 10.0
    for wall in (1000.0, 999.0, float("-inf"), float("nan"), float("inf")):
        assert hear(heard, wall, 11.0) == (heard, None)
    assert hear(heard, 1001.0, 11.0)[1] == 11.0


def test_what_is_held_back_is_as_old_as_it_is() -> None:
    """A broker that plays an hour of heartbeats back, an hour late and at their own pace."""
    heard, _ = hear(Heartbeats(), 1000.0, 10.0)
    for second in range(1, 600):
        heard, at = hear(heard, 1000.0 + second, 3610.0 + second)
        assert at is not None
        assert 3590.0 < 3610.0 + second - at < 3601.0
        assert list_doubts.late(at, 3610.0 + second) is not None
    heard, at = hear(heard, 5000.0, 4300.0)
    assert at == pytest.approx(4010.0, abs=5.0)


def test_two_clocks_that_differ_in_pace_as_crystals_do_make_nothing_old() -> None:
    heard, at = hear(Heartbeats(), 0.0, 10.0)
    for day in range(1, 60):
        uptime = 10.0 + day * 86_400.0
        heard, at = hear(heard, day * 86_400.0 * 0.9995, uptime)
        assert at is not None
        assert uptime - at < 1.0
