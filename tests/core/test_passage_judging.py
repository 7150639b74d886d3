"""What a lane hears while a ticket is judged, which may take two seconds."""

from edge.core import notice, passage
from edge.core.lane import (
    CalledOff,
    Do,
    Judge,
    OpenOnce,
    Scanned,
    Show,
    Signal,
    State,
)
from tests.core.test_passage import HABITS, SCANNED, A, B, Line, events, let_in, walk
from tools.lane_states import code
from wire.event import Abandoned, OpenedByHand, PassedLate

HELD: list[Line] = [(10.0, SCANNED), (10.5, Scanned(code(B)))]
"""A is being judged, and B waits."""


def test_staff_open_while_a_ticket_is_judged_and_the_answer_opens_nothing_more() -> None:
    by_hand = [*HELD, (11.0, OpenOnce("key"))]
    lane, commands = walk(*by_hand)
    assert Do.PULSE in commands
    assert not passage.wants(lane, code(b"scan A"), HABITS)
    through = [*by_hand, (12.0, Signal.PASSED)]
    lane, commands = walk(*through)
    assert (lane.state, lane.judged) == (State.JUDGING, code(b"scan A"))
    assert not any(isinstance(one, Judge | Do) for one in commands), "B waits for the answer too"
    assert events(*through) == [OpenedByHand(by="key")]
    assert Judge(code(B), assume=False) in walk(*through, (12.5, CalledOff()))[1]
    assert events(*through, (12.5, let_in(2)))[1:] == [Abandoned(admission=A, person=1, count=2)]


def test_whoever_waits_for_an_answer_that_does_not_come_is_told_at_their_hour() -> None:
    waiting = [*HELD, (11.0, OpenOnce("key")), (12.0, Signal.PASSED)]
    lane, _ = walk(*waiting)
    assert passage.due(lane, HABITS) == 13.5
    _, commands = walk(*waiting, (13.5, Signal.DUE))
    assert commands == [Show(notice.PLEASE_WAIT)]


def test_a_board_that_is_not_ready_for_a_moment_calls_nothing_off() -> None:
    busy = [(10.0, SCANNED), (10.1, Signal.NOT_READY)]
    assert not passage.wants(walk(*busy)[0], code(b"scan A"), HABITS)
    lane, _ = walk(*busy, (10.2, Signal.READY))
    assert passage.wants(lane, code(b"scan A"), HABITS)
    assert not passage.wants(lane, code(B), HABITS)


def test_who_walks_late_while_the_next_is_judged_was_the_last_one() -> None:
    late = [(10.0, SCANNED), (10.1, let_in()), (16.1, Signal.DUE), (16.5, Scanned(code(B)))]
    assert events(*late, (17.0, Signal.PASSED))[-1] == PassedLate(admission=A, person=1)
