"""Forgets who the holders of an event's tickets were, once it is over.

A step at a time, each with its change of the list, so that it can be cut short and begun again.
At its end central makes a new snapshot, drops the changes of before, and gates replace theirs.
"""

from collections.abc import Iterator

from django.db import transaction
from django.db.models import Q

from central.lists.changes import one_at_a_time, publish_change
from central.lists.snapshots import forget_from_now
from central.notices import contacts
from central.venue.models import Event, Ticket

AT_ONCE = 500


def wipe(event: Event) -> Iterator[int]:
    """Yield how many tickets have been wiped, after each step."""
    wiped = 0
    named = Q(sealed_name__isnull=False) | Q(id_check__isnull=False)
    named |= Q(id_digest__isnull=False) | ~Q(phone_digits="") | Q(contact__isnull=False)
    while True:
        with transaction.atomic():
            one_at_a_time(event.venue)
            found = Ticket.objects.filter(named, ticket_class__event=event).order_by("pk")
            some = list(found[:AT_ONCE])
            if not some:
                forget_from_now(event.venue)
                return
            contacts.forget(some)
            for ticket in some:
                ticket.sealed_name = ticket.id_check = ticket.id_digest = None
                ticket.phone_digits = ""
            wiped_fields = ["sealed_name", "id_check", "id_digest", "phone_digits"]
            Ticket.objects.bulk_update(some, wiped_fields)
            publish_change(event.venue, tickets=some)
        wiped += len(some)
        yield wiped
