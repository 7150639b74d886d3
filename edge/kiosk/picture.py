"""What the page is drawn from: words and values, nothing that decides."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from edge.core import printer_status
from edge.core.moment import Moment
from edge.core.visit_staff import WHYS
from edge.core.visit_terms import DIGITS, Became, Page, Printed, Refusal, Visit, WhenOffline
from edge.kiosk.daemon import KioskDaemon
from edge.kiosk.enrolment import picture
from edge.kiosk.spoken import words
from edge.runtime.clock import Clock
from paper.fields import money
from paper.safe import safe_text
from wire.event import Rung
from wire.exchange import Offer
from wire.reason import Reason

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
NUMBERS = "1234567890"
HURRY_SECONDS = 15
"""When the page asks whether more time is needed."""
OWN_WORDS = frozenset(
    {
        *(Reason.COLLECTED, Reason.USED, Reason.BEING_USED, Reason.BEING_COLLECTED),
        *(Reason.NOT_EXCHANGED, Reason.TOO_LATE, Reason.PRINTER_CANNOT, Reason.NO_NETWORK),
        *(Reason.NO_SUCH_ORDER, Reason.TOO_MANY_TRIES, Reason.SEE_STAFF, Reason.SUPERSEDED),
        *(Reason.REFUNDED, Reason.BLOCKED, Reason.RESCHEDULED, Reason.WRONG_EVENT, Reason.UNKNOWN),
        *(Reason.NOT_A_TICKET, Reason.PAYMENT_CODE, Reason.STATIC_COPY, Reason.CODE_TOO_OLD),
        *(Reason.MALFORMED, Reason.FORGED, Reason.NO_RECORD, Reason.ENROLMENT_CODE),
        Reason.STAFF_CARD,
    }
)
"""Reasons that the files of words speak of; any other is "other"."""


@dataclass(frozen=True, slots=True)
class Pictures:
    kiosk: str
    clock: Clock
    version: str

    def of(self, daemon: KioskDaemon) -> dict[str, Any]:
        """Return everything that the templates of the page name."""
        visit, habits, enrolling = daemon.visit, daemon.habits, daemon.enrolling
        say = words(visit.language)

        def said(key: str, **told: object) -> str:
            if not visit.health.scans:
                key = f"{key}-unscanned" if f"{key}-unscanned" in say else key
            return say[key].format(**told)

        now, zone = self.clock.now().uptime, daemon.chosen.zone
        left = None if visit.deadline is None else max(round(visit.deadline - now), 0)
        total = None if visit.deadline is None else round(visit.deadline - visit.began)
        return {
            "visit": visit,
            "page": visit.page.value,
            "number": daemon.number,
            "w": said,
            "languages": [(one, words(one)["language.name"]) for one in habits.languages],
            "habits": habits,
            "seconds": left,
            "seconds_total": total,
            "hurry": HURRY_SECONDS,
            "plugged": daemon.senses.plugged,
            "found": daemon.found,
            "notice": picture(enrolling.notice) if enrolling and enrolling.notice else None,
            "kiosk": self.kiosk,
            "version": self.version,
            "letters": LETTERS,
            "numbers": NUMBERS,
            "digits": DIGITS,
            "whys": WHYS,
            "offers": [self._offer(visit, one, said, zone) for one in visit.offers],
            "refusal": self._refusal(visit.refusal, visit, habits.when_offline, said, zone),
            "hours": daemon.chosen.told.hours.split("-"),
            "progress": _progress(visit),
            "summary": _summary(visit),
            "may_have_receipt": visit.wants_receipt(habits.receipts),
            "printer": self._printer(visit),
            "staff_state": self._state(daemon, said),
        }

    def _offer(
        self, visit: Visit, offer: Offer, said: Callable[..., str], zone: tzinfo
    ) -> dict[str, Any]:
        able = offer in visit.collectable
        refusal = None
        if offer.reason is not None:
            refused = Refusal(offer.reason, offer.since, offer.where)
            refusal = self._refusal(refused, visit, WhenOffline.SEE_STAFF, said, zone)
        return {
            "cti": offer.cti.hex(),
            "event": safe_text(_in(visit.language, offer.event)),
            "kind": safe_text(_in(visit.language, offer.kind)),
            "begins": _at(offer.begins, zone),
            "quantity": offer.quantity,
            "seat": safe_text(_seat(offer, said)),
            "price": "" if offer.price_cents is None else money(offer.price_cents, offer.currency),
            "holder": safe_text(offer.holder),
            "able": able,
            "chosen": offer.cti in visit.chosen,
            "refusal": refusal["title"] if refusal else "",
        }

    def _refusal(
        self,
        refusal: Refusal | None,
        visit: Visit,
        when_offline: WhenOffline,
        said: Callable[..., str],
        zone: tzinfo,
    ) -> dict[str, str] | None:
        """Return title and advice for a reason; when and where if that is known."""
        if refusal is None:
            return None
        reason = refusal.reason
        word = reason.value if reason in OWN_WORDS else "other"
        at = "" if refusal.since is None else _at(refusal.since, zone)
        place = safe_text(refusal.where)
        title = said(f"refused.{word}")
        if reason is Reason.COLLECTED and at:
            title = said("refused.collected-at", at=at, where=place)
        if reason is Reason.USED and at:
            title = said("refused.used-at", at=at, where=place)
        if reason is Reason.BEING_COLLECTED and place:
            title = said("refused.being-collected-at", where=place)
        advice = said(f"advice.{word}")
        if reason is Reason.NO_NETWORK:
            advice = said(f"advice.offline-{when_offline.value}")
        if reason is Reason.TOO_MANY_TRIES:
            advice = said("advice.too-many-tries", minutes=max(1, round(refusal.wait_seconds / 60)))
        if reason is Reason.PRINTER_CANNOT:
            advice = said("advice.gate" if visit.staff == "" else "advice.printer-cannot")
        return {"title": title, "advice": advice, "reason": word}

    def _printer(self, visit: Visit) -> str:
        """Return what is to be done about the printer, for staff."""
        if visit.health.closed:
            return words(visit.language)[f"staff.{visit.health.closed}"]
        if not visit.health.fault:
            return ""
        fault = printer_status.Fault(visit.health.fault)
        return _in(visit.language, printer_status.WORDS[fault])

    def _state(self, daemon: KioskDaemon, said: Callable[..., str]) -> list[tuple[str, str, bool]]:
        """Return (what, how it is, good) for the staff's page of the kiosk's state."""
        health, now = daemon.visit.health, self.clock.now()
        at = f"{datetime.fromtimestamp(now.wall, daemon.chosen.zone):%Y-%m-%d %H:%M:%S}"
        left = "—" if health.paper_left is None else str(health.paper_left)
        online = said("state.online" if health.online else "state.offline")
        printer = self._printer(daemon.visit) or said("state.ready")
        scanner = "good" if health.scans else "gone"
        clock = f"{at} · {said(f'clock.{now.quality.value}')}"
        return [
            (said("state.network"), online, health.online),
            (said("state.printer"), printer, health.able),
            (said("state.paper"), left, not health.near_end),
            (said("state.scanner"), said(f"state.scanner-{scanner}"), health.scans),
            (said("state.list"), _list(daemon, now, said), daemon.rungs.rung is Rung.FRESH),
            (said("state.clock"), clock, now.quality.value != "suspect"),
            (said("state.version"), self.version, True),
        ]


def _list(daemon: KioskDaemon, now: Moment, said: Callable[..., str]) -> str:
    """Return how much is known of tickets, and since when central has not confirmed it."""
    match daemon.rungs.rung:
        case Rung.FRESH:
            return said("state.list-fresh")
        case Rung.STALE:
            age = daemon.rungs.age_seconds(now.uptime)
            if age is None:
                return said("state.list-never")
            return said("state.list-stale", since=_at(now.wall - age, daemon.chosen.zone))
        case _:
            return said("state.list-none")


def _at(wall: float, zone: tzinfo) -> str:
    try:
        return f"{datetime.fromtimestamp(wall, zone):%m-%d %H:%M}"
    except (ValueError, OverflowError, OSError):
        return ""


def _in(language: str, both: Any) -> str:
    return str(both.zh if language == "zh" else both.en)


def _seat(offer: Offer, said: Callable[..., str]) -> str:
    row = said("common.row", row=offer.row) if offer.row else ""
    seat = said("common.seat", seat=offer.seat) if offer.seat else ""
    return " ".join(part for part in (offer.zone, row, seat) if part)


def _progress(visit: Visit) -> tuple[int, int]:
    """Return (which ticket, of how many) while they are printed."""
    total = len(visit.done) + len(visit.left)
    return min(len(visit.done) + 1, max(total, 1)), max(total, 1)


def _summary(visit: Visit) -> dict[str, int]:
    """Return how many tickets came out, and how many did not, by how."""

    def count(became: Became) -> int:
        return sum(one.became is became for one in visit.done)

    done: tuple[Printed, ...] = visit.done
    out = count(Became.DONE)
    unknown, retracted = count(Became.UNKNOWN), count(Became.RETRACTED)
    rest = len(done) - out - unknown - retracted + len(visit.left)
    return {"out": out, "unknown": unknown, "retracted": retracted, "rest": rest}


PAGES = tuple(Page)
