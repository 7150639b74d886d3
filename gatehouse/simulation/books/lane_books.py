"""What a gate's journal says of what its lane is set to, held against orders, keys and heads.

While a lane stays open no ticket is spent: whoever walks is a head, told of when it is over. What
one life of a gate counts is gone with it, and so is what it was set to, but for a lock.
"""

from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING

from edge.core.contact import KEY_SWITCH
from edge.core.lane import STAYS_OPEN, TIME_OUT
from gatehouse.simulation.books.exit_books import ExitBook
from gatehouse.simulation.books.witness import LATE_SECONDS
from gatehouse.simulation.centrals.central import ADMIN, Given
from gatehouse.simulation.machines.device import LANE
from gatehouse.simulation.machines.enrolled import CARD_MINUTES
from gatehouse.simulation.machines.machine import EPOCH
from gatehouse.simulation.promises import Promise
from gatehouse.simulation.truth import Name
from wire import event
from wire.event import AnyEvent, Mode, Stamp

CARD = "card: "
"""How whoever acted by a staff card is named."""

if TYPE_CHECKING:
    from gatehouse.simulation.books.gate_books import Witness

ORDERED = {
    "hold-open": Mode.HELD_OPEN,
    "free-pass": Mode.FREE_PASS,
    "lock-entry": Mode.LOCKED,
    "back-to-normal": Mode.NORMAL,
}
EARLY_SECONDS = 1.5
"""An order's end is a whole second."""
EDGE_SECONDS = 0.5
ASSUMED_SECONDS = 8.0
"""A lane is open so long at most for each whom it lets in."""
EDGE_SLOW_SECONDS = 6.0
"""Who walks so near to a change of mode is a head or not; on a slow disk it takes longer."""
LET_GO_LOOKS = 5
"""A contact is let go by then, a second each, if nothing is to be held any more."""
CLOSES = (Mode.LOCKED, Mode.OUT_OF_SERVICE)


@dataclass(slots=True)
class LaneBook:
    """`mode` and what came of it, as the rows of this life say."""

    witness: "Witness"
    mode: Mode = Mode.NORMAL
    since: float = 0.0
    until: float = inf
    """When it ends by itself, seconds of the simulation."""
    ordered_at: float = -inf
    """When central last set it to anything."""
    edges: list[float] = field(default_factory=list)
    """When fire came or went since then."""
    released: bool = False
    """By fire."""
    passed: int = 0
    """How many persons with a ticket have walked since then."""
    assumed_of: bytes = b""
    """The admission last let in whose passing was assumed beforehand,"""
    assumed_at: float = -inf
    """when,"""
    assumed_persons: int = 0
    """and how many they are."""
    assumed: int = 0
    """How many of them may walk only since then, and be no heads."""
    group: tuple[Name, ...] = ()
    """Whom the contact was last held for."""
    lives: int = 0
    groups: dict[bytes, int] = field(default_factory=dict)
    """Admission of several persons -> the life that let them in."""
    exits: ExitBook = field(init=False)
    wrongly: int = 0
    """How often in a row the contact was seen held for nobody."""

    def __post_init__(self) -> None:
        self.exits = ExitBook(self.witness)

    def take(self, happened: AnyEvent, stamp: Stamp) -> None:
        """Hold a new row of the lane against the promises."""
        match happened:
            case event.ModeChanged(lane=lane) if lane == LANE:
                self._set(happened, self._at(stamp))
            case event.Released(lane=lane) | event.Secured(lane=lane) if lane == LANE:
                self.edges.append(self._at(stamp))
                self._fire(happened, stamp)
            case event.Started():
                self.mode = Mode.LOCKED if self.witness.locked else Mode.NORMAL
                self.released, self.lives = False, self.lives + 1
                self.witness.obeyed.clear()
                self._begin(self._at(stamp))
                self.exits.take(happened, self._at(stamp))
            case event.Left() | event.Released() | event.Secured() | event.ModeChanged():
                self.exits.take(happened, self._at(stamp))
            case event.Passed(assumed=False, count=count) | event.PassedLate(count=count):
                self.passed += count
            case event.Passed(assumed=True):
                self._assumes(happened, self._at(stamp))
            case event.Authorised():
                self._admits(happened)
            case event.Abandoned():
                self._given_back(happened)
            case event.OpenedByHand():
                self._in_doubt()
            case _:
                pass

    def hold(self) -> None:
        """Look at the contact: is it held for longer than anybody said? And who left?"""
        self.exits.hold()
        turnstile, now = self.witness.device.turnstile, self._now
        self.wrongly += 1
        if not turnstile.held or not turnstile.obeys or not turnstile.served:
            self.wrongly = 0
            return
        self.witness.look()
        persons = self.witness.persons
        if self.mode in STAYS_OPEN or any(persons[one].open for one in self.group):
            self.wrongly = 0
        if self.mode in STAYS_OPEN and now > self.until + LATE_SECONDS:
            self._violate(Promise.ORDERS_OBEYED, f"stays open, {now - self.until:.0f} s too long")
        elif self.wrongly > LET_GO_LOOKS:
            self._violate(Promise.ORDERS_OBEYED, f"is held open, and set to {self.mode.value}")

    def held(self) -> None:
        """The contact has just been closed, to stay so: for all, or for whom?"""
        self.witness.look()
        turnstile, calling = self.witness.device.turnstile, self.witness.calling
        if self.mode in STAYS_OPEN:
            self.witness.truth.calls(turnstile, None)
            return
        if len(calling) > 1 and turnstile.counts:
            self.group = tuple(calling)
            self.witness.truth.calls(turnstile, *calling)
            calling.clear()
        else:
            why = "is held open, and no committed row says for whom"
            self._violate(Promise.DURABLE_FIRST, why)

    def passes_over(self, given: Given, at: float) -> bool:
        """Whether an order given then has set the lane to nothing, nor anybody since."""
        ordered = ORDERED.get(given.kind, self.mode)
        newest = self.witness.obeyed and self.witness.obeyed[-1] is given
        return bool(newest) and self.mode is not ordered and self.since < at

    @property
    def _now(self) -> float:
        return self.witness.truth.scheduler.now

    def _at(self, stamp: Stamp) -> float:
        """Return when a row was written, seconds of the simulation."""
        machine = self.witness.device.machine
        if stamp.boot != machine.boot:
            return self._now
        return self._now - machine.uptime + stamp.uptime_ms / 1000

    def _violate(self, promise: Promise, why: str) -> None:
        self.witness.truth.violate(promise, f"{self.witness.device.name}: {why}")

    def _given_back(self, happened: event.Abandoned) -> None:
        """Of a group that the board counts nobody can say who was through when the gate died."""
        person = self.witness.persons.get((happened.admission, happened.person))
        if person is not None and person.reopened:
            return  # It opened once more, and nobody came: uncertain it is all the same.
        life = self.groups.get(happened.admission, self.lives)
        if life != self.lives and self.witness.device.turnstile.counts:
            why = "gives back persons of a group that its board counted while it was dead"
            self._violate(Promise.OUTCOME_TRUE, why)

    def _assumes(self, happened: event.Passed, at: float) -> None:
        same = happened.admission == self.assumed_of
        self.assumed_persons = happened.count + (self.assumed_persons if same else 0)
        self.assumed_of, self.assumed_at = happened.admission, at

    def _in_doubt(self) -> None:
        """Whom the next pulse is for, one let in or whoever staff lead, no row says."""
        witness = self.witness
        called = [witness.persons[one] for one in witness.calling if one in witness.persons]
        witness.truth.muddled += [(witness.gate, one.at) for one in called]

    def _admits(self, happened: event.Authorised) -> None:
        if happened.quantity > 1:
            self.groups[happened.admission] = self.lives
        if self.mode in CLOSES:
            self._violate(Promise.ORDERS_OBEYED, f"lets in, and is {self.mode.value}")
        elif self.mode in STAYS_OPEN:
            self._violate(Promise.HEADS_COUNTED, f"spends a ticket, and is {self.mode.value}")

    def _set(self, happened: event.ModeChanged, at: float) -> None:
        given = self._given(happened.mode) if happened.by == ADMIN else None
        self._hold_word(happened, given, at)
        if happened.mode is not self.mode and self.mode in STAYS_OPEN:
            self._hold_heads(happened.heads, at)
        truth, witness = self.witness.truth, self.witness
        truth.count(f"lane {happened.mode.value}")
        if happened.mode in STAYS_OPEN:
            # Whoever walks first counts as the one who was let in and has not walked yet.
            let_in = {one.at for one in witness.persons.values() if one.open}
            truth.muddled += [(witness.gate, since) for since in sorted(let_in)]
        changes, self.mode = happened.mode is not self.mode, happened.mode
        self.until = inf
        if happened.by == ADMIN:
            self.ordered_at = at
            self.until = inf if given is None or given.until is None else given.until - EPOCH
        elif happened.by.startswith(CARD) and happened.mode is Mode.FREE_PASS:
            self.until = at + CARD_MINUTES * 60
        if changes:
            self._begin(at)

    def _fire(self, happened: event.Released | event.Secured, stamp: Stamp) -> None:
        """Fire has released the lane, or is over: heads are who went through since it began."""
        device, truth = self.witness.device, self.witness.truth
        self.released = isinstance(happened, event.Released)
        truth.tell(device.name, "is released by fire" if self.released else "is secured")
        gate = device.turnstile.served_by
        if isinstance(happened, event.Released) or gate is None or not device.turnstile.sensed:
            return
        age = self._now - gate.born
        if (
            stamp.boot != device.machine.boot
            or stamp.uptime_ms / 1000 < device.machine.uptime - age
        ):
            return  # An earlier life wrote it, which counted from its own beginning.
        counted = device.turnstile.heads(since=gate.born)
        # Whoever went through at the very moment of either is counted or not.
        if abs(happened.heads - counted) > 1:
            why = f"{counted} went out, and {happened.heads} are told"
            self._violate(Promise.FIRE_FREE, why)

    def _begin(self, at: float) -> None:
        self.since, self.passed = at, 0
        open_until = self.assumed_at + ASSUMED_SECONDS * self.assumed_persons
        self.assumed = self.assumed_persons if at < open_until else 0
        self.edges.clear()

    def _given(self, mode: Mode) -> Given | None:
        """Return the oldest order to set it so of which nothing has come; none before it will."""
        obeyed = self.witness.obeyed
        for place, given in enumerate(obeyed):
            if ORDERED.get(given.kind) is mode:
                del obeyed[: place + 1]
                return given
        return None

    def _hold_word(self, happened: event.ModeChanged, given: Given | None, at: float) -> None:
        """Somebody said so: central in an order, whoever has a key or a card, or its hour."""
        by, mode, wrong = happened.by, happened.mode, ""
        if by == ADMIN:
            wrong = "" if given else "which nobody ordered"
        elif by == KEY_SWITCH:
            turned = self.witness.device.turnstile.turned_at
            if turned == -inf or (self.mode is Mode.LOCKED and turned < self.ordered_at):
                wrong = "by a key that nobody has turned since it was locked"
        elif by.startswith(CARD):
            if at - self.witness.device.turnstile.carded_at > LATE_SECONDS:
                wrong = "by a card that nobody has shown"
        elif by != TIME_OUT or at < self.until - EARLY_SECONDS or mode is not Mode.NORMAL:
            wrong = f"by {by}, {self.until - at:.0f} s before its end"
        if wrong:
            self._violate(Promise.ORDERS_OBEYED, f"is set to {mode.value}, {wrong}")

    def _hold_heads(self, heads: int, at: float) -> None:
        """Whoever walked while it stayed open is told of, or was let in by a ticket before."""
        turnstile = self.witness.device.turnstile
        if not turnstile.sensed:
            return
        process = turnstile.served_by
        slow = process is None or process.slow_until + EDGE_SLOW_SECONDS > self._now
        edge = EDGE_SLOW_SECONDS if slow else EDGE_SECONDS
        surely = perhaps = 0
        for one in turnstile.passages:
            near = any(abs(one - moment) <= edge for moment in (self.since, *self.edges, at))
            perhaps += near or self.since < one < at
            surely += not near and self.since < one < at
        self.witness.truth.count("heads", heads)
        if not surely - self.assumed <= heads + self.passed <= perhaps:
            why = f"{surely} to {perhaps} walked, {heads} heads and {self.passed} tickets are told"
            self._violate(Promise.HEADS_COUNTED, why)
