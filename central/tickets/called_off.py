"""An event that is called off: all its tickets are refunded, a thousand at a time.

How far it has come stands in the tickets themselves, so that it can be stopped at any moment and
said again. The event is closed first, in one small change: no gate admits anybody while the
refunds are on their way.
"""

import threading
import time
from collections.abc import Callable

from django.db import transaction

from central.core.notice import Kind
from central.core.refund import inquire
from central.lists.changes import one_at_a_time, save_event
from central.notices import outbox
from central.tickets import inquiry, refunds
from central.tickets.models import CalledOff
from central.venue.models import Event, Ticket
from wire.entry import Standing

AT_ONCE = 1000
PAUSE_SECONDS = 0.1
"""Between two pieces: others write as well, and SQLite lets one at a time."""
OPEN = (Standing.GOOD.value, Standing.BLOCKED.value)


def run(
    event: Event,
    by: str,
    why: str,
    progress: Callable[[int, int], None],
    stopping: threading.Event,
) -> bool:
    """Refund every ticket of `event`; call progress(done, of all) after each piece.

    Return whether it is finished; not if it was told to stop.
    """
    begun, _ = CalledOff.objects.get_or_create(
        event=event, defaults={"by": by, "why": why, "began_at": int(time.time())}
    )
    if not event.closed:
        event.closed = True
        save_event(event)
    of_event = Ticket.objects.filter(ticket_class__event=event)
    total = of_event.count()
    left = of_event.filter(standing__in=OPEN).count()
    progress(total - left, total)
    last = 0
    while left and not stopping.wait(PAUSE_SECONDS):
        done, last = _piece(event, last, by, why)
        left = max(left - done, 0) if done else 0
        progress(total - left, total)
    if left:
        return False
    CalledOff.objects.filter(pk=begun.pk, ended_at=None).update(ended_at=int(time.time()))
    return True


def _piece(event: Event, after: int, by: str, why: str) -> tuple[int, int]:
    """Refund the next thousand after a primary key, in one transaction, list and all.

    Return how many there were, and the primary key of the last.
    """
    now = time.time()
    with transaction.atomic():
        one_at_a_time(event.venue)
        found = Ticket.objects.filter(ticket_class__event=event, standing__in=OPEN, pk__gt=after)
        found = found.select_related("ticket_class__event__venue")
        tickets = list(found.order_by("pk")[:AT_ONCE])
        gates, uses = inquiry.gates(event.venue), inquiry.admissions(tickets)
        asked = [
            (ticket, inquire(inquiry.window(ticket), uses.get(ticket.pk, ()), gates, now))
            for ticket in tickets
        ]
        refunds.ask_all(asked, by, why, now)
        outbox.tell_of(Kind.CALLED_OFF, tickets, now)
    return len(tickets), tickets[-1].pk if tickets else after
