"""Where admins work: what the venue sells, who watches its doors, and what to do with a ticket.

Everything that alters what a gate should do goes through `central.lists.changes`, so that it is
on the list's chain in the same transaction.
"""

from typing import Any

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from central.ledger.models import Row
from central.lists.changes import publish_change, reissue, set_standing
from central.venue.models import (
    Checkpoint,
    Device,
    Event,
    SigningKey,
    Ticket,
    TicketClass,
    Venue,
    Zone,
)
from wire.entry import Standing

TICKETS_AT_ONCE_MAX = 5000


class _Published(ModelAdmin):  # type: ignore[misc]
    """Saving one of these changes the list."""

    changed_as = ""
    """Which part of a change it is: events, classes or signing_keys."""

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        with transaction.atomic():
            super().save_model(request, obj, form, change)
            venue = obj.event.venue if isinstance(obj, TicketClass) else obj.venue
            publish_change(venue, **{self.changed_as: [obj]})

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False  # Lists on devices would still hold it.


@admin.register(Venue)
class VenueAdmin(ModelAdmin):  # type: ignore[misc]
    list_display = ("code", "name_zh", "name_en")
    exclude = ("list_key",)


@admin.register(Checkpoint)
class CheckpointAdmin(ModelAdmin):  # type: ignore[misc]
    list_display = ("code", "venue")


@admin.register(Zone)
class ZoneAdmin(ModelAdmin):  # type: ignore[misc]
    list_display = ("name", "checkpoint", "venue")


@admin.register(Event)
class EventAdmin(_Published):
    list_display = ("audience", "name_zh", "name_en", "shift_seconds", "closed", "rotating")
    exclude = ("serial_key", "rotation_key")
    changed_as = "events"


@admin.register(TicketClass)
class TicketClassAdmin(_Published):
    list_display = ("code", "name_zh", "name_en", "event", "uses")
    changed_as = "classes"


@admin.register(SigningKey)
class SigningKeyAdmin(_Published):
    list_display = ("__str__", "venue", "status")
    readonly_fields = ("venue",)
    fields = ("venue", "status")
    changed_as = "signing_keys"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # Its private half is a file; `prepare` makes both.


@admin.register(Ticket)
class TicketAdmin(ModelAdmin):  # type: ignore[misc]
    list_display = ("right", "ticket_class", "standing", "generation", "quantity", "serial")
    list_filter = ("standing", "ticket_class")
    search_fields = ("serial",)
    search_help_text = "票号（32 位十六进制）或序号 · Right (32 hex digits) or serial"
    readonly_fields: tuple[str, ...] = (
        *("right", "ticket_class", "serial", "generation", "quantity"),
        *("not_before", "expires", "issued_at", "standing"),
    )
    fields: tuple[str, ...] = readonly_fields
    actions: tuple[str, ...] = ("block", "unblock", "refund", "reissue_codes")

    @admin.display(description="票号 right")
    def right(self, ticket: Ticket) -> str:
        return bytes(ticket.cti).hex()

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Ticket], search_term: str
    ) -> tuple[QuerySet[Ticket], bool]:
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

    @admin.action(description="冻结 Block")
    def block(self, request: HttpRequest, queryset: QuerySet[Ticket]) -> None:
        self._set(request, queryset, Standing.BLOCKED)

    @admin.action(description="解冻 Unblock")
    def unblock(self, request: HttpRequest, queryset: QuerySet[Ticket]) -> None:
        self._set(request, queryset.filter(standing=Standing.BLOCKED.value), Standing.GOOD)

    @admin.action(description="退票 Refund")
    def refund(self, request: HttpRequest, queryset: QuerySet[Ticket]) -> None:
        self._set(request, queryset, Standing.REFUNDED)

    @admin.action(description="重新出码（旧码作废）Reissue, older codes become void")
    def reissue_codes(self, request: HttpRequest, queryset: QuerySet[Ticket]) -> None:
        for ticket in queryset[:TICKETS_AT_ONCE_MAX]:
            reissue(ticket)
        self.message_user(request, "已发布到名单 · On the list now", messages.SUCCESS)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def _set(self, request: HttpRequest, queryset: QuerySet[Ticket], standing: Standing) -> None:
        if queryset.count() > TICKETS_AT_ONCE_MAX:
            said = f"一次最多 {TICKETS_AT_ONCE_MAX} 张 · At most {TICKETS_AT_ONCE_MAX} at once"
            self.message_user(request, said, messages.ERROR)
            return
        set_standing(list(queryset), standing)
        self.message_user(request, "已发布到名单 · On the list now", messages.SUCCESS)


@admin.register(Device)
class DeviceAdmin(ModelAdmin):  # type: ignore[misc]
    list_display: tuple[str, ...] = (
        "name",
        "identity",
        "last_seen",
        "list_sequence",
        "rows_here",
        "reported_rows",
    )
    readonly_fields: tuple[str, ...] = ("last_seen", "list_sequence", "reported_rows")
    exclude = ("token_hash",)

    @admin.display(description="已收记录 rows here")
    def rows_here(self, device: Device) -> int:
        return Row.objects.filter(device=device).count()

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # Devices come by `prepare`; enrolment takes its place.
