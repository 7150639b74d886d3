"""What a gate's journal says, held against all promises.

A witness reads each row once, in the order of the journal, as soon as something hangs on it: at
each pulse, and before and after everything that goes wrong.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from edge.core.notice import IDLE, Lamp, Notice
from gatehouse.simulation.books.lane_books import LaneBook
from gatehouse.simulation.books.witness import Reading
from gatehouse.simulation.centrals.central import Told
from gatehouse.simulation.centrals.tickets import Kind
from gatehouse.simulation.machines.device import Device
from gatehouse.simulation.machines.machine import EPOCH
from gatehouse.simulation.promises import Promise
from gatehouse.simulation.truth import Name
from gatehouse.simulation.words import said
from rules.use import OUTCOMES, Outcome
from wire import event
from wire.entry import Standing
from wire.event import AnyEvent, ClockQuality, Rung, Stamp
from wire.reason import Reason
from wire.rotating import STEP_SECONDS

BY_HAND: Name = (b"by hand", 1)
REOPEN_MS = 300_000
FRESH_SLACK_SECONDS = 20.0
CLOCK_SLACK_SECONDS = 35.0
CODE_SECONDS = 100.0
SHOWN_SECONDS, SETTLED_SECONDS = 5.0, 15.0
SHOWN_LATELY_SECONDS = 90.0  # A refusal that repeats another is told a minute later.
AGAINST_STANDING = {Reason.BLOCKED, Reason.REFUNDED, Reason.RESCHEDULED}


@dataclass(slots=True)
class Person:
    """One use as this journal tells it."""

    cti: bytes
    outcome: Outcome = Outcome.RESERVED
    open: bool = True
    reopened: int = 0
    uncertain_at: tuple[bytes, int] | None = None
    """(boot, uptime in ms) of the row that said so."""
    assumed: bool = False
    at: float = 0.0
    term: int = 0
    """Of the hub that granted it; 0: it did not."""
    wall: float = 0.0
    """What the device took for the time, Unix seconds; 0 where no signed word said so."""


@dataclass(slots=True)
class Witness(Reading):
    device: Device
    admitted: Callable[[bytes], None]
    """Is told of each right that somebody was let in on."""
    persons: dict[Name, Person] = field(default_factory=dict)
    by_right: dict[bytes, list[Name]] = field(default_factory=dict)
    calling: list[Name] = field(default_factory=list)
    """Whom the newest decision lets in, and who has not been called yet."""
    codes: dict[bytes, int] = field(default_factory=dict)
    """Right -> step of the newest moving code that opened here."""
    opened: dict[bytes, int] = field(default_factory=dict)
    """Right -> the highest generation that opened here."""
    forgotten: set[Name] = field(default_factory=set)
    """Uses that an older picture of the card does not know."""
    lane: LaneBook = field(init=False)
    refused: dict[tuple[bytes, Reason], float] = field(default_factory=dict)
    """When somebody was last told that a ticket is too early or too late."""
    rung: Rung | None = None
    rung_at: float = 0.0
    """When it was read that the device goes by `rung`."""

    def __post_init__(self) -> None:
        Reading.__post_init__(self)
        self.lane = LaneBook(self)

    @property
    def gate(self) -> str:
        """The gate that this device stands at, or stood at."""
        return self.device.name.rstrip("abcdef")

    def undecided(self, since: float) -> bool:
        """Whether anybody let in since then has no outcome yet."""
        return any(one.open and one.at > since for one in self.persons.values())

    def put_back(self, last: tuple[int, int], last_hash: bytes) -> None:
        Reading.put_back(self, last, last_hash)
        let_in, decided = self.card.let_in()
        self.forgotten |= self.persons.keys() - let_in
        for name in (self.persons.keys() & let_in) - decided:
            self.persons[name].open = True  # For the device, which will say so again.
        self.codes.clear()
        self.opened.clear()
        self.calling.clear()

    # What the rows promise.

    def take(self, happened: AnyEvent, stamp: Stamp) -> None:
        self.lane.take(happened, stamp)
        match happened:
            case event.Authorised():
                self._authorised(happened, stamp)
            case event.Reopened():
                self._reopened(happened, stamp)
            case event.Outcome():
                self._outcome(happened, stamp)
            case event.Refused():
                self._refused(happened, stamp)
            case event.OpenedByHand():
                waiting = [one for one in self.calling if self._waits(one)]
                self.calling = waiting or [BY_HAND]
            case event.RungChanged():
                self.truth.tell(self.device.name, said(happened))
                self.rung, self.rung_at = happened.rung, self.truth.scheduler.now
            case _:
                pass

    def _authorised(self, happened: event.Authorised, stamp: Stamp) -> None:
        cti, name = happened.cti, self.device.name
        issued = self.central.pool.by_cti[cti]
        known = self._known(cti, happened.list_sequence)
        if len(known) + happened.quantity > issued.quantity:
            why = f"{name}: ticket {issued.number} is let in beyond what {name} knew it allows"
            self.truth.violate(Promise.NOBODY_TWICE, why)
        names = [(happened.admission, one) for one in range(1, happened.quantity + 1)]
        wall = stamp.wall_ms / 1000 if stamp.clock is ClockQuality.SIGNED else 0.0
        for one in names:
            now = self.truth.scheduler.now
            self.persons[one] = Person(cti, at=now, term=happened.term, wall=wall)
        self.admitted(cti)
        self.by_right.setdefault(cti, []).extend(names)
        self.calling = names
        self.truth.count("admitted", happened.quantity)
        persons = "" if happened.quantity == 1 else f" for {happened.quantity}"
        rung = "" if happened.rung is Rung.FRESH else f" ({happened.rung.value})"
        self.truth.tell(name, f"admits ticket {issued.number}{persons}{rung}")
        self._hold_against_list(happened)
        if self.locked:
            self.truth.violate(Promise.ORDERS_OBEYED, f"{name}: lets in, and is locked")
        if self.lane.released:
            self.truth.violate(Promise.FIRE_FREE, f"{name}: lets in ticket {issued.number}")
        self._hold_generation(happened)
        if issued.moves and (cti, happened.generation) not in self.truth.out:
            self._hold_code(happened, stamp)
        self._hold_against_time(issued.ticket.not_before, issued.ticket.expires, stamp, True)
        if issued.kind is Kind.UNLISTED and happened.rung is Rung.FRESH:
            self.truth.violate(Promise.LIST_OBEYED, f"{name}: unlisted ticket {issued.number}")

    def _hold_generation(self, happened: event.Authorised) -> None:
        """Whatever codes there are of a right, the newest that opened here ends those before."""
        cti, generation = happened.cti, happened.generation
        number, name = self.central.pool.by_cti[cti].number, self.device.name
        if generation < self.opened.get(cti, 0):
            why = f"{name}: ticket {number} opens by {generation} after {self.opened[cti]}"
            self.truth.violate(Promise.SUPERSEDED_DEAD, why)
        self.truth.opens(name, (cti, generation), happened.list_sequence)
        self.opened[cti] = max(self.opened.get(cti, 0), generation)
        if generation:
            self.truth.count("opened by paper" if (cti, generation) in self.truth.out else "again")

    def _hold_code(self, happened: event.Authorised, stamp: Stamp) -> None:
        """A code that moves was made just now, if a signed clock says so, and is the newest."""
        cti, made = happened.cti, happened.code_time
        number = self.central.pool.by_cti[cti].number
        age = None if made is None else EPOCH + self.truth.scheduler.now - made
        late = age is None or (stamp.clock is ClockQuality.SIGNED and age > CODE_SECONDS)
        older = made is not None and made // STEP_SECONDS < self.codes.get(cti, 0)
        if late or older:
            what = "that does not move" if age is None else f"made {age:.0f} s ago"
            why = f"{self.device.name}: ticket {number} opens by a code {what}"
            self.truth.violate(Promise.PICTURES_WORTHLESS, why)
        self.codes[cti] = max(self.codes.get(cti, 0), (made or 0) // STEP_SECONDS)
        self.truth.count("moving codes")

    def _known(self, cti: bytes, sequence: int) -> set[Name]:
        """Return the uses that this device knew to count, when its list went so far."""
        told = self._told(cti, sequence)
        history = self.central.told.get(cti, ())
        undone = frozenset().union(*(one.undone for one in history if one.sequence <= sequence))
        listed = frozenset.intersection(*(one.used for one in told)) if told else frozenset()
        own = {
            name
            for name in self.by_right.get(cti, ())
            if self.persons[name].outcome.spends and name not in self.forgotten
        }
        mine = set(self.by_right.get(cti, ())) - self.forgotten
        return (own | {name for name in listed if name not in mine}) - undone

    def _told(self, cti: bytes, sequence: int) -> list[Told]:
        """Return what the list said of a right at a number, in each chain that has the number."""
        newest = {
            one.line: one for one in self.central.told.get(cti, ()) if one.sequence <= sequence
        }
        # Of a chain that says nothing of it up to there, nobody can say what the device knew.
        return list(newest.values()) if len(newest) == self.central.lines else []

    def _hold_against_list(self, happened: event.Authorised) -> None:
        issued, name = self.central.pool.by_cti[happened.cti], self.device.name
        told = self._told(happened.cti, happened.list_sequence)
        if told and all(one.standing is not Standing.GOOD for one in told):
            why = f"{name}: ticket {issued.number} was revoked on list {happened.list_sequence}"
            self.truth.violate(Promise.LIST_OBEYED, why)
        if told and all(happened.generation < one.generation for one in told):
            why = f"{name}: an old code of ticket {issued.number}, reissued on the list it had"
            self.truth.violate(Promise.LIST_OBEYED, why)
        since = self._superseded_since(happened.cti, happened.generation)
        since = self._revoked_since(happened.cti) if since is None else since
        if since is not None and happened.rung is Rung.FRESH:
            age = self.truth.scheduler.now - since
            if age > self.device.stale_seconds + FRESH_SLACK_SECONDS:
                why = f"{name}: ticket {issued.number} revoked {age:.0f} s ago, and fresh"
                self.truth.violate(Promise.AGE_BOUNDED, why)

    def _revoked_since(self, cti: bytes) -> float | None:
        """Return since when the right is good no more; None: it is, or never was anything else."""
        since = None
        for one in self.central.told.get(cti, ()):
            if one.standing is Standing.GOOD:
                since = None
            elif since is None:
                since = one.at
        return None if self.central.good(cti) else since

    def _superseded_since(self, cti: bytes, generation: int) -> float | None:
        """Return since when the list takes only higher codes of a right; None: it does not."""
        since = None
        for one in self.central.told.get(cti, ()):
            if one.generation <= generation:
                since = None
            elif since is None:
                since = one.at
        return since

    def _hold_against_time(self, opens: int, closes: int, stamp: Stamp, admitted: bool) -> None:
        now, slack = EPOCH + self.truth.scheduler.now, CLOCK_SLACK_SECONDS
        inside = opens - slack <= now < closes + slack
        surely_inside = opens + slack <= now < closes - slack
        wrong = not inside if admitted else surely_inside
        if wrong and stamp.clock is ClockQuality.SIGNED:
            what = "let in" if admitted else "turned away"
            off = stamp.wall_ms / 1000 - now
            why = f"{self.device.name}: {what} by a signed clock that is {off:+.0f} s off"
            self.truth.violate(Promise.CLOCK_TOLD, why)
        elif wrong:
            self.truth.count(f"{'revived' if admitted else 'killed'} by a clock in doubt")

    def _reopened(self, happened: event.Reopened, stamp: Stamp) -> None:
        name = (happened.admission, happened.person)
        person = self.persons.get(name)
        self.calling = [name]
        self.truth.count("reopened")
        self.truth.tell(self.device.name, "opens once more for a use that nobody knows of")
        if person is None or person.outcome is not Outcome.UNCERTAIN or person.reopened:
            self.truth.violate(Promise.ONE_RETRY, f"{self.device.name}: reopened without a reason")
            return
        boot, uptime_ms = person.uncertain_at or (b"", 0)
        if boot != stamp.boot or stamp.uptime_ms - uptime_ms > REOPEN_MS:
            self.truth.violate(Promise.ONE_RETRY, f"{self.device.name}: reopened too late")
        person.reopened, person.open, person.at = 1, True, self.truth.scheduler.now

    def _outcome(self, happened: event.Outcome, stamp: Stamp) -> None:
        outcome = OUTCOMES[type(happened)]
        for number in range(happened.person, happened.person + happened.count):
            name = (happened.admission, number)
            person = self.persons.get(name)
            if person is None:
                self.truth.violate(Promise.ONE_OUTCOME, f"{self.device.name}: of nobody")
                return
            late = outcome is Outcome.PASSED_LATE and person.outcome < Outcome.PASSED
            late = late or (outcome is Outcome.PASSED_LATE and bool(person.reopened))
            if not person.open and not late and outcome is not Outcome.UNDONE:
                why = f"{self.device.name}: {outcome.name} after {person.outcome.name}"
                self.truth.violate(Promise.ONE_OUTCOME, why)
            person.open = False
            person.assumed = isinstance(happened, event.Passed) and happened.assumed
            person.outcome = max(person.outcome, outcome)
            if outcome is Outcome.UNCERTAIN:
                person.uncertain_at = (stamp.boot, stamp.uptime_ms)
            self.truth.count(outcome.name.lower())
            self.truth.tell(self.device.name, f"writes {outcome.name.lower().replace('_', ' ')}")

    def _refused(self, happened: event.Refused, stamp: Stamp) -> None:
        self.truth.refuses(happened.reason, happened.cti)
        if happened.cti is None:
            self.truth.tell(self.device.name, f"refuses: {happened.reason.value}")
            return
        issued, reason = self.central.pool.by_cti[happened.cti], happened.reason
        self.truth.tell(self.device.name, f"refuses ticket {issued.number}: {reason.value}")
        wrong = False
        history = self.central.told.get(happened.cti, ())
        if reason in AGAINST_STANDING:
            wrong = all(one.standing is Standing.GOOD for one in history)
        elif reason is Reason.SUPERSEDED:
            wrong = not self._superseded(happened.cti)
        elif reason in (Reason.TOO_EARLY, Reason.TOO_LATE):
            ticket = issued.ticket
            # Of one that repeats another the row is from a minute later, and its clock.
            now, before = self.truth.scheduler.now, self.refused.get((happened.cti, reason))
            self.refused[happened.cti, reason] = now
            if before is None or now - before > SHOWN_LATELY_SECONDS:
                self._hold_against_time(ticket.not_before, ticket.expires, stamp, False)
        elif reason is Reason.STATIC_COPY:
            wrong = happened.cti not in self.truth.static
        elif reason is Reason.CODE_TOO_OLD:
            sure = stamp.clock is ClockQuality.SIGNED
            # Where a newer one has opened, one that is a step older is too old.
            wrong = sure and happened.cti not in self.truth.pictures | self.codes.keys()
        elif reason in (Reason.FORGED, Reason.MALFORMED, Reason.NOT_A_TICKET):
            wrong = True
        if wrong:
            why = f"{self.device.name}: ticket {issued.number} is told {reason.value}"
            self.truth.violate(Promise.NOBODY_ROBBED, why)

    def _superseded(self, cti: bytes) -> bool:
        """Whether a code of a right that was just shown here has given way to a higher one."""
        told = max((one.generation for one in self.central.told.get(cti, ())), default=0)
        since = self.truth.scheduler.now - SHOWN_LATELY_SECONDS
        lately = [one for at, one in self.truth.shown.get((self.gate, cti), ()) if at > since]
        shown = min(lately, default=0)
        # Of phone and a paper of which nobody knew, the one that was seen first is the ticket.
        other = self.truth.opened.get(cti, set()) - {shown}
        return bool(other) or shown < max(told, self.truth.highest(cti))

    # At each pulse, and at each notice.

    def showed(self, notice: Notice) -> None:
        """Whoever looks at a resting lane must see how old its list is, once it is stale."""
        if notice.lamp is not Lamp.IDLE or notice.advice != IDLE.advice:
            return
        self.look()
        lasts = self.truth.scheduler.now - self.rung_at > SHOWN_SECONDS
        gate = self.device.machine.processes.get("gate")
        settled = gate is not None and self.truth.scheduler.now - gate.born > SETTLED_SECONDS
        well = settled and self.device.turnstile.well is gate
        if self.rung is Rung.STALE and lasts and well:
            why = f"{self.device.name}: a stale list, and nothing says so"
            self.truth.violate(Promise.AGE_BOUNDED, why)

    def pulsed(self) -> None:
        """The arm has just been told to open: for whom?"""
        self.look()
        while self.calling and not self._waits(self.calling[0]):
            self.calling.pop(0)  # Given back, or walked in already.
        if self.lane.released:
            self.truth.violate(Promise.FIRE_FREE, f"{self.device.name}: the relay moves")
        if not self.calling:
            why = f"{self.device.name}: the arm opens, and no committed row says for whom"
            self.truth.violate(Promise.DURABLE_FIRST, why)
            return
        name = self.calling.pop(0)
        self.truth.calls(self.device.turnstile, name)

    def _waits(self, name: Name) -> bool:
        person = self.persons.get(name)
        return person is None or person.open or person.assumed
