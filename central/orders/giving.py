"""An order is counted, sealed and kept in one transaction; `publish` sends it right after.

The counter is one more than every order of ours to this device and than every one that it says
it has answered: so also after central was put back from a copy.
"""

import time

from django.db import transaction
from django.db.models import Max

from central.orders.models import Order, Report
from central.venue import trust
from central.venue.models import Device
from wire import command as wire
from wire.codec import encode
from wire.command import AnyCommand
from wire.signed import Purpose

GOOD_FOR_SECONDS = 60
"""Enough for a device that is just connecting again; what opens later is nobody's wish."""


def give(device: Device, command: AnyCommand, by: str, now: int | None = None) -> Order:
    """Give one order to one device; raise TrustMissing where it cannot be signed."""
    issued_at = int(time.time()) if now is None else now
    expires = issued_at + GOOD_FOR_SECONDS
    with transaction.atomic():
        Device.objects.select_for_update().get(pk=device.pk)  # One at a time for each device.
        counter = next_counter(device)
        identity = bytes.fromhex(device.identity)
        order = wire.Order(identity, counter, issued_at, expires, by, command)
        return Order.objects.create(
            device=device,
            counter=counter,
            kind=wire.kind(command),
            lane=getattr(command, "lane", ""),
            until=getattr(command, "until", None),
            why=getattr(command, "why", ""),
            by=by,
            issued_at=issued_at,
            expires=expires,
            envelope=trust.sealed(encode(order), Purpose.COMMAND),
        )


def next_counter(device: Device) -> int:
    given = Order.objects.filter(device=device).aggregate(Max("counter"))["counter__max"] or 0
    reported = Report.objects.filter(device=device).first()
    return max(given, reported.answered if reported else 0) + 1
