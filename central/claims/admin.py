"""Where an admin says that a venue has a hub, takes its key, and what its zones ask of it."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.urls.resolvers import URLPattern
from django.utils.html import format_html
from unfold.admin import ModelAdmin

from central import times
from central.claims import hubs
from central.claims.models import Hub, ZoneClaims

HUBS = "admin:claims_hub_changelist"


@admin.register(Hub)
class HubAdmin(ModelAdmin):  # type: ignore[misc]
    """A hub comes by its device's page; one without a device of ours, by hand."""

    list_display = ("name", "venue", "where", "standing", "heard")
    readonly_fields = ("where", "standing", "heard")

    heard = times.column("heard_at", "最近联系 last heard")

    @admin.display(description="地址 address")
    def where(self, hub: Hub) -> str:
        return hub.host or "–"

    @admin.display(description="公钥 key")
    def standing(self, hub: Hub) -> str:
        if hub.reported_key and hub.reported_key != hub.key:
            address = reverse("admin:claims_hub_accept", args=[hub.pk])
            said = "! 新公钥待核对 a new key waits for you"
            return format_html(
                '<a href="{}" style="text-decoration:underline">{}</a>', address, said
            )
        return "✓ 使用中 in use" if hub.key else "… 尚未登记 not enrolled yet"

    def get_form(self, request: HttpRequest, obj: Hub | None = None, **named: Any) -> Any:
        form = super().get_form(request, obj, **named)
        if "key" in form.base_fields:
            form.base_fields["key"].required = obj is None or obj.device is None
        return form

    def get_urls(self) -> list[URLPattern]:
        page = self.admin_site.admin_view(self.accept_page)
        return [path("<int:pk>/accept/", page, name="claims_hub_accept"), *super().get_urls()]

    def accept_page(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show the key that the hub says it signs by; take it once somebody has compared it."""
        hub = Hub.objects.filter(pk=pk).select_related("device").first()
        if hub is None or not self.has_change_permission(request, hub):
            return HttpResponseRedirect(reverse(HUBS))
        if request.method == "POST":
            return self._accepted(request, hub)
        told = {
            **self.admin_site.each_context(request),
            "title": f"核对公钥 Take the key: {hub.name}",
            "hub": hub,
            "reported": _grouped(hub.reported_key),
            "held": _grouped(hub.key),
            "waits": hub in hubs.waiting(),
            "at": times.second(hub.reported_at),
        }
        return TemplateResponse(request, "claims/accept.html", told)

    def _accepted(self, request: HttpRequest, hub: Hub) -> HttpResponse:
        # Of the page that was looked at: what the hub says by now may be something else.
        seen = request.POST.get("key", "")
        if hubs.accept(hub, seen):
            self.log_change(request, hub, f"公钥 key {seen}")
            said = f"{hub.name}: 公钥已采用，各设备将转向该节点 · its key is believed from now on"
            self.message_user(request, said, messages.SUCCESS)
            return HttpResponseRedirect(reverse(HUBS))
        said = "未采用：节点报告了另一个公钥 · not taken: the hub says another key by now"
        self.message_user(request, said, messages.ERROR)
        return HttpResponseRedirect(reverse("admin:claims_hub_accept", args=[hub.pk]))

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return bool(super().has_delete_permission(request, obj))


def _grouped(key: str) -> str:
    """Return it as people compare it, and as `gatehouse hub --key` shows it to them."""
    parts = [key[place : place + 4] for place in range(0, len(key), 4)]
    return "\n".join(" ".join(parts[place : place + 8]) for place in range(0, len(parts), 8))


@admin.register(ZoneClaims)
class ZoneClaimsAdmin(ModelAdmin):  # type: ignore[misc]
    list_display = ("zone", "policy")
