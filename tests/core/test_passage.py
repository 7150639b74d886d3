"""One direction of one lane, walked through by hand."""

from dataclasses import replace
from typing import cast

import pytest

from edge.core import notice, passage
from edge.core.lane import (
    Admission,
    AnySignal,
    Authorised,
    Command,
    Do,
    EndScan,
    Habits,
    Judge,
    Lane,
    ModeSet,
    OpenOnce,
    Record,
    Refused,
    Scanned,
    Show,
    Signal,
    State,
    WhenSuspect,
)
from edge.core.passage import unresolved
from tools.lane_states import at, code
from wire.event import (
    Abandoned,
    AnyEvent,
    Forced,
    Left,
    Mode,
    ModeChanged,
    OpenedByHand,
    Passed,
    PassedLate,
    Pulsed,
    Released,
    Secured,
    SensorFault,
    Tailgated,
    Uncertain,
    WrongWay,
)

HABITS = Habits()
A, B, C = b"admission A", b"scan B", b"scan C"
SHOWN = notice.go(1)


def let_in(persons: int = 1, assumed: bool = False) -> Authorised:
    return Authorised(Admission(A, b"scan A", 1, persons, assumed), SHOWN)


SCANNED = Scanned(code(b"scan A"))
Line = tuple[float, object]  # The object is an AnySignal; lists of lines are shared about.


def walk(*lines: Line, habits: Habits = HABITS) -> tuple[Lane, list[Command]]:
    """Return the lane after all of it, and what the last line made it ask for."""
    lane, commands = Lane(), list[Command]()
    for uptime, signal in lines:
        lane, commands = passage.step(lane, cast("AnySignal", signal), at(uptime), habits)
    return lane, commands


def events(*lines: Line, habits: Habits = HABITS) -> list[AnyEvent]:
    """Return everything recorded on the way."""
    lane, recorded = Lane(), list[AnyEvent]()
    for uptime, signal in lines:
        lane, commands = passage.step(lane, cast("AnySignal", signal), at(uptime), habits)
        recorded += [event for one in commands if isinstance(one, Record) for event in one.events]
    return recorded


IN = [(10.0, SCANNED), (10.1, let_in())]


def test_a_scan_is_judged_then_pulsed_then_passed() -> None:
    assert walk((10.0, SCANNED))[1] == [Judge(SCANNED.scan, assume=False)]
    lane, commands = walk(*IN)
    assert commands == [Do.PULSE, Show(SHOWN)]
    assert passage.due(lane, HABITS) == pytest.approx(16.1)
    lane, commands = walk(*IN, (11.0, Signal.PASSED))
    assert lane.state is State.CLOSED
    assert commands == [
        Record((Pulsed(admission=A, person=1), Passed(admission=A, person=1))),
        EndScan(b"scan A"),
        Show(notice.IDLE),
    ]


def test_a_refusal_closes() -> None:
    no = notice.PLEASE_WAIT
    lane, commands = walk((10.0, SCANNED), (10.1, Refused(no)))
    assert lane.state is State.CLOSED
    assert commands == [Show(no)]


def test_nobody_walks_through() -> None:
    assert events(*IN, (16.1, Signal.DUE)) == [Abandoned(admission=A, person=1)]
    assert events(*IN, (16.0, Signal.DUE)) == []


@pytest.mark.parametrize(
    ("uptime", "expected"), [(19.0, PassedLate(admission=A, person=1)), (19.1, Forced())]
)
def test_late_is_three_seconds(uptime: float, expected: AnyEvent) -> None:
    said = events(*IN, (16.1, Signal.DUE), (uptime, Signal.PASSED))
    assert said == [Abandoned(admission=A, person=1), expected]


def test_late_only_once_and_not_while_another_is_let_in() -> None:
    late = [*IN, (16.1, Signal.DUE), (17.0, Signal.PASSED), (17.5, Signal.PASSED)]
    assert events(*late)[1:] == [PassedLate(admission=A, person=1), Forced()]
    other = Authorised(Admission(b"other", C), SHOWN)
    after = [*IN, (16.1, Signal.DUE), (17.0, Scanned(code(C))), (17.1, other)]
    assert events(*after, (17.5, Signal.PASSED))[-1] == Passed(admission=b"other", person=1)


@pytest.mark.parametrize(("uptime", "expected"), [(13.9, Tailgated()), (14.0, Forced())])
def test_whoever_comes_close_behind_is_a_tailgater(uptime: float, expected: AnyEvent) -> None:
    assert events(*IN, (11.0, Signal.PASSED), (uptime, Signal.PASSED))[-1] == expected


def test_one_visitor_waits_and_is_judged_when_the_lane_is_free() -> None:
    waiting = [*IN, (11.0, Scanned(code(B)))]
    assert walk(*waiting)[1] == []
    assert walk(*waiting, (11.5, Scanned(code(B))))[1] == []
    assert walk(*waiting, (11.5, Scanned(code(C))))[1] == [Show(notice.PLEASE_WAIT)]
    assert walk(*waiting, (12.0, Signal.PASSED))[1][-1] == Judge(code(B), assume=False)
    assert walk(*waiting, (14.0, Signal.DUE))[1] == [Show(notice.PLEASE_WAIT)]
    assert (
        Judge(code(B), assume=False)
        not in walk(*waiting, (14.0, Signal.DUE), (14.5, Signal.PASSED))[1]
    )


def test_whoever_has_waited_until_the_lane_is_free_is_judged_and_not_told_to_wait() -> None:
    """Else "please wait" would be gone in the moment it is shown, and nobody be judged."""
    closes = passage.due(walk(*IN)[0], HABITS)
    assert closes is not None
    waiting = [*IN, (closes - HABITS.patience_seconds, Scanned(code(B)))]
    lane, _ = walk(*waiting)
    assert lane.pending
    assert lane.pending.deadline == lane.deadline == closes
    assert walk(*waiting, (closes, Signal.DUE))[1][-1] == Judge(code(B), assume=False)
    sooner = [*IN, (closes - HABITS.patience_seconds - 0.25, Scanned(code(B)))]
    assert walk(*sooner, (closes, Signal.DUE))[1] == [Show(notice.PLEASE_WAIT)], "told first"


def test_the_same_scan_is_never_judged_twice() -> None:
    """A fast reader repeats itself while the verdict is still being written."""
    assert walk((10.0, SCANNED), (10.0, SCANNED))[1] == []
    lane, _ = walk(*IN, (10.2, SCANNED))
    assert lane.pending is None
    assert walk((10.0, SCANNED), (10.1, Refused(SHOWN)), (10.2, SCANNED))[1] == []


def test_a_group_is_called_one_by_one_with_a_gap() -> None:
    group = [(10.0, SCANNED), (10.0, let_in(3))]
    lane, commands = walk(*group, (10.2, Signal.PASSED))
    assert Do.PULSE not in commands
    assert passage.due(lane, HABITS) == pytest.approx(10.8)
    assert walk(*group, (10.2, Signal.PASSED), (10.8, Signal.DUE))[1] == [Do.PULSE]
    assert Do.PULSE in walk(*group, (11.0, Signal.PASSED))[1]
    assert Show(notice.go(2)) in walk(*group, (11.0, Signal.PASSED))[1]


def test_a_group_gets_back_exactly_who_did_not_walk() -> None:
    said = events((10.0, SCANNED), (10.0, let_in(3)), (11.0, Signal.PASSED), (17.0, Signal.DUE))
    assert said[-1] == Abandoned(admission=A, person=2, count=2)


def test_a_person_ahead_of_the_pulse_was_not_pulsed() -> None:
    said = events((10.0, SCANNED), (10.0, let_in(3)), (10.2, Signal.PASSED), (10.4, Signal.PASSED))
    assert said == [
        Pulsed(admission=A, person=1),
        Passed(admission=A, person=1),
        Passed(admission=A, person=2),
    ]


BOARD_COUNTS = Habits(board_counts=True)


def test_a_board_that_counts_is_held_for_a_group() -> None:
    group = [(10.0, SCANNED), (10.0, let_in(2))]
    assert walk(*group, habits=BOARD_COUNTS)[1][0] is Do.HOLD
    after = walk(*group, (11.0, Signal.PASSED), (12.0, Signal.PASSED), habits=BOARD_COUNTS)
    assert after[1][0] is Do.LET_GO
    assert walk(*group, (16.0, Signal.DUE), habits=BOARD_COUNTS)[1][0] is Do.LET_GO
    fire = events(*group, (11.0, Signal.FIRE), habits=BOARD_COUNTS)
    assert [type(event) for event in fire] == [Uncertain, Uncertain, Released]


def test_a_board_that_counts_is_not_held_for_persons_it_does_not_see() -> None:
    """With a sensor nobody believes, nothing would ever say that the group is through."""
    lines = [(10.0, SCANNED), (10.0, let_in(2, assumed=True))]
    assert walk(*lines, habits=BOARD_COUNTS)[1] == [Do.PULSE, Show(SHOWN)]
    assert walk(*lines, (13.0, Signal.DUE), habits=BOARD_COUNTS)[1] == [Do.PULSE]
    lane, commands = walk(*lines, (13.0, Signal.DUE), (16.0, Signal.DUE), habits=BOARD_COUNTS)
    assert lane.state is State.CLOSED
    assert Do.LET_GO not in commands


def test_free_passage_is_held_and_never_pulsed() -> None:
    free = (9.0, ModeSet(Mode.FREE_PASS, "key"))
    assert walk(free)[1] == [
        Record((ModeChanged(mode=Mode.FREE_PASS, by="key"),)),
        Do.HOLD,
        Show(notice.FREE),
    ]
    assert walk(free, (10.0, SCANNED))[1] == [Show(notice.FREE)]
    heads = [free, (10.0, Signal.PASSED), (11.0, Signal.PASSED)]
    ended = walk(*heads, (12.0, ModeSet(Mode.NORMAL, "key")))[1]
    changed = ModeChanged(mode=Mode.NORMAL, by="key", heads=2)
    assert ended == [Record((changed,)), Do.LET_GO, Show(notice.IDLE)]
    during = [(10.0, SCANNED), (10.0, ModeSet(Mode.FREE_PASS, "key")), (10.1, let_in(2))]
    assert Do.PULSE not in walk(*during)[1]
    assert Do.PULSE not in walk(*during, (12.0, Signal.PASSED))[1]


def test_free_passage_goes_on_when_a_held_group_is_through() -> None:
    lines = [(10.0, SCANNED), (10.0, let_in(2)), (10.5, ModeSet(Mode.FREE_PASS, "key"))]
    lines += [(11.0, Signal.PASSED), (12.0, Signal.PASSED)]
    assert Do.LET_GO not in walk(*lines, habits=BOARD_COUNTS)[1]


@pytest.mark.parametrize(
    "before",
    [
        [],
        [(10.0, SCANNED)],
        IN,
        [(9.0, ModeSet(Mode.OUT_OF_SERVICE, "key"))],
        [(9.0, Signal.NOT_READY)],
        [(9.0, OpenOnce("key"))],
    ],
)
def test_fire_comes_first_and_is_shown_first(before: list[Line]) -> None:
    lane, commands = walk(*before, (11.0, Signal.FIRE))
    assert lane.state is State.RELEASED
    assert commands[0] == Show(notice.EVACUATE)
    assert passage.is_open(lane)


def test_fire_counts_heads_and_says_what_nobody_can_know() -> None:
    said = events(
        *IN,
        (11.0, Signal.FIRE),
        (12.0, Signal.PASSED),
        (13.0, Signal.PASSED),
        (60.0, Signal.SECURED),
    )
    assert said == [
        Uncertain(admission=A, person=1, why="fire"),
        Released(),
        Secured(heads=2),
    ]


def test_who_flees_the_other_way_is_a_head_too() -> None:
    """Found by seed 12 of the simulated venue: of ten who fled from a gate one was told."""
    fire = [(11.0, Signal.FIRE), (12.0, Signal.PASSED_OPPOSITE), (13.0, Signal.PASSED)]
    assert events(*fire, (60.0, Signal.SECURED)) == [Released(), Secured(heads=2)]


def test_fire_before_the_answer_leaves_no_person_without_an_outcome() -> None:
    said = events((10.0, SCANNED), (10.1, Signal.FIRE), (10.2, let_in(2)))
    assert said[1:] == [
        Uncertain(admission=A, person=1, why="fire"),
        Abandoned(admission=A, person=2),
    ]


def test_heads_are_said_once() -> None:
    said = events(
        (8.0, ModeSet(Mode.FREE_PASS, "key")),
        (9.0, Signal.FIRE),
        (10.0, Signal.PASSED),
        (11.0, ModeSet(Mode.NORMAL, "key")),
        (12.0, Signal.SECURED),
    )
    assert said[-2:] == [ModeChanged(mode=Mode.NORMAL, by="key"), Secured(heads=1)]


def test_heads_of_a_free_passage_outlive_a_fire() -> None:
    """Found by seed 15 of the simulated venue, in flames: they were forgotten when fire came."""
    lines = [(8.0, ModeSet(Mode.FREE_PASS, "key")), (9.0, Signal.PASSED), (10.0, Signal.FIRE)]
    lines += [(11.0, Signal.PASSED), (12.0, Signal.PASSED)]
    after = [(14.0, Signal.PASSED), (15.0, ModeSet(Mode.NORMAL, "key"))]
    ended = ModeChanged(mode=Mode.NORMAL, by="key", heads=2)
    assert events(*lines, (13.0, Signal.SECURED), *after)[-2:] == [Secured(heads=2), ended]
    early = events(*lines, (13.0, ModeSet(Mode.NORMAL, "key")), (14.0, Signal.SECURED))
    assert early[-2:] == [ModeChanged(mode=Mode.NORMAL, by="key", heads=1), Secured(heads=2)]


def test_leave_now_is_not_covered_by_what_the_board_says() -> None:
    assert walk((9.0, Signal.FIRE), (9.1, Signal.NOT_READY))[1] == []
    assert walk((9.0, Signal.FIRE), (9.1, Signal.READY))[1] == []
    assert walk(*IN, (10.5, Signal.NOT_READY))[1] == []


def test_the_gap_after_a_pulse_outlives_a_fire() -> None:
    lines = [*IN, (10.2, Signal.FIRE), (10.3, Signal.SECURED), (10.4, OpenOnce("key"))]
    lane, commands = walk(*lines)
    assert Do.PULSE not in commands
    assert passage.due(lane, HABITS) == pytest.approx(10.9)


def test_a_board_that_is_not_ready_admits_nobody() -> None:
    assert walk((9.0, Signal.NOT_READY))[1] == [Show(notice.OUT_OF_SERVICE)]
    assert walk((9.0, Signal.NOT_READY), (10.0, SCANNED))[1] == [Show(notice.OUT_OF_SERVICE)]
    assert walk((9.0, Signal.NOT_READY), (9.5, Signal.READY))[1] == [Show(notice.IDLE)]


def test_opened_by_hand() -> None:
    opened = (10.0, OpenOnce("key", "wheelchair"))
    commands = walk(opened)[1]
    record = Record((OpenedByHand(by="key", why="wheelchair"),))
    assert commands == [record, Do.PULSE, Show(notice.go(1))]
    assert events(opened, (11.0, Signal.PASSED)) == list(record.events)
    assert walk(opened, (16.0, Signal.DUE))[0].state is State.CLOSED
    assert walk(*IN, (10.2, OpenOnce("key", "wheelchair")))[1] == [record]


NOBODY = [
    line
    for n in range(3)
    for line in (
        (10.0 + 10 * n, Scanned(code(bytes([n])))),
        (10.0 + 10 * n, Authorised(Admission(bytes([n]), bytes([n])), SHOWN)),
        (16.0 + 10 * n, Signal.DUE),
    )
]


def test_three_in_a_row_make_a_sensor_suspect() -> None:
    assert events(*NOBODY)[-1] == SensorFault(
        suspect=True, why="three in a row did not walk through"
    )
    assert walk(*NOBODY, (50.0, SCANNED))[1] == [Judge(SCANNED.scan, assume=True)]
    back = [*NOBODY, (50.0, Signal.PASSED)]
    assert events(*back)[-2:] == [SensorFault(suspect=False), Forced()]
    assert walk(*back, (51.0, SCANNED))[1] == [Judge(SCANNED.scan, assume=False)]


def test_a_passage_in_between_shows_that_the_sensor_works() -> None:
    broken = [*NOBODY[:6], (29.0, OpenOnce("key")), (29.5, Signal.PASSED), *NOBODY[6:]]
    assert not [event for event in events(*broken) if isinstance(event, SensorFault)]


def test_a_suspect_lane_that_closes_says_so() -> None:
    closing = replace(HABITS, when_suspect=WhenSuspect.CLOSE)
    assert walk(*NOBODY, habits=closing)[1][-1] == Show(notice.OUT_OF_SERVICE)
    assert walk(*NOBODY, (50.0, SCANNED), habits=closing)[1] == [Show(notice.OUT_OF_SERVICE)]
    stuck = [(10.0, Signal.BEAM_BROKEN), (20.0, Signal.DUE)]
    assert walk(*stuck, habits=closing)[1][-1] == Show(notice.OUT_OF_SERVICE)
    again = walk(*stuck, (30.0, Signal.BEAM_CLEAR), habits=closing)[1]
    assert again == [Record((SensorFault(suspect=False),)), Show(notice.IDLE)]


LOST, FOUND = Signal.CONTACT_LOST, Signal.CONTACT_FOUND
UNCERTAIN = Uncertain(admission=A, person=1, why="nobody looked at the pass contact meanwhile")


@pytest.mark.parametrize(
    "before",
    [
        [*IN, (11.0, Signal.UNSEEN)],
        [*IN, (11.0, LOST)],
        [*IN, (11.0, LOST), (11.5, FOUND)],
        [(10.0, SCANNED), (10.05, LOST), (10.1, let_in())],
    ],
)
def test_whom_nobody_could_have_seen_walk_is_not_given_back(before: list[Line]) -> None:
    assert events(*before, (17.0, Signal.DUE)) == [UNCERTAIN]
    late = PassedLate(admission=A, person=1)
    assert events(*before, (17.0, Signal.DUE), (18.0, Signal.PASSED)) == [UNCERTAIN, late]


@pytest.mark.parametrize("looked_away", [[(9.0, Signal.UNSEEN)], [(8.0, LOST), (9.0, FOUND)]])
def test_what_nobody_saw_before_it_opened_is_no_doubt(looked_away: list[Line]) -> None:
    assert events(*looked_away, *IN, (17.0, Signal.DUE)) == [Abandoned(admission=A, person=1)]


def test_of_a_group_that_nobody_watched_only_the_one_in_flight_is_uncertain() -> None:
    lines = [(10.0, SCANNED), (10.1, let_in(3)), (11.0, Signal.PASSED), (12.0, Signal.UNSEEN)]
    assert events(*lines, (20.0, Signal.DUE))[2:] == [
        Uncertain(admission=A, person=2, why=UNCERTAIN.why),
        Abandoned(admission=A, person=3),
    ]
    counts = replace(HABITS, board_counts=True)
    assert events(*lines, (20.0, Signal.DUE), habits=counts)[1:] == [
        Uncertain(admission=A, person=person, why=UNCERTAIN.why) for person in (2, 3)
    ]


def test_whom_nobody_watched_says_nothing_of_the_sensor() -> None:
    lines: list[Line] = []
    for turn in range(3):
        start = 10.0 + 20 * turn
        scan = Scanned(code(b"scan %d" % turn))
        lines += [(start, scan), (start + 0.1, let_in()), (start + 1.0, Signal.UNSEEN)]
        lines += [(start + 8.0, Signal.DUE)]
    assert not walk(*lines)[0].suspect


def test_a_lane_whose_contact_is_lost_assumes_that_everybody_walks() -> None:
    assert walk((9.0, LOST), (10.0, SCANNED))[1] == [Judge(SCANNED.scan, assume=True)]
    assert walk((8.0, LOST), (9.0, FOUND), (10.0, SCANNED))[1] == [
        Judge(SCANNED.scan, assume=False)
    ]


@pytest.mark.parametrize(
    ("lost", "found", "habits"),
    [
        (LOST, FOUND, replace(HABITS, when_suspect=WhenSuspect.CLOSE)),
        (Signal.RELAY_LOST, Signal.RELAY_FOUND, HABITS),
        (Signal.RELAY_LOST, Signal.RELAY_FOUND, replace(HABITS, sensor=False)),
    ],
)
def test_a_lane_that_cannot_open_or_may_not_go_on_blindly_asks_nobody_in(
    lost: Signal, found: Signal, habits: Habits
) -> None:
    closed = Show(notice.OUT_OF_SERVICE)
    assert walk((9.0, lost), habits=habits)[1] == [closed]
    assert walk((9.0, lost), (10.0, SCANNED), habits=habits)[1] == [closed]
    assert walk((9.0, lost), (10.0, found), habits=habits)[1] == [Show(notice.IDLE)]
    lane, _ = walk((9.0, SCANNED), (9.1, lost), habits=habits)
    assert not passage.wants(lane, SCANNED.scan, habits)


def test_a_relay_stays_lost_through_a_fire() -> None:
    lane, _ = walk((9.0, Signal.RELAY_LOST), (10.0, Signal.FIRE), (20.0, Signal.SECURED))
    assert passage.resting(lane, HABITS) is notice.OUT_OF_SERVICE


def test_assumed_persons_are_called_by_time() -> None:
    unsensed = Habits(sensor=False)
    lines = [(10.0, SCANNED), (10.0, let_in(2, assumed=True))]
    assert walk(lines[0], habits=unsensed)[1] == [Judge(SCANNED.scan, assume=True)]
    assert walk(*lines, (13.0, Signal.DUE), habits=unsensed)[1] == [Do.PULSE]
    assert events(*lines, (13.0, Signal.DUE), (16.0, Signal.DUE), habits=unsensed) == []


EXIT = Habits(free=True)


def test_an_exit_counts_and_never_asks() -> None:
    assert walk((10.0, SCANNED), habits=EXIT)[1] == [Show(notice.EXIT)]
    assert events((10.0, Signal.PASSED), habits=EXIT) == [Left()]
    by_hand = [(10.0, OpenOnce("key")), (11.0, Signal.PASSED)]
    assert events(*by_hand, habits=EXIT)[-1] == Left()
    shown = [one for one in walk(by_hand[0], habits=EXIT)[1] if isinstance(one, Show)]
    assert shown == [Show(notice.EXIT)], "nobody is asked in"


def test_the_other_way() -> None:
    assert events((10.0, Signal.PASSED_OPPOSITE)) == [WrongWay()]
    assert events((10.0, Signal.PASSED_OPPOSITE), habits=Habits(free_opposite=True)) == [Left()]


def test_what_a_dead_lane_leaves() -> None:
    persons = [(A, 2), (A, 3), (B, 1)]
    assert unresolved(persons, False, "power") == (
        Uncertain(admission=A, person=2, why="power"),
        Abandoned(admission=A, person=3),
        Uncertain(admission=B, person=1, why="power"),
    )
    assert all(isinstance(event, Uncertain) for event in unresolved(persons, True, "power"))
    assert unresolved([], False, "power") == ()
