"""Changes of the list: one link of the chain each, written with the change itself.

Whatever alters what a gate should do goes through `publish_change` in the same transaction, so
that the database and the chain never tell different stories.
"""

from collections.abc import Collection, Iterable

from django.db import transaction

from central.ledger.uses import reported
from central.lists.models import Change
from central.lists.waking import announce
from central.venue import trust
from central.venue.models import NEVER_USED, Event, SigningKey, Ticket, TicketClass, Venue
from wire.codec import encode
from wire.entry import Standing
from wire.signed import Purpose
from wire.snapshot import Delta, head_after

NO_HEAD = bytes(32)
TOLD_MAX = 1000
"""Rows of one change; a day's backlog comes as many."""


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
    """Append the present state of these to the chain; call inside the transaction of the change."""
    return _publish(venue, [ticket.pk for ticket in tickets], classes, events, signing_keys)


def _publish(
    venue: Venue,
    keys: Collection[int],
    classes: Iterable[TicketClass] = (),
    events: Iterable[Event] = (),
    signing_keys: Iterable[SigningKey] = (),
) -> Change:
    one_at_a_time(venue)
    sequence, previous = head(venue)
    # Read again: while this one waited, another may have blocked them.
    tickets = Ticket.objects.filter(pk__in=keys).order_by("pk")
    uses = reported({bytes(ticket.cti) for ticket in tickets})
    list_key = bytes(venue.list_key)
    delta = Delta(
        sequence=sequence + 1,
        previous=previous,
        tickets=tuple(
            ticket.row(list_key, uses.get(bytes(ticket.cti), NEVER_USED)) for ticket in tickets
        ),
        classes=tuple((kind.pk, encode(kind.record())) for kind in classes),
        events=tuple((event.audience, encode(event.record())) for event in events),
        signing_keys=tuple((bytes(key.kid), encode(key.record())) for key in signing_keys),
    )
    sealed = trust.sealed(encode(delta), Purpose.LIST)
    announce()
    return Change.objects.create(
        venue=venue, sequence=delta.sequence, body=sealed, head=head_after(delta)
    )


def tell_uses(rights: Collection[bytes]) -> None:
    """Put what devices reported of these rights' uses on the list; inside their transaction."""
    by_venue: dict[int, list[int]] = {}
    named = Ticket.objects.filter(cti__in=rights).order_by("pk")
    for pk, of in named.values_list("pk", "ticket_class__event__venue"):
        by_venue.setdefault(of, []).append(pk)
    for key, keys in by_venue.items():
        venue = Venue.objects.get(pk=key)
        for start in range(0, len(keys), TOLD_MAX):
            _publish(venue, keys[start : start + TOLD_MAX])


def set_standing(tickets: list[Ticket], standing: Standing) -> Change | None:
    """Block, refund, or restore tickets of one venue; return the change of the list, if any."""
    if not tickets:
        return None
    venue = tickets[0].ticket_class.event.venue
    with transaction.atomic():
        one_at_a_time(venue)  # Before the tickets, as everywhere: else two could wait in a ring.
        for ticket in tickets:
            ticket.standing = standing.value
        keys = [ticket.pk for ticket in tickets]
        Ticket.objects.filter(pk__in=keys).update(standing=standing.value)
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
