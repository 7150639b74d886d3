"""Papers and printers, to be looked at: nothing here can be changed."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from central import times
from central.exchange import delegating
from central.exchange.models import Delegation, Paper, PrinterState

DELEGATED_SECONDS_MAX = 86_400


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


class _DelegationForm(forms.ModelForm):  # type: ignore[type-arg]
    valid_from = times.UnixTimeField(label="自 from")
    valid_until = times.UnixTimeField(label="至 until")

    def clean(self) -> dict[str, Any]:
        told: dict[str, Any] = super().clean() or self.cleaned_data
        if "valid_from" in told and "valid_until" in told:
            seconds = told["valid_until"] - told["valid_from"]
            if not 0 < seconds <= DELEGATED_SECONDS_MAX:
                said = "晚于开始，最多 24 小时 · later, by 24 hours at most"
                self.add_error("valid_until", said)
        if "device" in told and "event" in told and told["device"].venue != told["event"].venue:
            self.add_error("event", "另一个场馆的场次 · an event of another venue")
        return told


@admin.register(Delegation)
class DelegationAdmin(ModelAdmin):  # type: ignore[misc]
    form = _DelegationForm
    list_display = ("device", "event", "from_when", "until_when", "by", "key", "revoked")
    actions = ("revoke",)
    from_when = times.column("valid_from", "自 from")
    until_when = times.column("valid_until", "至 until")

    readonly_fields = ("from_when", "until_when", "by", "key", "revoked")

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> Sequence[str]:
        if obj is None:
            return ("device", "event", "valid_from", "valid_until")
        return ("device", "event", *self.readonly_fields)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        obj.by = request.user.get_username()[:80]
        super().save_model(request, obj, form, change)

    @admin.action(description="撤销（其纸质票全部作废）Revoke", permissions=["add"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[Delegation]) -> None:
        for one in queryset:
            delegating.revoke(one)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False  # What a key may do was published with it.

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(PrinterState)
class PrinterStateAdmin(_ToLookAt):
    list_display = ("device", "state", "able", "paper_left")
