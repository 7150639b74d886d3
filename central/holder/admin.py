"""Phones that hold a moving code, where somebody tried with another, and a ticket's link."""

import csv
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from unfold.admin import ModelAdmin

from central.holder import link as links
from central.holder import phone
from central.holder.models import Phone
from central.times import minute
from central.venue.models import Ticket

# Whatever the apps before this one have made of the tickets' page is added to.
TicketPage: Any = type(admin.site.get_model_admin(Ticket))
admin.site.unregister(Ticket)

TICKETS_AT_ONCE_MAX = 5000
TOO_OFTEN = "此票换手机的次数已满，请换发新票 · Moved too often: issue another ticket"


@admin.register(Ticket)
class HeldTicketAdmin(TicketPage):  # type: ignore[misc]
    """The tickets' page, with the link to send and the phone that a moving code belongs to."""

    readonly_fields = (*TicketPage.readonly_fields, "holders_link", "bound_phone")
    fields = (*TicketPage.fields, "holders_link", "bound_phone")
    actions = (*TicketPage.actions, "export_links", "release_phone", "new_link")

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> list[str]:
        fields = list(super().get_fields(request, obj))
        # Who has the link sees what is behind it.
        return (
            fields
            if self.has_show_permission(request)
            else [name for name in fields if name != "holders_link"]
        )

    def has_show_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("venue.show_ticket"))

    @admin.display(description="持票人链接 holder's link")
    def holders_link(self, ticket: Ticket) -> str:
        address = settings.DEVICES.url + links.path_of(ticket)
        return format_html('<a href="{0}">{0}</a>', address)

    @admin.display(description="绑定的手机 phone")
    def bound_phone(self, ticket: Ticket) -> str:
        found = Phone.objects.filter(ticket=ticket, released_at=None).first()
        if found is None:
            return "未绑定 none"
        said = f"{found} · {minute(found.bound_at.timestamp())}"
        if found.others_refused:
            said += f" · 另有手机尝试 {found.others_refused} 次 · tried with others so often"
        return said

    @admin.action(description="导出持票人链接 Export holders' links", permissions=["show"])
    def export_links(self, request: HttpRequest, queryset: QuerySet[Ticket]) -> HttpResponse:
        answer = HttpResponse(content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = 'attachment; filename="links.csv"'
        answer["Cache-Control"] = "no-store"
        writer = csv.writer(answer)
        writer.writerow(["right", "serial", "link"])
        for ticket in queryset.select_related("ticket_class")[:TICKETS_AT_ONCE_MAX]:
            address = request.build_absolute_uri(links.path_of(ticket))
            writer.writerow([bytes(ticket.cti).hex(), ticket.serial, address])
        return answer

    @admin.action(
        description="解除手机绑定（旧码作废）Release the phone, its code becomes void",
        permissions=["reissue"],
    )
    def release_phone(self, request: HttpRequest, queryset: QuerySet[Ticket]) -> None:
        self._release(request, queryset, new_link=False)

    @admin.action(
        description="换新链接并解除手机 New link, and release the phone", permissions=["reissue"]
    )
    def new_link(self, request: HttpRequest, queryset: QuerySet[Ticket]) -> None:
        self._release(request, queryset, new_link=True)

    def _release(self, request: HttpRequest, queryset: QuerySet[Ticket], *, new_link: bool) -> None:
        tickets, released = list(queryset[:TICKETS_AT_ONCE_MAX]), 0
        for ticket in tickets:
            try:
                released += phone.release(ticket, request.user.get_username())
            except phone.Refused:
                self.message_user(request, f"{ticket}: {TOO_OFTEN}", messages.ERROR)
            if new_link:
                links.renew(ticket)
            self.log_change(request, ticket, "新链接 new link" if new_link else "解除 released")
        said = f"已解除 {released} 部手机 · {released} phones released"
        self.message_user(request, said, messages.SUCCESS)


@admin.register(Phone)
class PhoneAdmin(ModelAdmin):  # type: ignore[misc]
    """First those where others were refused: a link that went round, or somebody's new phone."""

    list_display = (
        "number",
        "bound_at",
        "kept_at",
        "others_refused",
        "last_other_at",
        "released_at",
    )
    ordering = ("-others_refused", "-bound_at")
    when_empty = (
        "还没有手机取过动态码：把持票人链接发给他们。"
        " No phone holds a moving code yet: send holders their links."
    )
    list_filter = (("released_at", admin.EmptyFieldListFilter),)
    exclude = ("signing", "agreement")
    list_select_related = ("ticket__ticket_class__event",)

    @admin.display(description="门票 ticket", ordering="ticket__serial")
    def number(self, phone: Phone) -> str:
        return phone.ticket.number

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False
