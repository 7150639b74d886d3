"""Finds the tickets that a visitor means, and offers them to one kiosk for a quarter of an hour.

A code proves itself. An order's number with four digits, or a typed ID, is a guess until it is
right: throttled, and locked after five failures, for the kiosk and for what was guessed at.
"""

import time
from collections.abc import Sequence
from hmac import compare_digest

from django.core import signing
from django.db import transaction
from django.db.models import QuerySet

from central.exchange import facts, guesses
from central.tickets import inquiry
from central.tickets.identify import find as find_named
from central.tickets.refusal import Refused
from central.venue.issue import id_digest
from central.venue.models import Device, Event, SigningKey, Ticket
from rules import exchange
from rules.exchange import Grant
from wire import delegated, rotating
from wire import ticket as gh1
from wire.codec import WireError
from wire.exchange import OFFERS_MAX, Denied, FindCode, FindIdentity, FindOrder, Found, Offer
from wire.key import KeyRing
from wire.reason import Reason
from wire.rotating import STEP_SECONDS, MovingCode, genuine
from wire.secret import masked
from wire.words import Words

HANDLE_SECONDS = 900
SALT = "gatehouse.exchange.handle"
EVENTS_MAX = 8
"""Whose holders an ID is looked for among: each costs a tenth of a second."""
STEPS_APART_MAX = 2
"""Of a moving code: it was scanned, sent and read since it was made."""


def by_code(asked: FindCode, device: Device) -> Found | Denied:
    """Offer the ticket that a code is of; any bytes get an answer."""
    bare, code = asked.code.strip(b" \t\r\n"), None
    if bare[: len(rotating.PREFIX)].upper() == rotating.PREFIX.encode():
        moving = rotating.read(bare)
        if isinstance(moving, Reason):
            return Denied(moving)
        bare, code = moving
    ring = KeyRing([key.record() for key in SigningKey.objects.filter(venue=device.venue)])
    by_itself = bare[: len(delegated.PREFIX)].upper() == delegated.PREFIX.encode()
    shown = delegated.verify(bare, ring) if by_itself else gh1.verify(bare, ring)
    if isinstance(shown, Reason):
        return Denied(shown)
    try:
        ticket = find_named(device.venue, shown.cti.hex())
    except Refused:
        return Denied(Reason.UNKNOWN)
    refused = _against_copy(shown, code, ticket.ticket_class.event)
    return Denied(refused) if refused else Found((_offer(ticket, device, shown.generation),))


def _against_copy(shown: gh1.Ticket, code: MovingCode | None, event: Event) -> Reason | None:
    """Where the code must move, a picture of it gets no paper either."""
    if not shown.flags & gh1.FLAG_ROTATION_REQUIRED:
        return None
    if code is None:
        return Reason.STATIC_COPY
    if event.rotation_key is None or not genuine(code, shown.cti, bytes(event.rotation_key)):
        return Reason.FORGED
    apart = abs(code.step - int(time.time()) // STEP_SECONDS)
    return None if apart <= STEPS_APART_MAX else Reason.CODE_TOO_OLD


def by_order(asked: FindOrder, device: Device) -> Found | Denied:
    """Offer the tickets of an order to whoever knows the last digits of the buyer's phone."""
    number = asked.number.strip().upper()
    subjects = (guesses.subject("kiosk", device.identity), guesses.subject("order", number))
    with transaction.atomic():
        now = time.time()
        if wait := guesses.locked(subjects, now):
            return Denied(Reason.TOO_MANY_TRIES, wait_seconds=wait)
        tickets = _of_venue(device).filter(order_number__iexact=number)[:OFFERS_MAX]
        found = [
            one
            for one in tickets
            if one.phone_digits and compare_digest(one.phone_digits.encode(), asked.digits.encode())
        ]
        if not number or not found:
            guesses.failed(subjects, now)
            # The same words whether there is such an order or not.
            return Denied(Reason.NO_SUCH_ORDER)
    return _found(found, device)


def by_identity(asked: FindIdentity, device: Device) -> Found | Denied:
    """Offer the tickets of whoever an ID names, of events that are not over."""
    number = asked.number.strip().upper()
    subjects = (guesses.subject("kiosk", device.identity), guesses.subject("identity", number))
    with transaction.atomic():
        if not asked.card and (wait := guesses.locked(subjects, time.time())):
            return Denied(Reason.TOO_MANY_TRIES, wait_seconds=wait)
        if not asked.card:
            # Counted before it is looked for: that takes long, and nobody waits in between.
            guesses.failed(subjects, time.time())
    try:
        found = _held_by(number, device, time.time())
    except WireError:
        found = []
    if not found:
        return Denied(Reason.NO_SUCH_ORDER)
    if not asked.card:
        guesses.forgiven(subjects)
    return _found(found, device)


def _held_by(number: str, device: Device, now: float) -> list[Ticket]:
    shows = Event.objects.filter(venue=device.venue, closes__gt=now).order_by("opens")[:EVENTS_MAX]
    digests = [id_digest(show, number) for show in shows]
    return list(_of_venue(device).filter(id_digest__in=digests)[:OFFERS_MAX])


def _of_venue(device: Device) -> QuerySet[Ticket]:
    tickets = Ticket.objects.select_related("ticket_class__event__venue")
    return tickets.filter(ticket_class__event__venue=device.venue).order_by("pk")


def _found(tickets: Sequence[Ticket], device: Device) -> Found:
    return Found(tuple(_offer(ticket, device, None) for ticket in tickets))


def _offer(ticket: Ticket, device: Device, shown: int | None) -> Offer:
    kind = ticket.ticket_class
    answer = exchange.judge(facts.of(ticket, device, shown), time.time())
    refused = None if isinstance(answer, Grant) else answer
    return Offer(
        handle=_handle(ticket, device, shown),
        cti=bytes(ticket.cti),
        event=Words(kind.event.name_zh, kind.event.name_en),
        kind=Words(kind.name_zh, kind.name_en),
        begins=int(inquiry.window(ticket).opens),
        quantity=ticket.quantity,
        zone=ticket.area,
        row=ticket.seat_row,
        seat=ticket.seat,
        price_cents=ticket.price_cents,
        currency=device.venue.currency,
        paid=ticket.paid,
        entrance=kind.entrance,
        holder=masked(ticket.holder()),
        order=ticket.order_number,
        venue=Words(device.venue.name_zh, device.venue.name_en),
        reason=refused.reason if refused else None,
        since=refused.since if refused else None,
        where=refused.where if refused else "",
    )


def _handle(ticket: Ticket, device: Device, shown: int | None) -> str:
    return signing.dumps([device.pk, ticket.pk, shown], salt=SALT, compress=False)


def opened(handle: str, device: Device) -> tuple[Ticket, int | None] | None:
    """Return the ticket that this kiosk was offered, and the generation shown; None: it was not."""
    try:
        told = signing.loads(handle, salt=SALT, max_age=HANDLE_SECONDS)
        owner, key, shown = told
    except (signing.BadSignature, ValueError, TypeError):
        return None
    found = _of_venue(device).filter(pk=key).first() if owner == device.pk else None
    return (found, shown) if found else None
