"""Refunds: asked, held while gates are silent, settled by themselves or by a person."""

import time
from collections.abc import Collection

from django.db.models import QuerySet

from central.core import refund as rules
from central.core.notice import Kind
from central.core.refund import Inquiry, State
from central.core.standing import Operation, after
from central.ledger import findings
from central.ledger.findings import GIVEN_BACK
from central.ledger.models import Use
from central.lists.changes import one_at_a_time, set_standing
from central.notices import outbox
from central.notices.outbox import ToTell
from central.tickets import inquiry
from central.tickets.models import Awaited, Refund, Waiting
from central.tickets.refusal import Code, Refused
from central.venue.models import Ticket, Venue
from wire.entry import Standing

WAITS = (State.ASKED.value, State.HELD.value)
MOMENT_SECONDS = 60.0
"""Gates in touch settle a refund sooner than that: its holder need not hear that it waits."""
_NOT_GOOD = {
    Standing.REFUNDED: Code.ALREADY_REFUNDED,
    Standing.RESCHEDULED: Code.ALREADY_RESCHEDULED,
    Standing.BLOCKED: Code.IS_BLOCKED,
}


def check(operation: Operation, ticket: Ticket) -> Standing:
    """Return the standing after an operation; raise Refused where it may not be done."""
    standing = Standing(ticket.standing)
    wanted = after(operation, standing)
    if wanted is None:
        raise Refused(_NOT_GOOD[standing])
    return wanted


def ask(ticket: Ticket, by: str, why: str, now: float) -> Refund:
    """Refund a ticket: gates refuse it from now on; call with the venue's row held.

    The inquiry says what may have happened to it, and the refund's state what that means.
    """
    check(Operation.REFUND, ticket)
    found = inquiry.of(ticket, now)
    made = ask_all([(ticket, found)], by, why, now)[0]
    told = [ToTell(ticket.pk, str(made.pk))]
    if made.state == State.SETTLED.value:
        outbox.tell(Kind.REFUNDED, told, now)
    else:
        moment = MOMENT_SECONDS if made.state == State.ASKED.value else 0.0
        outbox.tell(Kind.REFUND_WAITS, told, now, moment)
    return made


def ask_all(asked: list[tuple[Ticket, Inquiry]], by: str, why: str, now: float) -> list[Refund]:
    """Refund tickets of one venue, one change of its list; call with the venue's row held."""
    tickets = [ticket for ticket, _ in asked]
    before = {ticket.pk: ticket.standing for ticket in tickets}
    change = set_standing(tickets, Standing.REFUNDED)
    if change is None:
        return []
    states = {ticket.pk: rules.begin(found) for ticket, found in asked}
    gates = {
        device
        for ticket, found in asked
        if states[ticket.pk] is not State.SETTLED
        for device in rules.awaited(found)
    }
    waiting = _wait(change.venue, change.sequence, tickets, gates)
    refunds = [
        Refund(
            ticket=ticket,
            state=states[ticket.pk].value,
            asked_at=int(now),
            asked_by=by,
            why=why,
            inquiry=inquiry.told(found),
            standing_before=before[ticket.pk],
            waiting=None if states[ticket.pk] is State.SETTLED else waiting,
            ended_at=int(now) if states[ticket.pk] is State.SETTLED else None,
        )
        for ticket, found in asked
    ]
    made = Refund.objects.bulk_create(refunds)
    given_up = [bytes(ticket.cti) for ticket, found in asked if found.admissions]
    findings.settle(findings.AFTER_REFUND, given_up)
    return made


def _wait(
    venue: Venue, sequence: int, tickets: list[Ticket], gates: Collection[int]
) -> Waiting | None:
    if not gates:
        return None
    since = min(int(inquiry.window(ticket).begins) for ticket in tickets)
    waiting = Waiting.objects.create(venue=venue, sequence=sequence, since=since)
    Awaited.objects.bulk_create(Awaited(waiting=waiting, device_id=gate) for gate in sorted(gates))
    return waiting


def decide(refund: Refund, pay: bool, by: str, why: str, now: float) -> None:
    """Write down a person's word; a ticket whose refund is denied is what it was before.

    Call with the venue's row held. Raise Refused if there is nothing to decide any more.
    """
    refund.refresh_from_db()
    state = rules.decide(State(refund.state), pay)
    if state is None:
        raise Refused(Code.NOTHING_TO_DECIDE)
    refund.state, refund.ended_at = state.value, int(now)
    refund.ended_by, refund.ended_why = by, why
    refund.save(update_fields=["state", "ended_at", "ended_by", "ended_why"])
    kind = Kind.REFUND_DENIED if state is State.DENIED else Kind.REFUNDED
    outbox.tell(kind, [ToTell(refund.ticket_id, str(refund.pk))], now)
    if state is State.DENIED:
        ticket = Ticket.objects.get(pk=refund.ticket_id)
        set_standing([ticket], Standing(refund.standing_before))


def heard(rights: Collection[bytes], devices: Collection[int]) -> None:
    """Think again after a report of these devices, which used or gave back these rights.

    Called by ingest, inside the transaction of the report; what it finds rests on all that was
    reported, so that the order of arrival does not matter.
    """
    refunded = Refund.objects.filter(ticket__cti__among=rights)
    refunded = refunded.exclude(state=State.DENIED.value)
    ctis = [bytes(cti) for cti in refunded.values_list("ticket__cti", flat=True)]
    if ctis:
        findings.settle(findings.AFTER_REFUND, ctis)
        _think_again(refunded, waiting=True)
    rebooked = Ticket.objects.filter(
        cti__among=rights, standing=Standing.RESCHEDULED.value
    ).values_list("cti", flat=True)
    findings.settle(findings.AFTER_REBOOKING, [bytes(cti) for cti in rebooked])
    if Awaited.objects.filter(device__in=devices).exists():
        for venue in Venue.objects.filter(device__in=devices).distinct().order_by("pk"):
            _strike_out(venue, devices)


def _strike_out(venue: Venue, devices: Collection[int]) -> None:
    """Strike out the gates that have reported; with the last one, refunds are settled."""
    one_at_a_time(venue)
    known = {gate.device: gate for gate in inquiry.gates(venue, devices)}
    awaited = Awaited.objects.filter(device__in=known).select_related("waiting")
    done = [
        one
        for one in awaited
        if rules.has_reported(known[one.device_id], one.waiting.sequence, one.waiting.since)
    ]
    Awaited.objects.filter(pk__in=[one.pk for one in done]).delete()
    ended = Waiting.objects.filter(pk__in={one.waiting_id for one in done}, gates=None)
    _think_again(Refund.objects.filter(waiting__in=list(ended)), waiting=False)


def _think_again(refunds: QuerySet[Refund], waiting: bool) -> None:
    """Move those that wait to where the rules say; all at once, there may be 100,000."""
    spent = Use.objects.filter(cti__isnull=False).exclude(outcome__in=GIVEN_BACK).values("cti")
    pending = refunds.filter(state__in=WAITS)
    for admitted, some in ((True, pending.filter(ticket__cti__in=spent)), (False, pending)):
        state = rules.heard(State.HELD, admitted, waiting)
        if state.value not in WAITS:
            kind = Kind.REFUND_WAITS if state.open else Kind.REFUNDED
            outbox.tell_refunds(kind, some, time.time())
            some.update(state=state.value, ended_at=None if state.open else int(time.time()))
