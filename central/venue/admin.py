"""Where admins work: what the venue sells, and who watches its doors.

Everything that alters what a gate should do goes through `central.lists.changes`, so that it is
on the list's chain in the same transaction.
"""

from typing import Any

from django.contrib import admin
from django.db import transaction
from django.db.models import Model
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from central.ledger import footing
from central.ledger.models import Row
from central.lists.changes import publish_change
from central.venue.models import (
    Checkpoint,
    Device,
    Event,
    SigningKey,
    TicketClass,
    Venue,
    Zone,
)


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


@admin.register(Device)
class DeviceAdmin(ModelAdmin):  # type: ignore[misc]
    list_display: tuple[str, ...] = (
        "name",
        "identity",
        "last_seen",
        "list_sequence",
        "rows_here",
        "reported_rows",
        "stands",
    )
    readonly_fields: tuple[str, ...] = (
        *("last_seen", "list_sequence", "reported_rows"),
        *("stands", "suspected"),
    )
    exclude = ("token_hash",)

    @admin.display(description="状态 stands on")
    def stands(self, device: Device) -> str:
        return footing.stands(device.pk)

    @admin.display(description="告警 alarms")
    def suspected(self, device: Device) -> str:
        return footing.suspected(device.pk)

    @admin.display(description="已收记录 rows here")
    def rows_here(self, device: Device) -> int:
        return Row.objects.filter(device=device).count()

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # Devices come by `prepare`; enrolment takes its place.
