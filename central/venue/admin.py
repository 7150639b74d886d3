"""Where admins work: what the venue sells, and who watches its doors.

Everything that alters what a gate should do goes through `central.lists.changes`, so that it is
on the list's chain in the same transaction.
"""

from typing import Any

from django import forms
from django.contrib import admin
from django.db import transaction
from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from unfold.admin import ModelAdmin

from central import times
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


class _EventForm(forms.ModelForm):  # type: ignore[type-arg]
    opens = times.UnixTimeField(label="开始入场 opens")
    closes = times.UnixTimeField(label="停止入场 closes")

    def clean(self) -> dict[str, Any]:
        told: dict[str, Any] = super().clean() or self.cleaned_data
        if "opens" in told and "closes" in told and told["closes"] <= told["opens"]:
            self.add_error("closes", "应晚于开始入场 · later than it opens")
        return told


@admin.register(Event)
class EventAdmin(_Published):
    form = _EventForm
    list_display = (
        *("audience", "name_zh", "name_en", "from_when", "until_when", "shifted"),
        *("closed", "rotating"),
    )
    exclude = ("serial_key", "rotation_key")
    changed_as = "events"

    from_when = times.column("opens", "开始入场 opens")
    until_when = times.column("closes", "停止入场 closes")

    @admin.display(description="顺延 shifted by", ordering="shift_seconds")
    def shifted(self, event: Event) -> str:
        minutes = event.shift_seconds // 60
        return f"{minutes:+d} min" if event.shift_seconds else "–"


@admin.register(TicketClass)
class TicketClassAdmin(_Published):
    list_display = ("code", "name_zh", "name_en", "event", "allows")
    list_select_related = ("event",)
    changed_as = "classes"

    @admin.display(description="各检票点可用次数 uses")
    def allows(self, kind: TicketClass) -> str:
        return ", ".join(f"{name} × {times}" for name, times in kind.uses.items())


@admin.register(SigningKey)
class SigningKeyAdmin(_Published):
    list_display = ("__str__", "venue", "role", "event", "status")
    readonly_fields = ("venue", "role", "event")
    fields = ("venue", "role", "event", "status")
    changed_as = "signing_keys"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # Its private half is a file; `prepare` makes both.


@admin.register(Device)
class DeviceAdmin(ModelAdmin):  # type: ignore[misc]
    search_fields = ("name", "identity")
    list_display: tuple[str, ...] = (
        "name",
        "heard",
        "list_sequence",
        "rows",
        "stands",
        "track",
    )
    readonly_fields: tuple[str, ...] = (
        *("heard", "list_sequence", "reported_rows"),
        *("stands", "suspected", "track"),
    )
    exclude = ("token_hash", "last_seen")

    @admin.display(description="最近联系 last heard", ordering="last_seen")
    def heard(self, device: Device) -> str:
        return times.second(device.last_seen.timestamp() if device.last_seen else None)

    @admin.display(description="记录 track")
    def track(self, device: Device) -> str:
        if device.last_seen is None:
            return "–"
        address = reverse("admin:track_device", args=[device.pk])
        return format_html('<a href="{}">查看 Look</a>', address)

    @admin.display(description="状态 stands on")
    def stands(self, device: Device) -> str:
        return footing.stands(device.pk)

    @admin.display(description="告警 alarms")
    def suspected(self, device: Device) -> str:
        return footing.suspected(device.pk)

    @admin.display(description="记录：已收 / 设备上 rows: here / there")
    def rows(self, device: Device) -> str:
        return f"{Row.objects.filter(device=device).count()} / {device.reported_rows}"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # Devices come by `prepare`; enrolment takes its place.
