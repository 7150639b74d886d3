"""What a ticket's page says of its ticket, as the phone asks for it again and again."""

import time
from datetime import datetime
from typing import Any

from django.utils import timezone

from central.holder.models import Phone
from central.holder.phone import hours
from central.ledger.uses import reported
from central.venue.models import Ticket
from central.venue.told import NEVER_USED
from wire.words import Words

WEEKDAYS = "一二三四五六日"


def state(ticket: Ticket) -> dict[str, Any]:
    """Return how the ticket stands; times are Unix seconds, words come in both languages."""
    event = ticket.ticket_class.event
    opens, closes = hours(ticket)
    phone = Phone.objects.filter(ticket=ticket, released_at=None).first()
    last, used_up = _uses(ticket)
    standing = "collected" if ticket.on_paper and ticket.standing == "good" else ticket.standing
    return {
        "now": time.time(),
        "standing": "called-off" if event.closed else standing,
        "moves": ticket.must_move,
        "code_from": opens - event.rotation_lead_seconds,
        "opens": opens,
        "closes": closes,
        "generation": ticket.generation,
        "phone": bytes(phone.signing).hex() if phone else "",
        "used_up": used_up,
        "used": last,
    }


def _uses(ticket: Ticket) -> tuple[dict[str, str] | None, bool]:
    """Return when and where it was last used, and whether nothing is left of it."""
    cti = bytes(ticket.cti)
    uses = reported([cti]).get(cti, NEVER_USED).counted
    if not uses:
        return None, False
    allowed: dict[str, int] = ticket.ticket_class.uses
    taken = {
        checkpoint: sum(use.checkpoint == checkpoint for use in uses) for checkpoint in allowed
    }
    used_up = all(taken[name] >= allowed[name] * ticket.quantity for name in allowed)
    when = said(uses[-1].wall)
    place = uses[-1].place
    return {"zh": f"{when.zh} {place}", "en": f"{when.en}, {place}"}, used_up


def said(wall: float) -> Words:
    """Return a day and a time as people say them, in the venue's time zone."""
    at = datetime.fromtimestamp(wall, timezone.get_default_timezone())
    zh = f"{at.month}月{at.day}日 周{WEEKDAYS[at.weekday()]} {at:%H:%M}"
    return Words(zh, f"{at:%a} {at.day} {at:%b}, {at:%H:%M}")
