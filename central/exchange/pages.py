"""The page of kiosks: printers, paper left, and the books of papers, for whoever is logged in."""

import time
from datetime import datetime
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import get_language

from central.exchange import books
from central.exchange.models import Paper, PrinterState
from central.live.words import spoken
from wire.paper import PaperClass
from wire.words import Words

NEWEST = 50
SILENT_SECONDS = 60
NEAR_END_TICKETS = 40

CLASSES = {
    PaperClass.EXCHANGED: Words("已换票", "exchanged"),
    PaperClass.REISSUED: Words("补打", "reissued"),
    PaperClass.UNKNOWN: Words("不明", "unknown"),
    PaperClass.RETRACTED: Words("收回", "retracted"),
    PaperClass.TEST: Words("测试", "tests"),
    PaperClass.RECEIPT: Words("收据", "receipts"),
}
STATES = {
    "enough": Words("就绪", "ready"),
    "unknown": Words("就绪", "ready"),
    "near-end": Words("纸将用尽", "paper near its end"),
    "end": Words("没纸", "out of paper"),
    "paper-end": Words("没纸", "out of paper"),
    "gone": Words("未连接", "not connected"),
    "silent": Words("没有应答", "does not answer"),
    "cover-open": Words("盖子打开", "cover open"),
    "jam": Words("卡纸", "paper jam"),
    "cutter": Words("切刀故障", "cutter stuck"),
    "paper-waiting": Words("票未取走", "a paper was left"),
    "too-hot": Words("过热", "too hot"),
    "broken": Words("需要维修", "needs a technician"),
    "stopped": Words("脱机", "offline"),
}


@login_required(login_url="/admin/login/")
def page(request: HttpRequest) -> HttpResponse:
    language = get_language() or "zh-hans"
    told = {
        "zh": language.startswith("zh"),
        "language": language,
        "kiosks": [_kiosk(one, language) for one in books.kiosks()],
        "classes": [spoken(said, language) for said in CLASSES.values()],
        "papers": _newest(),
    }
    return render(request, "exchange/page.html", told)


def alarms() -> list[dict[str, Any]]:
    """Return what somebody has to see to at a kiosk, for the live page: {kind, device, key, ms}."""
    found = []
    for one in books.kiosks():
        state = one.state
        if state is None:
            continue
        if not state.able or _low(state):
            kind = "paper-near-end" if state.able else "printer-cannot"
            about = {"kind": kind, "device": one.device.name, "key": "", "ms": state.wall_ms}
            found.append(about)
        if one.books.balanced is False:
            about = {"kind": "papers-unbalanced", "device": one.device.name, "key": ""}
            found.append({**about, "ms": round(time.time() * 1000)})
    return found


def _kiosk(one: books.Kiosk, language: str) -> dict[str, Any]:
    state, seen = one.state, one.device.last_seen
    silent = seen is None or (timezone.now() - seen).total_seconds() > SILENT_SECONDS
    return {
        "name": one.device.name,
        "silent": silent,
        "state": spoken(STATES.get(state.state, Words(state.state, state.state)), language)
        if state
        else "—",
        "able": bool(state and state.able),
        "left": state.paper_left if state else None,
        "low": bool(state and _low(state)),
        "day_ended": _at(state.day_ended_ms) if state and state.day_ended_ms else None,
        "day_by": state.day_ended_by if state else "",
        "counts": [one.books.classes[kind] for kind in CLASSES],
        "under_way": one.books.under_way,
        "cut": one.books.cut,
        "known": one.books.known,
        "most": one.books.known + one.books.classes[PaperClass.UNKNOWN],
        "balanced": one.books.balanced,
    }


def _low(state: PrinterState) -> bool:
    left = state.paper_left
    return state.state == "near-end" or (left is not None and left < NEAR_END_TICKETS)


def _at(wall_ms: int) -> datetime | None:
    """Return a time in the venue's zone; None for one that no calendar has."""
    try:
        return datetime.fromtimestamp(wall_ms / 1000, timezone.get_current_timezone())
    except (ValueError, OverflowError, OSError):
        return None


def _newest() -> list[dict[str, Any]]:
    found = Paper.objects.select_related("device", "ticket__ticket_class__event")
    return [
        {
            "at": _at(one.wall_ms or one.granted_at * 1000),
            "kiosk": one.device.name,
            "state": one.get_step_display(),
            "sort": one.get_sort_display(),
            "generation": one.generation,
            "ticket": str(one.ticket)[:12] if one.ticket else "",
            "event": str(one.ticket.ticket_class.event) if one.ticket else "",
            "by": one.by,
            "why": one.why,
        }
        for one in found.order_by("-wall_ms", "-pk")[:NEWEST]
    ]
