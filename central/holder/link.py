"""The address of a ticket's page: unguessable, and shown again to an admin whenever it is wanted.

A token is made of central's own secret, which is a file, and the right; the database holds its
hash. Who reads the database can open no page, and nothing needs to be remembered to send a link
twice.
"""

import base64
import csv
import hashlib
import hmac
from typing import TextIO

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse

from central.holder.models import Link
from central.venue.models import Ticket

TOKEN_BYTES = 18
BATCH = 2000


def token(link: Link) -> str:
    """Return a link's token: 24 characters, 144 bits."""
    secret = hashlib.sha256(b"holder link" + settings.SECRET_KEY.encode()).digest()
    named = bytes(link.ticket.cti) + link.number.to_bytes(4, "big")
    return base64.urlsafe_b64encode(
        hmac.digest(secret, named, hashlib.sha256)[:TOKEN_BYTES]
    ).decode()


def token_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def link_of(ticket: Ticket) -> Link:
    """Return a ticket's link, made the first time it is asked for."""
    found = Link.objects.filter(ticket=ticket).first()
    if found:
        return found
    made = Link(ticket=ticket)
    made.token_hash = token_hash(token(made))
    made, _ = Link.objects.get_or_create(ticket=ticket, defaults={"token_hash": made.token_hash})
    return made


def renew(ticket: Ticket) -> Link:
    """Make another link in place of the one that somebody else may have."""
    with transaction.atomic():
        link = Link.objects.select_for_update().get(pk=link_of(ticket).pk)
        link.number += 1
        link.token_hash = token_hash(token(link))
        link.save(update_fields=["number", "token_hash"])
    return link


def find(text: str) -> Link | None:
    """Return the link of a token, or None."""
    everything = Link.objects.select_related("ticket__ticket_class__event__venue")
    return everything.filter(token_hash=token_hash(text)).first()


def path_of(ticket: Ticket) -> str:
    return reverse("holder", args=[token(link_of(ticket))])


def paths_of(tickets: list[Ticket]) -> list[str]:
    """Return where each ticket's holder finds it, below central's own address."""
    keys = [ticket.pk for ticket in tickets]
    _make_missing(Ticket.objects.filter(pk__in=keys))
    made = Link.objects.filter(ticket__in=keys).select_related("ticket")
    by_ticket = {link.ticket_id: reverse("holder", args=[token(link)]) for link in made}
    return [by_ticket[key] for key in keys]


def export(out: TextIO, base: str, audience: str | None = None) -> None:
    """Write every ticket's address, or those of one event, for whoever sends them out."""
    writer = csv.writer(out)
    writer.writerow(["right", "serial", "link"])
    tickets = Ticket.objects.all()
    if audience is not None:
        tickets = tickets.filter(ticket_class__event__audience=audience)
    _make_missing(tickets)
    found = Link.objects.filter(ticket__in=tickets).select_related("ticket").order_by("ticket")
    for link in found.iterator(BATCH):
        path = reverse("holder", args=[token(link)])
        writer.writerow([bytes(link.ticket.cti).hex(), link.ticket.serial, base + path])


def _make_missing(tickets: QuerySet[Ticket]) -> None:
    missing = tickets.filter(link=None).only("cti").order_by("pk")
    while some := [Link(ticket=ticket) for ticket in missing[:BATCH]]:
        for link in some:
            link.token_hash = token_hash(token(link))
        Link.objects.bulk_create(some, ignore_conflicts=True)  # Another may be making them, too.
