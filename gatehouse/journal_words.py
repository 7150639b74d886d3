"""What the events of a journal are called, and how much each of them matters, in both languages."""

from dataclasses import dataclass
from enum import Enum

from msgspec.structs import fields

from edge.core import notice
from wire.event import AnyEvent, ClockQuality, Mode, Rung
from wire.reason import Reason
from wire.row import Unknown
from wire.words import Words

CTI_SHOWN = 8
"""Hexadecimal digits; enough to ask for the ticket by."""
ADMISSION_SHOWN = 6
"""So that an outcome is seen to belong to what it is the outcome of."""


class Weight(Enum):
    """(icon, style of rich): the icon and the words say it without colour too."""

    GOOD = ("✓", "green")
    REFUSED = ("✗", "red")
    ATTENTION = ("!", "yellow")
    ALARM = ("▲", "bold red")
    STATE = ("●", "cyan")
    SMALL = ("·", "dim")


@dataclass(frozen=True, slots=True)
class Kind:
    weight: Weight
    words: Words


KINDS: dict[str, Kind] = {
    "authorised": Kind(Weight.GOOD, Words("放行", "Admitted")),
    "reopened": Kind(Weight.GOOD, Words("再次放行", "Reopened")),
    "passed": Kind(Weight.GOOD, Words("已入场", "Walked in")),
    "passed-late": Kind(Weight.GOOD, Words("迟到入场", "Walked in late")),
    "abandoned": Kind(Weight.ATTENTION, Words("未通过", "Did not walk in")),
    "uncertain": Kind(Weight.ATTENTION, Words("不确定", "Uncertain")),
    "undone": Kind(Weight.ATTENTION, Words("已撤销", "Withdrawn")),
    "refused": Kind(Weight.REFUSED, Words("拒绝", "Refused")),
    "pulsed": Kind(Weight.SMALL, Words("开闸脉冲", "Relay pulsed")),
    "left": Kind(Weight.SMALL, Words("离场", "Left")),
    "tailgated": Kind(Weight.ALARM, Words("尾随", "Tailgated")),
    "forced": Kind(Weight.ALARM, Words("强行通过", "Forced")),
    "wrong-way": Kind(Weight.ALARM, Words("逆行", "Wrong way")),
    "obstructed": Kind(Weight.ATTENTION, Words("通道受阻", "Obstructed")),
    "sensor-fault": Kind(Weight.ATTENTION, Words("传感器异常", "Sensor fault")),
    "released": Kind(Weight.ALARM, Words("消防放行", "Fire release")),
    "secured": Kind(Weight.STATE, Words("恢复管控", "Secured")),
    "mode-changed": Kind(Weight.STATE, Words("模式变更", "Mode changed")),
    "opened-by-hand": Kind(Weight.ATTENTION, Words("人工开闸", "Opened by hand")),
    "epoch-began": Kind(Weight.STATE, Words("新纪元", "Epoch began")),
    "started": Kind(Weight.STATE, Words("程序启动", "Started")),
    "stopped": Kind(Weight.STATE, Words("程序停止", "Stopped")),
    "clock-stepped": Kind(Weight.ATTENTION, Words("时钟跳变", "Clock stepped")),
    "list-applied": Kind(Weight.STATE, Words("名单更新", "List applied")),
    "rung-changed": Kind(Weight.STATE, Words("名单状态变化", "List state")),
    "list-distrusted": Kind(Weight.ALARM, Words("名单可疑", "List distrusted")),
    "key-suspected": Kind(Weight.ALARM, Words("密钥可能泄露", "Key may have leaked")),
    "budget-used-up": Kind(Weight.ALARM, Words("离线额度用尽", "Offline budget used up")),
    "command-answered": Kind(Weight.STATE, Words("指令", "Command")),
    "configuration-applied": Kind(Weight.STATE, Words("配置生效", "Configuration applied")),
    "configuration-refused": Kind(Weight.ALARM, Words("配置被拒", "Configuration refused")),
    "enrolment-shown": Kind(Weight.ALARM, Words("出示了登记码", "Enrolment code shown")),
    "driver-lost": Kind(Weight.ALARM, Words("设备断开", "Device lost")),
    "driver-found": Kind(Weight.GOOD, Words("设备恢复", "Device back")),
    "cabinet-opened": Kind(Weight.ALARM, Words("机箱被打开", "Cabinet opened")),
    "power-lost": Kind(Weight.ALARM, Words("断电", "Power lost")),
    "reserved": Kind(Weight.STATE, Words("开始出票", "Paper begun")),
    "given-back": Kind(Weight.ATTENTION, Words("未出票，退回", "Not printed, given back")),
    "printed": Kind(Weight.SMALL, Words("打印机已收", "Taken by the printer")),
    "confirmed": Kind(Weight.SMALL, Words("已切纸确认", "Printed and cut")),
    "print-unknown": Kind(Weight.ALARM, Words("出票结果不明", "Print outcome unknown")),
    "retracted": Kind(Weight.ATTENTION, Words("票已收回", "Paper retracted")),
    "exchanged": Kind(Weight.GOOD, Words("已换纸票", "Exchanged for paper")),
    "reissued": Kind(Weight.ATTENTION, Words("人工补票", "Reissued by staff")),
    "test-printed": Kind(Weight.SMALL, Words("测试打印", "Test printed")),
    "receipt-printed": Kind(Weight.SMALL, Words("打印收据", "Receipt printed")),
    "printer-said": Kind(Weight.STATE, Words("打印机状态", "Printer")),
    "paper-changed": Kind(Weight.STATE, Words("更换纸卷", "Paper changed")),
    "day-ended": Kind(Weight.STATE, Words("日结", "Day ended")),
}
NOT_KNOWN = Kind(Weight.ATTENTION, Words("未知事件", "Unknown"))
UNREADABLE = Kind(Weight.ALARM, Words("记录损坏", "Unreadable row"))

CLOCKS = {
    ClockQuality.SIGNED: Words("已签", "signed"),
    ClockQuality.UNCONFIRMED: Words("未证实", "unconfirmed"),
    ClockQuality.SUSPECT: Words("可疑", "suspect"),
}
VALUES: dict[object, Words] = {
    Mode.NORMAL: Words("正常", "normal"),
    Mode.FREE_PASS: Words("自由通行", "free passage"),
    Mode.OUT_OF_SERVICE: Words("暂停使用", "out of service"),
    Mode.HELD_OPEN: Words("保持打开", "held open"),
    Mode.LOCKED: Words("暂停入场", "entry locked"),
    Rung.FRESH: Words("名单最新", "list fresh"),
    Rung.STALE: Words("名单较旧", "list stale"),
    Rung.SIGNATURE_AND_REVOCATIONS: Words("仅验签与冻结名单", "signature and revocations"),
    Rung.SIGNATURE_ONLY: Words("仅验签", "signature only"),
}
FLAGS: dict[tuple[str, bool], Words] = {
    ("assumed", True): Words("未经传感器确认", "no sensor saw it"),
    ("confirmed", False): Words("不在名单，用离线额度", "not listed, offline budget"),
    ("done", True): Words("已执行", "done"),
    ("done", False): Words("未执行", "not done"),
    ("suspect", True): Words("不再采信", "no longer believed"),
    ("suspect", False): Words("恢复采信", "believed again"),
    ("without_memory", True): Words("此前记录已丢失", "earlier rows are lost"),
}
LABELS: dict[str, Words] = {
    "checkpoint": Words("检票点", "checkpoint"),
    "quantity": Words("人数", "persons"),
    "person": Words("第几人", "person"),
    "count": Words("次数", "count"),
    "heads": Words("计数", "heads"),
    "form": Words("码型", "form"),
    "by": Words("操作", "by"),
    "order": Words("指令", "order"),
    "counter": Words("编号", "number"),
    "daemon": Words("程序", "daemon"),
    "version": Words("版本", "version"),
    "sequence": Words("序号", "sequence"),
    "seconds": Words("秒", "seconds"),
    "admissions": Words("未确认人数", "not confirmed"),
    "hours": Words("小时", "hours"),
    "kid": Words("密钥", "key"),
    "driver": Words("设备", "device"),
    "generation": Words("第几张", "generation"),
    "state": Words("状态", "state"),
    "cut": Words("切纸数", "cut"),
    "paper_left": Words("余票纸", "papers left"),
    "tickets": Words("每卷票数", "tickets a roll"),
    "why": Words("原因", "why"),
}


def kind_of(event: AnyEvent | Unknown | None) -> Kind:
    """Return what to call an event; None: a row that cannot be read."""
    if event is None:
        return UNREADABLE
    return NOT_KNOWN if isinstance(event, Unknown) else KINDS[tag(event)]


def tag(event: AnyEvent | Unknown) -> str:
    """Return the kind as it is spelled in the row."""
    return event.kind if isinstance(event, Unknown) else str(event.__struct_config__.tag)


def reason_words(reason: Reason) -> Words:
    """Return what the visitor was told."""
    return notice.REFUSALS[reason][0]


def details(event: AnyEvent | Unknown | None) -> str:
    """Return what a technician wants to know of an event beyond its kind, lane and time."""
    if event is None:
        return ""
    if isinstance(event, Unknown):
        return printable(event.kind)
    said = [
        _say(field.name, value)
        for field in fields(event)
        if _worth_saying(field.name, value := getattr(event, field.name), field.default)
    ]
    return " · ".join(word for word in said if word)


def _worth_saying(name: str, value: object, default: object) -> bool:
    if name == "quantity" or isinstance(value, Rung):
        return value not in (1, Rung.FRESH)
    return value != default or (name, value) in FLAGS


def _say(name: str, value: object) -> str:
    if isinstance(value, Reason):
        return f"{both(reason_words(value))} ({value.value})"
    if name == "cti" and isinstance(value, bytes):
        return f"票 ticket {value.hex()[:CTI_SHOWN]}"
    if name == "admission" and isinstance(value, bytes):
        return f"放行号 admission {value.hex()[:ADMISSION_SHOWN]}"
    if isinstance(value, bool):
        flag = FLAGS.get((name, value))
        return both(flag) if flag else ""
    if isinstance(value, Mode | Rung):
        return both(VALUES[value])
    label = LABELS.get(name)
    return f"{both(label)} {printable(str(value))}" if label else ""


def both(words: Words) -> str:
    return f"{words.zh} {words.en}"


def printable(text: str) -> str:
    """Return a text that does nothing to a terminal: it may hold what a driver was sent."""
    return "".join(one if one.isprintable() else "�" for one in text)
