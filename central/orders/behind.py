"""Which devices do not go by the newest settings of their zone yet, and why.

What was taken back at central, such as a staff card, is still obeyed there.
"""

from collections.abc import Iterable
from typing import NamedTuple

from django.db.models import Q

from central.identity import configuration
from central.identity.models import Placement
from central.orders.models import Desired, Report
from central.venue.models import Device, Zone


class Behind(NamedTuple):
    device: Device
    why: str
    """In both languages."""


def behind(zones: Iterable[Zone]) -> list[Behind]:
    """Return the devices of `zones` that have not said that they use the newest settings.

    One that was never enrolled has no settings, and is none of them.
    """
    texts = {zone.pk: configuration.text(zone) for zone in zones}
    known = Q(device__last_seen__isnull=False) | Q(device__certificate__isnull=False)
    known |= Q(device__report__isnull=False)
    placed = Placement.objects.filter(known, zone__in=texts).select_related("device").distinct()
    devices = {one.device_id: one for one in placed.order_by("device__name", "device_id")}
    wishes = Desired.objects.filter(device__in=devices).defer("envelope")
    wanted = {one.device_id: one for one in wishes}
    reports = {one.device_id: one for one in Report.objects.filter(device__in=devices)}
    said = (
        Behind(one.device, _why(texts[one.zone_id], wanted.get(pk), reports.get(pk)))
        for pk, one in devices.items()
    )
    return [one for one in said if one.why]


def _why(text: str, wanted: Desired | None, report: Report | None) -> str:
    """Return why a device is behind, or nothing."""
    if wanted is None or wanted.text != text:
        faulty = wanted is not None and wanted.problem
        return "! 新设置有误，未下发 not sent: a fault" if faulty else "… 待下发 to be sent"
    if report is not None and report.applied >= wanted.version:
        return ""
    if report is not None and report.refused >= wanted.version:
        return "✗ 被拒绝 refused"
    return "… 未答复 no answer yet"
