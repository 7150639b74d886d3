"""What a decision stands on: central's last word, the rung, what is left of the offline budget.

Used on the store's thread alone. What was drawn stands in the journal; here is only what goes on
from one second to the next.
"""

from datetime import tzinfo
from math import inf

from msgspec import structs

from edge.core import budget, ladder, notice
from edge.core.budget import Drawn, Left
from edge.core.ladder import Known, Ladder
from edge.core.memory import Memory, memory
from edge.core.moment import Moment
from edge.gate.config import ZoneConfig, terms
from edge.store.central_time import CentralTime
from edge.store.journal import Transaction
from edge.store.trust import TrustStore
from edge.store.whitelist import Whitelist
from wire.event import AnyEvent, Authorised, BudgetUsedUp, ListApplied, Rung, RungChanged
from wire.snapshot import Heartbeat
from wire.words import Words

NOTE_SECONDS = 600.0
"""How much of the list's age a power cut may forget."""
APPLIED_SECONDS = 5.0
"""Where people come the list changes every second; to note each would be most of the journal."""


class Footing:
    def __init__(
        self, trust: TrustStore, whitelist: Whitelist, zone: ZoneConfig, lost: bool = False
    ) -> None:
        """`lost`: the journal that was opened may have forgotten something."""
        self._whitelist = whitelist
        self._central = CentralTime(trust)
        self._said: tuple[Heartbeat, float] | None = None
        """Central's last word on how far the list goes, and the uptime at which it said so."""
        self.configure(zone)
        self._ladder = Ladder()
        self._confirmed: float | None = None
        self._began_at: float | None = None
        self._age_then = 0.0
        self._lost = lost
        self._lost_at: float | None = None
        self._drawn = Drawn()
        self._drawn_at = inf
        """Uptime since which nobody has drawn on the budget while the list was fresh."""
        self._noted_at = -inf
        self._applied, self._applied_at = 0, -inf
        """The list that the journal last spoke of."""

    @property
    def rung(self) -> Rung:
        return self._ladder.rung or Rung.SIGNATURE_ONLY

    def begin(self, transaction: Transaction, now: Moment) -> None:
        """Go on from what an earlier life noted."""
        self._drawn = transaction.drawn()
        self._began_at, self._age_then = now.uptime, budget.age_at_start(self._drawn, now)

    def configure(self, zone: ZoneConfig) -> None:
        """Go by these settings from now on."""
        self._stale_after_seconds = zone.stale_after_seconds
        self._terms = terms(zone)

    def hear(self, sealed: bytes, uptime: float) -> Heartbeat | None:
        """A heartbeat as it came at `uptime`; return it if it is new.

        Raise Untrusted if it is not central's, WireError if it is none.
        """
        if (new := self._central.hear(sealed, uptime)) is None:
            return None
        self._said = new
        return new[0]

    def central_wall(self, uptime: float) -> float | None:
        """Return what time it is at central, by the heartbeats of this life; None before one."""
        return self._central.wall(uptime)

    def move(self, now: Moment) -> RungChanged | None:
        """Follow what is known now; return the move to record, if it is one."""
        if self._lost and self._lost_at is None:
            self._lost_at = now.uptime
        about = self._whitelist.about
        if about and self._said:
            said, at = self._said
            if (said.sequence, said.head) == (about.sequence, about.head):
                self._confirmed = at
        confirmed, damage = self._confirmed, self._whitelist.health
        essentials = self._whitelist.essentials is not None
        age = None if confirmed is None else now.uptime - confirmed
        known = Known(damage, essentials, age)
        self._ladder, why = ladder.step(self._ladder, known, self._stale_after_seconds, now.uptime)
        if why is None:
            return None
        self._drawn_at = now.uptime if self.rung is Rung.FRESH else inf
        return RungChanged(rung=self.rung, why=why)

    def applied(self, now: Moment) -> ListApplied | None:
        """Return what to record of the list, once no row has spoken of it for a while."""
        about = self._whitelist.about
        due = now.uptime >= self._applied_at + APPLIED_SECONDS
        if about is None or about.sequence == self._applied or not due:
            return None
        self._applied, self._applied_at = about.sequence, now.uptime
        return ListApplied(sequence=about.sequence)

    def let_in(self, events: tuple[AnyEvent, ...], now: Moment) -> None:
        """These were committed: who is let in is let in by a list, which is thereby told of."""
        for one in events:
            if isinstance(one, Authorised) and self._applied:
                self._applied, self._applied_at = one.list_sequence, now.uptime

    def age_seconds(self, now: Moment) -> float:
        """Return how long ago central confirmed the list, in this life or an earlier one."""
        if self._confirmed is not None:
            return now.uptime - self._confirmed
        if self._began_at is None:
            return 0.0  # What an earlier life noted has not been read yet.
        return self._age_then + now.uptime - self._began_at

    def unconfirmed_since(self, now: Moment) -> float | None:
        """Return since when central has not confirmed the list, Unix seconds; None: it does."""
        return None if self.rung is Rung.FRESH else now.wall - self.age_seconds(now)

    def caution(self, now: Moment, zone: tzinfo) -> Words | None:
        """Return what panels say beside their resting words of what this device does not know."""
        forgets = self.memory(now) is not Memory.WHOLE
        return notice.caution(self.unconfirmed_since(now), zone, forgets)

    def left(self, transaction: Transaction, now: Moment, may_draw: bool = True) -> Left:
        """Return what a verdict may draw, inside the transaction that commits it.

        Not `may_draw`: the list confirms the ticket, so the books are left closed, and it is 0.
        """
        without_memory = self.memory(now) is Memory.WITHOUT
        age_seconds = self.age_seconds(now)
        if not may_draw and not without_memory:
            return Left(0, budget.too_old(age_seconds, self._terms))
        self._drawn = transaction.drawn()
        return budget.left(self._drawn, age_seconds, self._terms, without_memory)

    def memory(self, now: Moment) -> Memory:
        """Return whether the uses of this device's own journal can be gone by."""
        return memory(self._lost_at, self._confirmed, now.uptime)

    def draw(self, events: tuple[AnyEvent, ...], now: Moment) -> tuple[AnyEvent, ...]:
        """Return the events to commit: with a word more if they use the budget up."""
        persons = 0
        for one in events:
            if isinstance(one, Authorised) and not one.confirmed:
                persons += one.quantity
        if not persons:
            return events
        self._drawn_at = now.uptime
        told = budget.emptied(self._drawn, persons, self.age_seconds(now), self._terms)
        return (*events, told) if told else events

    def due(self, now: Moment) -> bool:
        """Whether `look_after` has anything to write."""
        return (
            now.uptime - self._noted_at >= NOTE_SECONDS
            or self._hours_are_up(now) is not None
            or self._is_forgiven(now)
        )

    def look_after(self, transaction: Transaction, now: Moment) -> BudgetUsedUp | None:
        """Note the list's age and forgive what is to be forgiven; return what is to be said."""
        self._drawn = transaction.drawn()
        forgiven = self._is_forgiven(now)
        self._drawn = Drawn(
            0 if forgiven else self._drawn.admissions,
            self._drawn.said and not forgiven,
            self.age_seconds(now),
            now.wall,
        )
        transaction.note(self._drawn)
        self._noted_at = now.uptime
        told = self._hours_are_up(now)
        if told:
            self._drawn = structs.replace(self._drawn, said=True)
        return told

    def _hours_are_up(self, now: Moment) -> BudgetUsedUp | None:
        return budget.emptied(self._drawn, 0, self.age_seconds(now), self._terms)

    def _is_forgiven(self, now: Moment) -> bool:
        return budget.forgiven(self._drawn, self.rung, now.uptime - self._drawn_at)
