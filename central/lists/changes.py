"""Changes of the list: one link of the chain each, written with the change itself.

Whatever alters what a gate should do goes through `publish_change` in the same transaction, so
that the database and the chain never tell different stories.
"""

from collections.abc import Collection, Iterable, Iterator
from typing import Any, TypeVar

from django.db import transaction

from central.ledger.uses import reported
from central.lists.models import Change
from central.lists.waking import announce
from central.venue import trust
from central.venue.models import Event, SigningKey, Ticket, TicketClass, Venue
from central.venue.told import NEVER_USED
from wire.codec import encode
from wire.entry import Row, Standing
from wire.signed import Purpose
from wire.snapshot import Delta, head_after

T = TypeVar("T")

NO_HEAD = bytes(32)
_LISTED = (
    *("cti", "ticket_class_id", "standing", "generation", "id_check", "sealed_name"),
    *("moved_from", "moved_until"),
)
"""What a ticket's row of the list is made of."""
DELTA_ROWS_MAX = 500
"""What a device writes in one transaction."""
ROW_BYTES_MAX = 25
"""Of a row's numbers and heads in CBOR, beside its detail."""
DELTA_BYTES_MAX = 128 * 1024
"""Brokers take half as much again and more in one packet (provisioning/mosquitto.conf)."""


def head(venue: Venue) -> tuple[int, bytes]:
    """Return (sequence, head) of a venue's list."""
    last = Change.objects.filter(venue=venue).order_by("-sequence").first()
    return (last.sequence, bytes(last.head)) if last else (0, NO_HEAD)


def one_at_a_time(venue: Venue) -> None:
    """Wait for whoever else is changing this venue's list; holds until the transaction ends."""
    Venue.objects.select_for_update().get(pk=venue.pk)


def publish_change(
    venue: Venue,
    tickets: Iterable[Ticket] = (),
    classes: Iterable[TicketClass] = (),
    events: Iterable[Event] = (),
    signing_keys: Iterable[SigningKey] = (),
) -> Change:
    """Append the present state of these to the chain; call inside the transaction of the change.

    Many tickets become several links, none longer than a device takes; return the last.
    """
    one_at_a_time(venue)
    small = (
        tuple((kind.pk, encode(kind.record())) for kind in classes),
        tuple((event.audience, encode(event.record())) for event in events),
        tuple((bytes(key.kid), encode(key.record())) for key in signing_keys),
    )
    keys = batched(sorted(ticket.pk for ticket in tickets), DELTA_ROWS_MAX)
    named = (Ticket.objects.filter(pk__in=some).only(*_LISTED).order_by("pk") for some in keys)
    pieces = _pieces(_rows(venue, named))
    return _append(venue, next(pieces, ()), pieces, *small)


def _append(
    venue: Venue,
    first: tuple[Row, ...],
    others: Iterable[tuple[Row, ...]],
    *small: tuple[tuple[Any, bytes], ...],
) -> Change:
    """Append a link, and one for each further piece; return the last."""
    chain = _Chain(venue)
    last = chain.append(first, *small)
    for piece in others:
        last = chain.append(piece)
    announce()
    return last


class _Chain:
    """The end of a venue's chain, to which links are added."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self._sequence, self._head = head(venue)

    def append(
        self,
        tickets: tuple[Row, ...],
        classes: tuple[tuple[int, bytes], ...] = (),
        events: tuple[tuple[str, bytes], ...] = (),
        signing_keys: tuple[tuple[bytes, bytes], ...] = (),
    ) -> Change:
        number = self._sequence + 1
        delta = Delta(number, self._head, tickets, classes, events, signing_keys)
        self._sequence, self._head = number, head_after(delta)
        sealed = trust.sealed(encode(delta), Purpose.LIST)
        return Change.objects.create(
            venue=self._venue, sequence=number, body=sealed, head=self._head
        )


def _rows(venue: Venue, found: Iterable[Iterable[Ticket]]) -> Iterator[Row]:
    """Yield the tickets' lines; read now, for another may have blocked them meanwhile."""
    list_key = bytes(venue.list_key)
    for some in found:
        tickets = list(some)
        uses = reported({bytes(ticket.cti) for ticket in tickets})
        for ticket in tickets:
            yield ticket.row(list_key, uses.get(bytes(ticket.cti), NEVER_USED))


def _pieces(rows: Iterable[Row]) -> Iterator[tuple[Row, ...]]:
    """Gather rows up to what one change may hold."""
    piece, size = list[Row](), 0
    for row in rows:
        length = ROW_BYTES_MAX + len(row.detail or b"")
        if piece and (len(piece) == DELTA_ROWS_MAX or size + length > DELTA_BYTES_MAX):
            yield tuple(piece)
            piece, size = [], 0
        piece.append(row)
        size += length
    if piece:
        yield tuple(piece)


def tell_uses(rights: Collection[bytes]) -> None:
    """Put what devices reported of these rights' uses on the list; inside their transaction."""
    for venue in Venue.objects.order_by("pk"):
        one_at_a_time(venue)
        classes = set(TicketClass.objects.filter(event__venue=venue).values_list("pk", flat=True))
        named = (_tickets(some, classes) for some in batched(sorted(rights), DELTA_ROWS_MAX))
        pieces = _pieces(_rows(venue, named))
        if first := next(pieces, ()):
            _append(venue, first, pieces)


def _tickets(rights: list[bytes], classes: set[int]) -> list[Ticket]:
    # Asked of the database, the classes would have it read all of a venue's tickets.
    named = Ticket.objects.filter(cti__among=rights).only(*_LISTED).order_by("pk")
    return [ticket for ticket in named if ticket.ticket_class_id in classes]


def batched(some: list[T], size: int) -> Iterator[list[T]]:
    """Yield `some` in pieces of at most `size`."""
    return (some[start : start + size] for start in range(0, len(some), size))


def set_standing(tickets: list[Ticket], standing: Standing) -> Change | None:
    """Block, refund, or restore tickets of one venue; return the change of the list, if any."""
    if not tickets:
        return None
    venue = tickets[0].ticket_class.event.venue
    with transaction.atomic():
        one_at_a_time(venue)  # Before the tickets, as everywhere: else two could wait in a ring.
        for ticket in tickets:
            ticket.standing = standing.value
        for some in batched([ticket.pk for ticket in tickets], DELTA_ROWS_MAX):
            Ticket.objects.filter(pk__in=some).update(standing=standing.value)
        return publish_change(venue, tickets=tickets)


def reissue(ticket: Ticket) -> None:
    """Raise a ticket's generation: its older codes are void, the right stays the same."""
    venue = ticket.ticket_class.event.venue
    with transaction.atomic():
        one_at_a_time(venue)
        ticket.refresh_from_db(fields=["generation", "generation_given"])
        ticket.generation = ticket.code_generation = ticket.next_generation
        ticket.save(update_fields=["generation", "code_generation"])
        publish_change(venue, tickets=[ticket])


def save_event(event: Event) -> None:
    """Write an event's record: a shift, a closing."""
    with transaction.atomic():
        event.save()
        publish_change(event.venue, events=[event])
