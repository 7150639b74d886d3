"""Issues tickets: rights in the database, and their signed text whenever it is wanted."""

import hashlib
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import transaction

from central.core.serial import serial, width
from central.venue.models import Event, Ticket, TicketClass
from wire import secret
from wire import ticket as gh1
from wire.entry import Standing

BATCH = 2000


@dataclass(frozen=True, slots=True)
class Place:
    """Where its holders sit, and what each ticket costs; as it stands on paper."""

    area: str = ""
    row: str = ""
    seats: tuple[str, ...] = ()
    """One for each ticket, or none."""
    price_cents: int | None = None


NOWHERE = Place()


@dataclass(frozen=True, slots=True)
class Order:
    """How many tickets of which kind; times are Unix seconds."""

    count: int
    not_before: int
    expires: int
    issued_at: int
    quantity: int = 1
    standing: Standing = Standing.GOOD
    holder: str = ""
    """The name on them; kept sealed."""
    id_number: str = ""
    """Of which two bytes are kept, beside each ticket, and a costly digest."""
    order_number: str = ""
    phone_digits: str = ""
    """What the buyer types at a kiosk: the order, and the last four digits of the phone."""
    place: Place = NOWHERE


def issue(
    kind: TicketClass, order: Order, draw: Callable[[int], bytes] = secrets.token_bytes
) -> list[Ticket]:
    """Write `order.count` new tickets; nobody may enter with one that is not written yet.

    Raise WireError for a name or an ID number that is none, ValueError if the event has no serials
    left.
    """
    place = order.place
    seats = place.seats or ("",) * order.count
    digest = id_digest(kind.event, order.id_number) if order.id_number else None
    with transaction.atomic():
        event = Event.objects.select_for_update().get(pk=kind.event_id)
        if event.serial_bits is None:
            event.serial_bits = width(event.capacity)
            event.save(update_fields=["serial_bits"])
        bits = event.serial_bits
        taken = Ticket.objects.filter(ticket_class__event=kind.event).count()
        rights = [draw(gh1.CTI_BYTES) for _ in range(order.count)]
        tickets = [
            Ticket(
                cti=cti,
                ticket_class=kind,
                serial=serial(number, bits, bytes(event.serial_key)),
                quantity=order.quantity,
                flags=gh1.FLAG_ROTATION_REQUIRED if kind.event.rotating else 0,
                not_before=order.not_before,
                expires=order.expires,
                issued_at=order.issued_at,
                standing=order.standing.value,
                sealed_name=secret.seal_name(order.holder, cti) if order.holder else None,
                id_check=secret.id_check(order.id_number, cti) if order.id_number else None,
                id_digest=digest,
                order_number=order.order_number,
                phone_digits=order.phone_digits,
                area=place.area,
                seat_row=place.row,
                seat=seat,
                price_cents=place.price_cents,
            )
            for number, (cti, seat) in enumerate(zip(rights, seats, strict=True), taken)
        ]
        return Ticket.objects.bulk_create(tickets, batch_size=BATCH)


def id_digest(event: Event, number: str) -> bytes:
    """Return what a holder's ID is found by; raise WireError if it is none."""
    salt = hashlib.blake2b(bytes(event.serial_key), digest_size=16, person=b"id of holder").digest()
    return secret.id_digest(number, salt)


def texts(tickets: list[Ticket], kid: bytes, key: Ed25519PrivateKey) -> Iterator[str]:
    """Yield each ticket's GH1; the same right and key give the same text."""
    for one in tickets:
        yield gh1.sign(claims(one), kid, key)


def claims(ticket: Ticket) -> gh1.Ticket:
    """Return what the code of a ticket's holder says; void where a paper has taken its place."""
    return gh1.Ticket(
        cti=bytes(ticket.cti),
        audience=ticket.ticket_class.event.audience,
        not_before=ticket.not_before,
        expires=ticket.expires,
        issued_at=ticket.issued_at,
        ticket_class=ticket.ticket_class.code,
        flags=ticket.flags,
        serial=ticket.serial,
        generation=ticket.code_generation,
        quantity=ticket.quantity,
    )
