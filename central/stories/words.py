"""What timelines call what happened, with an icon each, in both languages."""

from typing import NamedTuple

from central.live import words as live
from central.orders import words as orders
from wire import event
from wire.event import AnyEvent, Mode, Rung
from wire.row import Unknown
from wire.words import Words


class Sign(NamedTuple):
    """`tone` is go, wait, stop, idle or small; the icon says it without colour too."""

    tone: str
    icon: str


SIGNS: dict[str, Sign] = {
    **dict.fromkeys(("authorised", "reopened"), Sign("go", "→")),
    **dict.fromkeys(("passed", "passed-late", "driver-found"), Sign("go", "✓")),
    "abandoned": Sign("wait", "↩"),
    "undone": Sign("wait", "↩"),
    "uncertain": Sign("wait", "?"),
    "refused": Sign("stop", "✕"),
    **dict.fromkeys(
        ("tailgated", "forced", "wrong-way", "released", "obstructed"), Sign("stop", "!")
    ),
    **dict.fromkeys(("sensor-fault", "driver-lost", "key-suspected"), Sign("stop", "!")),
    **dict.fromkeys(("budget-used-up", "list-distrusted", "cabinet-opened"), Sign("stop", "!")),
    **dict.fromkeys(("configuration-refused", "enrolment-shown", "power-lost"), Sign("stop", "!")),
    **dict.fromkeys(("epoch-began", "started", "stopped", "rung-changed"), Sign("idle", "●")),
    **dict.fromkeys(("mode-changed", "opened-by-hand", "clock-stepped"), Sign("wait", "!")),
    "left": Sign("idle", "←"),
}
SMALL = Sign("small", "·")
KINDS: dict[str, Words] = {
    **live.KINDS,
    "undone": Words("已撤销", "Withdrawn"),
    "pulsed": Words("开闸脉冲", "Relay pulsed"),
    "epoch-began": Words("新的一段记录开始", "A new epoch of its journal"),
    "started": Words("程序启动", "Started"),
    "stopped": Words("程序停止", "Stopped"),
    "list-applied": Words("名单更新", "List applied"),
    "cabinet-opened": Words("机箱被打开", "Cabinet opened"),
    "power-lost": Words("断电", "Power lost"),
    "unreadable": Words("读不懂的记录", "A row that cannot be read"),
}


def sign(kind: str) -> Sign:
    return SIGNS.get(kind, SMALL)


def kind_words(kind: str) -> Words:
    return KINDS.get(kind, Words(kind, kind))


def detail(happened: AnyEvent | Unknown) -> Words:
    """Return what is worth knowing of an event beyond its kind and place; often nothing."""
    said = [part for part in _parts(happened) if part is not None]
    return Words("，".join(one.zh for one in said), ", ".join(one.en for one in said))


def _parts(happened: AnyEvent | Unknown) -> tuple[Words | None, ...]:
    match happened:
        case event.Refused():
            return (live.REASONS.get(happened.reason.value), _times(happened.count))
        case event.Authorised():
            return (
                _persons(happened.quantity),
                _unless_fresh(happened.rung),
                None if happened.confirmed else Words("名单未能证实", "no list confirmed it"),
            )
        case event.Passed(assumed=True):
            return (Words("无传感器证实", "no sensor saw it"),)
        case event.Outcome(person=person) if person > 1 or happened.count > 1:
            last = person + happened.count - 1
            which = str(person) if last == person else f"{person}–{last}"
            return (Words(f"第 {which} 人", f"person {which}"), _why(happened))
        case _:
            return _of_the_device(happened)


def _of_the_device(happened: AnyEvent | Unknown) -> tuple[Words | None, ...]:
    match happened:
        case event.RungChanged(rung=rung):
            return (live.RUNGS.get(rung.value), _why(happened))
        case event.EpochBegan(without_memory=True):
            return (Words("此前的记录已丢失", "what was before is lost"), _why(happened))
        case event.ListApplied(sequence=sequence):
            return (Words(f"第 {sequence} 号", f"number {sequence}"),)
        case event.CommandAnswered(order=order):
            return (orders.KINDS.get(order, Words(order, order)), _why(happened))
        case event.ModeChanged(mode=mode, by=by):
            return (MODES[mode], Words(by, f"by {by}"))
        case event.ClockStepped(seconds=seconds):
            return (Words(f"{seconds:+.0f} 秒", f"{seconds:+.0f} s"),)
        case _:
            named = (getattr(happened, name, "") for name in ("daemon", "driver", "by"))
            return (*(Words(one, one) for one in named if one), _why(happened))


MODES: dict[Mode, Words] = {
    Mode.NORMAL: Words("正常", "normal"),
    Mode.FREE_PASS: Words("自由通行", "free passage"),
    Mode.OUT_OF_SERVICE: Words("暂停使用", "out of service"),
    Mode.HELD_OPEN: Words("保持打开", "held open"),
    Mode.LOCKED: Words("暂停入场", "entry locked"),
}


def _persons(count: int) -> Words | None:
    return Words(f"{count} 人", f"{count} persons") if count != 1 else None


def _times(count: int) -> Words | None:
    return Words(f"{count} 次", f"{count} times") if count != 1 else None


def _unless_fresh(rung: Rung) -> Words | None:
    return None if rung is Rung.FRESH else live.RUNGS.get(rung.value)


def _why(happened: AnyEvent | Unknown) -> Words | None:
    why = str(getattr(happened, "why", ""))
    return Words(why, why) if why else None
