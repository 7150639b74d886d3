"""What the live page shows, asked of the database once for all who look."""

import time
from contextlib import suppress
from typing import Any

from django.db.models import Sum

from central.exchange import pages as kiosks
from central.ledger import footing
from central.ledger.models import Footing, Row
from central.ledger.totals import totals
from central.lists.changes import head
from central.live.words import KINDS, RUNGS
from central.stories.words import MODES
from central.venue.models import Device, Event, Ticket, Venue
from wire.codec import WireError
from wire.event import AnyEvent, DriverFound, DriverLost, ModeChanged, RungChanged
from wire.row import Unknown, decode_row
from wire.words import Words

FEED = 30
EXPLAINED = frozenset({"mode-changed", "rung-changed", "driver-lost", "driver-found"})
"""Kinds of which no column says the half that matters."""
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
            "said": _said(row),
        }
        for row in newest
    ]


def _said(row: Row) -> dict[str, str]:
    """Return what a lane was set to, or which part is lost; by whom is for a device's track.

    This page may be open to everybody.
    """
    told = Words("", "")
    if row.kind in EXPLAINED:
        with suppress(WireError):
            told = _explained(decode_row(bytes(row.body))[0])
    return {"zh": told.zh, "en": told.en}


def _explained(happened: AnyEvent | Unknown) -> Words:
    match happened:
        case ModeChanged(mode=mode):
            return MODES[mode]
        case RungChanged(rung=rung):
            return RUNGS[rung.value]
        case DriverLost(driver=driver) | DriverFound(driver=driver):
            return Words(driver, driver)
        case _:
            return Words("", "")


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
    known = {one.device_id: one for one in Footing.objects.all()}
    heads = {venue.pk: head(venue)[0] for venue in Venue.objects.all()}
    return [
        {
            **_footing(known.get(device.pk, Footing())),
            **_list(device, known.get(device.pk, Footing()), heads[device.venue_id]),
            **_seen(device, known.get(device.pk, Footing())),
            "name": device.name,
            "rows": sum(rows.get(device.identity, {}).values()),
        }
        for device in Device.objects.order_by("name")
    ]


def _seen(device: Device, known: Footing) -> dict[str, Any]:
    """Return when anything was heard of a device, by rows or by its word on the list."""
    told = [device.last_seen.timestamp()] if device.last_seen else []
    if known.list_told_ms is not None:
        told.append(known.list_told_ms / 1000)
    ago = round(max(0.0, time.time() - max(told))) if told else None
    return {"seen_seconds": ago, "silent": ago is None or ago > SILENT_SECONDS}


def _list(device: Device, known: Footing, at_head: int) -> dict[str, Any]:
    """Return how far a device's list goes, how many changes it is behind, and since when.

    `list` None: it has told, and has none. `list_seconds`: since central's word last was that its
    list is the newest, None: not as far as it has told.
    """
    confirmed = known.list_confirmed_ms
    if known.list_told_ms is None:
        return {"list": device.list_sequence, "behind": None, "list_seconds": None}
    return {
        "list": known.list_sequence,
        "behind": None if known.list_sequence is None else max(0, at_head - known.list_sequence),
        "list_seconds": None if confirmed is None else round(time.time() - confirmed / 1000),
    }


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
