"""One direction of one lane, from closed to closed.

CLOSED --scanned--> JUDGING --authorised--> OPENED --passed (the last person)--> CLOSED
                       |---refused--> CLOSED   |------time-out------------------> CLOSED
any state --fire--> RELEASED --secured--> CLOSED

A verdict may take its time, and the lane goes on hearing. What makes it want nobody meanwhile
(fire, a mode, a hand that opens) calls the scan off; the answer is still awaited, so a lane that
would close before it has come is JUDGING.

The board opens on a pulse and closes by itself; the lane only says "one may pass" and counts.
Fire acts on the board by wire: RELEASED is what we observe and count, not what we do.

The use is committed by the shell, together with the verdict, before `Authorised` comes in here:
so no pulse is ever asked for without a durable row. Every person authorised gets exactly one
outcome; who was called off and is committed all the same is given back. A lane whose sensor is
missing, lost, or no longer believed, assumes that everybody passed, and the shell commits that in
the same transaction. Whom nobody saw walk while nobody was looking is uncertain, not given back.

`opening` has how it opens and closes, `passing` who walks through, `interruption` what people and
fire do to it, `beacon` how it lets itself be found.
"""

from dataclasses import replace
from typing import assert_never

from edge.core import beacon, interruption, opening, passing
from edge.core.lane import (
    TIME_OUT,
    AnySignal,
    Authorised,
    CalledOff,
    CardShown,
    Habits,
    Identify,
    Lane,
    ModeSet,
    OpenOnce,
    Refused,
    Scanned,
    Signal,
    State,
)
from edge.core.moment import Moment
from edge.core.opening import At, Step, resting, unresolved, wants
from wire.event import Mode

__all__ = ["due", "is_open", "resting", "step", "unresolved", "wants"]


def step(lane: Lane, signal: AnySignal, now: Moment, habits: Habits) -> Step:
    """Return the lane after `signal`, and the commands to perform in order."""
    at = At(now.uptime, habits)
    match signal:
        case Scanned(scan):
            return opening.scanned(lane, scan, at)
        case Authorised(admission, shown):
            return opening.authorised(lane, admission, shown, at)
        case Refused(shown):
            return opening.refused(lane, shown, at)
        case CalledOff():
            return opening.called_off(lane, at)
        case ModeSet():
            return interruption.mode_set(lane, signal, at)
        case OpenOnce(by, why):
            return interruption.open_once(lane, by, why, at)
        case CardShown(card):
            return interruption.card_shown(lane, card, at)
        case Identify(seconds):
            return beacon.identify(lane, seconds, at)
        case Signal():
            return _told(lane, signal, at)
        case _:
            assert_never(signal)


def due(lane: Lane, habits: Habits) -> float | None:
    """Return the uptime at which `Signal.DUE` is to be given next, or None."""
    times = [lane.deadline, lane.pulse_at, lane.mode_until]
    if lane.beacon:
        times.append(lane.beacon.blink_at)
    if lane.pending:
        times.append(lane.pending.deadline)
    if lane.beam_since is not None and not lane.suspect:
        times.append(lane.beam_since + habits.beam_seconds)
    return min((time for time in times if time is not None), default=None)


def _come_due(lane: Lane, at: At) -> Step:
    """Do the first thing that is due; the shell asks again until nothing is."""
    after, commands = passing.come_due(lane, at)
    if commands or after != lane:
        return after, commands
    if lane.mode_until is not None and lane.mode_until <= at.now:
        return interruption.mode_set(lane, ModeSet(Mode.NORMAL, TIME_OUT), at)
    if lane.beacon and lane.beacon.blink_at <= at.now:
        return beacon.blink(lane, lane.beacon, at)
    return lane, []


def is_open(lane: Lane) -> bool:
    """Whether somebody may walk through now."""
    return lane.state in (State.OPENED, State.RELEASED) or lane.stays_open


def _told(lane: Lane, signal: Signal, at: At) -> Step:
    match signal:
        case Signal.PASSED:
            return passing.passed(lane, at)
        case Signal.PASSED_OPPOSITE:
            return passing.passed_opposite(lane, at)
        case Signal.UNSEEN:
            return passing.unseen(lane), []
        case Signal.CONTACT_LOST | Signal.CONTACT_FOUND:
            return passing.contact_found(lane, signal is Signal.CONTACT_FOUND, at)
        case Signal.RELAY_LOST | Signal.RELAY_FOUND:
            return interruption.relay_found(lane, signal is Signal.RELAY_FOUND, at)
        case Signal.BEAM_BROKEN:
            return replace(lane, beam_since=at.now), []
        case Signal.BEAM_CLEAR:
            return passing.beam_clear(lane, at)
        case Signal.NOT_READY | Signal.READY:
            return interruption.board_said(lane, signal is Signal.READY, at)
        case Signal.FIRE:
            return interruption.fire(lane, at)
        case Signal.SECURED:
            return interruption.secured(lane, at)
        case Signal.DUE:
            return _come_due(lane, at)
        case _:
            assert_never(signal)
