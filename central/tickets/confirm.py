"""Pages on which an admin sees what an operation would mean, and then does it or not."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.admin import ModelAdmin

from central.core.standing import Operation, after
from central.tickets import inquiry, operations, words
from central.tickets.operations import Asked, Wanted
from central.tickets.refusal import Code, Refused
from central.venue.models import Ticket, TicketClass
from wire.entry import Standing

AT_ONCE_MAX = 200
WHY_CHARACTERS_MAX = 300
PERMISSION = {
    Operation.BLOCK: "block",
    Operation.UNBLOCK: "block",
    Operation.REFUND: "refund",
    Operation.RESCHEDULE: "reschedule",
    Operation.REISSUE: "reissue",
    Operation.UNDO: "undo",
}
TITLE = {
    Operation.BLOCK: "冻结 Block",
    Operation.UNBLOCK: "解冻 Unblock",
    Operation.REFUND: "退票 Refund",
    Operation.RESCHEDULE: "改签 Reschedule",
    Operation.REISSUE: "换码 Reissue",
    Operation.UNDO: "撤销使用 Undo a use",
}
MEANS = {
    Operation.BLOCK: "各闸机将拒绝这些票，直到解冻。 Every gate refuses them until unblocked.",
    Operation.UNBLOCK: "这些票重新有效。 They are good again.",
    Operation.REFUND: (
        "各闸机从现在起拒绝这些票；确认未入场后才可退款。"
        " Gates refuse them from now on; the money may go once it is sure nobody came in."
    ),
    Operation.RESCHEDULE: (
        "原票作废，换成所选场次的新票。 The old right ends; a new ticket takes its place."
    ),
    Operation.REISSUE: "旧票码全部作废，换一个新码。 Older codes are void; there is a new one.",
    Operation.UNDO: (
        "这次使用不再计入，持票人可再次入场。 This use counts no more: they may enter again."
    ),
}
ASKS_FIRST = (Operation.REFUND, Operation.RESCHEDULE)


@dataclass(frozen=True, slots=True)
class Line:
    """One ticket as the page shows it."""

    ticket: Ticket
    possible: bool
    standing: str
    known: list[str] = field(default_factory=list)
    doubtful: bool = False


def may(request: HttpRequest, operation: Operation) -> bool:
    name = f"venue.{PERMISSION[operation]}_ticket"
    return request.user.has_perm(name)


def view(admin: ModelAdmin, request: HttpRequest, name: str) -> HttpResponseBase:
    """Show what `name` would do to the tickets named in the address; do it on POST."""
    try:
        operation = Operation(name)
    except ValueError:
        raise Http404 from None
    if not may(request, operation):
        raise PermissionDenied
    tickets = _tickets(request)
    if request.method == "POST":
        return _carry_out(admin, request, operation, tickets)
    lines = [_line(ticket, operation) for ticket in tickets]
    told = {
        **admin.admin_site.each_context(request),
        "title": TITLE[operation],
        "means": MEANS[operation],
        "operation": operation.value,
        "lines": lines,
        "any": any(line.possible for line in lines),
        "doubtful": any(line.doubtful for line in lines),
        "classes": _classes(tickets) if operation is Operation.RESCHEDULE else (),
        "key": secrets.token_hex(16),
        "back": _back(tickets),
    }
    return TemplateResponse(request, "tickets/confirm.html", told)


def _tickets(request: HttpRequest) -> list[Ticket]:
    named = [int(key) for key in request.GET.getlist("ticket") if key.isdecimal()][:AT_ONCE_MAX]
    found = Ticket.objects.select_related("ticket_class__event__venue")
    tickets = list(found.filter(pk__in=named).order_by("pk"))
    if not tickets:
        raise Http404
    return tickets


def _line(ticket: Ticket, operation: Operation) -> Line:
    possible = after(operation, Standing(ticket.standing)) is not None
    known: list[str] = []
    doubtful = False
    if possible and operation in ASKS_FIRST:
        found = inquiry.of(ticket, time.time())
        known, doubtful = words.sentences(inquiry.told(found)), bool(found.silent)
    return Line(ticket, possible, words.STANDINGS[ticket.standing], known, doubtful)


def _classes(tickets: list[Ticket]) -> list[TicketClass]:
    venue = tickets[0].ticket_class.event.venue
    kinds = TicketClass.objects.filter(event__venue=venue).select_related("event")
    return list(kinds.order_by("event__opens", "code"))


def _carry_out(
    admin: ModelAdmin, request: HttpRequest, operation: Operation, tickets: list[Ticket]
) -> HttpResponseBase:
    key, why = request.POST.get("key", ""), request.POST.get("why", "")[:WHY_CHARACTERS_MAX]
    done = 0
    for ticket in tickets:
        asked = Asked(
            f"admin:{request.user.get_username()}", f"{key[:64]}-{ticket.pk}", time.time(), why
        )
        try:
            _do(operation, ticket, asked, request)
        except Refused as refused:
            messages.error(request, f"{ticket}: {refused}")
        else:
            done += 1
            said = f"{TITLE[operation]} {why}".strip()
            admin.log_change(request, ticket, said)
    if done:
        said = f"{TITLE[operation]}: {done} 张，已发布到名单 · {done} on the list now"
        messages.success(request, said)
    return HttpResponseRedirect(_back(tickets))


def _do(operation: Operation, ticket: Ticket, asked: Asked, request: HttpRequest) -> None:
    simple: dict[Operation, Callable[[Ticket, Asked], Any]] = {
        Operation.BLOCK: operations.block,
        Operation.UNBLOCK: operations.unblock,
        Operation.REFUND: operations.refund,
        Operation.REISSUE: operations.reissue,
    }
    if operation in simple:
        simple[operation](ticket, asked)
    elif operation is Operation.UNDO:
        operations.undo(ticket, asked, *_use(request))
    else:
        chosen = request.POST.get("class", "")
        venue = ticket.ticket_class.event.venue
        kind = TicketClass.objects.filter(
            event__venue=venue, pk=chosen if chosen.isdecimal() else 0
        )
        to = kind.select_related("event__venue").first()
        if to is None:
            raise Refused(Code.NO_SUCH_CLASS)
        risk = request.POST.get("accept_risk") == "yes"
        operations.reschedule(ticket, asked, Wanted(to, 1, ticket.quantity), risk)


def _use(request: HttpRequest) -> tuple[bytes, int]:
    """Return the use named in the address; raise Refused if none is."""
    person = request.GET.get("person", "")
    try:
        admission = bytes.fromhex(request.GET.get("admission", ""))
    except ValueError:
        admission = b""
    if not admission or not person.isdecimal() or len(person) > 5:
        raise Refused(Code.NO_SUCH_USE)
    return admission, int(person)


def _back(tickets: list[Ticket]) -> str:
    if len(tickets) == 1:
        return reverse("admin:venue_ticket_change", args=[tickets[0].pk])
    return reverse("admin:venue_ticket_changelist")
