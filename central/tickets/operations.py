"""Everything that can be done to a ticket: each in one transaction with its change of the list.

The caller names each operation; asked again under that name, nothing is done a second time.
"""

import json
from collections.abc import Callable
from dataclasses import astuple, dataclass, field, replace
from typing import Any

from django.db import transaction
from django.utils.crypto import salted_hmac

from central.core.address import Addresses
from central.core.notice import Kind
from central.core.refund import Finding
from central.core.standing import Operation
from central.ledger import findings
from central.ledger.models import Use
from central.lists.changes import one_at_a_time, publish_change, set_standing
from central.notices import contacts, outbox
from central.tickets import inquiry, refunds
from central.tickets.models import Performed, Refund, UndoneUse
from central.tickets.refunds import check
from central.tickets.refusal import Code, Refused
from central.venue.issue import NOWHERE, Order, Place, issue
from central.venue.models import Ticket, TicketClass, Venue
from rules.use import Outcome
from wire.codec import WireError
from wire.entry import Standing
from wire.ticket import SMALL_MAX


@dataclass(frozen=True, slots=True)
class Asked:
    """Who wants something done, under which name of theirs, when (Unix seconds), and why."""

    by: str
    key: str
    at: float
    why: str = ""


@dataclass(slots=True)
class Done:
    """What came of it: the tickets to answer with, and the refund, by primary key."""

    tickets: list[int] = field(default_factory=list)
    refund: int | None = None


NOBODY = Addresses()


@dataclass(frozen=True, slots=True)
class Wanted:
    """Tickets to be issued; times are Unix seconds, by default those of the event."""

    kind: TicketClass
    count: int = 1
    quantity: int = 1
    not_before: int | None = None
    expires: int | None = None
    holder: str = ""
    """The name on them; kept sealed, readable with the ticket in hand."""
    id_number: str = ""
    order_number: str = ""
    phone_digits: str = ""
    """What the buyer types at a kiosk."""
    place: Place = NOWHERE
    contact: Addresses = NOBODY
    """Where their holder hears of them; kept sealed."""


def issue_tickets(venue: Venue, asked: Asked, wanted: list[Wanted]) -> Done:
    """Issue tickets and put them on the list."""

    def work() -> Done:
        tickets = [ticket for one in wanted for ticket in _issue(one, asked.at)]
        publish_change(venue, tickets=tickets)
        outbox.tell_of(Kind.ISSUED, tickets, asked.at)
        return Done([ticket.pk for ticket in tickets])

    told = [
        [
            *(w.kind.pk, w.count, w.quantity, w.not_before, w.expires, w.holder, w.id_number),
            *(w.order_number, w.phone_digits),
            # Left out where there is none: what was asked before it could be is asked alike.
            *([] if w.place == NOWHERE else [astuple(w.place)]),
            *([] if w.contact == NOBODY else [["contact", *astuple(w.contact)]]),
        ]
        for w in wanted
    ]
    return _once(venue, asked, "issue", told, work)


def block(ticket: Ticket, asked: Asked) -> Done:
    """Refuse the ticket everywhere until it is unblocked."""
    return _stand(ticket, asked, Operation.BLOCK)


def unblock(ticket: Ticket, asked: Asked) -> Done:
    return _stand(ticket, asked, Operation.UNBLOCK)


def _stand(ticket: Ticket, asked: Asked, operation: Operation) -> Done:
    def work() -> Done:
        wanted = check(operation, ticket)
        if wanted.value != ticket.standing:
            set_standing([ticket], wanted)
        return Done([ticket.pk])

    return _on(ticket, asked, operation, [], work)


def refund(ticket: Ticket, asked: Asked) -> Done:
    """Ask for a ticket's money; see central.core.refund for when it may go."""

    def work() -> Done:
        return Done([ticket.pk], refunds.ask(ticket, asked.by, asked.why, asked.at).pk)

    return _on(ticket, asked, Operation.REFUND, [], work)


def decide(refund: Refund, asked: Asked, pay: bool) -> Done:
    """Write down a person's word on a refund that waits."""
    ticket = refund.ticket

    def work() -> Done:
        refunds.decide(refund, pay, asked.by, asked.why, asked.at)
        return Done([ticket.pk], refund.pk)

    return _once(ticket.ticket_class.event.venue, asked, "decide", [refund.pk, pay], work)


def reissue(ticket: Ticket, asked: Asked) -> Done:
    """Give the right a new code; older ones are void."""

    def work() -> Done:
        check(Operation.REISSUE, ticket)
        if ticket.next_generation > SMALL_MAX:
            raise Refused(Code.TOO_MANY_REISSUES)
        ticket.generation = ticket.code_generation = ticket.next_generation
        ticket.save(update_fields=["generation", "code_generation"])
        publish_change(ticket.ticket_class.event.venue, tickets=[ticket])
        outbox.tell_of(Kind.REISSUED, [ticket], asked.at, str(ticket.generation))
        return Done([ticket.pk])

    return _on(ticket, asked, Operation.REISSUE, [], work)


def reschedule(ticket: Ticket, asked: Asked, to: Wanted, accept_risk: bool = False) -> Done:
    """Exchange the right for a new one of another class or event; the old one is rescheduled.

    Refused if it was admitted; if it may have been, `accept_risk` is needed. The name goes along,
    and where its holder is reached; an ID has to be told again, since nothing that is kept of it
    can be turned into another.
    """

    def work() -> Done:
        wanted = check(Operation.RESCHEDULE, ticket)
        _not_admitted(ticket, asked.at, accept_risk)
        reached, holder = contacts.of(ticket), to.holder or ticket.holder()
        (new,) = _issue(replace(to, holder=holder, contact=reached), asked.at)
        new.replaces = ticket
        new.save(update_fields=["replaces"])
        ticket.standing = wanted.value
        ticket.save(update_fields=["standing"])
        publish_change(ticket.ticket_class.event.venue, tickets=[ticket, new])
        outbox.tell_of(Kind.RESCHEDULED, [new], asked.at)
        return Done([new.pk])

    told = [to.kind.pk, to.not_before, to.expires, to.holder, to.id_number]
    return _on(ticket, asked, Operation.RESCHEDULE, told, work)


def move(ticket: Ticket, asked: Asked, begins: int, until: int, accept_risk: bool = False) -> Done:
    """Let the same right and code in at another time of the same event."""

    def work() -> Done:
        check(Operation.RESCHEDULE, ticket)
        if begins >= until:
            raise Refused(Code.TIMES_WRONG)
        _not_admitted(ticket, asked.at, accept_risk)
        ticket.moved_from, ticket.moved_until = begins, until
        ticket.save(update_fields=["moved_from", "moved_until"])
        publish_change(ticket.ticket_class.event.venue, tickets=[ticket])
        # By the operation's name: it may be moved to and fro.
        outbox.tell_of(Kind.MOVED, [ticket], asked.at, _short(asked))
        return Done([ticket.pk])

    return _on(ticket, asked, Operation.RESCHEDULE, [begins, until], work)


def set_contact(ticket: Ticket, asked: Asked, contact: Addresses) -> Done:
    """Set where a ticket's holder is reached, in place of what was known; nowhere if empty."""

    def work() -> Done:
        contacts.change(ticket, contact)
        return Done([ticket.pk])

    told = [ticket.pk, *astuple(contact)]
    return _once(ticket.ticket_class.event.venue, asked, "contact", told, work)


def undo(ticket: Ticket, asked: Asked, admission: bytes, person: int) -> Done:
    """Withdraw a use that was counted: gates subtract it, and whatever is reported of it later."""

    def work() -> Done:
        check(Operation.UNDO, ticket)
        use = Use.objects.filter(cti=bytes(ticket.cti), admission=admission, person=person)
        if not use.exists():
            raise Refused(Code.NO_SUCH_USE)
        UndoneUse.objects.get_or_create(
            ticket=ticket,
            admission=admission,
            person=person,
            defaults={"at": int(asked.at), "by": asked.by, "why": asked.why},
        )
        # The highest outcome there is: nothing that a device still reports outranks it.
        use.update(outcome=Outcome.UNDONE.value)
        refunds.heard({bytes(ticket.cti)}, ())
        findings.review({bytes(ticket.cti)})
        publish_change(ticket.ticket_class.event.venue, tickets=[ticket])
        return Done([ticket.pk])

    with transaction.atomic():
        # Before the venue's row, as ingest has them: else two could wait in a ring.
        uses = Use.objects.select_for_update().filter(admission=admission, person=person)
        list(uses.order_by("pk").values_list("pk"))
        return _on(ticket, asked, Operation.UNDO, [admission.hex(), person], work)


def _issue(wanted: Wanted, now: float) -> list[Ticket]:
    show = wanted.kind.event
    begins = show.opens if wanted.not_before is None else wanted.not_before
    until = show.closes if wanted.expires is None else wanted.expires
    if begins >= until:
        raise Refused(Code.TIMES_WRONG)
    named = (wanted.holder.strip(), wanted.id_number, wanted.order_number, wanted.phone_digits)
    about = (wanted.quantity, Standing.GOOD, *named, wanted.place)
    order = Order(wanted.count, begins, until, int(now), *about)
    try:
        tickets = issue(wanted.kind, order)
    except WireError:
        raise Refused(Code.HOLDER_WRONG) from None
    except ValueError:
        raise Refused(Code.EVENT_FULL) from None
    contacts.keep(tickets, wanted.contact)
    return tickets


def _short(asked: Asked) -> str:
    """Return what tells an operation from all others, in 40 characters."""
    return salted_hmac(__name__, json.dumps([asked.by, asked.key])).hexdigest()[:40]


def _not_admitted(ticket: Ticket, now: float, accept_risk: bool) -> None:
    finding = inquiry.of(ticket, now).finding
    if finding is Finding.ADMITTED:
        raise Refused(Code.WAS_ADMITTED)
    if finding is Finding.MAY_HAVE_BEEN and not accept_risk:
        raise Refused(Code.MAY_HAVE_BEEN_ADMITTED)


def _on(
    ticket: Ticket, asked: Asked, kind: Operation, told: list[Any], work: Callable[[], Done]
) -> Done:
    """Do `work` once, on the ticket as it stands when nobody else can change it."""

    def current() -> Done:
        ticket.refresh_from_db()
        return work()

    venue = ticket.ticket_class.event.venue
    return _once(venue, asked, kind.value, [ticket.pk, *told], current)


def _once(venue: Venue, asked: Asked, kind: str, told: list[Any], work: Callable[[], Done]) -> Done:
    """Do `work` unless it was done under this name; raise Refused, having done nothing."""
    # Under a key, for an ID number in it could be found by trying them all.
    request = salted_hmac(__name__, json.dumps([kind, told]), algorithm="sha256").hexdigest()
    with transaction.atomic():
        one_at_a_time(venue)
        before = Performed.objects.filter(by=asked.by, key=asked.key).first()
        if before is not None:
            if before.request != request:
                raise Refused(Code.KEY_REUSED)
            return Done(list(before.tickets), before.refund)
        done = work()
        Performed.objects.create(
            by=asked.by,
            key=asked.key,
            request=request,
            kind=kind,
            why=asked.why,
            at=int(asked.at),
            tickets=done.tickets,
            refund=done.refund,
        )
    return done
