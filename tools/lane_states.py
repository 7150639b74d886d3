"""A lane told everything it can be told: its reachable states, for the diagrams and the tests."""

from collections.abc import Iterator
from dataclasses import replace

from msgspec import structs

from edge.core import passage
from edge.core.lane import (
    Admission,
    AnySignal,
    Authorised,
    CalledOff,
    Command,
    Habits,
    Identify,
    Lane,
    ModeSet,
    OpenOnce,
    Refused,
    Scanned,
    Signal,
)
from edge.core.moment import Moment
from edge.core.notice import Lamp, Notice, Sound
from edge.core.scan import Scan
from tools.explore import Move
from wire.event import Mode
from wire.words import Words

SHOWN = Notice(Lamp.GO, Sound.ACCEPT, Words("", ""), Words("", ""))
NEW, AGAIN, WAITING = b"new", b"again", b"waiting"
BRIEF = Habits(
    window_seconds=2.0,
    margin_seconds=0.0,
    late_seconds=2.0,
    tail_seconds=2.0,
    patience_seconds=1.0,
    pulse_seconds=0.5,
    gap_seconds=0.5,
    unsensed_seconds=1.0,
    beam_seconds=2.0,
)
"""A lane in a hurry: the same machine, with fewer different times to tell apart."""


def at(uptime: float) -> Moment:
    return Moment(1_783_000_000.0 + uptime, uptime)


def code(name: bytes) -> Scan:
    return Scan(name, "reader", b"code", 0.0)


def signals(assumed: bool) -> list[tuple[str, AnySignal]]:
    """Return what can be told to a lane; `assumed` is what its last Judge asked for."""
    named: list[tuple[str, AnySignal]] = [
        ("scanned", Scanned(code(NEW))),
        ("scanned", Scanned(code(AGAIN))),
        ("scanned", Scanned(code(WAITING))),
        ("authorised", Authorised(Admission(NEW, AGAIN, 1, 1, assumed), SHOWN)),
        ("authorised", Authorised(Admission(NEW, AGAIN, 1, 3, assumed), SHOWN)),
        ("authorised", Authorised(Admission(NEW, AGAIN, 2, 2, assumed), SHOWN)),
        ("refused", Refused(SHOWN)),
        ("called off", CalledOff()),
        ("open once", OpenOnce("key")),
    ]
    named += [(mode.value, ModeSet(mode, "key")) for mode in Mode]
    named += [
        ("free-pass until", ModeSet(Mode.FREE_PASS, "somebody", 1.0)),
        ("identify", Identify(0.5)),
    ]
    return named + [(signal.value, signal) for signal in Signal if signal is not Signal.DUE]


def lane_moves(lane: Lane, habits: Habits) -> Iterator[Move[Lane, Command]]:
    """Yield one move for each signal now, and one for waiting until something is due."""
    assumed = lane.suspect or lane.blind or not habits.sensor
    told = [(label, signal, 0.0) for label, signal in signals(assumed)]
    due = passage.due(lane, habits)
    if due is not None:
        told.append(("time-out", Signal.DUE, max(due, 0.0)))
    for label, signal, now in told:
        after, commands = passage.step(lane, signal, at(now), habits)
        settled = settle(after, now, habits)
        yield Move(lane, label, signal, now, after, tuple(commands), settled)


def settle(lane: Lane, now: float, habits: Habits) -> Lane:
    """Return the lane as it would be were it now uptime 0, with names drawn anew."""

    def left(time: float | None) -> float | None:
        return None if time is None else round(time - now, 3)

    late, pending, admission = lane.late, lane.pending, lane.admission
    beacon = lane.beacon
    scans = {lane.decided: AGAIN}
    return replace(
        lane,
        judged=lane.judged and code(AGAIN),
        decided=AGAIN if lane.decided else b"",
        admission=admission
        and structs.replace(
            admission, admission=b"open", scan=scans.get(admission.scan, b"earlier")
        ),
        deadline=left(lane.deadline),
        pulse_at=left(lane.pulse_at),
        pulse_until=max(lane.pulse_until - now, 0.0),
        pending=pending and replace(pending, scan=code(WAITING), deadline=pending.deadline - now),
        late=replace(late, admission=b"late", until=late.until - now)
        if late and late.until > now
        else None,
        tail_until=max(lane.tail_until - now, 0.0),
        abandoned=min(lane.abandoned, 3),
        beam_since=None
        if lane.beam_since is None
        else max(lane.beam_since - now, -habits.beam_seconds),
        heads=min(lane.heads, 1),
        heads_before=min(lane.heads_before, 1),
        mode_until=left(lane.mode_until),
        beacon=beacon and replace(beacon, until=beacon.until - now, blink_at=beacon.blink_at - now),
    )
