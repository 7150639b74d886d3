"""What a kiosk prints: the venue's template, filled from an offer and the grant for it."""

from collections.abc import Callable, Sequence
from datetime import datetime, tzinfo

from edge.core.visit_terms import Print
from edge.runtime.clock import Clock
from paper.fields import money
from paper.number import number_of
from paper.sheet import Align, Kind, Rule, Sheet, Text
from paper.template import Language, Template
from wire import delegated
from wire import ticket as gh1
from wire.event import ClockQuality
from wire.exchange import Granted, Offer
from wire.payment import WORDS
from wire.reason import Reason
from wire.words import Words

WEEKDAYS = "一二三四五六日"


class Sheets:
    def __init__(self, ticket: Template, kiosk: str, zone: tzinfo, clock: Clock) -> None:
        self._template = ticket
        self._kiosk = kiosk
        self._zone = zone
        self._clock = clock

    def ticket(self, offer: Offer, granted: Granted, asked: Print) -> Sheet:
        """Return a ticket's paper; the code on it is the one that was granted."""
        told: dict[str, Words | str] = {
            "title": offer.event,
            "class": offer.kind,
            "time": self._time(offer.begins),
            "zone": offer.zone,
            "entrance": offer.entrance or "",
            "row": offer.row,
            "seat": offer.seat,
            "price": _money((offer,)),
            "persons": str(offer.quantity) if offer.quantity > 1 else "",
            "holder": granted.holder,
            "order": offer.order,
            "kiosk": self._kiosk,
            "printed": self._now(),
            "code": granted.text,
            "number": _number(granted.text),
            "copy": str(granted.generation) if granted.generation > 1 else "",
        }
        if offer.venue:
            told["venue"] = offer.venue
        return self._template.sheet(Kind.TICKET, told, _language(asked.language))

    def receipt(self, offers: Sequence[Offer], language: str) -> Sheet:
        """Return the receipt for tickets of one visit; what differs among them is left out."""

        def same(told: Callable[[Offer], Words | str]) -> Words | str:
            values = {told(one) for one in offers}
            return values.pop() if len(values) == 1 else ""

        told: dict[str, Words | str] = {
            "title": same(lambda one: one.event),
            "venue": same(lambda one: one.venue or ""),
            "time": same(lambda one: self._time(one.begins)),
            "order": same(lambda one: one.order),
            "count": str(len(offers)),
            "total": _money(offers),
            "paid": same(lambda one: WORDS.get(one.paid, "")),
            "kiosk": self._kiosk,
            "printed": self._now(),
        }
        return self._template.sheet(Kind.RECEIPT, told, _language(language))

    def test(self, by: str) -> Sheet:
        center = Align.CENTER
        return Sheet(
            Kind.TEST,
            (
                Text("打印测试 TEST", center, 2, bold=True),
                Rule(),
                Text("中文 ABC abc 0123456789 ，。！", center),
                Text(f"{self._kiosk} · {by}", center),
                Text(self._now() or "时钟不可信 Clock not to be trusted", center),
                Text("非入场凭证 Does not admit", center),
            ),
        )

    def _time(self, wall: float) -> Words | str:
        """Return when it begins; nothing for a time that no calendar has."""
        try:
            at = datetime.fromtimestamp(wall, self._zone)
        except (ValueError, OverflowError, OSError):
            return ""
        zh = f"{at:%Y}年{at.month}月{at.day}日 周{WEEKDAYS[at.weekday()]} {at:%H:%M}"
        return Words(zh, f"{at:%a} {at.day} {at:%b %Y} {at:%H:%M}")

    def _now(self) -> str:
        """Return what time it is; nothing by a clock that is known to be wrong."""
        now = self._clock.now()
        if now.quality is ClockQuality.SUSPECT:
            return ""
        return f"{datetime.fromtimestamp(now.wall, self._zone):%Y-%m-%d %H:%M}"


def _language(language: str) -> Language:
    return Language.ZH if language == "zh" else Language.EN


def _money(offers: Sequence[Offer]) -> str:
    """Return what they cost together; nothing unless every price is known, in one currency."""
    prices = [one.price_cents for one in offers]
    currencies = {one.currency for one in offers}
    known = [price for price in prices if price is not None]
    if len(known) < len(prices) or len(currencies) != 1:
        return ""
    return money(sum(known), currencies.pop())


def _number(code: str) -> str:
    paper = delegated.read(code.encode())
    signed = gh1.read(code.encode() if isinstance(paper, Reason) else paper.code)
    if isinstance(signed, Reason):
        return ""
    return number_of(signed.ticket.audience, signed.ticket.serial)
