"""Where admins add a device, enrol it, see what it was given, and end it."""

import secrets
import time
from typing import Any

import segno
from django import forms
from django.contrib import admin, messages
from django.db.models import Exists, Model, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.urls.resolvers import URLPattern
from django.utils.safestring import mark_safe
from unfold.admin import ModelAdmin

from central import times
from central.claims import hubs
from central.claims.models import Hub
from central.identity import configuration, enrolling, first_steps, placing, staff_cards
from central.identity.authority import AuthorityMissing
from central.identity.device_form import DeviceForm, keep_role
from central.identity.enrolling import Refused
from central.identity.models import Certificate, Denied, Enrolment, Placement, ZoneText
from central.identity.revocation import ListNotWritten, revoke
from central.identity.staff_card_admin import StaffCardAdmin as StaffCardAdmin
from central.venue.admin import DeviceAdmin, ZoneAdmin
from central.venue.models import Device, Zone
from central.venue.trust import TrustMissing
from wire.codec import WireError
from wire.enrolment import CODE_SECONDS

admin.site.unregister(Device)

ONE = "一次登记一台设备 · Enrol one device at a time"
DEVICES = "admin:venue_device_changelist"


@admin.register(Device)
class EnrolledDeviceAdmin(DeviceAdmin):
    """The devices' page, where they are added, enrolled and revoked as well."""

    list_display: tuple[str, ...] = ("name", "standing", *DeviceAdmin.list_display[1:])
    readonly_fields: tuple[str, ...] = ("identity", *DeviceAdmin.readonly_fields)
    actions: tuple[str, ...] = ("enrol", "move", "revoke")
    form = DeviceForm
    list_before_template = "identity/first_steps.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Device]:
        good = Certificate.objects.filter(
            device=OuterRef("pk"), revoked_at=None, not_after__gt=int(time.time())
        )
        found: QuerySet[Device] = super().get_queryset(request)
        return found.annotate(
            is_denied=Exists(Denied.objects.filter(device=OuterRef("pk"))),
            is_enrolled=Exists(good),
            is_hub=Exists(Hub.objects.filter(device=OuterRef("pk"))),
        )

    @admin.display(description="身份 identity")
    def standing(self, device: Any) -> str:
        if device.is_denied:
            return "已停用 denied"
        said = "有效 enrolled" if device.is_enrolled else "未登记 not enrolled"
        return f"{said} · 场馆节点 hub" if device.is_hub else said

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(ModelAdmin.has_add_permission(self, request))

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False  # What it reported, and that it was revoked, must stay.

    def save_model(self, request: HttpRequest, obj: Device, form: Any, change: bool) -> None:
        if not change:
            obj.identity = secrets.token_hex(8)
        super().save_model(request, obj, form, change)
        keep_role(obj, form.cleaned_data)

    def response_add(
        self, request: HttpRequest, obj: Device, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Whoever added a device wants to enrol it."""
        if "_addanother" in request.POST or "_continue" in request.POST:
            return super().response_add(request, obj, post_url_continue)  # type: ignore[no-any-return]
        return HttpResponseRedirect(reverse("admin:identity_enrol", args=[obj.pk]))

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        told = {"steps": first_steps.lacking(), "alarms": first_steps.alarms()}
        told |= {"hubs": hubs.waiting() if request.user.has_perm("claims.change_hub") else []}
        answer: HttpResponse = super().changelist_view(request, {**(extra_context or {}), **told})
        return answer

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(self.enrol_page)
        return [path("<int:pk>/enrol/", page, name="identity_enrol"), *super().get_urls()]

    def enrol_page(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Say what will happen; show the code when that is asked for."""
        device = Device.objects.filter(pk=pk).first()
        if device is None or not self.has_change_permission(request, device):
            return HttpResponseRedirect(reverse(DEVICES))
        text, hub = "", hubs.of(device)
        if request.method == "POST":
            try:
                if hub is None:
                    configuration.good_text(configuration.zone_of(device))
                who = request.user.get_username()
                text = enrolling.begin(device, who, configuration.url(), int(time.time()))
            except Refused as refused:
                self.message_user(request, refused.why, messages.ERROR)
                return HttpResponseRedirect(reverse("admin:venue_device_change", args=[pk]))
            except (AuthorityMissing, TrustMissing, WireError) as error:
                self.message_user(request, f"无法登记 · Cannot enrol: {error}", messages.ERROR)
                return HttpResponseRedirect(reverse(DEVICES))
            self.log_change(request, device, "登记码 enrolment code")
        told = {
            **self.admin_site.each_context(request),
            "title": f"登记 Enrol: {device.name}",
            "device": device,
            "text": text,
            "hub": hub,
            # Drawn by segno from an alphabet without any markup.
            "code": mark_safe(_drawn(text)) if text else "",
            "minutes": CODE_SECONDS // 60,
        }
        answer = TemplateResponse(request, "identity/enrol.html", told)
        answer["Cache-Control"] = "no-store"
        if text:
            # When it is worth nothing any more, it is not on the screen any more.
            answer["Refresh"] = f"{CODE_SECONDS}; url={reverse(DEVICES)}"
        return answer

    @admin.action(description="登记（显示二维码）Enrol: show its QR code", permissions=["change"])
    def enrol(self, request: HttpRequest, queryset: QuerySet[Device]) -> HttpResponse | None:
        device = queryset.first()
        if device is None or queryset.count() != 1:
            self.message_user(request, ONE, messages.ERROR)
            return None
        return self.enrol_page(request, device.pk)

    @admin.action(description="移到区域 Move to a zone", permissions=["change"])
    def move(self, request: HttpRequest, queryset: QuerySet[Device]) -> HttpResponse | None:
        devices = list(queryset)
        form = placing.MoveForm(devices, request.POST if "confirmed" in request.POST else None)
        if not form.is_valid():
            told = {**self.admin_site.each_context(request), "form": form}
            told |= {"devices": placing.zone_names(devices), "title": "移到区域 Move to a zone"}
            return TemplateResponse(request, "identity/move.html", told)
        zone = form.cleaned_data["zone"]
        moved = placing.move(devices, zone)
        for device in moved:
            self.log_change(request, device, f"移到 moved to {zone}")
        said = f"已移到 {zone} · Moved there: {len(moved)}"
        self.message_user(request, said, messages.SUCCESS)
        return None

    @admin.action(description="吊销并停用 Revoke and deny", permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[Device]) -> HttpResponse | None:
        devices = list(queryset)
        if "confirmed" not in request.POST:
            told = {**self.admin_site.each_context(request), "devices": devices}
            told["title"] = "吊销并停用？ Revoke and deny?"
            return TemplateResponse(request, "identity/revoke.html", told)
        try:
            ended = revoke(devices, request.user.get_username(), int(time.time()))
            said = f"已停用 · Denied: {len(devices)} ({ended} 张证书 certificates)"
            self.message_user(request, said, messages.SUCCESS)
        except ListNotWritten as error:
            said = "已停用，但消息服务尚未得知 · Denied, but the broker does not know"
            self.message_user(request, f"{said}: {error}", messages.ERROR)
        for device in devices:
            self.log_change(request, device, "吊销 revoked")
        return None


def _drawn(text: str) -> str:
    return str(segno.make_qr(text, error="m").svg_inline(scale=6, border=4, light="white"))


class _Seen(ModelAdmin):  # type: ignore[misc]
    """Kept as it happened: nobody adds, changes or deletes it by hand."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(Certificate)
class CertificateAdmin(_Seen):
    when_empty = "还没有证书：登记设备时发出。 None yet: a device gets one when it is enrolled."
    list_display = ("device", "begins", "ends", "used", "revoked")
    fields = ("device", "serial", "begins", "ends", "used", "revoked")
    list_select_related = ("device",)
    ordering = ("-pk",)

    begins = times.column("not_before", "生效 from")
    ends = times.column("not_after", "到期 until")
    used = times.column("seen_at", "首次使用 first used")
    revoked = times.column("revoked_at", "吊销 revoked")


@admin.register(Enrolment)
class EnrolmentAdmin(_Seen):
    when_empty = "还没有登记过：在设备页勾选一台，选“登记”。 Tick a device and choose “Enrol”."
    list_display = ("device", "by", "made", "used", "wrong_codes", "used_again")
    fields = (
        *("device", "by", "made", "ends", "used"),
        *("withdrawn", "wrong_codes", "used_again"),
    )
    list_select_related = ("device",)
    ordering = ("-pk",)

    made = times.column("created_at", "生成 made")
    ends = times.column("expires_at", "失效 until")
    used = times.column("used_at", "使用 used")


@admin.register(Placement)
class PlacementAdmin(ModelAdmin):  # type: ignore[misc]
    list_display = ("device", "zone")


admin.site.unregister(Zone)


@admin.register(Zone)
class PlacedZoneAdmin(ZoneAdmin):
    """A new zone changes no device by itself, and says so."""

    def save_model(self, request: HttpRequest, obj: Zone, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        left = placing.unplaced(obj.venue).count()
        if left and not change:
            said = (
                f"{left} 台设备未选区域，不会收到设置；请在设备页勾选，再选“移到区域”"
                f" · {left} devices are in no zone and are sent no settings: tick them on their"
                " page and choose “Move to a zone”"
            )
            self.message_user(request, said, messages.WARNING)


class _ZoneForm(forms.ModelForm):  # type: ignore[type-arg]
    def clean(self) -> dict[str, Any]:
        told: dict[str, Any] = super().clean() or self.cleaned_data
        if "zone" in told and "text" in told:
            zone = told["zone"]
            whole = configuration.completed(zone, told["text"], staff_cards.good_in(zone))
            wrong = configuration.fault(zone, whole)
            if wrong:
                self.add_error("text", wrong)
        return told


@admin.register(ZoneText)
class ZoneTextAdmin(ModelAdmin):  # type: ignore[misc]
    form = _ZoneForm
    list_display = ("zone",)
