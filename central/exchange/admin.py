"""Papers and printers, to be looked at: nothing here can be changed."""

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from central.exchange.models import Paper, PrinterState


class _ToLookAt(ModelAdmin):  # type: ignore[misc]
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(Paper)
class PaperAdmin(_ToLookAt):
    list_display = ("paper_hex", "device", "step", "sort", "ticket", "generation", "by", "why")
    list_filter = ("step", "sort", "device")
    exclude = ("paper",)

    @admin.display(description="编号 name")
    def paper_hex(self, paper: Paper) -> str:
        return str(paper)


@admin.register(PrinterState)
class PrinterStateAdmin(_ToLookAt):
    list_display = ("device", "state", "able", "paper_left")
