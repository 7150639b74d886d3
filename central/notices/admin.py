"""Where admins see what holders were told, why something was not, and where a holder is reached."""

import secrets
import time
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from central import times
from central.core import address
from central.core.address import Addresses, AddressWrong, Channel, masked
from central.core.notice import Kind
from central.core.sending import State
from central.notices import contacts, words
from central.notices.chart import chart
from central.notices.first_steps import channels, lacking
from central.notices.models import Notice
from central.notices.outbox import NAME_BYTES
from central.tickets import operations
from central.tickets.kept import Seen
from central.tickets.operations import Asked
from central.tickets.refusal import Refused
from central.venue.models import Ticket

# Whatever the apps before this one have made of the tickets' page is added to.
TicketPage: Any = type(admin.site.get_model_admin(Ticket))
admin.site.unregister(Ticket)

SHOWN_MAX = 12
AGAIN_AT_ONCE_MAX = 1000
OVER = (State.SENT.value, State.FAILED.value, State.GIVEN_UP.value, State.UNCLEAR.value)
WRONG = {
    Channel.MAIL: "邮箱无效 This is no mail address",
    Channel.SMS: "手机号无效 This is no mobile number",
    Channel.WECHAT: "openid 无效 This is no openid",
}
NOTHING_OVER = "所选的都还在发送 · All of these are still to be sent"


def look(notice: Notice) -> SafeString:
    """Return a state as sign, words and colour."""
    seen = words.STATES[State(notice.state)]
    return format_html(
        '<span style="color:{};white-space:nowrap"><b aria-hidden="true">{}</b> {}</span>',
        seen.colour,
        seen.sign,
        seen.said,
    )


@admin.register(Notice)
class NoticeAdmin(Seen):
    when_empty = (
        "还没有消息：出票、退票、改签、换票时，有联系方式的持票人会收到通知，都列在这里。"
        " No messages yet: holders with a contact are told when a ticket is issued, refunded,"
        " rebooked or exchanged, and each message stands here."
    )
    list_display = ("number", "kind", "channel", "standing", "reason", "written", "ended", "tries")
    list_filter = ("state", "channel", "kind")
    list_select_related = ("ticket__ticket_class__event",)
    search_fields = ("ticket__serial",)
    search_help_text = "票号或权利编号（32 位）· Number, or right (32 digits)"
    ordering = ("-pk",)
    fields = (
        *("number", "kind", "channel", "standing", "reason", "todo"),
        *("said", "tries", "written", "due", "ended"),
    )
    readonly_fields = fields
    actions = ("send_again",)
    list_before_template = "notices/before.html"

    written = times.column("written_at", "生成 written")
    ended = times.column("ended_at", "结束 ended")
    due = times.column("due_at", "下次发送 due")

    @admin.display(description="门票 ticket", ordering="ticket__serial")
    def number(self, notice: Notice) -> str:
        return notice.ticket.number

    @admin.display(description="状态 state", ordering="state")
    def standing(self, notice: Notice) -> SafeString:
        return look(notice)

    @admin.display(description="原因 why")
    def reason(self, notice: Notice) -> str:
        return words.why(notice.why).said if notice.why else times.NONE

    @admin.display(description="怎么办 what to do")
    def todo(self, notice: Notice) -> str:
        return (words.why(notice.why).todo if notice.why else "") or times.NONE

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Notice], search_term: str
    ) -> tuple[QuerySet[Notice], bool]:
        if not search_term.strip():
            return queryset, False
        page = admin.site.get_model_admin(Ticket)
        found, _ = page.get_search_results(request, Ticket.objects.all(), search_term)
        return queryset.filter(ticket__in=found), False

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        told = {"steps": lacking(), "channels": channels(), **(extra_context or {})}
        if Notice.objects.exists():
            told["chart"] = chart()
        answer: HttpResponse = super().changelist_view(request, told)
        return answer

    def has_send_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("notices.send_again"))

    @admin.action(description="重新发送 Send again", permissions=["send"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[Notice]) -> None:
        """Let messages that are over wait once more, by a new name: no provider knows it."""
        done = 0
        for notice in queryset.filter(state__in=OVER)[:AGAIN_AT_ONCE_MAX]:
            over = Notice.objects.filter(pk=notice.pk, state__in=OVER)
            done += over.update(
                state=State.WAITING.value,
                tries=0,
                due_at=time.time(),
                ended_at=None,
                why="",
                said="",
                name=secrets.token_hex(NAME_BYTES),
            )
            self.log_change(request, notice, "重新发送 sent again")
        if not done:
            self.message_user(request, NOTHING_OVER, messages.WARNING)
            return
        said = f"{done} 条等待发送 · {done} wait to be sent"
        self.message_user(request, said, messages.SUCCESS)


@admin.register(Ticket)
class ToldTicketAdmin(TicketPage):  # type: ignore[misc]
    """The tickets' page, with where its holder is reached and what they were told."""

    readonly_fields = (*TicketPage.readonly_fields, "reached", "was_told")
    fields = (*TicketPage.fields, "reached", "was_told")

    @admin.display(description="联系方式 contact")
    def reached(self, ticket: Ticket) -> SafeString:
        known = contacts.of(ticket)
        said = [
            f"{words.CHANNELS[channel]}: {masked(channel, known.of(channel))}"
            for channel in Channel
            if known.of(channel)
        ]
        said += ["English"] if said and known.language == "en" else []
        shown = " · ".join(said) or "没有：持票人不会收到通知 none: its holder is not told"
        return format_html(
            '{} <a href="{}" style="text-decoration:underline;white-space:nowrap">修改 Change</a>',
            shown,
            reverse("admin:ticket_contact", args=[ticket.pk]),
        )

    @admin.display(description="已告知 told")
    def was_told(self, ticket: Ticket) -> SafeString:
        found = list(Notice.objects.filter(ticket=ticket).order_by("-pk")[:SHOWN_MAX])
        if not found:
            return format_html("{}", "还没有告知过什么 nothing yet")
        lines = (
            (
                times.minute(one.ended_at or one.written_at),
                words.KINDS[Kind(one.kind)],
                words.CHANNELS[Channel(one.channel)],
                look(one),
                f"· {words.why(one.why).said}" if one.why else "",
            )
            for one in found
        )
        return format_html_join(
            "",
            '<div style="display:flex;flex-wrap:wrap;gap:.1rem .8rem">'
            "<span>{}</span><b>{}</b><span>{}</span>{} <span>{}</span></div>",
            lines,
        )

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        ours = [path("<int:key>/contact/", view(self._contact), name="ticket_contact")]
        return [*ours, *super().get_urls()]

    def _contact(self, request: HttpRequest, key: int) -> HttpResponseBase:
        """Show a ticket's contact masked; what is typed takes the place of what was known."""
        if not request.user.has_perm("notices.change_contact"):
            raise PermissionDenied
        found = Ticket.objects.select_related("ticket_class__event__venue").filter(pk=key)
        ticket = found.first()
        if ticket is None:
            raise Http404
        known, wrong = contacts.of(ticket), ""
        if request.method == "POST":
            try:
                return self._change(request, ticket, _wanted(request, known))
            except AddressWrong as error:
                wrong = WRONG[error.channel]
            except Refused as refused:
                wrong = str(refused)
        told = {
            **self.admin_site.each_context(request),
            "title": "联系方式 Contact",
            "ticket": ticket,
            "known": [
                {
                    "channel": channel.value,
                    "name": words.CHANNELS[channel],
                    "masked": masked(channel, known.of(channel)),
                    "typed": request.POST.get(channel.value, "")[:254],
                    "example": EXAMPLES[channel],
                }
                for channel in Channel
            ],
            "language": request.POST.get("language", known.language.value),
            "wrong": wrong,
            "key": request.POST.get("key") or secrets.token_hex(16),
        }
        answer = TemplateResponse(request, "notices/contact.html", told)
        answer["Cache-Control"] = "no-store"
        return answer

    def _change(
        self, request: HttpRequest, ticket: Ticket, wanted: Addresses
    ) -> HttpResponseRedirect:
        by, key = f"admin:{request.user.get_username()}", request.POST.get("key", "")[:64]
        operations.set_contact(ticket, Asked(by, f"{key}-{ticket.pk}", time.time()), wanted)
        self.log_change(request, ticket, "修改联系方式 contact changed")
        self.message_user(request, "联系方式已保存 · Contact saved", messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:venue_ticket_change", args=[ticket.pk]))


EXAMPLES = {
    Channel.MAIL: "name@example.com",
    Channel.SMS: "138 0000 0000 / +49 151 00000000",
    Channel.WECHAT: "openid",
}


def _wanted(request: HttpRequest, known: Addresses) -> Addresses:
    """Return what a form asks for; raise AddressWrong."""

    def of(channel: Channel) -> str:
        typed = request.POST.get(channel.value, "").strip()
        removed = f"remove-{channel.value}" in request.POST
        return typed or ("" if removed else known.of(channel))

    return address.read(
        of(Channel.MAIL),
        of(Channel.SMS),
        of(Channel.WECHAT),
        request.POST.get("language", known.language.value),
    )
