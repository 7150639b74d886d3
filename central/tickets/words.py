"""How pages say what is known of a ticket: Chinese and English side by side."""

from typing import Any

from central.core.refund import Finding, Why
from central.times import second

OUTCOMES = {
    "reserved": "正在通过 passing now",
    "abandoned": "未通过 did not walk in",
    "uncertain": "不确定是否入场 uncertain",
    "passed": "已入场 walked in",
    "passed-late": "已入场（迟）walked in late",
    "undone": "已撤销 undone",
}
STANDINGS = {
    "good": "有效 good",
    "blocked": "已冻结 blocked",
    "refunded": "已退 refunded",
    "rescheduled": "已改签 rebooked",
}


def clock(unix: float | None) -> str:
    """Return a time as people at the venue say it."""
    return "" if unix is None else second(unix)


def sentences(told: dict[str, Any]) -> list[str]:
    """Return what an inquiry (central.tickets.inquiry.told) found, a sentence each."""
    said = [
        f"{OUTCOMES[one['outcome']]}：{one['where']} {clock(one['at'])}"
        for one in told.get("admissions", ())
    ]
    said += [_silent(gate) for gate in told.get("silent_gates", ())]
    if told.get("finding") == Finding.NOT_ADMITTED:
        said.append("未入场 · Not admitted")
    said += [
        f"已换纸质票：{paper['where']} {clock(paper['at'])} · Printed"
        for paper in told.get("papers", ())
    ]
    gates = told.get("confirming_gates", 0)
    if gates:
        said.append(
            f"在线设备稍后即可确认：{gates} 台 · Devices in touch that confirm in a moment: {gates}"
        )
    return said


def _silent(gate: dict[str, Any]) -> str:
    name, since = gate["gate"], clock(gate["since"])
    match Why(gate["why"]):
        case Why.SILENT:
            return (
                f"可能已入场：{name} 自 {since} 失联 · May have been: {name} silent since {since}"
            )
        case Why.NEVER_HEARD:
            return f"可能已入场：{name} 从未联系 · May have been: {name} was never heard of"
        case Why.ROWS_MISSING:
            return f"可能已入场：{name} 的记录尚未到齐 · May have been: rows of {name} are to come"
        case Why.ROWS_LOST:
            return f"可能已入场：{name} 有记录丢失 · May have been: rows of {name} are lost"
