"""Which zone a device stands in: chosen by a person, for each device, and shown before it counts.

A device gets a zone's settings only if it was placed there: the first zone that somebody adds
does not change what the venue's gates do.
"""

from typing import Any

from django import forms
from django.db import transaction
from django.db.models import QuerySet
from unfold.widgets import UnfoldAdminSelectWidget

from central.identity import configuration
from central.identity.models import Placement
from central.venue.models import Device, Venue, Zone


def unplaced(venue: Venue) -> QuerySet[Device]:
    """Return the devices of a venue that no zone's settings are sent to."""
    placed = Placement.objects.values("device")
    return Device.objects.filter(venue=venue).exclude(pk__in=placed)


def zone_names(devices: list[Device]) -> list[tuple[Device, str]]:
    """Return each device with the zone it stands in now, or "–"."""
    found = Placement.objects.filter(device__in=devices).select_related("zone")
    known = {placed.device_id: str(placed.zone) for placed in found}
    return [(device, known.get(device.pk, "–")) for device in devices]


def move(devices: list[Device], zone: Zone) -> list[Device]:
    """Place `devices` in `zone`; return those for which that is a change."""
    with transaction.atomic():
        here = set(Placement.objects.filter(zone=zone).values_list("device_id", flat=True))
        moved = [device for device in devices if device.pk not in here]
        for device in moved:
            Placement.objects.update_or_create(device=device, defaults={"zone": zone})
    return moved


class MoveForm(forms.Form):
    """`devices` are the ones to be moved, of one venue."""

    zone = forms.ModelChoiceField(
        Zone.objects.none(), label="区域 Zone", widget=UnfoldAdminSelectWidget
    )

    def __init__(self, devices: list[Device], *args: Any) -> None:
        super().__init__(*args)
        self._devices = devices
        venues = {device.venue_id for device in devices}
        zones = Zone.objects.filter(venue__in=venues).select_related("checkpoint")
        self.fields["zone"].queryset = zones  # type: ignore[attr-defined]

    def clean_zone(self) -> Zone:
        zone: Zone = self.cleaned_data["zone"]
        if any(device.venue_id != zone.venue_id for device in self._devices):
            raise forms.ValidationError("不属于此场馆 · not of the venue of all of them")
        wrong = configuration.fault(zone, configuration.text(zone))
        if wrong:
            raise forms.ValidationError(wrong)
        return zone
