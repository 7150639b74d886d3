"""Where admins give orders, and see what became of them and of configurations."""

import time
from typing import Any

from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from unfold.admin import ModelAdmin

from central.identity.admin import EnrolledDeviceAdmin
from central.identity.models import Denied
from central.orders import words
from central.orders.forms import OrderForm
from central.orders.giving import give
from central.orders.models import Desired, LogTail, Order, Report
from central.times import second
from central.venue.models import Device
from central.venue.trust import TrustMissing

DEVICES_AT_ONCE_MAX = 500

admin.site.unregister(Device)


@admin.register(Device)
class OrderedDeviceAdmin(EnrolledDeviceAdmin):
    """The devices' page, from where they are given orders as well."""

    actions: tuple[str, ...] = (*EnrolledDeviceAdmin.actions, "give_order")

    def has_give_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("orders.give"))

    @admin.action(description="下达指令 Give an order", permissions=["give"])
    def give_order(self, request: HttpRequest, queryset: QuerySet[Device]) -> HttpResponse | None:
        asked = request.POST if "kind" in request.POST else None
        form = OrderForm(asked)
        devices = list(queryset[: DEVICES_AT_ONCE_MAX + 1])
        if len(devices) > DEVICES_AT_ONCE_MAX:
            said = f"一次最多 {DEVICES_AT_ONCE_MAX} 台 · At most {DEVICES_AT_ONCE_MAX} at once"
            self.message_user(request, said, messages.ERROR)
            return None
        if asked is not None and form.is_valid():
            self._give(request, devices, form)
            return HttpResponseRedirect(reverse("admin:orders_order_changelist"))
        told = {
            **self.admin_site.each_context(request),
            "title": "下达指令 Give an order",
            "devices": devices,
            "form": form,
        }
        return TemplateResponse(request, "orders/give.html", told)

    def _give(self, request: HttpRequest, devices: list[Device], form: OrderForm) -> None:
        command, by = form.command(), request.user.get_username()
        denied = set(Denied.objects.filter(device__in=devices).values_list("device_id", flat=True))
        for device in devices:
            if device.pk in denied:
                said = f"{device.name}: 已停用，未下达 · Denied: no order given"
                self.message_user(request, said, messages.WARNING)
                continue
            try:
                order = give(device, command, by)
            except TrustMissing as missing:
                self.message_user(request, f"未下达 · Not given: {missing}", messages.ERROR)
                return
            told = f"指令 order {order.counter}: {order.kind} {order.lane} {order.why}".strip()
            self.log_change(request, device, told)
            said = f"{device.name}: {words.of(order.kind)}"
            self.message_user(request, said, messages.SUCCESS)


class _ToLookAt(ModelAdmin):  # type: ignore[misc]
    list_before_template = "orders/before.html"
    empty = ""
    """What to say where there is nothing yet."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        told = {
            "empty": "" if self.model.objects.exists() else self.empty,
            "again": self.waits(),
            **(extra_context or {}),
        }
        shown: HttpResponse = super().changelist_view(request, told)
        return shown

    def waits(self) -> bool:
        """Whether the page is worth looking at again in a moment."""
        return False


@admin.register(Order)
class OrderAdmin(_ToLookAt):
    list_display = ("order", "device", "lane", "standing", "given", "by", "why", "counter")
    list_filter = ("kind", "done", "device")
    fields = (
        *("device", "counter", "order", "lane", "end", "why", "by"),
        *("given", "sent", "standing", "answered"),
    )
    readonly_fields = ("order", "standing", "given", "end", "sent", "answered")
    ordering = ("-pk",)
    empty = (
        "还没有下达过指令：在设备页勾选设备，再选“下达指令”。"
        " No order was given yet: tick devices on their page and choose “Give an order”."
    )

    @admin.display(description="指令 order", ordering="kind")
    def order(self, order: Order) -> str:
        return words.of(order.kind)

    @admin.display(description="结果 what became of it")
    def standing(self, order: Order) -> str:
        key = words.standing(order.done, order.sent_at, order.expires, time.time())
        said = words.both(words.STANDINGS[key])
        return format_html("{}<br>{}", said, order.answer) if order.answer else said

    @admin.display(description="下达 given", ordering="issued_at")
    def given(self, order: Order) -> str:
        return second(order.issued_at)

    @admin.display(description="至 until")
    def end(self, order: Order) -> str:
        return second(order.until)

    @admin.display(description="发出 sent")
    def sent(self, order: Order) -> str:
        return second(order.sent_at)

    @admin.display(description="答复时间 answered")
    def answered(self, order: Order) -> str:
        return second(order.answered_at)

    def waits(self) -> bool:
        return Order.objects.filter(done=None, expires__gt=time.time()).exists()


@admin.register(Desired)
class DesiredAdmin(_ToLookAt):
    list_display = ("device", "version", "in_use", "standing")
    fields = ("device", "version", "in_use", "standing", "settings_text")
    readonly_fields = ("in_use", "standing", "settings_text")
    ordering = ("device__name",)
    empty = (
        "还没有可下发的配置：先建区域，并为设备选择区域。"
        " No configuration yet: add a zone, and choose it for each device."
    )

    @admin.display(description="现用版本 in use")
    def in_use(self, desired: Desired) -> str:
        report = Report.objects.filter(device=desired.device).first()
        return str(report.applied) if report and report.applied else "–"

    @admin.display(description="状态 standing")
    def standing(self, desired: Desired) -> str:
        if desired.problem:
            return format_html("! 新设置有误，未下发 not sent<br>{}", desired.problem)
        report = Report.objects.filter(device=desired.device).first()
        if report and report.applied >= desired.version:
            return "✓ 已生效 in use"
        if report and report.refused >= desired.version:
            said = "✗ 被拒绝，沿用旧配置 refused, the last good one goes on"
            return format_html("{}<br>{}", said, report.why)
        return "… 未答复 no answer yet"

    @admin.display(description="设置 settings")
    def settings_text(self, desired: Desired) -> str:
        return format_html("<pre>{}</pre>", desired.text)


@admin.register(LogTail)
class LogTailAdmin(_ToLookAt):
    list_display = ("device", "daemon", "received", "size")
    list_filter = ("daemon", "device")
    fields = ("device", "daemon", "received", "log")
    readonly_fields = ("received", "log")
    ordering = ("-pk",)
    empty = "还没有日志：在设备页下达“发送日志”。 No logs yet: give a device the order “Send logs”."

    @admin.display(description="收到 received")
    def received(self, tail: LogTail) -> str:
        return second(tail.received_at)

    @admin.display(description="行数 lines")
    def size(self, tail: LogTail) -> int:
        return tail.lines.count("\n") + 1

    @admin.display(description="日志 log")
    def log(self, tail: LogTail) -> str:
        return format_html('<pre style="white-space:pre-wrap">{}</pre>', tail.lines)
