"""What a camera has before it becomes what somebody shows: said at once, held, or passed over."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from edge.core.sighting import (
    AGAIN_SECONDS,
    APART_SECONDS,
    AWAY_SECONDS,
    KEPT_MAX,
    Sighting,
    View,
    step,
)

TICKET, OTHER, POSTER = b"ticket", b"other", b"poster"


def film(*pictures: tuple[float, tuple[bytes, ...]], sizes: dict[bytes, float] | None = None
         ) -> list[tuple[float, bytes]]:  # fmt: skip
    """Play pictures, (uptime, codes in it) each; return what was said, and when."""
    view, said = View(), list[tuple[float, bytes]]()
    for uptime, codes in pictures:
        in_sight = tuple(Sighting(code, (sizes or {}).get(code, 100.0)) for code in codes)
        view, code = step(view, in_sight, uptime)
        if code is not None:
            said.append((uptime, code))
    return said


def every(seconds: float, first: float, last: float, *codes: bytes
          ) -> list[tuple[float, tuple[bytes, ...]]]:  # fmt: skip
    count = round((last - first) / seconds)
    return [(round(first + number * seconds, 3), codes) for number in range(count)]


def test_a_code_is_said_in_the_first_picture_that_has_it_and_then_as_long_as_it_is_held() -> None:
    said = film((10.0, ()), *every(0.05, 10.05, 11.05, TICKET))
    assert said[0] == (10.05, TICKET)
    assert [code for _, code in said] == [TICKET] * len(said)
    gaps = [after - before for (before, _), (after, _) in itertools.pairwise(said)]
    assert gaps
    assert all(AGAIN_SECONDS <= gap < AGAIN_SECONDS + 0.06 for gap in gaps)


def test_what_is_out_of_sight_for_less_than_a_moment_has_not_been_away() -> None:
    before = [(0.0, (POSTER,)), (0.5, (POSTER, TICKET))]
    hidden = every(0.1, 0.6, 0.5 + AWAY_SECONDS - 0.1, TICKET)
    said = film(*before, *hidden, (0.5 + AWAY_SECONDS - 0.05, (POSTER, TICKET)))
    assert [code for _, code in said].count(POSTER) == 1
    said = film(*before, *hidden, (0.5 + AWAY_SECONDS + 0.05, (POSTER, TICKET)))
    assert [code for _, code in said].count(POSTER) == 2


def test_what_was_away_and_comes_back_is_shown_anew_at_once() -> None:
    back = AWAY_SECONDS + 0.1
    assert film((0.0, (POSTER,)), (0.5, (TICKET,)), (0.5 + back, (POSTER,))) == [
        (0.0, POSTER),
        (0.5, TICKET),
        (0.5 + back, POSTER),
    ]


def test_a_poster_on_the_wall_is_nobodys_ticket() -> None:
    poster = every(0.05, 0.0, 5.0, POSTER)
    both = every(0.05, 5.0, 7.0, POSTER, TICKET)
    after = every(0.05, 7.0, 9.0, POSTER)
    said = film(*poster, *both, *after, sizes={POSTER: 300.0, TICKET: 90.0})
    assert [code for at, code in said if at >= 5.0 and code == TICKET]
    assert next(code for at, code in said if at >= 5.0) == TICKET
    assert POSTER not in {code for at, code in said if at >= 5.0}


def test_of_two_that_come_at_once_the_nearer_is_said_and_the_other_stays_silent() -> None:
    sizes = {TICKET: 200.0, OTHER: 120.0}
    said = film(*every(0.05, 0.0, 3.0, OTHER, TICKET), sizes=sizes)
    assert {code for _, code in said} == {TICKET}


def test_the_next_visitor_is_heard_though_the_one_before_still_holds_on() -> None:
    said = film(*every(0.05, 0.0, 1.0, TICKET), *every(0.05, 1.0, 2.0, TICKET, OTHER))
    assert next(code for at, code in said if at >= 1.0) == OTHER
    assert {code for at, code in said if at >= 1.0} == {OTHER}


def test_a_screen_that_changes_its_code_with_each_picture_is_slowed_down_and_loses_none_held() -> (
    None
):
    flicker = [(number * 0.02, (b"code %d" % number,)) for number in range(100)]
    said = film(*flicker)
    assert 2 <= len(said) <= 2.0 / APART_SECONDS + 1
    held = film((0.0, (TICKET,)), (0.02, (OTHER,)), (0.1, (OTHER,)), (0.25, (OTHER,)))
    assert held == [(0.0, TICKET), (0.25, OTHER)]


@given(
    st.lists(
        st.tuples(st.floats(0.001, 2.0), st.frozensets(st.integers(0, 40), max_size=20)),
        max_size=60,
    )
)
def test_whatever_is_before_it_only_what_is_in_sight_is_said_and_memory_has_an_end(
    pictures: list[tuple[float, frozenset[int]]],
) -> None:
    view, uptime, last = View(), 0.0, -10.0
    for pause, numbers in pictures:
        uptime += pause
        codes = [b"%d" % number for number in numbers]
        view, code = step(view, tuple(Sighting(one, 50.0) for one in codes), uptime)
        assert len(view.seen) <= KEPT_MAX
        if code is not None:
            assert code in codes
            assert uptime - last >= APART_SECONDS
            last = uptime


@given(st.lists(st.tuples(st.floats(0.01, 0.5), st.booleans()), min_size=1, max_size=40))
def test_a_single_ticket_is_never_missed(pictures: list[tuple[float, bool]]) -> None:
    """Whenever it comes into view after it was away, the same picture says it."""
    view, uptime, last_seen = View(), 0.0, -10.0
    for pause, there in pictures:
        uptime += pause
        view, code = step(view, (Sighting(TICKET, 50.0),) if there else (), uptime)
        if there:
            assert code == TICKET or uptime - last_seen < AWAY_SECONDS
            last_seen = uptime
        else:
            assert code is None
