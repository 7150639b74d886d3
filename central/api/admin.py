"""Where admins make a channel's key, see it once, and end it."""

import time
from typing import Any

from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from central.api.keys import draw, keep
from central.api.models import ChannelKey
from central.tickets.words import clock


@admin.register(ChannelKey)
class ChannelKeyAdmin(ModelAdmin):  # type: ignore[misc]
    list_display = (
        *("name", "begins_with", "may_read", "may_issue", "may_refund", "may_undo"),
        *("used", "ended"),
    )
    fields = (
        *("venue", "name", "may_read", "may_issue", "may_refund", "may_undo", "per_minute"),
        *("begins_with", "created_by", "used", "ended"),
    )
    readonly_fields = ("begins_with", "created_by", "used", "ended")
    actions = ("revoke",)

    @admin.display(description="最近使用 last used")
    def used(self, key: ChannelKey) -> str:
        return clock(key.last_used_at)

    @admin.display(description="停用 revoked")
    def ended(self, key: ChannelKey) -> str:
        return clock(key.revoked_at)

    def get_readonly_fields(
        self, request: HttpRequest, obj: ChannelKey | None = None
    ) -> tuple[str, ...]:
        # Its name stands in the books of what it did.
        return self.readonly_fields if obj is None else (*self.readonly_fields, "venue", "name")

    def save_model(self, request: HttpRequest, obj: ChannelKey, form: Any, change: bool) -> None:
        text = "" if change else draw()
        if text:
            keep(obj, text)
            obj.created_at = int(time.time())
            obj.created_by = request.user.get_username()[:150]
        super().save_model(request, obj, form, change)
        if text:
            said = f"密钥只显示这一次，请立即保存 · Shown only this once, keep it now: {text}"
            self.message_user(request, said, messages.WARNING)

    @admin.action(description="停用 Revoke", permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ChannelKey]) -> None:
        for key in queryset.filter(revoked_at=None):
            key.revoked_at = int(time.time())
            key.save(update_fields=["revoked_at"])
            self.log_change(request, key, "停用 revoked")
        self.message_user(request, "已停用 · Revoked", messages.SUCCESS)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False  # What it did must stay explained.
