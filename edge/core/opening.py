"""How a lane opens and closes: from a scan to a verdict, one person called after the other.

What `passage` says holds here too. No pulse is asked for while the contact is held anyway, nor
before the last pulse and its gap are over.
"""

from dataclasses import dataclass, replace
from typing import assert_never

from edge.core import notice
from edge.core.lane import (
    Admission,
    CalledOffBy,
    Command,
    Do,
    Habits,
    Judge,
    Lane,
    Pending,
    Record,
    Show,
    State,
    WhenSuspect,
)
from edge.core.notice import Notice
from edge.core.scan import Scan
from wire.event import Abandoned, AnyEvent, Mode, Uncertain

Step = tuple[Lane, list[Command]]


@dataclass(frozen=True, slots=True)
class At:
    """What every rule here needs to know besides the lane."""

    now: float
    habits: Habits


def resting(lane: Lane, habits: Habits) -> Notice:
    """Return what a lane shows when nothing is going on."""
    if lane.state is State.RELEASED:
        return notice.EVACUATE
    match lane.mode:
        case Mode.FREE_PASS:
            return notice.FREE
        case Mode.HELD_OPEN:
            return notice.HELD_OPEN
        case Mode.LOCKED if lane.ready:
            return notice.LOCKED
        case _:
            pass
    if not serves(lane, habits):
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


def serves(lane: Lane, habits: Habits) -> bool:
    unsure = lane.suspect or lane.blind
    closed = unsure and habits.when_suspect is WhenSuspect.CLOSE
    admits = lane.mode not in (Mode.OUT_OF_SERVICE, Mode.LOCKED)
    return admits and lane.ready and not lane.relay_lost and not closed


def shown_if_changed(before: Lane, after: Lane, at: At) -> list[Command]:
    """Return what to show where a closed lane serves no more, or again."""
    changes = serves(before, at.habits) is not serves(after, at.habits)
    return [Show(resting(after, at.habits))] if changes and after.state is State.CLOSED else []


def wants(lane: Lane, scan: Scan, habits: Habits) -> bool:
    """Whether `scan`, being judged, may still be let in; to be asked before it is committed."""
    judged = lane.judged is not None and lane.judged.scan == scan.scan
    return judged and lane.called_off is None and serves(lane, habits)


def call_off(lane: Lane, by: CalledOffBy) -> Lane:
    """Whoever is being judged is not wanted any more; fire outdoes whatever came before it."""
    if lane.judged is None or (lane.called_off and by is not CalledOffBy.FIRE):
        return lane
    return replace(lane, called_off=by)


def scanned(lane: Lane, scan: Scan, at: At) -> Step:
    if scan.scan == lane.decided:
        return lane, []  # Asked twice, the same answer.
    if lane.state is State.RELEASED or lane.stays_open or at.habits.free:
        return lane, [Show(resting(lane, at.habits))]
    match lane.state:
        case State.CLOSED:
            if not serves(lane, at.habits):
                return lane, [Show(resting(lane, at.habits))]
            assume = lane.suspect or lane.blind or not at.habits.sensor
            judging = replace(
                lane, state=State.JUDGING, judged=scan, decided=scan.scan, pending=None
            )
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


def authorised(lane: Lane, admission: Admission, shown: Notice, at: At) -> Step:
    if lane.state is not State.JUDGING or (lane.called_off and not admission.assumed):
        return _undone(lane, admission, at)
    opened = replace(
        lane,
        state=State.OPENED,
        judged=None,
        called_off=None,
        admission=admission,
        person=admission.first,
        late=None,
        unseen=lane.blind,
    )
    commands: list[Command] = [Show(shown)]
    if holds_group(admission, at):
        held: list[Command] = [] if lane.stays_open else [Do.HOLD]
        return replace(opened, deadline=at.now + wait(opened, at)), [*held, *commands]
    opened, pulse = call(opened, at)
    return opened, [*pulse, *commands]


def _undone(lane: Lane, admission: Admission, at: At) -> Step:
    """Committed in the very moment in which it was called off: nobody was called.

    Fire lets everybody through, so nobody can say whether they went. Where their passing was
    committed as well, that is their outcome.
    """
    first, last = admission.first, admission.last
    events: tuple[AnyEvent, ...] = ()
    if admission.assumed:
        pass
    elif lane.called_off in (CalledOffBy.MODE, CalledOffBy.HAND):
        back = last - first + 1
        events = (Abandoned(admission=admission.admission, person=first, count=back),)
    else:
        persons = [(admission.admission, n) for n in range(first, last + 1)]
        events = unresolved(persons, False, "fire")
    return _answered(lane, at, [Record(events)] if events else [])


def _answered(lane: Lane, at: At, commands: list[Command]) -> Step:
    """Nobody is let in by the answer that has come; where it was waited for, the lane closes."""
    if lane.state is not State.JUDGING:
        return replace(lane, judged=None, called_off=None), commands
    return close(replace(lane, judged=None), at, [*commands, Show(resting(lane, at.habits))])


def called_off(lane: Lane, at: At) -> Step:
    """Nothing was decided: held on, the scan is judged once the lane serves, but for who is in."""
    decided = lane.decided if lane.called_off is CalledOffBy.HAND else b""
    return _answered(replace(lane, decided=decided), at, [])


def call(lane: Lane, at: At) -> Step:
    """Open for the next person, or as soon as the gap after the last pulse is over.

    Where the lane stays open the contact is held already: a pulse would end by opening it.
    """
    if lane.stays_open:
        return replace(lane, pulse_at=None, deadline=at.now + wait(lane, at)), []
    if at.now < lane.pulse_until:
        return replace(lane, pulse_at=lane.pulse_until, deadline=None), []
    until = at.now + at.habits.pulse_seconds + at.habits.gap_seconds
    called = replace(lane, pulse_at=None, pulse_until=until, deadline=at.now + wait(lane, at))
    return called, [Do.PULSE]


def wait(lane: Lane, at: At) -> float:
    assumed = lane.admission is not None and lane.admission.assumed
    if assumed or not at.habits.sensor:
        return at.habits.unsensed_seconds
    return at.habits.window_seconds + at.habits.margin_seconds


def holds_group(admission: Admission, at: At) -> bool:
    """Whether the contact stays closed for all of them: only where their passing is seen."""
    return at.habits.board_counts and admission.last > admission.first and not admission.assumed


def holds(lane: Lane, at: At) -> bool:
    group = lane.admission is not None and holds_group(lane.admission, at)
    return group or lane.stays_open


def refused(lane: Lane, shown: Notice, at: At) -> Step:
    if lane.state is not State.JUDGING:
        return replace(lane, judged=None, called_off=None), []
    if lane.beacon and shown.seconds is not None:  # A visitor reads it first.
        later = max(lane.beacon.blink_at, at.now + shown.seconds)
        lane = replace(lane, beacon=replace(lane.beacon, blink_at=later, lit=False))
    return close(replace(lane, judged=None), at, [Show(shown)])


def close(lane: Lane, at: At, commands: list[Command]) -> Step:
    """Close, and judge whoever has been waiting, unless an answer is still to come."""
    closed = replace(
        lane,
        state=State.JUDGING if lane.judged else State.CLOSED,
        called_off=lane.called_off if lane.judged else None,
        admission=None,
        person=0,
        deadline=None,
        pulse_at=None,
        unseen=False,
    )
    waiting = closed.pending
    if waiting is None or closed.judged:
        return closed, commands
    closed, more = scanned(replace(closed, pending=None), waiting.scan, at)
    return closed, [*commands, *more]
