"""The page of kiosks: printers, paper left, and the books of papers, for whoever is logged in."""

import time
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required, permission_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.views.decorators.http import require_POST

from central.core.papers import Day
from central.exchange import books
from central.exchange.models import Paper, PrinterState
from central.live.words import spoken
from central.venue.models import Device
from wire.paper import PaperClass
from wire.words import Words

NEWEST = 50
DAYS_SHOWN = 14
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
COUNT_DIGITS_MAX = 9
NO_COUNT = Words(
    "计数应为数字，最多 9 位：打印机自己的切纸总数。",
    "A count is a number of up to 9 digits: the papers that the printer says it has cut.",
)
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
        "may_count": request.user.has_perm("exchange.count_papers"),
    }
    return render(request, "exchange/page.html", told)


@login_required(login_url="/admin/login/")
@permission_required("exchange.count_papers", raise_exception=True)
@require_POST
def count(request: HttpRequest, device: int) -> HttpResponse:
    """Take the count that somebody read from a printer: it closes the day's books."""
    kiosk = get_object_or_404(Device, pk=device)
    typed = request.POST.get("cut", "").strip()
    # Digits of any script: int() reads them all. More of them than the counter has are a slip.
    if typed.isdecimal() and len(typed) <= COUNT_DIGITS_MAX:
        books.counted(kiosk, int(typed), request.user.get_username()[:80])
    else:
        language = get_language() or "zh-hans"
        messages.error(request, spoken(NO_COUNT, language))
    return HttpResponseRedirect(reverse("kiosks"))


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
        if state.gone:
            about = {"kind": "kiosk-lacks", "device": one.device.name, "key": ""}
            found.append({**about, "ms": state.gone_ms, "why": state.gone.replace(",", ", ")})
        if one.closed and one.closed.books.balanced is False:
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
        "gone": [spoken(_driver(name), language) for name in state.gone.split(",") if name]
        if state
        else [],
        "day_ended": _at(state.day_ended_ms) if state and state.day_ended_ms else None,
        "day_by": state.day_ended_by if state else "",
        "counts": [one.books.classes[kind] for kind in CLASSES],
        "pk": one.device.pk,
        "closed": _day(one.closed) if one.closed else None,
        "days": [_day(day) for day in one.days[:DAYS_SHOWN]],
    }


def _driver(name: str) -> Words:
    """Return what a driver of a kiosk is called."""
    known = {
        "browser": Words("屏幕：没有浏览器显示页面", "screen: no browser shows the page"),
        "card": Words("身份证读卡器断开", "ID card reader gone"),
    }
    return known.get(name, Words(f"读码器断开 {name}", f"code reader gone: {name}"))


def _day(day: Day) -> dict[str, Any]:
    known, unknown = day.books.known, day.books.classes[PaperClass.UNKNOWN]
    return {
        "day": day.day,
        "counts": [day.books.classes[kind] for kind in CLASSES],
        "cut": day.books.cut,
        "known": known,
        "most": known + unknown,
        "balanced": day.books.balanced,
        "under_way": day.books.under_way,
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
