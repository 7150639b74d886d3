"""Where admins look at what was done to tickets: kept as it happened."""

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from central import times
from central.tickets import confirm
from central.tickets.models import CalledOff, Performed, UndoneUse
from central.venue.models import Ticket
from wire.entry import Standing

NAMED_MAX = 3
WHAT = {
    **{operation.value: said for operation, said in confirm.TITLE.items()},
    "issue": "出票 Issue",
    "decide": "决定退款 Decide a refund",
    "contact": "改联系方式 Set the contact",
}


class Seen(ModelAdmin):  # type: ignore[misc]
    """Kept as it happened: nobody adds, changes or deletes it by hand."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(Performed)
class PerformedAdmin(Seen):
    when_empty = "还没有人对门票做过什么。 Nothing has been done to any ticket yet."
    list_display = ("what", "when", "by", "why", "which")
    list_filter = ("kind",)
    search_fields = ("by", "why")
    fields = ("what", "when", "by", "why", "which")
    ordering = ("-pk",)

    when = times.column("at", "时间 at")

    @admin.display(description="操作 operation", ordering="kind")
    def what(self, done: Performed) -> str:
        return WHAT.get(done.kind, done.kind)

    @admin.display(description="门票 tickets")
    def which(self, done: Performed) -> str:
        found = Ticket.objects.filter(pk__in=done.tickets[:NAMED_MAX])
        named = [one.number for one in found.select_related("ticket_class__event")]
        more = len(done.tickets) - NAMED_MAX
        return ", ".join(named) + (f" … +{more}" if more > 0 else "")


@admin.register(UndoneUse)
class UndoneUseAdmin(Seen):
    when_empty = "没有撤销过使用：在门票页的使用记录旁撤销。 Undo a use on its ticket's page."
    list_display = ("number", "person", "when", "by", "why")
    fields = ("number", "person", "when", "by", "why")
    list_select_related = ("ticket__ticket_class__event",)
    ordering = ("-pk",)

    when = times.column("at", "时间 at")

    @admin.display(description="门票 ticket", ordering="ticket__serial")
    def number(self, undone: UndoneUse) -> str:
        return undone.ticket.number


@admin.register(CalledOff)
class CalledOffAdmin(Seen):
    when_empty = (
        "没有取消的场次。取消并退票：gatehouse central refund-event"
        " · None. To call one off: gatehouse central refund-event"
    )
    list_display = ("event", "by", "began", "refunded", "open", "ended")
    fields = ("event", "by", "why", "began", "refunded", "open", "ended")

    began = times.column("began_at", "开始 began")
    ended = times.column("ended_at", "完成 ended")

    @admin.display(description="已退 refunded")
    def refunded(self, run: CalledOff) -> int:
        tickets = Ticket.objects.filter(ticket_class__event=run.event)
        return tickets.filter(standing=Standing.REFUNDED.value).count()

    @admin.display(description="未退 to go")
    def open(self, run: CalledOff) -> int:
        tickets = Ticket.objects.filter(ticket_class__event=run.event)
        return tickets.filter(standing__in=["good", "blocked"]).count()
