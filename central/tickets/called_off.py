"""An event that is called off: all its tickets are refunded, a thousand at a time.

How far it has come stands in the tickets themselves, so that it can be stopped at any moment and
said again. The event is closed first, in one small change: no gate admits anybody while the
refunds are on their way.
"""

import threading
import time
from collections.abc import Callable

from django.db import transaction

from central.core.refund import inquire
from central.lists.changes import TOLD_MAX, one_at_a_time, save_event
from central.tickets import inquiry, refunds
from central.tickets.models import CalledOff
from central.venue.models import Event, Ticket
from wire.entry import Standing

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
    while left and not stopping.is_set():
        left -= _piece(event, by, why)
        progress(total - left, total)
    if left:
        return False
    CalledOff.objects.filter(pk=begun.pk, ended_at=None).update(ended_at=int(time.time()))
    return True


def _piece(event: Event, by: str, why: str) -> int:
    """Refund the next thousand, in one transaction and one change of the list."""
    now = time.time()
    with transaction.atomic():
        one_at_a_time(event.venue)
        found = Ticket.objects.filter(ticket_class__event=event, standing__in=OPEN)
        found = found.select_related("ticket_class__event__venue")
        tickets = list(found.order_by("ticket_class", "pk")[:TOLD_MAX])
        gates, uses = inquiry.gates(event.venue), inquiry.admissions(tickets)
        asked = [
            (ticket, inquire(inquiry.window(ticket), uses.get(ticket.pk, ()), gates, now))
            for ticket in tickets
        ]
        refunds.ask_all(asked, by, why, now)
    return len(tickets)
