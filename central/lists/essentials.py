"""The essentials: enough to judge a signature, for a device that has no list (wire/essentials.py).

Publish writes them beside the snapshots, the web server hands them out. Their number is that of
the list's last change, plus one: what did not change has no new number.
"""

import time
from pathlib import Path

from django.conf import settings

from central.database import one_moment
from central.lists.changes import head
from central.venue import trust
from central.venue.models import Event, SigningKey, Ticket, TicketClass, Venue
from wire.codec import encode
from wire.entry import Standing
from wire.essentials import Essentials, pack
from wire.signed import Purpose

REVOKED = (Standing.BLOCKED, Standing.REFUNDED, Standing.RESCHEDULED)
AGAIN_SECONDS = 60.0
"""How old they may be while the list changes: reading all that is revoked takes a moment."""


def path() -> Path:
    return Path(settings.DIRECTORY) / "list" / "essentials"


def write(venue: Venue) -> int:
    """Write what is true now, sealed; return its number."""
    said = gather(venue)
    sealed = trust.sealed(encode(said), Purpose.ESSENTIALS)
    path().parent.mkdir(parents=True, exist_ok=True)
    fresh = path().with_name(".essentials")
    fresh.write_bytes(sealed)
    fresh.replace(path())
    return said.number


def gather(venue: Venue) -> Essentials:
    """Return what a device must know of a venue's tickets to go without a list."""
    with one_moment():
        sequence, _ = head(venue)
        kinds = TicketClass.objects.filter(event__venue=venue).select_related("event")
        events = Event.objects.filter(venue=venue)
        revoked: dict[str, list[int]] = {}
        standings = [standing.value for standing in REVOKED]
        named = Ticket.objects.filter(ticket_class__event__venue=venue, standing__in=standings)
        for audience, serial in named.values_list("ticket_class__event__audience", "serial"):
            revoked.setdefault(audience, []).append(serial)
        return Essentials(
            venue=venue.code,
            number=sequence + 1,
            sequence=sequence,
            wall=int(time.time()),
            classes=tuple((kind.pk, encode(kind.record())) for kind in kinds),
            events=tuple((event.audience, encode(event.record())) for event in events),
            signing_keys=tuple(
                (bytes(key.kid), encode(key.record()))
                for key in SigningKey.objects.filter(venue=venue)
            ),
            revocations=tuple(pack(*one) for one in sorted(revoked.items())),
        )
