"""Where admins add a device, enrol it, see what it was given, and end it."""

import secrets
import time
from typing import Any

import segno
from django import forms
from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.safestring import mark_safe
from unfold.admin import ModelAdmin

from central.identity import configuration, enrolling
from central.identity.authority import AuthorityMissing
from central.identity.models import Certificate, Denied, Enrolment, Placement, ZoneText
from central.identity.revocation import ListNotWritten, revoke
from central.venue.admin import DeviceAdmin
from central.venue.models import Device
from central.venue.trust import TrustMissing
from wire.codec import WireError
from wire.enrolment import CODE_SECONDS

admin.site.unregister(Device)


@admin.register(Device)
class EnrolledDeviceAdmin(DeviceAdmin):
    """The devices' page, where they are added, enrolled and revoked as well."""

    list_display: tuple[str, ...] = (*DeviceAdmin.list_display, "standing")
    readonly_fields: tuple[str, ...] = ("identity", *DeviceAdmin.readonly_fields)
    actions = ("enrol", "revoke")

    @admin.display(description="身份 identity")
    def standing(self, device: Device) -> str:
        if Denied.objects.filter(device=device).exists():
            return "已停用 denied"
        now = int(time.time())
        found = Certificate.objects.filter(device=device, revoked_at=None, not_after__gt=now)
        return "有效 enrolled" if found.exists() else "未登记 not enrolled"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(ModelAdmin.has_add_permission(self, request))

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False  # What it reported, and that it was revoked, must stay.

    def save_model(self, request: HttpRequest, obj: Device, form: Any, change: bool) -> None:
        if not change:
            obj.identity = secrets.token_hex(8)
        super().save_model(request, obj, form, change)

    @admin.action(description="登记（显示二维码）Enrol: show its QR code", permissions=["change"])
    def enrol(self, request: HttpRequest, queryset: QuerySet[Device]) -> HttpResponse | None:
        device = queryset.first()
        if device is None or queryset.count() != 1:
            said = "一次登记一台设备 · Enrol one device at a time"
            self.message_user(request, said, messages.ERROR)
            return None
        try:
            url = configuration.url()
            text = enrolling.begin(device, request.user.get_username(), url, int(time.time()))
        except (AuthorityMissing, TrustMissing, WireError) as error:
            self.message_user(request, f"无法登记 · Cannot enrol: {error}", messages.ERROR)
            return None
        self.log_change(request, device, "登记码 enrolment code")
        drawn = segno.make_qr(text, error="m").svg_inline(scale=6, border=4, light="white")
        told = {
            **self.admin_site.each_context(request),
            "title": f"登记 Enrol: {device.name}",
            "device": device,
            "text": text,
            # Drawn by segno from an alphabet without any markup.
            "code": mark_safe(drawn),
            "minutes": CODE_SECONDS // 60,
        }
        answer = TemplateResponse(request, "identity/enrol.html", told)
        answer["Cache-Control"] = "no-store"
        return answer

    @admin.action(description="吊销并停用 Revoke and deny", permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[Device]) -> None:
        devices = list(queryset)
        try:
            ended = revoke(devices, request.user.get_username(), int(time.time()))
            said = f"已停用 · Denied: {len(devices)} ({ended} 张证书 certificates)"
            self.message_user(request, said, messages.SUCCESS)
        except ListNotWritten as error:
            said = "已停用，但消息服务尚未得知 · Denied, but the broker does not know"
            self.message_user(request, f"{said}: {error}", messages.ERROR)
        for device in devices:
            self.log_change(request, device, "吊销 revoked")


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
    list_display = ("serial", "device", "not_before", "not_after", "revoked_at")
    exclude = ("der",)


@admin.register(Enrolment)
class EnrolmentAdmin(_Seen):
    list_display = ("device", "by", "created_at", "used_at", "wrong_codes", "used_again")
    exclude = ("code_hash",)


@admin.register(Placement)
class PlacementAdmin(ModelAdmin):  # type: ignore[misc]
    list_display = ("device", "zone")


class _ZoneForm(forms.ModelForm):  # type: ignore[type-arg]
    def clean(self) -> dict[str, Any]:
        told: dict[str, Any] = super().clean() or self.cleaned_data
        if "zone" in told and "text" in told:
            wrong = configuration.fault(told["zone"], told["text"])
            if wrong:
                self.add_error("text", wrong)
        return told


@admin.register(ZoneText)
class ZoneTextAdmin(ModelAdmin):  # type: ignore[misc]
    form = _ZoneForm
    list_display = ("zone",)
