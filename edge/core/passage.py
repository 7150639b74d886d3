"""One direction of one lane, from closed to closed.

CLOSED --scanned--> JUDGING --authorised--> OPENED --passed (the last person)--> CLOSED
                       |---refused--> CLOSED   |------time-out------------------> CLOSED
any state --fire--> RELEASED --secured--> CLOSED

The board opens on a pulse and closes by itself; the lane only says "one may pass" and counts.
Fire acts on the board by wire: RELEASED is what we observe and count, not what we do.

The use is committed by the shell, together with the verdict, before `Authorised` comes in here:
so no pulse is ever asked for without a durable row. Every person authorised gets exactly one
outcome. A lane whose sensor is missing, or no longer believed, assumes that everybody passed,
and the shell commits that in the same transaction.
"""

from dataclasses import dataclass, replace
from typing import assert_never

from edge.core import notice
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
    Late,
    ModeSet,
    OpenOnce,
    Pending,
    Record,
    Refused,
    Scanned,
    Show,
    Signal,
    State,
    WhenSuspect,
)
from edge.core.moment import Moment
from edge.core.notice import Notice
from edge.core.scan import Scan
from wire.event import (
    Abandoned,
    AnyEvent,
    Forced,
    Left,
    Mode,
    ModeChanged,
    Obstructed,
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

ABANDONED_IN_A_ROW_MAX = 3

Step = tuple[Lane, list[Command]]


@dataclass(frozen=True, slots=True)
class _At:
    """What every rule here needs to know besides the lane."""

    now: float
    habits: Habits


def step(lane: Lane, signal: AnySignal, now: Moment, habits: Habits) -> Step:
    """Return the lane after `signal`, and the commands to perform in order."""
    at = _At(now.uptime, habits)
    match signal:
        case Scanned(scan):
            return _scanned(lane, scan, at)
        case Authorised(admission, shown):
            return _authorised(lane, admission, shown, at)
        case Refused(shown):
            return _refused(lane, shown, at)
        case ModeSet(mode, by):
            return _mode_set(lane, mode, by, at)
        case OpenOnce(by, why):
            return _open_once(lane, by, why, at)
        case Signal():
            return _told(lane, signal, at)
        case _:
            assert_never(signal)


def due(lane: Lane, habits: Habits) -> float | None:
    """Return the uptime at which `Signal.DUE` is to be given next, or None."""
    times = [lane.deadline, lane.pulse_at]
    if lane.pending:
        times.append(lane.pending.deadline)
    if lane.beam_since is not None and not lane.suspect:
        times.append(lane.beam_since + habits.beam_seconds)
    return min((time for time in times if time is not None), default=None)


def is_open(lane: Lane) -> bool:
    """Whether somebody may walk through now."""
    return lane.state in (State.OPENED, State.RELEASED) or lane.mode is Mode.FREE_PASS


def resting(lane: Lane, habits: Habits) -> Notice:
    """Return what a lane shows when nothing is going on."""
    if lane.state is State.RELEASED:
        return notice.EVACUATE
    if lane.mode is Mode.FREE_PASS:
        return notice.FREE
    if not _serves(lane, habits):
        return notice.OUT_OF_SERVICE
    return notice.EXIT if habits.free else notice.IDLE


def unresolved(
    persons: list[tuple[bytes, int]], board_counts: bool, why: str
) -> tuple[AnyEvent, ...]:
    """Return the outcomes of (admission, person)s whose lane died or was released over them.

    Whoever was in flight is uncertain; those not yet called are given back. Where the board
    counts a group, nobody knows who is through: all are uncertain.
    """
    events: list[AnyEvent] = []
    called: set[bytes] = set()
    for admission, person in sorted(persons):
        if board_counts or admission not in called:
            events.append(Uncertain(admission=admission, person=person, why=why))
        else:
            events.append(Abandoned(admission=admission, person=person))
        called.add(admission)
    return tuple(events)


def _serves(lane: Lane, habits: Habits) -> bool:
    closed = lane.suspect and habits.when_suspect is WhenSuspect.CLOSE
    return lane.mode is not Mode.OUT_OF_SERVICE and lane.ready and not closed


def _told(lane: Lane, signal: Signal, at: _At) -> Step:
    match signal:
        case Signal.PASSED:
            return _passed(lane, at)
        case Signal.PASSED_OPPOSITE:
            way: AnyEvent = Left() if at.habits.free_opposite else WrongWay()
            return lane, [] if lane.state is State.RELEASED else [Record((way,))]
        case Signal.BEAM_BROKEN:
            return replace(lane, beam_since=at.now), []
        case Signal.BEAM_CLEAR:
            return _beam_clear(lane)
        case Signal.NOT_READY:
            return replace(lane, ready=False), [Show(notice.OUT_OF_SERVICE)]
        case Signal.READY:
            return replace(lane, ready=True), [Show(resting(lane, at.habits))]
        case Signal.FIRE:
            return _fire(lane, at)
        case Signal.SECURED:
            return _secured(lane, at)
        case Signal.DUE:
            return _due(lane, at)
        case _:
            assert_never(signal)


def _scanned(lane: Lane, scan: Scan, at: _At) -> Step:
    if lane.state is State.RELEASED or lane.mode is Mode.FREE_PASS or at.habits.free:
        return lane, [Show(resting(lane, at.habits))]
    match lane.state:
        case State.CLOSED:
            if not _serves(lane, at.habits):
                return lane, [Show(notice.OUT_OF_SERVICE)]
            assume = lane.suspect or not at.habits.sensor
            judging = replace(lane, state=State.JUDGING, judged=scan, pending=None)
            return judging, [Judge(scan, assume)]
        case State.JUDGING | State.OPENED:
            # One visitor may wait; whoever else comes is told to.
            if lane.pending is None:
                pending = Pending(scan, at.now + at.habits.patience_seconds)
                return replace(lane, pending=pending), []
            if lane.pending.scan.scan == scan.scan:
                return lane, []
            return lane, [Show(notice.PLEASE_WAIT)]
        case _:
            assert_never(lane.state)


def _authorised(lane: Lane, admission: Admission, shown: Notice, at: _At) -> Step:
    if lane.state is not State.JUDGING:
        # Fire came between the commit and this moment: nobody was called, nobody can be held.
        persons = [(admission.admission, n) for n in range(admission.first, admission.last + 1)]
        lost = () if admission.assumed else unresolved(persons, False, "fire")
        return lane, [Record(lost)] if lost else []
    opened = replace(
        lane,
        state=State.OPENED,
        judged=None,
        admission=admission,
        person=admission.first,
        late=None,
    )
    commands: list[Command] = [Show(shown)]
    if _holds_group(admission, at):
        return replace(opened, deadline=at.now + _wait(lane, at)), [Do.HOLD, *commands]
    opened, pulse = _call(opened, at)
    return opened, [*pulse, *commands]


def _call(lane: Lane, at: _At) -> Step:
    """Open for the next person, or as soon as the gap after the last pulse is over."""
    if at.now < lane.pulse_until:
        return replace(lane, pulse_at=lane.pulse_until, deadline=None), []
    until = at.now + at.habits.pulse_seconds + at.habits.gap_seconds
    called = replace(lane, pulse_at=None, pulse_until=until, deadline=at.now + _wait(lane, at))
    return called, [Do.PULSE]


def _wait(lane: Lane, at: _At) -> float:
    assumed = lane.admission is not None and lane.admission.assumed
    if assumed or not at.habits.sensor:
        return at.habits.unsensed_seconds
    return at.habits.window_seconds + at.habits.margin_seconds


def _holds_group(admission: Admission, at: _At) -> bool:
    return at.habits.board_counts and admission.last > admission.first


def _holds(lane: Lane, at: _At) -> bool:
    group = lane.admission is not None and _holds_group(lane.admission, at)
    return group or lane.mode is Mode.FREE_PASS


def _refused(lane: Lane, shown: Notice, at: _At) -> Step:
    if lane.state is not State.JUDGING:
        return lane, []
    return _close(lane, at, [Show(shown)])


def _close(lane: Lane, at: _At, commands: list[Command]) -> Step:
    """Close, and judge whoever has been waiting."""
    closed = replace(
        lane,
        state=State.CLOSED,
        judged=None,
        admission=None,
        person=0,
        deadline=None,
        pulse_at=None,
    )
    waiting = closed.pending
    if waiting is None:
        return closed, commands
    closed, more = _scanned(replace(closed, pending=None), waiting.scan, at)
    return closed, [*commands, *more]


def _passed(lane: Lane, at: _At) -> Step:
    trusted, regained = _trust(lane)
    passed = _count(trusted, at)
    return passed[0], [*regained, *passed[1]]


def _trust(lane: Lane) -> Step:
    """A passage seen is a sensor that works."""
    if lane.suspect and lane.beam_since is None:
        return replace(lane, suspect=False, abandoned=0), [Record((SensorFault(suspect=False),))]
    return replace(lane, abandoned=0), []


def _count(lane: Lane, at: _At) -> Step:
    if lane.state is State.RELEASED or (lane.mode is Mode.FREE_PASS and lane.admission is None):
        return replace(lane, heads=lane.heads + 1), []
    match lane.state:
        case State.OPENED:
            return _person_passed(lane, at)
        case State.CLOSED | State.JUDGING:
            if at.habits.free:
                return lane, [Record((Left(),))]
            late = lane.late
            if late and at.now < late.until and lane.state is State.CLOSED:
                event = PassedLate(admission=late.admission, person=late.person)
                return replace(lane, late=None), [Record((event,))]
            behind = at.now < lane.tail_until
            return lane, [Record((Tailgated() if behind else Forced(),))]
        case _:
            assert_never(lane.state)


def _person_passed(lane: Lane, at: _At) -> Step:
    admission, tail = lane.admission, at.now + at.habits.tail_seconds
    if admission is None:
        return _close(replace(lane, tail_until=tail), at, [Show(resting(lane, at.habits))])
    commands: list[Command] = []
    if not admission.assumed:
        # `pulsed` is awaited by nobody, so it rides along with the outcome.
        pulsed = Pulsed(admission=admission.admission, person=lane.person)
        outcome = Passed(admission=admission.admission, person=lane.person)
        commands.append(Record((pulsed, outcome)))
    if lane.person < admission.last:
        onward = replace(lane, person=lane.person + 1)
        left = admission.last - lane.person
        if at.habits.board_counts:
            held = replace(onward, deadline=at.now + _wait(lane, at))
            return held, [*commands, Show(notice.go(left))]
        onward, pulse = _call(onward, at)
        return onward, [*commands, *pulse, Show(notice.go(left))]
    if _holds_group(admission, at):
        commands.insert(0, Do.LET_GO)
    commands += [EndScan(admission.scan), Show(resting(lane, at.habits))]
    return _close(replace(lane, tail_until=tail, late=None), at, commands)


def _due(lane: Lane, at: _At) -> Step:
    """Do the first thing that is due; the shell asks again until nothing is."""
    if lane.pending and lane.pending.deadline <= at.now:
        return replace(lane, pending=None), [Show(notice.PLEASE_WAIT)]
    if lane.pulse_at is not None and lane.pulse_at <= at.now:
        return _call(replace(lane, pulse_at=None), at)
    stuck = lane.beam_since is not None and lane.beam_since + at.habits.beam_seconds <= at.now
    if stuck and not lane.suspect:
        fault = SensorFault(suspect=True, why="a beam stays broken")
        return replace(lane, suspect=True), [Record((Obstructed(), fault))]
    if lane.deadline is not None and lane.deadline <= at.now:
        return _timed_out(lane, at)
    return lane, []


def _timed_out(lane: Lane, at: _At) -> Step:
    admission = lane.admission
    if lane.state is not State.OPENED or admission is None:
        return _close(lane, at, [Show(resting(lane, at.habits))])
    if admission.assumed:
        if lane.person < admission.last:
            return _call(replace(lane, person=lane.person + 1), at)
        return _close(lane, at, [Show(resting(lane, at.habits))])
    back = admission.last - lane.person + 1
    given = Abandoned(admission=admission.admission, person=lane.person, count=back)
    events: tuple[AnyEvent, ...] = (given,)
    late = Late(admission.admission, lane.person, at.now + at.habits.late_seconds)
    # A group of which some walked through shows that the sensor works.
    in_a_row = lane.abandoned + 1 if lane.person == admission.first else 0
    suspect = lane.suspect or in_a_row >= ABANDONED_IN_A_ROW_MAX
    if suspect and not lane.suspect:
        events += (SensorFault(suspect=True, why="three in a row did not walk through"),)
    after = replace(lane, late=late, abandoned=in_a_row, suspect=suspect)
    commands: list[Command] = [Record(events)]
    if _holds_group(admission, at):
        commands.insert(0, Do.LET_GO)
    return _close(after, at, [*commands, Show(resting(after, at.habits))])


def _fire(lane: Lane, at: _At) -> Step:
    if lane.state is State.RELEASED:
        return lane, []
    events: tuple[AnyEvent, ...] = ()
    admission = lane.admission
    if lane.state is State.OPENED and admission and not admission.assumed:
        waiting = [(admission.admission, n) for n in range(lane.person, admission.last + 1)]
        events = unresolved(waiting, at.habits.board_counts, "fire")
    released = Lane(
        state=State.RELEASED,
        mode=lane.mode,
        ready=lane.ready,
        abandoned=lane.abandoned,
        suspect=lane.suspect,
        beam_since=lane.beam_since,
    )
    held: list[Command] = [Do.LET_GO] if _holds(lane, at) else []
    # Shown first: people are leaving, the record can follow.
    return released, [Show(notice.EVACUATE), *held, Record((*events, Released()))]


def _secured(lane: Lane, at: _At) -> Step:
    if lane.state is not State.RELEASED:
        return lane, []
    closed = replace(lane, state=State.CLOSED, heads=0)
    held: list[Command] = [Do.HOLD] if lane.mode is Mode.FREE_PASS else []
    return closed, [Record((Secured(heads=lane.heads),)), *held, Show(resting(closed, at.habits))]


def _mode_set(lane: Lane, mode: Mode, by: str, at: _At) -> Step:
    if mode is lane.mode:
        return lane, []
    changed = replace(lane, mode=mode, heads=lane.heads if lane.state is State.RELEASED else 0)
    heads = lane.heads if lane.mode is Mode.FREE_PASS else 0
    commands: list[Command] = [Record((ModeChanged(mode=mode, by=by, heads=heads),))]
    if mode is Mode.FREE_PASS and lane.state is not State.RELEASED:
        commands.append(Do.HOLD)
    elif lane.mode is Mode.FREE_PASS:
        commands.append(Do.LET_GO)
    if lane.state in (State.CLOSED, State.RELEASED):
        commands.append(Show(resting(changed, at.habits)))
    return changed, commands


def _open_once(lane: Lane, by: str, why: str, at: _At) -> Step:
    record = Record((OpenedByHand(by=by, why=why),))
    if lane.state is not State.CLOSED or lane.mode is Mode.FREE_PASS:
        return lane, [record]  # It is open, or about to be: never two at once.
    opened, pulse = _call(replace(lane, state=State.OPENED, admission=None, late=None), at)
    return opened, [record, *pulse, Show(notice.go(1))]


def _beam_clear(lane: Lane) -> Step:
    if lane.suspect and lane.beam_since is not None and lane.abandoned < ABANDONED_IN_A_ROW_MAX:
        believed = replace(lane, beam_since=None, suspect=False)
        return believed, [Record((SensorFault(suspect=False),))]
    return replace(lane, beam_since=None), []
