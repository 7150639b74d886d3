"""What the live page shows, asked of the database once for all who look."""

import time
from typing import Any

from django.db.models import Sum
from django.utils import timezone

from central.exchange import pages as kiosks
from central.ledger import footing
from central.ledger.models import Footing, Row
from central.ledger.totals import totals
from central.live.words import KINDS
from central.venue.models import Device, Event, Ticket, Venue

FEED = 30
STEP_SECONDS = 10
STEPS = 60
SILENT_SECONDS = 30


def picture() -> dict[str, Any]:
    """Return counters, reasons, the newest events, the curve and the devices."""
    books = totals()
    return {
        "venue": _venue(),
        "counters": {
            name: books[name]
            for name in ("admitted", "passed", "abandoned", "uncertain", "refused")
        },
        "doubles": books["doubles"],
        "alarms": [*kiosks.alarms(), *footing.alarms()],
        "reasons": sorted(books["reasons"].items(), key=lambda one: -one[1]),
        "feed": _feed(),
        "curve": _curve(),
        "devices": _devices(books["rows"]),
    }


def _venue() -> dict[str, Any]:
    venue, show = Venue.objects.first(), Event.objects.first()
    return {
        "zh": venue.name_zh if venue else "",
        "en": venue.name_en if venue else "",
        "event_zh": show.name_zh if show else "",
        "event_en": show.name_en if show else "",
        "good": Ticket.objects.filter(standing="good").aggregate(Sum("quantity"))["quantity__sum"]
        or 0,
    }


def _feed() -> list[dict[str, Any]]:
    newest = Row.objects.filter(kind__in=KINDS).select_related("device").order_by("-pk")[:FEED]
    return [
        {
            "id": row.pk,
            "kind": row.kind,
            "reason": row.reason,
            "persons": row.persons,
            "lane": row.lane,
            "device": row.device.name,
            "wall_ms": row.wall_ms,
        }
        for row in newest
    ]


def _curve() -> dict[str, Any]:
    """Return persons admitted and refused in each step of the last ten minutes, oldest first."""
    now_ms = time.time() * 1000
    step_ms = STEP_SECONDS * 1000
    first = int(now_ms // step_ms) - STEPS + 1
    admitted, refused = [0] * STEPS, [0] * STEPS
    rows = Row.objects.filter(
        kind__in=("authorised", "refused"), wall_ms__gte=first * step_ms
    ).values_list("kind", "wall_ms", "persons")
    for kind, wall_ms, persons in rows:
        step = int(wall_ms // step_ms) - first
        if 0 <= step < STEPS:
            (admitted if kind == "authorised" else refused)[step] += persons
    return {"step_seconds": STEP_SECONDS, "admitted": admitted, "refused": refused}


def _devices(rows: dict[str, dict[str, int]]) -> list[dict[str, Any]]:
    now = timezone.now()
    known = {one.device_id: one for one in Footing.objects.all()}
    return [
        {
            **_footing(known.get(device.pk, Footing())),
            "name": device.name,
            "seen_seconds": round((now - device.last_seen).total_seconds())
            if device.last_seen
            else None,
            "silent": device.last_seen is None
            or (now - device.last_seen).total_seconds() > SILENT_SECONDS,
            "rows": sum(rows.get(device.identity, {}).values()),
            "list": device.list_sequence,
        }
        for device in Device.objects.order_by("name")
    ]


def _footing(known: Footing) -> dict[str, Any]:
    """Return what a device's decisions stand on; empty words where it has said nothing."""
    return {
        "rung": known.rung,
        "since_ms": known.since_ms,
        "why": known.why,
        "unconfirmed": known.unconfirmed,
        "used_up": known.used_up,
        "clock": known.clock,
        "skew_ms": known.skew_ms,
    }
