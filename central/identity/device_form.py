"""What an admin says of a device: its zone, or that it is the venue's hub and where that is."""

from typing import Any

from django import forms
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from central.claims.models import Hub
from central.identity.models import Placement
from central.venue.models import Device, Zone
from wire.codec import WireError
from wire.configuration import read_place

DOOR, HUB = "door", "hub"
ROLES = [
    (DOOR, "闸机或取票机 gate or kiosk"),
    (HUB, "场馆节点 hub: answers the venue's claims"),
]


class DeviceForm(forms.ModelForm):  # type: ignore[type-arg]
    """With its role and its zone, chosen where the device is added."""

    zone = forms.ModelChoiceField(
        Zone.objects.all(),
        required=False,
        label="区域 zone",
        help_text="不选则不下发设置；场馆节点不需要"
        " · Without one it is sent no settings; a hub needs none",
        widget=UnfoldAdminSelectWidget,
    )
    role = forms.ChoiceField(
        choices=ROLES,
        required=False,
        initial=DOOR,
        label="用途 role",
        widget=UnfoldAdminSelectWidget,
    )
    host = forms.CharField(
        required=False,
        label="节点地址 hub's address",
        help_text="仅场馆节点：各设备连接它所用的名称或地址，端口非 8883 时写明"
        " · Of a hub alone: the name or address by which devices reach it, with a port if it is"
        " not 8883",
        widget=UnfoldAdminTextInputWidget,
    )

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        placed = Placement.objects.filter(device=self.instance.pk).first()
        zones = list(Zone.objects.all()[:2])
        only = zones[0] if self.instance.pk is None and len(zones) == 1 else None
        self.initial["zone"] = placed.zone if placed else only
        hub = Hub.objects.filter(device=self.instance.pk).first() if self.instance.pk else None
        if hub is not None:
            self.initial.update(role=HUB, host=hub.host)

    def clean(self) -> dict[str, Any]:
        told: dict[str, Any] = super().clean() or self.cleaned_data
        if told.get("role") == HUB:
            self._check_hub(told)
        elif told.get("zone") and told["zone"].venue != told.get("venue"):
            self.add_error("zone", "不属于此场馆 · not of this venue")
        return told

    def _check_hub(self, told: dict[str, Any]) -> None:
        try:
            read_place(told.get("host", ""))
        except WireError:
            self.add_error("host", "名称或地址，如 hub.example · a host or an address")
        other = Hub.objects.filter(venue=told.get("venue"), device__isnull=False)
        for hub in other.exclude(device=self.instance.pk):
            self.add_error(
                "role",
                f"场馆已有节点 {hub.device}：更换机器请为它重新登记 · the venue has a hub, "
                f"{hub.device}: for another machine in its place, enrol that one anew",
            )


def keep_role(device: Device, told: dict[str, Any]) -> None:
    """Keep what the form says that a device is; said by nobody, it stays what it is."""
    if told.get("role") == HUB:
        about = {"device": device, "host": told["host"].strip().lower(), "name": device.name}
        Hub.objects.update_or_create(venue=device.venue, defaults=about)
    elif told.get("role") == DOOR:
        Hub.objects.filter(device=device).delete()
    zone = None if told.get("role") == HUB else told["zone"]
    if zone:
        Placement.objects.update_or_create(device=device, defaults={"zone": zone})
    else:
        Placement.objects.filter(device=device).delete()
