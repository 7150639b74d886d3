"""Who walks through an open lane, who does not, and what the sensors are worth."""

from dataclasses import replace
from math import inf
from typing import assert_never

from edge.core import notice
from edge.core.lane import (
    Admission,
    Command,
    Do,
    EndScan,
    Lane,
    Late,
    Record,
    Show,
    State,
    WhenSuspect,
)
from edge.core.opening import (
    At,
    Step,
    call,
    close,
    holds_group,
    resting,
    shown_if_changed,
    unresolved,
    wait,
)
from wire.event import (
    Abandoned,
    AnyEvent,
    Forced,
    Left,
    Obstructed,
    Passed,
    PassedLate,
    Pulsed,
    SensorFault,
    Tailgated,
    WrongWay,
)

ABANDONED_IN_A_ROW_MAX = 3
NOT_WATCHED = "nobody looked at the pass contact meanwhile"


def passed(lane: Lane, at: At) -> Step:
    """Somebody walked through: whose use is it?"""
    trusted, regained = _trust(lane, at)
    counted, commands = _count(trusted, at)
    return counted, [*regained, *commands]


def passed_opposite(lane: Lane, at: At) -> Step:
    """Somebody went the other way: out, where that is free; from a fire, whatever it is."""
    if lane.state is State.RELEASED:
        return replace(lane, heads=lane.heads + 1), []
    way: AnyEvent = Left() if at.habits.free_opposite else WrongWay()
    return lane, [Record((way,))]


def _trust(lane: Lane, at: At) -> Step:
    """A passage seen is a sensor that works."""
    if lane.suspect and lane.beam_since is None:
        return _believe(replace(lane, suspect=False, abandoned=0), at)
    return replace(lane, abandoned=0), []


def beam_clear(lane: Lane, at: At) -> Step:
    """Believe the sensor again, if it was only the beam that made it suspect."""
    clear = replace(lane, beam_since=None)
    stuck = lane.suspect and lane.beam_since is not None
    if stuck and lane.abandoned < ABANDONED_IN_A_ROW_MAX:
        return _believe(replace(clear, suspect=False), at)
    return clear, []


def unseen(lane: Lane) -> Lane:
    """Whoever may walk now may have walked already."""
    return replace(lane, unseen=lane.unseen or lane.state is State.OPENED)


def contact_found(lane: Lane, found: bool, at: At) -> Step:
    """Lost, nobody is seen from now on."""
    after = replace(lane if found else unseen(lane), blind=not found)
    return after, shown_if_changed(lane, after, at)


def _believe(lane: Lane, at: At) -> Step:
    return lane, [Record((SensorFault(suspect=False),)), *_serves_again(lane, at)]


def _serves_again(lane: Lane, at: At) -> list[Command]:
    """Return what to show where suspicion takes a closed lane out of service, or back into it."""
    changes = lane.state is State.CLOSED and at.habits.when_suspect is WhenSuspect.CLOSE
    return [Show(resting(lane, at.habits))] if changes else []


def _count(lane: Lane, at: At) -> Step:
    if lane.state is State.RELEASED or (lane.stays_open and lane.admission is None):
        return replace(lane, heads=lane.heads + 1), []
    match lane.state:
        case State.OPENED:
            return _person_passed(lane, at)
        case State.CLOSED | State.JUDGING:
            if at.habits.free:
                return lane, [Record((Left(),))]
            late = lane.late
            if late and at.now < late.until:
                event = PassedLate(admission=late.admission, person=late.person)
                return replace(lane, late=None), [Record((event,))]
            behind = at.now < lane.tail_until
            return lane, [Record((Tailgated() if behind else Forced(),))]
        case _:
            assert_never(lane.state)


def _person_passed(lane: Lane, at: At) -> Step:
    admission, tail = lane.admission, at.now + at.habits.tail_seconds
    if admission is None:
        left: list[Command] = [Record((Left(),))] if at.habits.free else []
        rest = Show(resting(lane, at.habits))
        return close(replace(lane, tail_until=tail), at, [*left, rest])
    commands = _outcome(lane, admission, at)
    if lane.person < admission.last:
        onward = replace(lane, person=lane.person + 1)
        ahead = Show(notice.go(admission.last - lane.person))
        if holds_group(admission, at):
            return replace(onward, deadline=at.now + wait(lane, at)), [*commands, ahead]
        onward, pulse = call(onward, at)
        return onward, [*commands, *pulse, ahead]
    commands = [*_let_go(lane, admission, at), *commands]
    commands += [EndScan(admission.scan), Show(resting(lane, at.habits))]
    return close(replace(lane, tail_until=tail, late=None), at, commands)


def _outcome(lane: Lane, admission: Admission, at: At) -> list[Command]:
    if admission.assumed:
        return []
    walked = Passed(admission=admission.admission, person=lane.person)
    if lane.pulse_at is not None or holds_group(admission, at):
        return [Record((walked,))]  # Went ahead of the pulse, or needed none.
    # `pulsed` is awaited by nobody, so it rides along with the outcome.
    return [Record((Pulsed(admission=admission.admission, person=lane.person), walked))]


def _let_go(lane: Lane, admission: Admission, at: At) -> list[Command]:
    """Open the contact that was held for a group, unless free passage holds it too."""
    held = holds_group(admission, at) and not lane.stays_open
    return [Do.LET_GO] if held else []


def come_due(lane: Lane, at: At) -> Step:
    """Do the first thing that is due of whoever waits, walks or is called."""
    waited = lane.pending.deadline if lane.pending else inf
    free = inf if lane.deadline is None else lane.deadline
    # Whom the lane is free for in that very moment is judged, not told to wait.
    if waited <= at.now and waited < free:
        return replace(lane, pending=None), [Show(notice.PLEASE_WAIT)]
    if lane.pulse_at is not None and lane.pulse_at <= at.now:
        return call(replace(lane, pulse_at=None), at)
    stuck = lane.beam_since is not None and lane.beam_since + at.habits.beam_seconds <= at.now
    if stuck and not lane.suspect:
        suspect = replace(lane, suspect=True)
        fault = SensorFault(suspect=True, why="a beam stays broken")
        return suspect, [Record((Obstructed(), fault)), *_serves_again(suspect, at)]
    if lane.deadline is not None and lane.deadline <= at.now:
        return _timed_out(lane, at)
    return lane, []


def _timed_out(lane: Lane, at: At) -> Step:
    admission = lane.admission
    if lane.state is not State.OPENED or admission is None:
        return close(lane, at, [Show(resting(lane, at.habits))])
    if admission.assumed:
        if lane.person < admission.last:
            return call(replace(lane, person=lane.person + 1), at)
        return close(lane, at, [Show(resting(lane, at.habits))])
    late = Late(admission.admission, lane.person, at.now + at.habits.late_seconds)
    if lane.unseen:
        left = [(admission.admission, n) for n in range(lane.person, admission.last + 1)]
        doubt = unresolved(left, holds_group(admission, at), NOT_WATCHED)
        commands = [*_let_go(lane, admission, at), Record(doubt), Show(resting(lane, at.habits))]
        return close(replace(lane, late=late), at, commands)
    back = admission.last - lane.person + 1
    given = Abandoned(admission=admission.admission, person=lane.person, count=back)
    events: tuple[AnyEvent, ...] = (given,)
    # A group of which some walked through shows that the sensor works.
    in_a_row = lane.abandoned + 1 if lane.person == admission.first else 0
    suspect = lane.suspect or in_a_row >= ABANDONED_IN_A_ROW_MAX
    if suspect and not lane.suspect:
        events += (SensorFault(suspect=True, why="three in a row did not walk through"),)
    after = replace(lane, late=late, abandoned=in_a_row, suspect=suspect)
    commands = [*_let_go(lane, admission, at), Record(events), Show(resting(after, at.habits))]
    return close(after, at, commands)
