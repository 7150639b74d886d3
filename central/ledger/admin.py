"""The ledger, to be looked at: nothing here can be changed."""

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from central.ledger.models import Quarantine, Row
from central.live.words import REASONS
from central.stories.words import kind_words
from central.times import second
from wire.words import Words


def both(words: Words | None, otherwise: str) -> str:
    if words is None or words.zh == words.en:
        return otherwise
    return f"{words.zh} {words.en}"


class _ToLookAt(ModelAdmin):  # type: ignore[misc]
    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(Row)
class RowAdmin(_ToLookAt):
    when_empty = "还没有设备报告。启动一台闸机并出示一张票。 Start a gate and show it a ticket."
    list_display = ("when", "event", "why", "persons", "device", "lane", "seq", "received")
    list_filter = ("kind", "reason", "device")
    list_select_related = ("device",)
    fields = ("when", "event", "why", "persons", "device", "lane", "seq", "received")
    ordering = ("-pk",)

    @admin.display(description="时间 time", ordering="wall_ms")
    def when(self, row: Row) -> str:
        return second(row.wall_ms / 1000)

    @admin.display(description="收到 received", ordering="received_ms")
    def received(self, row: Row) -> str:
        return second(row.received_ms / 1000)

    @admin.display(description="事件 event", ordering="kind")
    def event(self, row: Row) -> str:
        return both(kind_words(row.kind), row.kind)

    @admin.display(description="原因 reason", ordering="reason")
    def why(self, row: Row) -> str:
        return both(REASONS.get(row.reason), row.reason)


@admin.register(Quarantine)
class QuarantineAdmin(_ToLookAt):
    when_empty = "没有读不懂的消息，无需处理。 Every message could be read: there is nothing to do."
    list_display = ("received", "topic", "why", "size")
    fields = ("received", "topic", "why", "size")
    ordering = ("-pk",)

    @admin.display(description="收到 received", ordering="received_ms")
    def received(self, aside: Quarantine) -> str:
        return second(aside.received_ms / 1000)

    @admin.display(description="字节 bytes")
    def size(self, aside: Quarantine) -> int:
        return len(aside.payload)
