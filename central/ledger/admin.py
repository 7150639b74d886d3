"""The ledger, to be looked at: nothing here can be changed."""

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from central.ledger.models import Incident, Quarantine, Row


class _ToLookAt(ModelAdmin):  # type: ignore[misc]
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(Row)
class RowAdmin(_ToLookAt):
    list_display = ("seq", "kind", "reason", "persons", "lane", "device")
    list_filter = ("kind", "reason", "device")
    exclude = ("epoch", "hash", "body")


@admin.register(Incident)
class IncidentAdmin(_ToLookAt):
    list_display = ("kind", "device", "received_ms")
    list_filter = ("kind", "device")


@admin.register(Quarantine)
class QuarantineAdmin(_ToLookAt):
    list_display = ("topic", "why", "received_ms")
    exclude = ("payload",)
