"""A device's journal, read from its card as it lies there: each row once, in order, and it stays.

Who holds what the rows say against the promises stands in `books` (gates) and `papers` (kiosks).
"""

from dataclasses import dataclass, field

from gatehouse.simulation.books.card import BEFORE_ALL, Card, Row
from gatehouse.simulation.centrals.central import Central, Given
from gatehouse.simulation.machines.enrolled import Enrolled
from gatehouse.simulation.machines.machine import EPOCH
from gatehouse.simulation.planned.plan_terms import EXIT_LANE
from gatehouse.simulation.promises import Promise
from gatehouse.simulation.truth import Truth
from gatehouse.simulation.words import said
from wire import event
from wire.event import AnyEvent, Mode, Stamp
from wire.row import Unknown, decode_row

LATE_SECONDS = 35.0
"""A heartbeat that was held back so long is still believed."""


@dataclass(slots=True)
class Reading:
    device: Enrolled
    truth: Truth
    central: Central
    rows: dict[tuple[bytes, int], tuple[bytes, bytes]] = field(default_factory=dict, kw_only=True)
    """(epoch, seq) -> (hash, body): every row that was ever committed here."""
    last: tuple[int, int] = field(default=BEFORE_ALL, kw_only=True)
    last_hash: bytes = field(default=b"", kw_only=True)
    picture: tuple[tuple[int, int], bytes] | None = field(default=None, kw_only=True)
    """What the newest picture of the card holds: its last row, and that one's hash."""
    answers: set[int] = field(default_factory=set, kw_only=True)
    """Counters of central's orders that it has answered."""
    obeyed: list[Given] = field(default_factory=list, kw_only=True)
    """Orders of central that it has said to obey, oldest first; what came of those before the
    first is known."""
    locked: bool = field(default=False, kw_only=True)
    """By central's order, as its journal says."""
    card: Card = field(init=False)

    def __post_init__(self) -> None:
        self.card = Card(self.device.machine)

    def look(self) -> None:
        """Read the rows that are new, and hold each against the promises."""
        for number, seq, epoch, body, hashed in self._new():
            self.last, self.last_hash = (number, seq), hashed
            self.rows[epoch, seq] = (hashed, body)
            happened, stamp = decode_row(body)
            if isinstance(happened, event.EpochBegan | event.ClockStepped):
                self.truth.tell(self.device.name, said(happened))
            elif isinstance(happened, event.CommandAnswered):
                self._answered(happened)
            elif not isinstance(happened, Unknown):
                if isinstance(happened, event.ModeChanged) and happened.lane != EXIT_LANE:
                    self.locked = happened.mode is Mode.LOCKED
                    self.truth.tell(self.device.name, f"is set to {happened.mode.value}")
                self.take(happened, stamp)

    def take(self, happened: AnyEvent, stamp: Stamp) -> None:
        """Hold what a new row says against the promises."""
        raise NotImplementedError

    def after_power(self) -> None:
        """What was committed must still be there."""
        self.card.pulled()
        self._hold_last()

    def put_back(self, last: tuple[int, int], last_hash: bytes) -> None:
        """An older picture of the card is in the device: it knows what it knew then."""
        self.card.pulled()
        self.last, self.last_hash = last, last_hash
        self.answers, self.locked = self.card.orders()

    def _answered(self, happened: event.CommandAnswered) -> None:
        """An order is central's, it is obeyed once, and no later than it is good for."""
        counter, name = happened.counter, self.device.name
        self.truth.tell(name, f"{'obeys' if happened.done else 'declines'} {happened.order}")
        if not counter:
            return  # One that came again, or late.
        given = self.central.given.get((self.device.number, counter))
        late = given and self.truth.scheduler.now + EPOCH > given.expires + LATE_SECONDS
        # Fire that came between the answer and the lane takes it back.
        again = counter in self.answers and happened.done
        if given is None or again or (late and happened.done):
            what = "nobody gave" if given is None else "was answered before" if again else "is late"
            why = f"{name}: obeys order {counter}, which {what}"
            self.truth.violate(Promise.ORDERS_OBEYED, why)
        self.answers.add(counter)
        if given is not None:
            self.obeyed = [one for one in self.obeyed if one is not given]
            self.obeyed += [given] if happened.done else []
        self.truth.count(f"order {happened.order} {'done' if happened.done else 'declined'}")

    def _new(self) -> list[Row]:
        """Return what was written since, if the row that it follows is still what it was."""
        number, seq = self.last
        found = self.card.rows((number, seq - 1))
        if self.last == BEFORE_ALL:
            return found
        if found and found[0][:2] == self.last and found[0][4] == self.last_hash:
            return found[1:]
        self._hold_last()
        return self.card.rows(self.last)

    def _hold_last(self) -> None:
        if self.last != BEFORE_ALL and self.card.hash_of(self.last) != self.last_hash:
            why = f"{self.device.name}: row {self.last} was committed and is gone"
            self.truth.violate(Promise.NOTHING_LOST, why)
            self.last = BEFORE_ALL  # Said once.
