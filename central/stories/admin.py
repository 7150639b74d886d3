"""Incidents, told as stories and attended to; the tracks of a ticket and of a device."""

import time
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import get_language
from unfold.admin import ModelAdmin

from central.ledger.models import Incident, Row
from central.stories import tracks
from central.stories.story import ticket_of
from central.stories.telling import KINDS, tell
from central.times import minute
from central.venue.models import Device, Ticket
from wire.words import Words

SHOWN = {
    "open": Words("待处理", "To attend to"),
    "seen": Words("已处理", "Attended to"),
    "all": Words("全部", "All"),
}
PAGE = 30
NOTE_CHARACTERS_MAX = 300


def spoken() -> bool:
    """Return whether this reader is told in Chinese."""
    return (get_language() or "zh").startswith("zh")


@admin.register(Incident)
class IncidentAdmin(ModelAdmin):  # type: ignore[misc]
    """One page of stories, and one for each."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return bool(request.user.has_perm("ledger.attend_incident"))

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        ours = [
            path("ticket/<int:key>/", view(self._ticket), name="track_ticket"),
            path("device/<int:key>/", view(self._device), name="track_device"),
        ]
        return [*ours, *super().get_urls()]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponseBase:
        if not self.has_view_permission(request):
            raise PermissionDenied
        asked = request.GET
        shown = asked.get("shown", "open") if asked.get("shown") in SHOWN else "open"
        kind, device = asked.get("kind", ""), asked.get("device", "")
        found = _found(shown, kind, device)
        page = Paginator(found, PAGE).get_page(asked.get("page"))
        told = {
            **self._context(request, Words("异常", "Incidents")),
            "stories": [_told(one) for one in page],
            "page": page,
            "shown": shown,
            "kind": kind,
            "device": device,
            "choices": SHOWN.items(),
            "kinds": KINDS.items(),
            "devices": Device.objects.order_by("name"),
            "kept": urlencode({"shown": shown, "kind": kind, "device": device}),
            "empty": None if found.exists() else _empty(bool(kind or device or shown != "open")),
        }
        return TemplateResponse(request, "stories/incidents.html", told)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponseBase:
        if not self.has_view_permission(request):
            raise PermissionDenied
        found = Incident.objects.filter(pk=object_id if object_id.isdecimal() else 0)
        incident = found.select_related("device").first()
        if incident is None:
            raise Http404
        if request.method == "POST":
            return self._attend(request, incident)
        story = _told(incident)
        told = {
            **self._context(request, story["story"].title),
            "one": story,
            "may_attend": self.has_change_permission(request),
        }
        return TemplateResponse(request, "stories/incident.html", told)

    def _attend(self, request: HttpRequest, incident: Incident) -> HttpResponseBase:
        if not self.has_change_permission(request):
            raise PermissionDenied
        again = request.POST.get("seen") == "no"
        incident.seen_at = None if again else int(time.time())
        incident.seen_by = "" if again else request.user.get_username()[:150]
        incident.note = request.POST.get("note", "")[:NOTE_CHARACTERS_MAX]
        incident.save(update_fields=["seen_at", "seen_by", "note"])
        said = Words("重新打开", "Opened again") if again else Words("已处理", "Attended to")
        self.log_change(request, incident, f"{said.zh} {said.en} {incident.note}".strip())
        self.message_user(request, said.zh if spoken() else said.en, messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:ledger_incident_changelist"))

    def _ticket(self, request: HttpRequest, key: int) -> HttpResponseBase:
        if not request.user.has_perm("venue.view_ticket"):
            raise PermissionDenied
        found = Ticket.objects.select_related("ticket_class__event")
        ticket = found.filter(pk=key).first()
        if ticket is None:
            raise Http404
        told = {
            **self._context(request, Words("这张票的全部经过", "Everything about this ticket")),
            "ticket": ticket,
            "lines": tracks.of_ticket(ticket),
            "back": reverse("admin:venue_ticket_change", args=[key]),
        }
        return TemplateResponse(request, "stories/track.html", told)

    def _device(self, request: HttpRequest, key: int) -> HttpResponseBase:
        if not request.user.has_perm("venue.view_device"):
            raise PermissionDenied
        device = Device.objects.filter(pk=key).first()
        if device is None:
            raise Http404
        page = tracks.of_device(device, request.GET.get("until", ""))
        told = {
            **self._context(request, Words(f"{device} 的记录", f"Track of {device}")),
            "lines": page.lines,
            "older": page.older,
            "back": reverse("admin:venue_device_change", args=[key]),
        }
        return TemplateResponse(request, "stories/track.html", told)

    def _context(self, request: HttpRequest, title: Words) -> dict[str, Any]:
        zh = spoken()
        return {
            **self.admin_site.each_context(request),
            "title": title.zh if zh else title.en,
            "zh": zh,
        }


def _found(shown: str, kind: str, device: str) -> QuerySet[Incident]:
    found = Incident.objects.select_related("device").order_by("-received_ms", "-pk")
    if shown != "all":
        found = found.filter(seen_at__isnull=shown == "open")
    if kind in KINDS:
        found = found.filter(kind=kind)
    if device.isdecimal():
        found = found.filter(device=int(device[:18]))
    return found


def _told(incident: Incident) -> dict[str, Any]:
    """Return an incident as its pages show it."""
    return {
        "incident": incident,
        "kind": KINDS.get(incident.kind, Words(incident.kind, incident.kind)),
        "story": tell(incident),
        "ticket": ticket_of(incident),
        "found": minute(incident.received_ms / 1000),
        "seen": minute(incident.seen_at) if incident.seen_at else "",
    }


def _empty(filtered: bool) -> Words:
    """Return what to say where there is no incident to show; first things first."""
    if filtered:
        return Words("没有符合这些条件的异常。", "No incident is like that.")
    if not Device.objects.exists():
        return Words(
            "还没有设备。先在“设备”里添加一台并登记，它的记录里若有异常会列在这里。",
            "No device yet. Add one under “Device” and enrol it; whatever is wrong in what it "
            "reports is listed here.",
        )
    newest = Row.objects.order_by("-pk").first()
    if newest is None:
        return Words(
            "设备还没有报告任何记录。启动一台闸机并出示一张票，再到实时页面查看。",
            "No device has reported anything. Start a gate, show it a ticket, and look at the "
            "live page.",
        )
    at = minute(newest.received_ms / 1000)
    return Words(
        f"没有待处理的异常。最近一条记录收到于 {at}。",
        f"Nothing to attend to. The last row came at {at}.",
    )
