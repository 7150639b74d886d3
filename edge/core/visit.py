"""One visitor at a kiosk, from the attract screen to the tickets in hand.

ATTRACT --touch--> IDENTIFY --code, order, ID--> LOOKING --found--> CHOOSE --> CONFIRM
CONFIRM --print--> PRINTING (ticket by ticket) --all out--> TAKE --> ATTRACT
LOOKING --denied, not found, no answer--> REFUSED --> IDENTIFY
PRINTING --printer stops between two tickets--> PAUSED --able again--> PRINTING

Every page but the first has a deadline, which any touch puts off. The page on the screen is a
picture of this state and holds none of its own: lost, reloaded or opened twice it changes nothing.
Papers are the business of `exchange`; here is only what the visitor sees of it.
"""

from dataclasses import replace
from typing import assert_never

from edge.core import visit_staff
from edge.core.moment import Moment
from edge.core.visit_pages import at_rest, home, refused, to
from edge.core.visit_terms import (
    DIGITS,
    IDENTITY_CHARACTERS_MAX,
    ORDER_CHARACTERS_MAX,
    AnySignal,
    Became,
    CardRead,
    Habits,
    Health,
    Look,
    Looked,
    Page,
    Papered,
    Print,
    Printed,
    PrintReceipt,
    Receipts,
    Refusal,
    Scanned,
    Signal,
    StaffCard,
    Step,
    Touched,
    Visit,
)
from wire.exchange import Asked, Denied, FindCode, FindIdentity, FindOrder, Found, Offer
from wire.reason import Reason

__all__ = ["due", "step"]

READS = frozenset(
    {Page.ATTRACT, Page.IDENTIFY, Page.ORDER, Page.IDENTITY, Page.CHOOSE, Page.REFUSED, Page.STAFF}
)
"""Pages on which a code is looked up; on the others it is left alone."""


def step(visit: Visit, signal: AnySignal, now: Moment, habits: Habits) -> Step:
    """Return the visit after `signal`, and the commands to perform in order."""
    match signal:
        case Health():
            return _health(visit, signal, now.uptime, habits)
        case Scanned(data):
            return _read(visit, FindCode(data), now.uptime, habits)
        case CardRead(number):
            return _read(visit, FindIdentity(number, card=True), now.uptime, habits)
        case StaffCard(by):
            return visit_staff.shown(visit, by, now.uptime, habits)
        case Touched():
            return _touched(visit, signal, now.uptime, habits)
        case Looked(number, answer):
            if visit.page is not Page.LOOKING or number != visit.asked:
                return visit, []  # Nobody waits for it any more.
            return _looked(visit, answer, now.uptime, habits)
        case Papered():
            return _papered(visit, signal, now.uptime, habits)
        case Signal.DUE:
            return _come_due(visit, now.uptime, habits)
        case _:
            assert_never(signal)


def due(visit: Visit) -> float | None:
    """Return the uptime at which `Signal.DUE` is to be given next, or None."""
    return visit.deadline


def _health(visit: Visit, health: Health, now: float, habits: Habits) -> Step:
    visit = replace(visit, health=health)
    if visit.page is Page.ATTRACT and not health.serves:
        return replace(visit, page=Page.OUT_OF_ORDER), []
    if visit.page is Page.OUT_OF_ORDER and health.serves:
        return replace(visit, page=Page.ATTRACT), []
    if visit.page is Page.PAUSED and health.able:
        return print_next(visit, now, habits)
    return visit, []


def _read(visit: Visit, asked: Asked, now: float, habits: Habits) -> Step:
    if visit.page not in READS:
        return visit, []
    if visit.page is not Page.CHOOSE:
        visit = replace(visit, offers=(), chosen=frozenset())
    return look(visit, asked, now, habits)


def look(visit: Visit, asked: Asked, now: float, habits: Habits) -> Step:
    """Ask central for tickets; those that were found before stay."""
    back = visit.page if visit.page in (Page.ORDER, Page.IDENTITY, Page.CHOOSE) else home(visit)
    waiting = to(replace(visit, asked=visit.asked + 1, come_from=back), Page.LOOKING, now, habits)
    return waiting, [Look(waiting.asked, asked)]


def _looked(visit: Visit, answer: Found | Denied | None, now: float, habits: Habits) -> Step:
    match answer:
        case None:
            return refused(visit, Refusal(Reason.NO_NETWORK), now, habits)
        case Denied():
            said = Refusal(answer.reason, answer.since, answer.where, answer.wait_seconds)
            return refused(visit, said, now, habits)
        case Found(offers):
            return _found(visit, offers, now, habits)
        case _:
            assert_never(answer)


def _found(visit: Visit, offers: tuple[Offer, ...], now: float, habits: Habits) -> Step:
    fresh = {one.cti: one for one in offers}
    kept = tuple(one for one in visit.offers if one.cti not in fresh)
    visit = replace(visit, offers=(*kept, *offers), typed="", digits="", on_digits=False)
    good = frozenset(one.cti for one in offers if one in visit.collectable)
    if not good and not kept and offers:
        (first, *_) = offers
        reason = first.reason or Reason.SEE_STAFF
        return refused(visit, Refusal(reason, first.since, first.where), now, habits)
    if not offers:
        return refused(visit, Refusal(Reason.NO_SUCH_ORDER), now, habits)
    return to(replace(visit, chosen=visit.chosen | good), Page.CHOOSE, now, habits), []


def _touched(visit: Visit, touch: Touched, now: float, habits: Habits) -> Step:
    match touch.what:
        case "language":
            return _language(visit, touch.value, now, habits), []
        case "voice":
            return _voice(replace(visit, voice=not visit.voice), now, habits), []
        case _ if visit.page is Page.ATTRACT:
            return to(replace(visit, typed="", digits=""), Page.IDENTIFY, now, habits), []
        case _ if visit.page in (Page.OUT_OF_ORDER, Page.LOOKING):
            return visit, []
        case "cancel":
            return _cancelled(visit, now, habits)
        case "more":
            return to(visit, visit.page, now, habits), []
        case "back":
            return _back(visit, now, habits), []
        case _:
            return _pressed(visit, touch, now, habits)


def _pressed(visit: Visit, touch: Touched, now: float, habits: Habits) -> Step:
    """A control that only this page has."""
    match visit.page:
        case Page.IDENTIFY:
            return _identify(visit, touch, now, habits), []
        case Page.ORDER | Page.IDENTITY:
            return _type(visit, touch, now, habits)
        case Page.CHOOSE:
            return _choose(visit, touch, now, habits)
        case Page.CONFIRM:
            return _confirm(visit, touch, now, habits)
        case Page.PAUSED if touch.what == "print" and visit.health.able:
            return print_next(visit, now, habits)
        case Page.TAKE if touch.what == "receipt" and visit.wants_receipt(habits.receipts):
            return _receipt(visit, now, habits)
        case Page.STAFF | Page.STAFF_WHY | Page.STAFF_STATE | Page.STAFF_DAY:
            return visit_staff.touched(visit, touch, now, habits)
        case _:
            return visit, []


def _language(visit: Visit, language: str, now: float, habits: Habits) -> Visit:
    if language not in habits.languages:
        return visit
    visit = replace(visit, language=language)
    if visit.page is Page.ATTRACT:
        return to(visit, Page.IDENTIFY, now, habits)
    return visit if visit.deadline is None else to(visit, visit.page, now, habits)


def _voice(visit: Visit, now: float, habits: Habits) -> Visit:
    if visit.page is Page.ATTRACT:
        return to(visit, Page.IDENTIFY, now, habits)
    return visit if visit.deadline is None else to(visit, visit.page, now, habits)


def _cancelled(visit: Visit, now: float, habits: Habits) -> Step:
    match visit.page:
        case Page.PRINTING:
            # What is under way comes out; nothing after it does.
            return replace(visit, stopping=True), []
        case Page.PAUSED:
            return _ended(visit, now, habits), []
        case _:
            return at_rest(visit, habits), []


def _back(visit: Visit, now: float, habits: Habits) -> Visit:
    match visit.page:
        case Page.CONFIRM:
            return to(visit, Page.CHOOSE, now, habits)
        case Page.REFUSED:
            return to(replace(visit, refusal=None), visit.come_from, now, habits)
        case Page.STAFF_WHY:
            return to(visit, Page.CHOOSE, now, habits)
        case Page.IDENTIFY | Page.STAFF | Page.TAKE:
            return at_rest(visit, habits)
        case Page.PRINTING | Page.PAUSED:
            return visit
        case _:
            cleared = replace(visit, offers=(), chosen=frozenset(), typed="", digits="")
            return to(replace(cleared, on_digits=False), home(visit), now, habits)


def _identify(visit: Visit, touch: Touched, now: float, habits: Habits) -> Visit:
    if touch.what == "order" and habits.by_order:
        return to(visit, Page.ORDER, now, habits)
    if touch.what == "identity" and habits.by_identity:
        return to(visit, Page.IDENTITY, now, habits)
    return visit


def _type(visit: Visit, touch: Touched, now: float, habits: Habits) -> Step:
    """Keys of the pad, or of a keyboard: what fits nowhere is left out."""
    text = visit.digits if visit.on_digits else visit.typed
    match touch.what:
        case "key" if len(touch.value) == 1 and touch.value.isascii():
            visit = _written(visit, _with(visit, text, touch.value.upper()))
        case "erase":
            back = visit.on_digits and not text
            visit = replace(visit, on_digits=False) if back else _written(visit, text[:-1])
        case "field":
            visit = replace(visit, on_digits=touch.value == "digits")
        case "submit":
            return _submitted(visit, now, habits)
        case _:
            return visit, []
    return to(visit, visit.page, now, habits), []


def _written(visit: Visit, text: str) -> Visit:
    return replace(visit, digits=text) if visit.on_digits else replace(visit, typed=text)


def _with(visit: Visit, text: str, key: str) -> str:
    if visit.on_digits:
        return text + key if key.isdigit() and len(text) < DIGITS else text
    if visit.page is Page.IDENTITY:
        good = key.isdigit() or key.isalpha()
        return text + key if good and len(text) < IDENTITY_CHARACTERS_MAX else text
    good = key.isalnum() or key == "-"
    return text + key if good and len(text) < ORDER_CHARACTERS_MAX else text


def _submitted(visit: Visit, now: float, habits: Habits) -> Step:
    if not visit.typed:
        return to(replace(visit, on_digits=False), visit.page, now, habits), []
    if visit.page is Page.IDENTITY:
        return look(visit, FindIdentity(visit.typed), now, habits)
    if len(visit.digits) < DIGITS:
        return to(replace(visit, on_digits=True), visit.page, now, habits), []
    return look(visit, FindOrder(visit.typed, visit.digits), now, habits)


def _choose(visit: Visit, touch: Touched, now: float, habits: Habits) -> Step:
    visit = to(visit, Page.CHOOSE, now, habits)
    match touch.what:
        case "toggle":
            cti = next((one.cti for one in visit.collectable if one.cti.hex() == touch.value), None)
            return (visit if cti is None else replace(visit, chosen=visit.chosen ^ {cti})), []
        case "all":
            every = frozenset(one.cti for one in visit.collectable)
            chosen = frozenset[bytes]() if visit.chosen == every else every
            return replace(visit, chosen=chosen), []
        case "next" if visit.chosen:
            return to(visit, Page.STAFF_WHY if visit.staff else Page.CONFIRM, now, habits), []
        case _:
            return visit, []


def _confirm(visit: Visit, touch: Touched, now: float, habits: Habits) -> Step:
    if touch.what != "print":
        return visit, []
    if not visit.health.able:
        back = replace(visit, come_from=home(visit))
        return refused(back, Refusal(Reason.PRINTER_CANNOT), now, habits)
    left = tuple(one for one in visit.collectable if one.cti in visit.chosen)
    return print_next(replace(visit, left=left, done=(), stopping=False), now, habits)


def print_next(visit: Visit, now: float, habits: Habits) -> Step:
    """Have the next ticket printed, or end."""
    if not visit.left or visit.stopping:
        if habits.receipts is Receipts.ALWAYS and visit.wants_receipt(habits.receipts):
            return _receipt(visit, now, habits)
        return _ended(visit, now, habits), []
    asked = Print(visit.left[0], visit.sort, visit.language, visit.staff, visit.why)
    return to(visit, Page.PRINTING, now, habits), [asked]


def _receipt(visit: Visit, now: float, habits: Habits) -> Step:
    printing = to(replace(visit, receipting=True), Page.PRINTING, now, habits)
    return printing, [PrintReceipt(visit.out, visit.language)]


def _papered(visit: Visit, papered: Papered, now: float, habits: Habits) -> Step:
    if visit.page is not Page.PRINTING:
        return visit, []  # An answer nobody waits for.
    if visit.test:
        return visit_staff.tested(visit, papered, now, habits)
    if visit.receipting:
        # Printed or not, the tickets are out: nobody waits for a receipt.
        ended = replace(visit, receipting=False, receipt=papered.became)
        return _ended(ended, now, habits), []
    if not visit.left:
        return _ended(visit, now, habits), []
    first, *rest = visit.left
    reason = papered.denied.reason if papered.denied else None
    if papered.became is Became.NOT_PRINTED and not visit.stopping:
        # Nothing of it came out. Paper put in, or the cover closed, it goes on with this one.
        return to(visit, Page.PAUSED, now, habits), []
    done = (*visit.done, Printed(first, papered.became, reason))
    visit = replace(visit, left=tuple(rest), done=done)
    if papered.became is Became.UNKNOWN:
        return _ended(visit, now, habits), []  # Somebody should look before more is printed.
    if reason and not rest and all(one.became is Became.DENIED for one in done):
        assert papered.denied
        emptied = replace(visit, offers=(), chosen=frozenset(), come_from=home(visit))
        return refused(emptied, papered.denied, now, habits)
    return print_next(visit, now, habits)


def _ended(visit: Visit, now: float, habits: Habits) -> Visit:
    return to(replace(visit, stopping=False), Page.TAKE, now, habits)


def _come_due(visit: Visit, now: float, habits: Habits) -> Step:
    if visit.deadline is None or visit.deadline > now:
        return visit, []
    if visit.page is Page.LOOKING:
        return _looked(visit, None, now, habits)
    if visit.page is Page.PAUSED:
        return _ended(visit, now, habits), []
    if visit.page is Page.REFUSED and visit.staff:
        return to(replace(visit, refusal=None), Page.STAFF, now, habits), []
    return at_rest(visit, habits), []
