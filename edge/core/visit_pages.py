"""Which page a kiosk shows next, and how long it waits there."""

from dataclasses import replace
from typing import assert_never

from edge.core.visit_terms import Habits, Page, Refusal, Step, Visit


def to(visit: Visit, page: Page, now: float, habits: Habits) -> Visit:
    """Return the visit on a page, whose time begins."""
    seconds = _seconds(page, visit, habits)
    return replace(visit, page=page, began=now, deadline=None if seconds is None else now + seconds)


def at_rest(visit: Visit, habits: Habits) -> Visit:
    """Return the kiosk as the next visitor finds it: nothing of the last one is left."""
    page = Page.ATTRACT if visit.health.serves else Page.OUT_OF_ORDER
    return Visit(page, habits.languages[0], asked=visit.asked, health=visit.health)


def home(visit: Visit) -> Page:
    return Page.STAFF if visit.staff else Page.IDENTIFY


def refused(visit: Visit, refusal: Refusal, now: float, habits: Habits) -> Step:
    back = visit.come_from if visit.come_from is not Page.CHOOSE or visit.chosen else home(visit)
    visit = replace(visit, refusal=refusal, come_from=back, digits="")
    return to(visit, Page.REFUSED, now, habits), []


def _seconds(page: Page, visit: Visit, habits: Habits) -> float | None:
    match page:
        case Page.ATTRACT | Page.OUT_OF_ORDER | Page.PRINTING:
            return None  # A printer ends what it does by itself: its driver has deadlines.
        case Page.LOOKING:
            return habits.looking_seconds
        case Page.PAUSED:
            return habits.paused_seconds
        case Page.TAKE:
            return habits.take_seconds
        case _ if visit.staff:
            return habits.staff_seconds
        case Page.IDENTIFY:
            return habits.identify_seconds
        case Page.ORDER | Page.IDENTITY:
            return habits.typing_seconds
        case Page.CHOOSE:
            return habits.choose_seconds
        case Page.CONFIRM:
            return habits.confirm_seconds
        case Page.REFUSED:
            return habits.refused_seconds
        case Page.STAFF | Page.STAFF_WHY | Page.STAFF_STATE | Page.STAFF_DAY:
            return habits.staff_seconds
        case _:
            assert_never(page)
