"""Issues tickets: rights in the database, and their signed text whenever it is wanted."""

import hashlib
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import connection, transaction

from central.core.serial import serials, width
from central.venue.models import Event, Ticket, TicketClass
from wire import secret
from wire import ticket as gh1
from wire.entry import Standing

BATCH = 2000
ROWS_AT_ONCE = 20_000


@dataclass(frozen=True, slots=True)
class Place:
    """Where its holders sit, and what each ticket costs; as it stands on paper."""

    area: str = ""
    row: str = ""
    seats: tuple[str, ...] = ()
    """One for each ticket, or none."""
    price_cents: int | None = None
    paid: str = ""
    """How (wire/payment.py), if that is known."""


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
    seats = order.place.seats or ("",) * order.count
    digest = id_digest(kind.event, order.id_number) if order.id_number else None
    with transaction.atomic():
        drawn = _serials(kind)
        rights = [draw(gh1.CTI_BYTES) for _ in range(order.count)]
        tickets = [
            Ticket(
                cti=cti,
                serial=next(drawn),
                **_told(kind, order),
                sealed_name=secret.seal_name(order.holder, cti) if order.holder else None,
                id_check=secret.id_check(order.id_number, cti) if order.id_number else None,
                id_digest=digest,
                seat=seat,
            )
            for cti, seat in zip(rights, seats, strict=True)
        ]
        return Ticket.objects.bulk_create(tickets, batch_size=BATCH)


def stock(
    kind: TicketClass, order: Order, draw: Callable[[int], bytes] = secrets.token_bytes
) -> int:
    """As `issue`, for a whole house without names or seats: the rows alone; return how many.

    What Django spends on each object and its value is most of `issue`; a million takes 94 s
    here. Raise ValueError for a holder or seats, or if the event has no serials left.
    """
    if not stockable(order):
        raise ValueError("holders and seats are on tickets one by one")
    told = Ticket(**_told(kind, order))
    described = Ticket._meta  # noqa: SLF001 (Django's own name for what is public)
    fields = [field for field in described.concrete_fields if not field.primary_key]
    names = [field.attname for field in fields]
    values = [field.get_db_prep_save(getattr(told, field.attname), connection) for field in fields]
    columns = ", ".join(connection.ops.quote_name(str(field.column)) for field in fields)
    places = ", ".join(["%s"] * len(fields))
    table = connection.ops.quote_name(described.db_table)
    at, of = names.index("cti"), names.index("serial")

    def row(number: int) -> list[Any]:
        made = list(values)
        made[at], made[of] = draw(gh1.CTI_BYTES), number
        return made

    with transaction.atomic(), connection.cursor() as cursor:
        drawn = _serials(kind)
        for start in range(0, order.count, ROWS_AT_ONCE):
            count = min(ROWS_AT_ONCE, order.count - start)
            rows = [row(next(drawn)) for _ in range(count)]
            cursor.executemany(f"INSERT INTO {table} ({columns}) VALUES ({places})", rows)
    return order.count


def stockable(order: Order) -> bool:
    """Tell whether all tickets of an order are alike, but for right and serial."""
    return not (order.holder or order.id_number or order.place.seats)


def _serials(kind: TicketClass) -> Iterator[int]:
    """Take the event's row, and go on with its serials where the tickets that exist end."""
    event = Event.objects.select_for_update().get(pk=kind.event_id)
    if event.serial_bits is None:
        event.serial_bits = width(event.capacity)
        event.save(update_fields=["serial_bits"])
    taken = Ticket.objects.filter(ticket_class__event=kind.event).count()
    yield from serials(taken, event.serial_bits, bytes(event.serial_key))
    raise ValueError("no serials are left: the event holds no more tickets")


def _told(kind: TicketClass, order: Order) -> dict[str, Any]:
    """Return what is the same on all tickets of an order."""
    return {
        "ticket_class": kind,
        "quantity": order.quantity,
        "flags": gh1.FLAG_ROTATION_REQUIRED if kind.event.rotating else 0,
        "not_before": order.not_before,
        "expires": order.expires,
        "issued_at": order.issued_at,
        "standing": order.standing.value,
        "order_number": order.order_number,
        "phone_digits": order.phone_digits,
        "area": order.place.area,
        "seat_row": order.place.row,
        "price_cents": order.place.price_cents,
        "paid": order.place.paid,
    }


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
