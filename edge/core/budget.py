"""The offline budget: how much may be decided without a list that confirms it.

It counts persons admitted whom the list did not hold, and the hours since central last confirmed
the list. It is full again when the list is fresh again. While it stays fresh, a ticket sold this
moment may come before its row; such admissions are forgiven when ten quiet minutes have shown
that nobody goes on with them.
"""

from dataclasses import dataclass

import msgspec

from edge.core.moment import Moment
from rules.zone import WhenUsedUp as WhenUsedUp
from wire.event import BudgetUsedUp, ClockQuality, Rung

QUIET_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class Terms:
    """What the zone chose."""

    admissions_max: int
    hours_max: float
    when_used_up: WhenUsedUp = WhenUsedUp.SEE_STAFF


class Drawn(msgspec.Struct, frozen=True):
    """What has been drawn, as it is kept through a restart."""

    admissions: int = 0
    said: bool = False
    """That it is used up; said once until it is full again."""
    age_seconds: float = 0.0
    """Of the list, when that was last noted."""
    noted_wall: float | None = None
    """When it was noted, Unix seconds; None: never."""


class Left(msgspec.Struct, frozen=True):
    """What a verdict may still draw."""

    admissions: int | None = None
    """Persons whom the list does not confirm; None: as many as come."""
    too_old: bool = False
    """The list has not been confirmed for so long that it confirms nobody."""
    without_memory: bool = False
    """The journal was lost: nothing confirms that a ticket was not used here before."""


def left(drawn: Drawn, age_seconds: float, terms: Terms, without_memory: bool = False) -> Left:
    if terms.when_used_up is WhenUsedUp.GO_ON:
        return Left(None, False, without_memory)
    admissions = max(0, terms.admissions_max - drawn.admissions)
    return Left(admissions, too_old(age_seconds, terms), without_memory)


def too_old(age_seconds: float, terms: Terms) -> bool:
    """Whether the list has not been confirmed for so long that it confirms nobody."""
    aged = age_seconds > terms.hours_max * 3600
    return aged and terms.when_used_up is not WhenUsedUp.GO_ON


def emptied(drawn: Drawn, persons: int, age_seconds: float, terms: Terms) -> BudgetUsedUp | None:
    """Return what is to be said once `persons` more are drawn; None: nothing, or nothing new."""
    admissions = drawn.admissions + persons
    spent = admissions >= terms.admissions_max and admissions > 0
    if drawn.said or not (spent or age_seconds > terms.hours_max * 3600):
        return None
    return BudgetUsedUp(admissions=admissions, hours=round(age_seconds / 3600, 2))


def forgiven(drawn: Drawn, rung: Rung, quiet_seconds: float) -> bool:
    """Whether to fill the budget again while the list stays fresh.

    `quiet_seconds`: how long nobody has drawn on it, and the list has been fresh.
    """
    return rung is Rung.FRESH and drawn.admissions > 0 and quiet_seconds >= QUIET_SECONDS


def age_at_start(drawn: Drawn, now: Moment) -> float:
    """Return how old the list is when a daemon starts, in seconds.

    What the machine slept counts if its clock can say how long; if not, what was noted stands.
    """
    if drawn.noted_wall is None or now.quality is ClockQuality.SUSPECT:
        return drawn.age_seconds
    return drawn.age_seconds + max(0.0, now.wall - drawn.noted_wall)
