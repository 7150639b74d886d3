"""The addresses of the API, and which role each one asks for.

Every change names itself with an Idempotency-Key: sent again under it, it is answered alike and
done once. A ticket is named by its cti in hex, or by what its code says.
"""

import time
from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Header, NinjaAPI, Path, Query

from central.api import answers, errors, shapes
from central.api.keys import ByKey
from central.api.models import ChannelKey
from central.core import address
from central.core.address import Addresses, AddressWrong
from central.tickets import operations
from central.tickets.identify import find
from central.tickets.models import Refund
from central.tickets.operations import Asked, Done, Wanted
from central.tickets.refusal import Code, Refused
from central.venue import keys
from central.venue.issue import Place
from central.venue.models import Ticket, TicketClass

api = NinjaAPI(
    title="Gatehouse",
    version="1",
    description=__doc__,
    urls_namespace="api",
    docs_url=None,
    openapi_url="/openapi.json",
    auth=ByKey(),
)
errors.teach(api)

PAGE = 100
FAULTS = frozenset({400, 401, 403, 404, 405, 409, 413, 422, 429, 503})

Key = Annotated[
    str, Header(alias="Idempotency-Key", min_length=1, max_length=100, pattern="^[!-~]+$")
]
Named = Annotated[str, Path(min_length=1, max_length=520)]


def _may(request: HttpRequest, role: str) -> ChannelKey:
    """Return the key that asks; raise Refused if it has not this role."""
    key: ChannelKey = request.auth  # type: ignore[attr-defined]
    if not getattr(key, role):
        raise Refused(Code.NOT_ALLOWED)
    return key


def _may_issue(request: HttpRequest) -> ChannelKey:
    """Return the key that asks; raise KeyMissing before anything is done that wants a signature."""
    key = _may(request, "may_issue")
    keys.active(key.venue)
    return key


def _asked(key: ChannelKey, name: str, why: str = "") -> Asked:
    return Asked(key.caller, name, time.time(), why)


def _wanted(key: ChannelKey, order: shapes.Order, count: int = 1) -> Wanted:
    kind = _class(key, order.event, order.ticket_class)
    named = (order.holder_name, order.id_number, order.order_number, order.phone_digits)
    where = (order.zone, order.row, order.seats_of())
    place = Place(*where, order.price_cents, order.paid or "")
    told = (kind, count, order.quantity, order.not_before, order.expires, *named, place)
    return Wanted(*told, _addresses(order.contact))


def _addresses(told: shapes.Contact | None) -> Addresses:
    """Return what was told; raise Refused for what is no address."""
    if told is None:
        return operations.NOBODY
    try:
        return address.read(told.mail, told.mobile, told.openid, told.language)
    except AddressWrong as wrong:
        raise Refused(Code.CONTACT_WRONG, wrong.channel.value) from None


def _class(key: ChannelKey, event: str, code: int) -> TicketClass:
    kinds = TicketClass.objects.select_related("event__venue")
    found = kinds.filter(event__venue=key.venue, event__audience=event, code=code).first()
    if found is None:
        raise Refused(Code.NO_SUCH_CLASS)
    return found


def _issued(done: Done) -> list[shapes.Issued]:
    tickets = Ticket.objects.select_related("ticket_class__event__venue", "replaces")
    return answers.of_issued(list(tickets.filter(pk__in=done.tickets).order_by("pk")))


def _refund(done: Done) -> shapes.Refund:
    assert done.refund is not None
    return answers.of_refund(Refund.objects.get(pk=done.refund))


@api.post("/tickets", response={200: shapes.Issued, FAULTS: shapes.Fault}, tags=["issue"])
def issue(request: HttpRequest, order: shapes.Order, key: Key) -> Any:
    """Issue one ticket. It opens doors as soon as they have it on their list: about a second."""
    by = _may_issue(request)
    done = operations.issue_tickets(by.venue, _asked(by, key), [_wanted(by, order)])
    return _issued(done)[0]


@api.post(
    "/tickets/batch", response={200: shapes.IssuedBatch, FAULTS: shapes.Fault}, tags=["issue"]
)
def issue_batch(request: HttpRequest, batch: shapes.Batch, key: Key) -> Any:
    """Issue up to 1000 tickets, all or none."""
    by = _may_issue(request)
    if sum(line.count for line in batch.orders) > shapes.AT_ONCE_MAX:
        raise Refused(Code.TOO_MANY)
    if not all(line.seats_fit for line in batch.orders):
        raise Refused(Code.SEATS_WRONG)
    wanted = [_wanted(by, line, line.count) for line in batch.orders]
    done = operations.issue_tickets(by.venue, _asked(by, key), wanted)
    return {"tickets": _issued(done)}


@api.get("/tickets/{ticket}", response={200: shapes.Ticket, FAULTS: shapes.Fault}, tags=["read"])
def read(request: HttpRequest, ticket: Named) -> Any:
    """Say how a ticket stands, and what devices have reported of it."""
    return answers.of_ticket(find(_may(request, "may_read").venue, ticket))


@api.get(
    "/tickets/{ticket}/code", response={200: shapes.Issued, FAULTS: shapes.Fault}, tags=["issue"]
)
def code(request: HttpRequest, ticket: Named) -> Any:
    """Return a ticket with its newest code: for the role that issues, since it opens doors."""
    return answers.of_issued([find(_may(request, "may_issue").venue, ticket)])[0]


@api.get(
    "/tickets/{ticket}/contact",
    response={200: shapes.MaskedContact, FAULTS: shapes.Fault},
    tags=["issue"],
)
def read_contact(request: HttpRequest, ticket: Named) -> Any:
    """Say where a ticket's holder hears of it, masked."""
    return answers.of_contact(find(_may(request, "may_issue").venue, ticket))


@api.post(
    "/tickets/{ticket}/contact",
    response={200: shapes.MaskedContact, FAULTS: shapes.Fault},
    tags=["issue"],
)
def set_contact(request: HttpRequest, ticket: Named, contact: shapes.Contact, key: Key) -> Any:
    """Set where a ticket's holder hears of it, in place of what was known; nowhere if all is empty.

    What waits to be said goes to the new address; nothing is said a second time.
    """
    by = _may(request, "may_issue")
    found = find(by.venue, ticket)
    operations.set_contact(found, _asked(by, key), _addresses(contact))
    return answers.of_contact(found)


@api.post(
    "/tickets/{ticket}/block", response={200: shapes.Ticket, FAULTS: shapes.Fault}, tags=["refund"]
)
def block(request: HttpRequest, ticket: Named, because: shapes.Because, key: Key) -> Any:
    """Refuse a ticket everywhere until it is unblocked."""
    by = _may(request, "may_refund")
    found = find(by.venue, ticket)
    operations.block(found, _asked(by, key, because.why))
    return answers.of_ticket(found)


@api.post(
    "/tickets/{ticket}/unblock",
    response={200: shapes.Ticket, FAULTS: shapes.Fault},
    tags=["refund"],
)
def unblock(request: HttpRequest, ticket: Named, because: shapes.Because, key: Key) -> Any:
    by = _may(request, "may_refund")
    found = find(by.venue, ticket)
    operations.unblock(found, _asked(by, key, because.why))
    return answers.of_ticket(found)


@api.get(
    "/tickets/{ticket}/refund-inquiry",
    response={200: shapes.Inquiry, FAULTS: shapes.Fault},
    tags=["refund"],
)
def refund_inquiry(request: HttpRequest, ticket: Named) -> Any:
    """Say what may have happened to a ticket, before its money is asked for."""
    return answers.of_inquiry(find(_may(request, "may_refund").venue, ticket), time.time())


@api.post(
    "/tickets/{ticket}/refund", response={200: shapes.Refund, FAULTS: shapes.Fault}, tags=["refund"]
)
def refund(request: HttpRequest, ticket: Named, because: shapes.Because, key: Key) -> Any:
    """Ask for a ticket's money. Doors refuse the ticket at once; pay when the state is settled."""
    by = _may(request, "may_refund")
    return _refund(operations.refund(find(by.venue, ticket), _asked(by, key, because.why)))


@api.post(
    "/tickets/{ticket}/reissue", response={200: shapes.Issued, FAULTS: shapes.Fault}, tags=["issue"]
)
def reissue(request: HttpRequest, ticket: Named, because: shapes.Because, key: Key) -> Any:
    """Give a ticket a new code; its older ones are void."""
    by = _may_issue(request)
    return _issued(operations.reissue(find(by.venue, ticket), _asked(by, key, because.why)))[0]


@api.post(
    "/tickets/{ticket}/reschedule",
    response={200: shapes.Issued, FAULTS: shapes.Fault},
    tags=["issue"],
)
def reschedule(request: HttpRequest, ticket: Named, to: shapes.Reschedule, key: Key) -> Any:
    """Rebook a ticket: answered with the ticket that is good from now on."""
    by = _may_issue(request)
    found, asked = find(by.venue, ticket), _asked(by, key, to.why)
    if to.event is None and to.ticket_class is None:
        if to.not_before is None or to.expires is None:
            raise Refused(Code.NOTHING_TO_CHANGE)
        done = operations.move(found, asked, to.not_before, to.expires, to.accept_risk)
        return _issued(done)[0]
    here = found.ticket_class
    kind = _class(
        by,
        here.event.audience if to.event is None else to.event,
        here.code if to.ticket_class is None else to.ticket_class,
    )
    wanted = Wanted(kind, 1, found.quantity, to.not_before, to.expires, id_number=to.id_number)
    return _issued(operations.reschedule(found, asked, wanted, to.accept_risk))[0]


@api.post(
    "/tickets/{ticket}/undo", response={200: shapes.Ticket, FAULTS: shapes.Fault}, tags=["undo"]
)
def undo(request: HttpRequest, ticket: Named, use: shapes.Undo, key: Key) -> Any:
    """Withdraw a use that was counted: its holder may enter again."""
    by = _may(request, "may_undo")
    found = find(by.venue, ticket)
    admission = bytes.fromhex(use.admission)
    operations.undo(found, _asked(by, key, use.why), admission, use.person)
    return answers.of_ticket(found)


@api.get("/refunds/{refund}", response={200: shapes.Refund, FAULTS: shapes.Fault}, tags=["refund"])
def read_refund(request: HttpRequest, refund: Annotated[int, Path(ge=1, le=2**63 - 1)]) -> Any:
    """Say how a refund stands: ask now and then until it is settled or denied."""
    by = _may(request, "may_refund")
    found = Refund.objects.filter(pk=refund, ticket__ticket_class__event__venue=by.venue).first()
    if found is None:
        raise Refused(Code.NO_SUCH_REFUND)
    return answers.of_refund(found)


@api.get("/refunds", response={200: list[shapes.Refund], FAULTS: shapes.Fault}, tags=["refund"])
def refunds(
    request: HttpRequest,
    after: Annotated[int, Query(ge=0, le=2**63 - 1)] = 0,
    open_only: Annotated[bool, Query()] = False,
) -> Any:
    """List refunds whose id is above `after`, a hundred at most, oldest first."""
    by = _may(request, "may_refund")
    found = Refund.objects.filter(pk__gt=after, ticket__ticket_class__event__venue=by.venue)
    if open_only:
        found = found.filter(ended_at=None)
    return [answers.of_refund(one) for one in found.order_by("pk")[:PAGE]]
