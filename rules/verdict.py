"""Whether a ticket opens this door, now.

The order of the checks is the policy: the first reason found is the one that helps the visitor
most. Everything that was known comes in as an argument, so the same question always gets the
same answer, at a gate, a kiosk, a handheld, a hub or at central.
"""

from dataclasses import dataclass
from enum import StrEnum
from math import inf

import msgspec

from rules.ticket_class import EventRecord, TicketClass
from rules.use import Outcome, Use, abandoned_in_a_row, spent
from wire.entry import Entry, Standing
from wire.event import ClockQuality, Rung
from wire.reason import Reason
from wire.rotating import STEP_SECONDS, STEPS_APART_MAX, MovingCode, genuine
from wire.ticket import FLAG_ROTATION_REQUIRED, Ticket

UNLISTED_AGE_SECONDS_MAX = 600
"""A ticket sold a moment ago may not be on the list yet."""
DOUBT_SECONDS_MAX = 30 * 86_400.0
"""A machine that does not know how long it was off was not off for longer, for tickets' ends."""
REOPEN_SECONDS_MAX = 300.0
ABANDONED_MAX = 2


class AfterUncertain(StrEnum):
    RETRY_ONCE = "retry-once"
    STAFF = "staff"


class WhenClockSuspect(StrEnum):
    """Where the ticket is good at some of the times that it may be, and not at others."""

    SEE_STAFF = "see-staff"
    ADMIT = "admit"


@dataclass(frozen=True, slots=True)
class Door:
    """Where the question is asked, and what its zone chose."""

    checkpoint: str
    lane: str
    boot: bytes
    rung: Rung = Rung.FRESH
    after_uncertain: AfterUncertain = AfterUncertain.RETRY_ONCE
    admits_unlisted: frozenset[Rung] = frozenset(
        {Rung.SIGNATURE_AND_REVOCATIONS, Rung.SIGNATURE_ONLY}
    )
    """Rungs at which a good signature is enough."""
    when_clock_suspect: WhenClockSuspect = WhenClockSuspect.SEE_STAFF
    clock: ClockQuality = ClockQuality.UNCONFIRMED
    floor: float = 0.0
    latest: float = inf
    """Unix seconds between which it is where `clock` is suspect, whatever the clock says."""


class Facts(msgspec.Struct, frozen=True):
    """What is known of one ticket. `uses` in the order of the journal."""

    ticket: Ticket
    entry: Entry | None
    ticket_class: TicketClass | None
    event: EventRecord | None
    uses: tuple[Use, ...] = ()
    code: MovingCode | None = None
    """What moved in the code shown, unchecked; None: it was a static one."""
    last_code: int | None = None
    """Time of the newest moving code that this device let in on this right, Unix seconds."""
    unconfirmed_left: int | None = None
    """Persons whom the list need not confirm, by the offline budget; None: as many as come."""
    list_too_old: bool = False
    """By the offline budget, the list confirms nobody any more."""
    revoked: bool = False
    """Blocked, refunded or rescheduled, by the essentials of a device that has no list."""
    shown_generation: int = 0
    """The highest of this right that was let in here: lower ones are void since."""
    without_memory: bool = False
    """The device has lost its journal: what the ticket did here before, nobody knows."""
    delegated: bool = False
    """It is a paper that a kiosk signed by itself (wire/delegated.py)."""

    @property
    def must_move(self) -> bool:
        return bool(self.ticket.flags & FLAG_ROTATION_REQUIRED)


class Admit(msgspec.Struct, frozen=True):
    quantity: int
    confirmed: bool = True
    """False: the list does not hold it, or no clock told whether it, or its moving code, is good
    now, or the device has lost its journal. Drawn from the offline budget."""
    reopen: tuple[bytes, int] | None = None
    """Open again for this use (admission, person) instead of taking a new one."""


@dataclass(frozen=True, slots=True)
class Refuse:
    reason: Reason
    since: float | None = None
    """When it was used, or from or until when it is good: Unix seconds, if known."""
    where: str = ""
    """Where it was used, if known."""


Verdict = Admit | Refuse
Span = tuple[float, float]
"""From when and until when, Unix seconds."""


def judge(facts: Facts, door: Door, wall: float, uptime: float) -> Verdict:
    """Return whether and for how many persons the ticket opens the door."""
    verdict = _judge(facts, door, wall, uptime)
    if isinstance(verdict, Refuse) or verdict.reopen:
        return verdict
    left = facts.unconfirmed_left
    exhausted = not verdict.confirmed and left is not None and verdict.quantity > left
    return Refuse(Reason.OFFLINE_LIMIT) if exhausted or facts.list_too_old else verdict


def _judge(facts: Facts, door: Door, wall: float, uptime: float) -> Verdict:
    """Say what the ticket allows, whatever is left of the offline budget."""
    good, now = validity(facts), _bounds(facts, door, wall)
    doubtful = _doubtful(good, now)
    refusal = (
        _against_list(facts, door, wall)
        or _against_time(facts, door, good, now, doubtful)
        or (against_copy(facts, door, wall) if facts.must_move else None)
    )
    if refusal:
        return refusal
    ticket = facts.ticket
    unsure = doubtful or (facts.must_move and _unsure(facts, door))
    confirmed = facts.entry is not None and not unsure and not facts.without_memory
    allowed = _allowed(facts, door)
    if not allowed:
        return Refuse(Reason.WRONG_GATE)
    entry = _at(facts.entry, door.checkpoint)
    names = spent(facts.uses, entry)
    left = allowed * ticket.quantity - len(names)
    if left > 0:
        if abandoned_in_a_row(facts.uses) >= ABANDONED_MAX:
            return Refuse(Reason.SEE_STAFF)
        return Admit(min(ticket.quantity, left), confirmed)
    # What was undone counts no more: it neither opens again nor says where the ticket was used.
    counted = tuple(use for use in facts.uses if use.name in names)
    again = _reopenable(counted, door, uptime)
    if again:
        return Admit(1, confirmed, again.name)
    return _used(counted, entry)


def _against_list(facts: Facts, door: Door, wall: float) -> Refuse | None:
    entry, ticket = facts.entry, facts.ticket
    if facts.event is None and door.rung is not Rung.SIGNATURE_ONLY:
        return Refuse(Reason.WRONG_EVENT)
    if facts.revoked:
        return Refuse(Reason.BLOCKED)
    if ticket.generation < facts.shown_generation:
        return Refuse(Reason.SUPERSEDED)
    if entry is None and facts.delegated:
        return Refuse(Reason.UNKNOWN)  # Such a key may speak only of what the list holds.
    if entry is None:
        # A good signature stands in for the list. A foreign credential (a card, another issuer's
        # code) has none of ours: where those are judged, the list alone counts, at every rung.
        new = abs(wall - ticket.issued_at) <= UNLISTED_AGE_SECONDS_MAX
        if door.rung in door.admits_unlisted or (new and door.rung is Rung.FRESH):
            return None
        return Refuse(Reason.UNKNOWN)
    match entry.standing:
        case Standing.GOOD:
            pass
        case Standing.BLOCKED:
            return Refuse(Reason.BLOCKED)
        case Standing.REFUNDED:
            return Refuse(Reason.REFUNDED)
        case Standing.RESCHEDULED:
            return Refuse(Reason.RESCHEDULED)
    if ticket.generation < entry.least_generation:
        return Refuse(Reason.SUPERSEDED)
    return None


def _against_time(facts: Facts, door: Door, good: Span, now: Span, doubtful: bool) -> Refuse | None:
    (opens, closes), (earliest, latest) = good, now
    if facts.event and facts.event.closed:
        return Refuse(Reason.SEE_STAFF)
    if latest < opens:
        return Refuse(Reason.TOO_EARLY, since=opens)
    if earliest >= closes:
        return Refuse(Reason.TOO_LATE, since=closes)
    if doubtful and door.when_clock_suspect is WhenClockSuspect.SEE_STAFF:
        return Refuse(Reason.CLOCK_SUSPECT)
    return None


def _bounds(facts: Facts, door: Door, wall: float) -> Span:
    """Return the earliest and the latest that it may be, Unix seconds."""
    if door.clock is not ClockQuality.SUSPECT:
        return wall, wall
    if facts.must_move and facts.code and facts.event:
        # A code that is genuine says itself when it was made.
        return facts.code.time, facts.code.time
    return door.floor, door.latest


def _doubtful(good: Span, now: Span) -> bool:
    """Whether the ticket is good at only some of the times that it may be.

    A clock that cannot know says neither that it is too early nor that it is too late.
    """
    (opens, closes), (earliest, latest) = good, now
    return earliest < latest and (
        earliest < opens or min(latest, earliest + DOUBT_SECONDS_MAX) >= closes
    )


def against_copy(facts: Facts, door: Door, wall: float) -> Refuse | None:
    """Where the code must move, admit only one that the holder's phone made just now.

    Not asked elsewhere: a GH9 is then as good as the GH1 in it, which whoever copies it has too.
    """
    code = facts.code
    if code is None:
        return Refuse(Reason.STATIC_COPY)
    if facts.event is not None:
        if facts.event.rotation_key is None:
            return Refuse(Reason.SEE_STAFF)  # The list contradicts the ticket.
        if not genuine(code, facts.ticket.cti, facts.event.rotation_key):
            return Refuse(Reason.FORGED)
    if facts.last_code is not None and code.step < facts.last_code // STEP_SECONDS:
        return Refuse(Reason.CODE_TOO_OLD)  # A newer one of this right has opened here.
    if door.clock is ClockQuality.SUSPECT:
        fits = door.floor <= code.time
    else:
        fits = abs(code.step - wall // STEP_SECONDS) <= STEPS_APART_MAX
    return None if fits else Refuse(Reason.CODE_TOO_OLD)


def may_draw(entry: Entry | None, event: EventRecord | None, clock: ClockQuality) -> bool:
    """Whether an admission may be one that the list does not confirm, whatever the ticket.

    Where not, and the journal is whole, nobody has to look how much is left of the budget.
    """
    return entry is None or event is None or clock is ClockQuality.SUSPECT


def _unsure(facts: Facts, door: Door) -> bool:
    """Whether the moving code could be older than it says, or nobody's."""
    return door.clock is ClockQuality.SUSPECT or facts.event is None


def validity(facts: Facts) -> Span:
    """Return from when and until when (Unix seconds): the row's word, the event's, the ticket's."""
    opens, closes = facts.ticket.not_before, facts.ticket.expires
    if facts.event:
        opens += facts.event.shift_seconds
        closes += facts.event.shift_seconds
        opens = opens if facts.event.not_before is None else facts.event.not_before
        closes = closes if facts.event.expires is None else facts.event.expires
    if facts.entry:
        opens = opens if facts.entry.not_before is None else facts.entry.not_before
        closes = closes if facts.entry.expires is None else facts.entry.expires
    return opens, closes


def _allowed(facts: Facts, door: Door) -> int:
    if facts.ticket_class is None:
        # Without a list nobody knows the class; a good signature is then worth one use.
        return 1 if door.rung is Rung.SIGNATURE_ONLY else 0
    return facts.ticket_class.uses.get(door.checkpoint, 0)


def _at(entry: Entry | None, checkpoint: str) -> Entry | None:
    """Return the entry with only the uses of this checkpoint."""
    if entry is None or not entry.elsewhere:
        return entry
    here = tuple(use for use in entry.elsewhere if use.checkpoint == checkpoint)
    return Entry(entry.class_index, elsewhere=here, undone=entry.undone)


def _reopenable(uses: tuple[Use, ...], door: Door, uptime: float) -> Use | None:
    if door.after_uncertain is AfterUncertain.STAFF:
        return None
    for use in uses:
        if use.outcome is not Outcome.UNCERTAIN or use.reopened or use.lane != door.lane:
            continue
        if use.boot == door.boot and 0 <= uptime - use.uptime <= REOPEN_SECONDS_MAX:
            return use
    return None


def _used(counted: tuple[Use, ...], entry: Entry | None) -> Refuse:
    """Say when and where, where that is known here."""
    for use in counted:
        if use.outcome is Outcome.RESERVED:
            return Refuse(Reason.BEING_USED, where=use.lane)
    if any(use.outcome is Outcome.UNCERTAIN for use in counted):
        return Refuse(Reason.SEE_STAFF, since=counted[-1].wall, where=counted[-1].lane)
    if counted:
        return Refuse(Reason.USED, since=counted[-1].wall, where=counted[-1].lane)
    if entry and entry.elsewhere:
        last = max(entry.elsewhere, key=lambda use: use.wall)
        return Refuse(Reason.USED, since=last.wall or None, where=last.place)
    return Refuse(Reason.USED)
