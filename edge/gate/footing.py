"""What a decision stands on: the rung of the ladder, and what is left of the offline budget.

Used on the store's thread alone. What was drawn stands in the journal; here is only what goes on
from one second to the next.
"""

from dataclasses import replace
from math import inf

from edge.core import budget, ladder
from edge.core.budget import Drawn, Left
from edge.core.ladder import Known, Ladder
from edge.core.moment import Moment
from edge.gate.config import ZoneConfig, terms
from edge.store.journal import Transaction
from wire.event import AnyEvent, Authorised, BudgetUsedUp, Rung, RungChanged

NOTE_SECONDS = 600.0
"""How much of the list's age a power cut may forget."""


class Footing:
    def __init__(self, zone: ZoneConfig) -> None:
        self._stale_after_seconds = zone.stale_after_seconds
        self._terms = terms(zone)
        self._ladder = Ladder()
        self._confirmed: float | None = None
        self._began_at, self._age_then = 0.0, 0.0
        self._drawn = Drawn()
        self._drawn_at = inf
        """Uptime since which nobody has drawn on the budget while the list was fresh."""
        self._noted_at = -inf

    @property
    def rung(self) -> Rung:
        return self._ladder.rung

    def begin(self, transaction: Transaction, now: Moment) -> None:
        """Go on from what an earlier life noted."""
        self._drawn = transaction.drawn()
        self._began_at, self._age_then = now.uptime, budget.age_at_start(self._drawn, now)

    def move(
        self, damage: str | None, essentials: bool, confirmed: float | None, now: Moment
    ) -> RungChanged | None:
        """Follow what is known now; return the move to record, if it is one.

        `confirmed`: the uptime at which central last confirmed the list.
        """
        self._confirmed = confirmed
        age = None if confirmed is None else now.uptime - confirmed
        known = Known(damage, essentials, age)
        self._ladder, why = ladder.step(self._ladder, known, self._stale_after_seconds, now.uptime)
        if why is None:
            return None
        self._drawn_at = now.uptime if self.rung is Rung.FRESH else inf
        return RungChanged(rung=self.rung, why=why)

    def age_seconds(self, now: Moment) -> float:
        """Return how long ago central confirmed the list, in this life or an earlier one."""
        if self._confirmed is not None:
            return now.uptime - self._confirmed
        return self._age_then + now.uptime - self._began_at

    def left(self, transaction: Transaction, now: Moment) -> Left:
        """Return what a verdict may draw, inside the transaction that commits it."""
        self._drawn = transaction.drawn()
        return budget.left(self._drawn, self.age_seconds(now), self._terms)

    def draw(self, events: tuple[AnyEvent, ...], now: Moment) -> tuple[AnyEvent, ...]:
        """Return the events to commit: with a word more if they use the budget up."""
        persons = sum(
            one.quantity for one in events if isinstance(one, Authorised) and not one.confirmed
        )
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
            self._drawn = replace(self._drawn, said=True)
        return told

    def _hours_are_up(self, now: Moment) -> BudgetUsedUp | None:
        return budget.emptied(self._drawn, 0, self.age_seconds(now), self._terms)

    def _is_forgiven(self, now: Moment) -> bool:
        return budget.forgiven(self._drawn, self.rung, now.uptime - self._drawn_at)
