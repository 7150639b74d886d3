"""Where admins look at a ticket, do something to it, and decide refunds that are held."""

import time
from typing import Any

import segno
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.http.request import QueryDict
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.safestring import mark_safe
from unfold.admin import ModelAdmin

from central.core.refund import State
from central.core.standing import Operation, after
from central.ledger.models import Use
from central.tickets import confirm, inquiry, operations, words
from central.tickets.kept import Seen
from central.tickets.models import Refund
from central.tickets.operations import Asked
from central.tickets.refusal import Refused
from central.venue import keys
from central.venue.issue import texts
from central.venue.models import Ticket
from rules.use import Outcome
from wire.entry import Standing

OPEN = (State.ASKED.value, State.HELD.value, State.TO_DECIDE.value)
HELD_SHOWN_MAX = 200


@admin.register(Ticket)
class TicketAdmin(ModelAdmin):  # type: ignore[misc]
    when_empty = (
        "还没有出票。先建场次和票种，再由售票系统经接口出票。"
        " No tickets yet: add an event and its classes; shops then issue them by the API."
    )
    list_display = ("number", "ticket_class", "standing", "quantity", "generation", "right")
    list_display_links = ("number", "right")
    list_filter = ("standing", "ticket_class")
    list_select_related = ("ticket_class__event",)
    search_fields = ("serial",)
    search_help_text = "票号或权利编号（32 位）· Number, or right (32 digits)"
    readonly_fields = (
        *("number", "ticket_class", "generation", "quantity"),
        *("area", "seat_row", "seat", "price", "paid"),
        *("standing", "admitted_from", "admitted_until", "issued", "replaces", "right"),
    )
    fields = readonly_fields
    actions = ("block", "unblock", "refund", "reissue")
    change_form_outer_before_template = "tickets/ticket.html"

    @admin.display(description="票号 number", ordering="serial")
    def number(self, ticket: Ticket) -> str:
        return ticket.number

    @admin.display(description="票价 price")
    def price(self, ticket: Ticket) -> str:
        return ticket.price or "–"

    @admin.display(description="权利编号 right")
    def right(self, ticket: Ticket) -> str:
        return bytes(ticket.cti).hex()

    @admin.display(description="开始入场 admitted from")
    def admitted_from(self, ticket: Ticket) -> str:
        return words.clock(inquiry.window(ticket).opens)

    @admin.display(description="停止入场 admitted until")
    def admitted_until(self, ticket: Ticket) -> str:
        return words.clock(inquiry.window(ticket).closes)

    @admin.display(description="出票 issued", ordering="issued_at")
    def issued(self, ticket: Ticket) -> str:
        return words.clock(ticket.issued_at)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Ticket], search_term: str
    ) -> tuple[QuerySet[Ticket], bool]:
        # As it is read from a phone: SHOW 012 345.
        code, _, digits = search_term.strip().partition(" ")
        if digits and (serial := digits.replace(" ", "")).isdecimal() and len(serial) < 12:
            event = queryset.filter(ticket_class__event__audience__iexact=code)
            return event.filter(serial=int(serial)), False
        try:
            cti = bytes.fromhex(search_term.strip())
        except ValueError:
            cti = b""
        if len(cti) == 16:
            return queryset.filter(cti=cti), False
        found: tuple[QuerySet[Ticket], bool] = super().get_search_results(
            request, queryset, search_term
        )
        return found

    @admin.action(description="冻结 Block", permissions=["block"])
    def block(self, request: HttpRequest, queryset: QuerySet[Ticket]) -> HttpResponseBase:
        return self._confirm(request, queryset, Operation.BLOCK)

    @admin.action(description="解冻 Unblock", permissions=["block"])
    def unblock(self, request: HttpRequest, queryset: QuerySet[Ticket]) -> HttpResponseBase:
        return self._confirm(request, queryset, Operation.UNBLOCK)

    @admin.action(description="退票 Refund", permissions=["refund"])
    def refund(self, request: HttpRequest, queryset: QuerySet[Ticket]) -> HttpResponseBase:
        return self._confirm(request, queryset, Operation.REFUND)

    @admin.action(description="换码（旧码作废）Reissue", permissions=["reissue"])
    def reissue(self, request: HttpRequest, queryset: QuerySet[Ticket]) -> HttpResponseBase:
        return self._confirm(request, queryset, Operation.REISSUE)

    def _confirm(
        self, request: HttpRequest, queryset: QuerySet[Ticket], operation: Operation
    ) -> HttpResponseBase:
        if queryset.count() > confirm.AT_ONCE_MAX:
            most = confirm.AT_ONCE_MAX
            said = (
                f"一次最多 {most} 张；整场退票请用 gatehouse central refund-event · At most {most}"
            )
            self.message_user(request, said, messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())
        named = QueryDict(mutable=True)
        named.setlist("ticket", [str(key) for key in queryset.values_list("pk", flat=True)])
        address = reverse("admin:ticket_operate", args=[operation.value])
        return HttpResponseRedirect(f"{address}?{named.urlencode()}")

    def has_block_permission(self, request: HttpRequest) -> bool:
        return confirm.may(request, Operation.BLOCK)

    def has_refund_permission(self, request: HttpRequest) -> bool:
        return confirm.may(request, Operation.REFUND)

    def has_reissue_permission(self, request: HttpRequest) -> bool:
        return confirm.may(request, Operation.REISSUE)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        ours = [
            path("operate/<str:name>/", view(self._operate), name="ticket_operate"),
            path("<int:key>/code/", view(self._code), name="ticket_code"),
        ]
        return [*ours, *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponseBase:
        ticket = Ticket.objects.filter(pk=object_id if object_id.isdecimal() else 0).first()
        told = _about(request, ticket) if ticket else {}
        shown: HttpResponseBase = super().change_view(
            request, object_id, form_url, {**(extra_context or {}), **told}
        )
        return shown

    def _operate(self, request: HttpRequest, name: str) -> HttpResponseBase:
        return confirm.view(self, request, name)

    def _code(self, request: HttpRequest, key: int) -> HttpResponseBase:
        """Show a ticket's newest code; who looked is on record, since it opens a door."""
        if not request.user.has_perm("venue.show_ticket"):
            raise PermissionDenied
        ticket = Ticket.objects.select_related("ticket_class__event__venue").filter(pk=key).first()
        if ticket is None:
            raise Http404
        try:
            (text,) = texts([ticket], *keys.active(ticket.ticket_class.event.venue))
        except keys.KeyMissing as missing:
            self.message_user(request, f"无法出码 · No code: {missing}", messages.ERROR)
            return HttpResponseRedirect(reverse("admin:venue_ticket_change", args=[key]))
        self.log_change(request, ticket, "查看票码 code shown")
        told = {
            **self.admin_site.each_context(request),
            "title": "票码 Code",
            "ticket": ticket,
            "standing": words.STANDINGS[ticket.standing],
            "text": text,
            # Drawn by segno from an alphabet without any markup.
            "code": mark_safe(segno.make_qr(text).svg_inline(scale=5, border=4, light="white")),
        }
        answer = TemplateResponse(request, "tickets/code.html", told)
        answer["Cache-Control"] = "no-store"
        return answer


def _about(request: HttpRequest, ticket: Ticket) -> dict[str, Any]:
    """Return what stands above a ticket's fields: what can be done, and what was reported."""
    standing = Standing(ticket.standing)
    uses = Use.objects.filter(cti=bytes(ticket.cti)).select_related("device")
    may_undo = confirm.may(request, Operation.UNDO)
    return {
        "operations": [
            {"name": operation.value, "title": confirm.TITLE[operation]}
            for operation in Operation
            if operation is not Operation.UNDO
            and after(operation, standing) is not None
            and (operation, standing) not in _IDLE
            and confirm.may(request, operation)
        ],
        "may_show": request.user.has_perm("venue.show_ticket"),
        "uses": [
            {
                "admission": bytes(use.admission).hex(),
                "person": use.person,
                "outcome": words.OUTCOMES[Outcome(use.outcome).name.lower().replace("_", "-")],
                "where": f"{use.device.name} · {use.checkpoint or ''}",
                "at": words.clock(use.wall_ms / 1000),
                "may_undo": may_undo and Outcome(use.outcome).spends,
            }
            for use in uses.order_by("wall_ms", "pk")
        ],
        "refunds": Refund.objects.filter(ticket=ticket).order_by("pk"),
        "replaced_by": Ticket.objects.filter(replaces=ticket).first(),
    }


_IDLE = {(Operation.BLOCK, Standing.BLOCKED), (Operation.UNBLOCK, Standing.GOOD)}


@admin.register(Refund)
class RefundAdmin(Seen):
    when_empty = "还没有退款：在门票页退票。 No refunds yet: refund a ticket on its page."
    list_display = ("number", "state", "asked", "asked_by", "ended", "ended_by")
    list_filter = ("state",)
    list_select_related = ("ticket__ticket_class__event",)
    ordering = ("-pk",)
    fields = ("ticket", "state", "asked", "asked_by", "why", "ended", "ended_by", "ended_why")
    readonly_fields = fields
    list_before_template = "tickets/held_link.html"

    @admin.display(description="门票 ticket", ordering="ticket__serial")
    def number(self, refund: Refund) -> str:
        return refund.ticket.number

    @admin.display(description="申请时间 asked", ordering="asked_at")
    def asked(self, refund: Refund) -> str:
        return words.clock(refund.asked_at)

    @admin.display(description="结论时间 ended")
    def ended(self, refund: Refund) -> str:
        return words.clock(refund.ended_at)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        ours = [
            path("held/", view(self._held), name="refund_held"),
            path("<int:key>/decide/", view(self._decide), name="refund_decide"),
        ]
        return [*ours, *super().get_urls()]

    def _held(self, request: HttpRequest) -> HttpResponseBase:
        """Every refund whose money has not gone yet, and what it waits for."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        found = Refund.objects.filter(state__in=OPEN).select_related("ticket__ticket_class__event")
        told = {
            **self.admin_site.each_context(request),
            "title": "暂缓的退款 Held refunds",
            "refunds": [_held_line(refund) for refund in found.order_by("pk")[:HELD_SHOWN_MAX]],
            "count": found.count(),
            "may_decide": request.user.has_perm("tickets.decide_refund"),
        }
        return TemplateResponse(request, "tickets/held.html", told)

    def _decide(self, request: HttpRequest, key: int) -> HttpResponseBase:
        if not request.user.has_perm("tickets.decide_refund"):
            raise PermissionDenied
        tickets = Refund.objects.select_related("ticket__ticket_class__event__venue")
        refund = tickets.filter(pk=key).first()
        if refund is None:
            raise Http404
        if request.method == "POST" and request.POST.get("pay") in ("yes", "no"):
            return self._decided(request, refund, pay=request.POST["pay"] == "yes")
        told = {
            **self.admin_site.each_context(request),
            "title": "决定退款 Decide a refund",
            "one": _held_line(refund),
            "known_now": words.sentences(inquiry.told(inquiry.of(refund.ticket, time.time()))),
        }
        return TemplateResponse(request, "tickets/decide.html", told)

    def _decided(self, request: HttpRequest, refund: Refund, pay: bool) -> HttpResponseBase:
        why = request.POST.get("why", "")[: confirm.WHY_CHARACTERS_MAX]
        by = f"admin:{request.user.get_username()}"
        try:
            operations.decide(refund, Asked(by, f"decide-{refund.pk}", time.time(), why), pay)
        except Refused as refused:
            self.message_user(request, str(refused), messages.ERROR)
        else:
            said = "可退款 Pay" if pay else "不退 Deny"
            self.log_change(request, refund, f"{said} {why}".strip())
            self.message_user(request, f"已记录：{said} · Recorded", messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:refund_held"))


def _held_line(refund: Refund) -> dict[str, Any]:
    gates = refund.waiting.gates.order_by("device__name") if refund.waiting else None
    return {
        "refund": refund,
        "asked": words.clock(refund.asked_at),
        "known": words.sentences(refund.inquiry),
        "waits_for": list(gates.values_list("device__name", flat=True)) if gates else [],
        "open": State(refund.state).open,
    }
