"""What time it is: the machine's clock may be set by anybody, so it is only one voice of several.

The floor is what it cannot be earlier than. Signed words raise it, and the program's own age; a
single source by ten minutes in ten minutes at most, two that agree as far as they say. Within one
life of the machine the uptime carries a signed time on, and outranks the wall clock: nobody can
set it. Where neither is to be had the machine's clock is taken as it is, unless it is below the
floor or jumps; then the time is in doubt, between bounds that the rules know (rules/verdict.py).
"""

from dataclasses import dataclass, replace
from enum import Enum
from math import inf
from typing import assert_never

from edge.core.moment import Moment
from wire.event import ClockQuality

BUILT = 1_767_225_600.0
"""2026-01-01: this program is not older. Raised with the first release of each year."""
LEAD_SECONDS_MAX = 600.0
"""How far one source alone may raise the floor beyond the uptime, in as long a time."""
AGREE_SECONDS = 30.0
"""Two words of central's no further apart are one time."""
STEP_SECONDS = 3.0
"""A wall clock that moves so much against the uptime was set."""
SETTLING_SECONDS = 600.0
"""So soon after boot a machine without a battery is expected to be set forward."""
ROUND_TRIP_SECONDS_MAX = 5.0
SIGNED_SECONDS = 3600.0
ASK_SECONDS = 600.0
PATIENCE_SECONDS, PATIENCE_SECONDS_MAX = 2.0, 60.0
"""Until an unanswered question is asked again; doubled each time."""
KEEP_SECONDS = 600.0
"""How much the floor on disk may be behind: a card wears out."""
DRIFT = 0.0005
"""How much too fast an uptime may go: the most by which Linux lets a clock be slewed."""


@dataclass(frozen=True, slots=True)
class Fix:
    """It was `wall`, give or take `within` seconds, when the uptime was `uptime`."""

    wall: float
    uptime: float
    within: float = 0.0

    def at(self, uptime: float) -> float:
        return self.wall + uptime - self.uptime

    def least(self, uptime: float) -> float:
        """Return what it is at least, at a later uptime."""
        return self.wall - self.within + (uptime - self.uptime) * (1.0 - DRIFT)


@dataclass(frozen=True, slots=True)
class TrustedTime:
    """What is known of the time in this life of the machine."""

    floor: Fix
    machine: Fix
    """Its own clock, as last looked at."""
    claims: tuple[float, float] | None
    """Least and most of what it has said that could be true, as the wall time at uptime 0."""
    beat: Fix | None = None
    """The newest heartbeat: it may have been held back, but was never from the future."""
    answer: Fix | None = None
    """Central's newest answer to a question of ours."""
    told: Fix | None = None
    """The answer that is gone by."""
    signed_at: float = -inf
    """Uptime at which something signed last bore `told` out."""
    lead: float = LEAD_SECONDS_MAX
    """What is left to a single source, as it was at `led_at`."""
    led_at: float = 0.0
    nonce: bytes = b""
    """Of the question that is open; empty: none."""
    asked_at: float = 0.0
    ask_at: float = 0.0
    patience: float = PATIENCE_SECONDS
    kept: float = 0.0
    """The floor on disk."""


@dataclass(frozen=True, slots=True)
class Look:
    """Some time has passed. `nonce`: 16 fresh random bytes, in case central is to be asked."""

    nonce: bytes


@dataclass(frozen=True, slots=True)
class Beat:
    """A heartbeat that central signed, and the uptime at which it came."""

    wall: float
    uptime: float


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that central signed, come this moment."""

    nonce: bytes
    wall: float


@dataclass(frozen=True, slots=True)
class Lower:
    """A signed command: believe that it may be as early as `wall`."""

    wall: float


Signal = Look | Beat | Answer | Lower


@dataclass(frozen=True, slots=True)
class Ask:
    nonce: bytes


@dataclass(frozen=True, slots=True)
class Stepped:
    """The machine's clock was set by so many seconds; back if negative."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Keep:
    """Write the floor to disk."""

    wall: float


class Unheeded(Enum):
    """Why an answer is not gone by."""

    NOT_ASKED = "not asked for, or answered already"
    TOO_SLOW = "too long under way to be worth anything"
    ALONE = "far ahead of all that is known, and no heartbeat bears it out yet"
    BELOW = "earlier than central has already said it was"


Command = Ask | Stepped | Keep | Unheeded


def begin(floor: float, machine: Moment) -> TrustedTime:
    """Start with the floor that was on disk; `machine` is a reading of the machine's clocks."""
    zero, least = machine.wall - machine.uptime, max(floor, BUILT)
    return TrustedTime(
        Fix(least, machine.uptime),
        Fix(machine.wall, machine.uptime),
        (zero, zero) if machine.wall >= least - AGREE_SECONDS else None,
        led_at=machine.uptime,
        ask_at=machine.uptime,
        kept=floor,
    )


def read(time: TrustedTime, machine: Moment) -> Moment:
    """Return what time it is when the machine's clocks say `machine`."""
    uptime = machine.uptime
    floor = time.floor.least(uptime)
    if time.told:
        told = time.told.at(uptime)
        if told < floor - AGREE_SECONDS:
            return Moment(floor, uptime, ClockQuality.SUSPECT, told, floor)
        signed = uptime - time.signed_at <= SIGNED_SECONDS
        quality = ClockQuality.SIGNED if signed else ClockQuality.UNCONFIRMED
        return Moment(max(told, floor), uptime, quality)
    if machine.wall < floor - AGREE_SECONDS:
        return Moment(floor, uptime, ClockQuality.SUSPECT, floor, inf)
    wall = max(machine.wall, floor)
    claims = _claims(time, machine)
    if claims and claims[1] - claims[0] > STEP_SECONDS:
        least, most = max(claims[0] + uptime, floor), max(claims[1] + uptime, wall)
        return Moment(wall, uptime, ClockQuality.SUSPECT, least, most)
    return Moment(wall, uptime, ClockQuality.UNCONFIRMED)


def step(time: TrustedTime, signal: Signal, machine: Moment) -> tuple[TrustedTime, list[Command]]:
    """Return what is known after `signal`, and what is to be done."""
    match signal:
        case Look(nonce):
            return _look(time, nonce, machine)
        case Beat(wall, uptime):
            beat = Fix(wall, min(uptime, machine.uptime))
            if time.beat and beat.at(machine.uptime) < time.beat.at(machine.uptime) - AGREE_SECONDS:
                return time, []  # Held back for long: it says less than one before.
            return _settled(replace(time, beat=beat), machine.uptime), []
        case Answer(nonce, wall):
            return _answered(time, nonce, wall, machine.uptime)
        case Lower(wall):
            return _lowered(time, wall, machine)
        case _:
            assert_never(signal)


def _look(time: TrustedTime, nonce: bytes, machine: Moment) -> tuple[TrustedTime, list[Command]]:
    commands: list[Command] = []
    uptime = machine.uptime
    seconds = machine.wall - time.machine.at(uptime)
    if abs(seconds) > STEP_SECONDS:
        commands.append(Stepped(seconds))
        # Whatever set it may know better: central is asked, and until then nothing is signed.
        time = replace(time, signed_at=-inf, ask_at=uptime, patience=PATIENCE_SECONDS)
    time = replace(time, claims=_claims(time, machine), machine=Fix(machine.wall, uptime))
    if uptime >= time.ask_at:
        commands.append(Ask(nonce))
        time = replace(
            time,
            nonce=nonce,
            asked_at=uptime,
            ask_at=uptime + time.patience,
            patience=min(time.patience * 2, PATIENCE_SECONDS_MAX),
        )
    floor = time.floor.least(uptime)
    if floor - time.kept >= KEEP_SECONDS:
        commands.append(Keep(floor))
        time = replace(time, kept=floor)
    return time, commands


def _claims(time: TrustedTime, machine: Moment) -> tuple[float, float] | None:
    """Return the bounds of what the machine's clock has said, with what it says now."""
    uptime, now = machine.uptime, machine.wall - machine.uptime
    if machine.wall < time.floor.least(uptime) - AGREE_SECONDS:
        return time.claims  # It is not believed anyway.
    if time.claims is None:
        return now, now
    least, most = time.claims
    before = time.machine.at(uptime) - uptime
    set_forward_at_boot = now > before and uptime <= SETTLING_SECONDS
    if least == most and (set_forward_at_boot or abs(now - before) <= STEP_SECONDS):
        return now, now
    return min(least, now), max(most, now)


def _answered(
    time: TrustedTime, nonce: bytes, wall: float, uptime: float
) -> tuple[TrustedTime, list[Command]]:
    if not time.nonce or nonce != time.nonce:
        return time, [Unheeded.NOT_ASKED]
    time = replace(time, nonce=b"")
    took = uptime - time.asked_at
    if took > ROUND_TRIP_SECONDS_MAX:
        return time, [Unheeded.TOO_SLOW]
    answer = Fix(wall + took / 2, uptime, took / 2)
    time = _settled(replace(time, answer=answer), uptime)
    if time.told is not answer:
        return time, [Unheeded.ALONE]
    time = replace(time, signed_at=uptime, ask_at=uptime + ASK_SECONDS, patience=PATIENCE_SECONDS)
    below = answer.at(uptime) < time.floor.least(uptime) - AGREE_SECONDS
    return time, [Unheeded.BELOW] if below else []


def _settled(time: TrustedTime, uptime: float) -> TrustedTime:
    """Raise the floor as far as the signed words may, and go by an answer that it has reached."""
    floor = time.floor.least(uptime)
    lead = min(LEAD_SECONDS_MAX, time.lead + uptime - time.led_at)
    answer, beat = time.answer, time.beat
    ahead = max(0.0, beat.least(uptime) - floor) if beat else 0.0
    agreed = bool(answer and beat and abs(answer.at(uptime) - beat.at(uptime)) <= AGREE_SECONDS)
    # Whoever knows the time already need not go a part of the way with an answer that leaps.
    if answer and (agreed or not time.told or answer.at(uptime) <= floor + lead):
        ahead = max(ahead, answer.least(uptime) - floor)
    raised = ahead if agreed else min(ahead, lead)
    lead = LEAD_SECONDS_MAX if agreed else lead - raised
    time = replace(time, floor=Fix(floor + raised, uptime), lead=lead, led_at=uptime)
    if answer and answer.at(uptime) <= floor + raised + AGREE_SECONDS:
        time = replace(time, told=answer)
    if time.told and beat and abs(time.told.at(uptime) - beat.at(uptime)) <= AGREE_SECONDS:
        time = replace(time, signed_at=uptime)
    return time


def _lowered(time: TrustedTime, wall: float, machine: Moment) -> tuple[TrustedTime, list[Command]]:
    floor = max(wall, BUILT)
    if floor >= time.floor.least(machine.uptime):
        return time, []
    return begin(floor, machine), [Keep(floor)]
