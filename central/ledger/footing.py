"""What a device's decisions stand on, as its rows say: rung, offline budget, clock; and alarms.

Only a device knows what it knew. Central remembers what was said last, and finds what no device
can: an admission of a right that was never issued.
"""

import time
from datetime import datetime
from typing import Any

from django.db.models import F, QuerySet
from django.utils import timezone

from central.ledger import findings
from central.ledger.models import Footing, Incident, Row
from central.venue.models import Ticket
from wire import event
from wire.codec import WireError
from wire.delivery import Status
from wire.event import AnyEvent, Rung, Stamp
from wire.row import Unknown, decode_row

ALARM_MS = 24 * 3600 * 1000
"""How long an alarm stays on the live page."""
ALARMS_MAX = 20
WHY_CHARACTERS = 200
TURNED_AWAY = "configuration-not-ours"


def note(device: int, happened: AnyEvent | Unknown, stamp: Stamp) -> None:
    """Remember what a new row says of its device; inside the transaction that takes it in."""
    match happened:
        case event.RungChanged(rung=rung, why=why):
            _moved(device, rung, why, stamp)
        case event.Authorised(confirmed=False):
            _of(device)
            since = Footing.objects.filter(device_id=device, filled_ms__lte=stamp.wall_ms)
            since.update(unconfirmed=F("unconfirmed") + happened.quantity)
            _look_for(device, happened)
        case event.BudgetUsedUp():
            _of(device)
            since = Footing.objects.filter(device_id=device, filled_ms__lte=stamp.wall_ms)
            since.update(used_up=True)
        case _:
            pass


def note_clock(device: int, stamp: Stamp, received_ms: int) -> None:
    """Remember what a row that came at once says of the clock it was written by."""
    _of(device)
    Footing.objects.filter(device_id=device).update(
        clock=stamp.clock.value, skew_ms=max(-(2**62), min(2**62, stamp.wall_ms - received_ms))
    )


def note_list(device: int, status: Status, received_ms: int) -> None:
    """Remember which list a device's sync says it has."""
    ago, confirmed_ms = status.confirmed_seconds, None
    if ago is not None:
        confirmed_ms = received_ms - ago * 1000
    _of(device)
    Footing.objects.filter(device_id=device).update(
        list_told_ms=received_ms,
        list_sequence=status.sequence,
        list_confirmed_ms=confirmed_ms,
    )


def alarms() -> list[dict[str, Any]]:
    """Return the alarms of a day, newest first: {kind, device, key, ms}, and `why` of some."""
    since = time.time() * 1000 - ALARM_MS
    rows = Row.objects.filter(kind="key-suspected", received_ms__gte=since)
    found: list[dict[str, Any]] = [
        {"kind": row.kind, "device": row.device.name, "key": _kid(row), "ms": row.received_ms}
        for row in rows.select_related("device").order_by("-pk")[:ALARMS_MAX]
    ]
    found += [
        {"kind": TURNED_AWAY, "device": row.device.name, "key": "", "why": why, "ms": at}
        for row, why, at in _turned_away(Row.objects.filter(received_ms__gte=since))
    ]
    incidents = Incident.objects.filter(kind="not-issued", received_ms__gte=since)
    found += [
        {"kind": one.kind, "device": one.device.name, "key": "", "ms": one.received_ms}
        for one in incidents.select_related("device").order_by("-pk")[:ALARMS_MAX]
    ]
    return sorted(found, key=lambda one: -one["ms"])[:ALARMS_MAX]


def stands(device: int) -> str:
    """Return a device's footing in one line, for its page."""
    known = Footing.objects.filter(device_id=device).first()
    if known is None or not known.rung:
        return "—"
    try:
        at = datetime.fromtimestamp(known.since_ms / 1000, timezone.get_current_timezone())
        since = f"{at:%m-%d %H:%M}"
    except (ValueError, OverflowError, OSError):
        since = "?"  # A time that no calendar has.
    used_up = " 用尽 used up" if known.used_up else ""
    return (
        f"{known.rung} · {since} · 离线额度 budget {known.unconfirmed}{used_up}"
        f" · {known.clock} {known.skew_ms / 1000:+.1f} s"
    )


def suspected(device: int) -> str:
    """Return what was suspected of keys at a device, newest first, for its page."""
    rows = Row.objects.filter(device_id=device, kind="key-suspected").order_by("-pk")[:ALARMS_MAX]
    told = [f"key-suspected {_kid(row)}" for row in rows]
    told += [
        f"{TURNED_AWAY} {why}" for _, why, _ in _turned_away(Row.objects.filter(device=device))
    ]
    incidents = Incident.objects.filter(device_id=device, kind="not-issued").order_by("-pk")
    told += [f"not-issued {one.detail['cti']}" for one in incidents[:ALARMS_MAX]]
    return "\n".join(told) or "—"


def _turned_away(rows: QuerySet[Row]) -> list[tuple[Row, str, int]]:
    """Return what came to devices as a configuration of central's and was none, newest first."""
    refused = rows.filter(kind="configuration-refused").select_related("device").order_by("-pk")
    read = [(row, _happened(row)) for row in refused[:ALARMS_MAX]]
    return [
        (row, happened.why[:WHY_CHARACTERS], row.received_ms)
        for row, happened in read
        if isinstance(happened, event.ConfigurationRefused) and not happened.version
    ]


def _moved(device: int, rung: Rung, why: str, stamp: Stamp) -> None:
    known = _of(device)
    if rung is Rung.FRESH and stamp.wall_ms >= known.filled_ms:
        known.unconfirmed, known.used_up, known.filled_ms = 0, False, stamp.wall_ms
    if stamp.wall_ms >= known.since_ms:  # Live rows overtake older ones.
        known.rung, known.since_ms = rung.value, stamp.wall_ms
        known.why = why[:WHY_CHARACTERS].replace("\0", "\ufffd")
    known.save()


def _look_for(device: int, happened: event.Authorised) -> None:
    """Say it if nobody ever issued the right that a door let in unlisted: a key has leaked."""
    if Ticket.objects.filter(cti=happened.cti).exists():
        return
    detail = {"cti": happened.cti.hex(), "admission": happened.admission.hex()}
    findings.find(findings.NOT_ISSUED, device, detail, happened.cti)


def _of(device: int) -> Footing:
    return Footing.objects.get_or_create(device_id=device)[0]


def _happened(row: Row) -> AnyEvent | Unknown | None:
    try:
        return decode_row(bytes(row.body))[0]
    except WireError:
        return None


def _kid(row: Row) -> str:
    happened = _happened(row)
    return happened.kid[:8].hex() if isinstance(happened, event.KeySuspected) else ""
