"""Every state a lane can get into × every signal, and what must hold after each.

The states are found by trying (see `tools/lane_states.py`): some thousand for each kind of lane in
every run, up to a million at night.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import pytest

from edge.core import notice, passage
from edge.core.lane import (
    AnySignal,
    Authorised,
    CalledOff,
    CalledOffBy,
    CardShown,
    Command,
    Do,
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
from rules.zone import CardDoes, StaffCard
from tools.explore import Move, explore
from tools.lane_states import BRIEF, SHOWN, at, code, lane_moves
from wire.event import (
    Abandoned,
    AnyEvent,
    Mode,
    ModeChanged,
    Passed,
    PassedLate,
    Pulsed,
    Secured,
    Uncertain,
)

KINDS = {
    "sensor": BRIEF,
    "no sensor": replace(BRIEF, sensor=False),
    "free": replace(BRIEF, free=True, free_opposite=True),
    "board counts": replace(BRIEF, board_counts=True),
    "suspect closes": replace(BRIEF, when_suspect=WhenSuspect.CLOSE),
    "both": replace(BRIEF, board_counts=True, when_suspect=WhenSuspect.CLOSE),
}
EVERY_RUN, EVERY_NIGHT = 1500, 10**6
LaneMove = Move[Lane, Command]
Person = tuple[bytes, int]


def moves(habits: Habits, states_max: int = EVERY_RUN) -> Iterator[LaneMove]:
    return explore(Lane(), lambda lane: lane_moves(lane, habits), states_max)


@cache
def states(habits: Habits) -> frozenset[Lane]:
    return frozenset(move.settled for move in moves(habits))


def events(move: LaneMove) -> list[AnyEvent]:
    return [event for one in move.commands if isinstance(one, Record) for event in one.events]


def in_flight(lane: Lane) -> set[Person]:
    """Return whom an outcome must still follow for."""
    admission = lane.admission
    if admission is None or admission.assumed:
        return set()
    return {(admission.admission, n) for n in range(lane.person, admission.last + 1)}


def committed(move: LaneMove) -> set[Person]:
    """Return whom the move itself brought in."""
    match move.told:
        case Authorised(admission) if not admission.assumed:
            return {(admission.admission, n) for n in range(admission.first, admission.last + 1)}
    return set()


def held(lane: Lane, habits: Habits) -> bool:
    """Return whether the contact is to be held: it stays open, or the board counts a group."""
    admission = lane.admission
    if lane.state is State.RELEASED:
        return False
    group = admission and admission.last > admission.first and not admission.assumed
    opens = lane.mode in (Mode.FREE_PASS, Mode.HELD_OPEN)
    return opens or bool(group and habits.board_counts)


def check_outcomes(move: LaneMove) -> None:
    """Every person authorised gets exactly one outcome, or is still on the way."""
    given: Counter[Person] = Counter()
    for event in events(move):
        if isinstance(event, Passed | Abandoned | Uncertain):
            for person in range(event.person, event.person + event.count):
                given[(event.admission, person)] += 1
        if isinstance(event, PassedLate):
            late = move.before.late
            assert late
            assert (event.admission, event.person) == (late.admission, late.person)
            assert move.now < late.until
            assert move.after.late is None
        if isinstance(event, Pulsed):
            assert (event.admission, event.person) in in_flight(move.before)
    assert all(times == 1 for times in given.values())
    assert set(given).isdisjoint(in_flight(move.after))
    assert set(given) | in_flight(move.after) == in_flight(move.before) | committed(move)


def check_seen(move: LaneMove, habits: Habits) -> None:
    """Whom nobody could have seen walk is not given back; where nothing opens nobody is judged."""
    before, after = move.before, move.after
    if move.told in (Signal.CONTACT_LOST, Signal.CONTACT_FOUND):
        assert after.blind is (move.told is Signal.CONTACT_LOST)
        assert not events(move)
    else:
        assert after.blind is before.blind
    told = move.told in (Signal.RELAY_LOST, Signal.RELAY_FOUND)
    assert after.relay_lost is (move.told is Signal.RELAY_LOST if told else before.relay_lost)
    if after.relay_lost and after.judged:
        assert not passage.wants(after, after.judged, habits)
    if after.state is State.OPENED:
        missed = move.told in (Signal.UNSEEN, Signal.CONTACT_LOST)
        kept = before.state is State.OPENED and before.unseen
        assert after.unseen is (kept or missed or after.blind)
    else:
        assert not after.unseen
    if before.unseen and move.told is Signal.DUE:
        back = [one.person for one in events(move) if isinstance(one, Abandoned)]
        assert before.person not in back
        group = before.admission is not None and before.admission.last > before.admission.first
        assert not (back and habits.board_counts and group)
    for judged in (one for one in move.commands if isinstance(one, Judge)):
        assert judged.assume or not before.blind
        assert not before.relay_lost, "nothing would open, and the use would be gone"


def check_output(move: LaneMove, habits: Habits) -> None:
    """No pulse but for somebody let in, none too early or while held; what is held is let go."""
    does = [one for one in move.commands if isinstance(one, Do)]
    if Do.PULSE in does:
        assert does == [Do.PULSE]
        assert move.after.state is State.OPENED
        assert not held(move.after, habits)
        assert move.now >= move.before.pulse_until
        assert move.after.pulse_until == move.now + habits.pulse_seconds + habits.gap_seconds
        opened = isinstance(move.told, Authorised | OpenOnce)
        assert opened or move.before.state is State.OPENED
    assert move.after.pulse_until >= move.before.pulse_until, "the gap after a pulse is forgotten"
    closed = held(move.before, habits)
    for one in does:
        if one is not Do.PULSE:
            assert (one is Do.HOLD) is not closed, "held twice, or let go twice"
            closed = one is Do.HOLD
    assert closed is held(move.after, habits)


def check_judging(move: LaneMove) -> None:
    """A scan is judged once, one at a time, and by a lane that is in service."""
    judged = [one for one in move.commands if isinstance(one, Judge)]
    assert len(judged) <= 1
    starts = move.after.state is State.JUDGING and move.before.judged is None
    assert bool(judged) >= starts
    if judged:
        assert move.after.state is State.JUDGING
        assert judged[0].scan.scan != move.before.decided
        assert move.after.decided == judged[0].scan.scan
        assert move.before.mode not in (Mode.OUT_OF_SERVICE, Mode.LOCKED)
    answered = isinstance(move.told, Authorised | Refused | CalledOff)
    if move.before.state is State.JUDGING and move.after.state is not State.JUDGING:
        assert answered or isinstance(move.told, OpenOnce) or move.told is Signal.FIRE
    if move.before.judged and not answered:
        assert not judged, "asked for while an answer is to come"
        assert move.after.judged == move.before.judged
        assert move.after.decided == move.before.decided, "its answer is forgotten"
    if answered and not judged:
        assert move.after.judged is None


def check_called_off(move: LaneMove, habits: Habits) -> None:
    """Whoever is not wanted any more is not let in, and stays unwanted."""
    before, after = move.before, move.after
    answered = isinstance(move.told, Authorised | Refused | CalledOff)
    if before.judged and not answered:
        closes = isinstance(move.told, ModeSet) and after.mode is not Mode.NORMAL and events(move)
        by_hand = isinstance(move.told, OpenOnce) and after.state is not before.state
        calls = closes or by_hand or move.told is Signal.FIRE
        assert (after.called_off is None) == (before.called_off is None and not calls)
        if after.called_off or not after.ready:
            assert not passage.wants(after, before.judged, habits)
        if move.told is Signal.FIRE:
            assert after.called_off is CalledOffBy.FIRE
    undoes = before.called_off or before.state is not State.JUDGING
    match move.told:
        case Authorised(admission) if undoes and not admission.assumed:
            assert after.admission is before.admission
            assert not any(isinstance(one, Do) for one in move.commands)
            fire = before.called_off in (None, CalledOffBy.FIRE)
            uncertain = any(isinstance(one, Uncertain) for one in events(move))
            assert uncertain is fire, "only fire leaves it open who went"
        case CalledOff():
            assert not events(move)
            assert after.admission is before.admission
            kept = before.called_off is CalledOffBy.HAND
            assert after.state is State.JUDGING or after.decided == before.decided * kept


def check_mode(move: LaneMove, habits: Habits) -> None:
    """A mode changes by somebody's word or at its hour, each time with a row; no exit is locked."""
    before, after = move.before, move.after
    rows = [one for one in events(move) if isinstance(one, ModeChanged)]
    if (before.mode, before.mode_until) != (after.mode, after.mode_until):
        assert [row.mode for row in rows] == [after.mode]
        if isinstance(move.told, ModeSet):
            assert (rows[0].by, after.mode, after.mode_until) == (
                move.told.by,
                move.told.mode,
                move.told.until,
            )
        else:
            assert move.told is Signal.DUE
            assert before.mode_until is not None
            assert before.mode_until <= move.now
            assert (rows[0].by, after.mode, after.mode_until) == ("time-out", Mode.NORMAL, None)
    else:
        assert not rows
    if after.mode is Mode.LOCKED:
        assert not habits.free
        assert before.mode is Mode.LOCKED or before.state is not State.RELEASED


def check_beacon(move: LaneMove) -> None:
    """It is seen where nobody needs the panel, and ends when it was said to."""
    shows = [one.notice for one in move.commands if isinstance(one, Show)]
    beacon = move.after.beacon
    if notice.HERE in shows:
        assert shows == [notice.HERE]
        assert move.after.state is State.CLOSED
        assert beacon
        assert beacon.lit
    if move.told is Signal.FIRE or move.after.state is State.RELEASED:
        assert beacon is None
    if beacon and move.told is Signal.DUE and beacon != move.before.beacon:
        assert beacon.until > move.now


def check_words(move: LaneMove, habits: Habits) -> None:
    """Whoever must leave is told nothing else; a lane at rest says what it is."""
    shows = [one.notice for one in move.commands if isinstance(one, Show)]
    if move.after.state is State.RELEASED:
        assert set(shows) <= {notice.EVACUATE}
        assert move.before.state is State.RELEASED or shows
    if move.told in (Signal.READY, Signal.NOT_READY) and move.after.state is not State.CLOSED:
        assert not shows
    if move.after.state is State.CLOSED:
        before, after = (passage.resting(one, habits) for one in (move.before, move.after))
        came_to_rest = move.before.state is not State.CLOSED
        if (before != after or came_to_rest) and not isinstance(move.told, Refused):
            assert shows[-1] == after


def check_heads(move: LaneMove) -> None:
    """Whoever walks where nobody is asked for a ticket is counted, and told of once."""
    before, after = move.before, move.after
    told = sum(one.heads for one in events(move) if isinstance(one, ModeChanged | Secured))
    came = after.heads + after.heads_before + told - before.heads - before.heads_before
    released = before.state is State.RELEASED
    free = before.stays_open and before.admission is None
    walked = move.told is Signal.PASSED and (released or free)
    assert came == (walked or (move.told is Signal.PASSED_OPPOSITE and released))


def check_shape(move: LaneMove, habits: Habits) -> None:
    """A state says nothing that it does not mean."""
    lane = move.after
    if lane.judged is None:
        assert lane.state is not State.JUDGING
        assert lane.called_off is None
    else:
        assert lane.state is not State.CLOSED, "closed, it would judge another beside it"
        assert lane.admission is None
        assert lane.called_off or lane.state is State.JUDGING
    assert lane.admission is None or lane.state is State.OPENED
    assert lane.pending is None or lane.state in (State.JUDGING, State.OPENED)
    assert (lane.deadline is None) == (lane.pulse_at is not None or lane.state is not State.OPENED)
    due = passage.due(lane, habits)
    assert due is None or due >= 0.0
    was = move.before.pending
    if was and lane.pending and was.scan == lane.pending.scan:
        assert was.deadline == lane.pending.deadline, "whoever waits is told to at their hour"
    if move.told is Signal.FIRE:
        assert lane.state is State.RELEASED
    if move.before.state is State.RELEASED:
        assert lane.state is State.RELEASED or move.told is Signal.SECURED
    if move.told is Signal.DUE:
        assert lane != move.before or due is None or due > move.now


@pytest.mark.parametrize(
    "states_max",
    [EVERY_RUN, pytest.param(EVERY_NIGHT, marks=[pytest.mark.nightly, pytest.mark.timeout(3600)])],
)
@pytest.mark.parametrize("kind", KINDS)
def test_every_signal_in_every_state(kind: str, states_max: int) -> None:
    habits = KINDS[kind]
    reached, tried = set[State](), set[str]()
    for move in moves(habits, states_max):
        try:
            check_outcomes(move)
            check_seen(move, habits)
            check_output(move, habits)
            check_judging(move)
            check_called_off(move, habits)
            check_mode(move, habits)
            check_beacon(move)
            check_words(move, habits)
            check_heads(move)
            check_shape(move, habits)
        except AssertionError as error:
            error.add_note(f"{move.before}\n  + {move.told} at {move.now}\n  = {move.after}")
            error.add_note(f"  {move.commands}")
            raise
        reached.add(move.after.state)
        tried.add(move.label)
    assert State.RELEASED in reached
    assert State.OPENED in reached
    assert tried >= {signal.value for signal in Signal if signal is not Signal.DUE}
    assert tried >= {mode.value for mode in Mode} | {"identify", "free-pass until"}


def drain(lane: Lane, now: float, habits: Habits) -> tuple[Lane, float]:
    """Give DUE whenever something is due; refuse whoever is judged."""
    for _ in range(30):
        if lane.state is State.JUDGING:
            lane, _ = passage.step(lane, Refused(SHOWN), at(now), habits)
        due = passage.due(lane, habits)
        if due is None and lane.state is not State.JUDGING:
            return lane, now
        if due is not None:
            now = max(now, due)
            lane, _ = passage.step(lane, Signal.DUE, at(now), habits)
    raise AssertionError("a deadline that is never over")


@pytest.mark.parametrize("kind", KINDS)
def test_left_alone_every_lane_closes(kind: str) -> None:
    habits = KINDS[kind]
    for lane in states(habits):
        end, _ = drain(lane, 0.0, habits)
        assert end.state is (State.RELEASED if lane.state is State.RELEASED else State.CLOSED), lane


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_due_nothing_done(kind: str) -> None:
    habits = KINDS[kind]
    for lane in states(habits):
        due = passage.due(lane, habits)
        if due is None or due > 0.0:
            assert passage.step(lane, Signal.DUE, at(0.0), habits) == (lane, []), lane


@pytest.mark.parametrize("kind", KINDS)
def test_much_too_late_is_not_too_late(kind: str) -> None:
    """A device that slept does everything that is due, and then nothing more."""
    habits = KINDS[kind]
    for lane in states(habits):
        now, times = 10_000.0, 0
        while (due := passage.due(lane, habits)) is not None and due <= now:
            lane, _ = passage.step(lane, Signal.DUE, at(now), habits)
            times += 1
            assert times < 10, lane


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "free"])
def test_staff_can_bring_every_lane_back(kind: str) -> None:
    """Whatever happened: reset, open once by hand, walk through, and the next ticket is judged."""
    habits = KINDS[kind]
    resets: list[AnySignal] = [Signal.SECURED, Signal.READY, ModeSet(Mode.NORMAL, "key")]
    sees = (Signal.RELAY_FOUND, Signal.CONTACT_FOUND, Signal.BEAM_CLEAR)
    for lane in states(habits):
        start, now = drain(lane, 0.0, habits)
        for signal in (*resets, *sees, OpenOnce("key"), Signal.PASSED):
            start, _ = passage.step(start, signal, at(now), habits)
        start, now = drain(start, now + 10.0, habits)
        _, commands = passage.step(start, Scanned(code(b"next")), at(now), habits)
        assert commands == [Judge(code(b"next"), not habits.sensor)], lane


BY = "card: Li"
CARDS: dict[CardDoes, tuple[AnySignal, Mode | None]] = {
    CardDoes.OPEN_ONCE: (OpenOnce(BY), None),
    CardDoes.FREE_PASS: (ModeSet(Mode.FREE_PASS, BY, 60.0), Mode.FREE_PASS),
    CardDoes.OUT_OF_SERVICE: (ModeSet(Mode.OUT_OF_SERVICE, BY), Mode.OUT_OF_SERVICE),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_staff_card_is_as_the_key_that_it_stands_for(kind: str) -> None:
    """Shown again it takes its mode back; where it is open it opens, and writes, nothing."""
    habits = KINDS[kind]
    for lane in states(habits):
        for does, (means, mode) in CARDS.items():
            shown = CardShown(StaffCard("Li", "0" * 64, does, 1.0))
            told = passage.step(lane, shown, at(0.0), habits)
            opened = lane.state in (State.OPENED, State.RELEASED) or lane.stays_open
            if does is CardDoes.OPEN_ONCE and opened:
                after, commands = told
                assert (after, [type(one) for one in commands]) == (lane, [Show]), lane
            elif lane.mode is mode:
                back = ModeSet(Mode.NORMAL, BY)
                assert told == passage.step(lane, back, at(0.0), habits), lane
            else:
                assert told == passage.step(lane, means, at(0.0), habits), lane
