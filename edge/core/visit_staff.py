"""What staff do at a kiosk, behind their card: print anew, test, change paper, end the day."""

from dataclasses import replace

from edge.core.visit_pages import at_rest, to
from edge.core.visit_terms import (
    COUNT_DIGITS_MAX,
    Habits,
    Page,
    Papered,
    PrintTest,
    Record,
    Step,
    Touched,
    Visit,
)
from wire.paper import DayEnded, PaperChanged

WHYS = ("jam", "not-out", "unreadable", "lost", "wrong-name")
"""Why a ticket may be printed anew, as the page names them."""
OPENS_FROM = frozenset({Page.ATTRACT, Page.OUT_OF_ORDER, Page.IDENTIFY, Page.REFUSED, Page.CHOOSE})


def shown(visit: Visit, by: str, now: float, habits: Habits) -> Step:
    """A staff card opens the staff pages, and shown again closes them."""
    if visit.staff:
        return (visit, []) if visit.page is Page.PRINTING else (at_rest(visit, habits), [])
    if visit.page not in OPENS_FROM:
        return visit, []
    fresh = Visit(language=visit.language, staff=by, asked=visit.asked, health=visit.health)
    return to(fresh, Page.STAFF, now, habits), []


def touched(visit: Visit, touch: Touched, now: float, habits: Habits) -> Step:
    match visit.page:
        case Page.STAFF:
            return _menu(visit, touch, now, habits)
        case Page.STAFF_WHY if touch.what == "why" and touch.value in WHYS:
            return to(replace(visit, why=touch.value), Page.CONFIRM, now, habits), []
        case Page.STAFF_DAY:
            return _day(visit, touch, now, habits)
        case _:
            return visit, []


def tested(visit: Visit, papered: Papered, now: float, habits: Habits) -> Step:
    """The test came out, or not: the menu says so."""
    said = replace(visit, test=False, why=f"test-{papered.became.value}")
    return to(said, Page.STAFF, now, habits), []


def _menu(visit: Visit, touch: Touched, now: float, habits: Habits) -> Step:
    match touch.what:
        case "order" | "identity":
            return to(visit, Page(touch.what), now, habits), []
        case "test" if visit.health.able:
            printing = replace(visit, test=True, left=(), done=(), why="")
            return to(printing, Page.PRINTING, now, habits), [PrintTest(visit.staff)]
        case "paper":
            changed = PaperChanged(by=visit.staff, tickets=habits.roll_tickets)
            return to(replace(visit, why="paper"), Page.STAFF, now, habits), [Record((changed,))]
        case "state":
            return to(visit, Page.STAFF_STATE, now, habits), []
        case "day":
            return to(replace(visit, typed="", why=""), Page.STAFF_DAY, now, habits), []
        case _:
            return visit, []


def _day(visit: Visit, touch: Touched, now: float, habits: Habits) -> Step:
    """The printer's own count may be typed in, where it cannot be asked for it."""
    match touch.what:
        case "key" if touch.value.isdigit() and touch.value.isascii():
            typed = (visit.typed + touch.value)[:COUNT_DIGITS_MAX]
            return to(replace(visit, typed=typed), Page.STAFF_DAY, now, habits), []
        case "erase":
            return to(replace(visit, typed=visit.typed[:-1]), Page.STAFF_DAY, now, habits), []
        case "submit":
            ended = DayEnded(by=visit.staff, cut=int(visit.typed) if visit.typed else None)
            closed = replace(visit, typed="", why="day")
            return to(closed, Page.STAFF, now, habits), [Record((ended,))]
        case _:
            return visit, []
