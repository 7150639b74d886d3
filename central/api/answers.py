"""Puts what central holds into the words of the API."""

from typing import Any

from central.api import shapes
from central.core.address import Channel, masked
from central.core.refund import State
from central.holder.link import paths_of
from central.ledger.models import Use
from central.notices import contacts
from central.tickets import inquiry
from central.tickets.models import Refund
from central.venue import keys
from central.venue.issue import texts
from central.venue.models import Ticket
from rules.use import Outcome


def of_ticket(ticket: Ticket) -> shapes.Ticket:
    return shapes.Ticket(**_plain(ticket))


def of_issued(tickets: list[Ticket]) -> list[shapes.Issued]:
    """Return tickets of one venue with their newest codes; raise KeyMissing."""
    if not tickets:
        return []
    kid, key = keys.active(tickets[0].ticket_class.event.venue)
    made = zip(tickets, texts(tickets, kid, key), paths_of(tickets), strict=True)
    return [shapes.Issued(**_plain(one), text=text, page=page) for one, text, page in made]


def of_contact(ticket: Ticket) -> shapes.MaskedContact:
    known = contacts.of(ticket)
    return shapes.MaskedContact(
        mail=masked(Channel.MAIL, known.mail),
        mobile=masked(Channel.SMS, known.mobile),
        openid=masked(Channel.WECHAT, known.openid),
        language=known.language.value,
    )


def of_inquiry(ticket: Ticket, now: float) -> shapes.Inquiry:
    return shapes.Inquiry.model_validate(inquiry.told(inquiry.of(ticket, now)))


def of_refund(refund: Refund) -> shapes.Refund:
    waits: list[str] = []
    if refund.waiting is not None and State(refund.state) in (State.ASKED, State.HELD):
        gates = refund.waiting.gates.order_by("device__name")
        waits = list(gates.values_list("device__name", flat=True))
    return shapes.Refund(
        id=refund.pk,
        cti=bytes(refund.ticket.cti).hex(),
        state=refund.state,
        inquiry=shapes.Inquiry.model_validate(refund.inquiry),
        waits_for=waits,
        asked_at=refund.asked_at,
        ended_at=refund.ended_at,
    )


def _plain(ticket: Ticket) -> dict[str, Any]:
    uses = _uses(ticket)
    window = inquiry.window(ticket)
    replaced_by = Ticket.objects.filter(replaces=ticket).first()
    return {
        "cti": bytes(ticket.cti).hex(),
        "event": ticket.ticket_class.event.audience,
        "ticket_class": ticket.ticket_class.code,
        "serial": ticket.serial,
        "generation": ticket.generation,
        "quantity": ticket.quantity,
        "standing": ticket.standing,
        "not_before": window.opens,
        "expires": window.closes,
        "issued_at": ticket.issued_at,
        "uses": uses,
        "last_seen": uses[-1] if uses else None,
        "replaces": bytes(ticket.replaces.cti).hex() if ticket.replaces else None,
        "replaced_by": bytes(replaced_by.cti).hex() if replaced_by else None,
    }


def _uses(ticket: Ticket) -> list[shapes.Use]:
    """Return everything reported of a ticket, oldest first, also what was given back."""
    found = Use.objects.filter(cti=bytes(ticket.cti)).select_related("device")
    return [
        shapes.Use(
            admission=bytes(use.admission).hex(),
            person=use.person,
            outcome=Outcome(use.outcome).name.lower().replace("_", "-"),
            where=use.device.name,
            checkpoint=use.checkpoint or "",
            at=use.wall_ms // 1000,
        )
        for use in found.order_by("wall_ms", "pk")
    ]
