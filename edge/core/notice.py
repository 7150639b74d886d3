"""What a lane tells a person: colour, shape, sound, and words in two languages.

The words say what happened and what to do next. They are chosen here, from values, so that every
panel (a lamp, a serial display, a page) tells the same story.
"""

from dataclasses import dataclass
from datetime import datetime, tzinfo
from enum import StrEnum
from functools import lru_cache

from wire.reason import Reason
from wire.words import Words


class Lamp(StrEnum):
    """Colour and shape together, since some people see no red and green."""

    IDLE = "idle"  # Blue ring: show your ticket.
    GO = "go"  # Green arrow.
    WAIT = "wait"  # Amber bars.
    STOP = "stop"  # Red cross.
    CLOSED = "closed"  # Dark, red bar: this lane is not in service.


class Sound(StrEnum):
    NONE = "none"
    ACCEPT = "accept"  # One short tone, 80 ms.
    REFUSE = "refuse"  # Three tones of 120 ms.
    ALARM = "alarm"  # One long tone, 800 ms.


@dataclass(frozen=True, slots=True)
class Notice:
    lamp: Lamp
    sound: Sound
    title: Words
    advice: Words
    seconds: float | None = None
    """How long to show it before the idle notice; None: until something else is shown."""


REFUSED_SECONDS = 3.0

IDLE = Notice(
    Lamp.IDLE,
    Sound.NONE,
    Words("请出示票码", "Show your ticket"),
    Words("将二维码对准读码口", "Hold the code to the reader"),
)
PLEASE_WAIT = Notice(
    Lamp.WAIT,
    Sound.NONE,
    Words("请稍候", "Please wait"),
    Words("等前面的人通过", "Let the person ahead walk through"),
)
ONE_MOMENT = Notice(
    Lamp.WAIT,
    Sound.NONE,
    Words("请稍候片刻", "One moment please"),
    Words("正在找回记录，请再试一次", "Records are being restored; try again"),
    3.0,
)
FREE = Notice(
    Lamp.GO,
    Sound.NONE,
    Words("自由通行", "Free passage"),
    Words("请直接通过，无需验票", "Walk through, no ticket needed"),
)
OUT_OF_SERVICE = Notice(
    Lamp.CLOSED,
    Sound.NONE,
    Words("暂停使用", "Out of service"),
    Words("请走旁边的通道", "Please use the next gate"),
)
HELD_OPEN = Notice(
    Lamp.GO,
    Sound.NONE,
    Words("通道已打开", "The gate is held open"),
    Words("请听从工作人员指引", "Please follow the staff"),
)
LOCKED = Notice(
    Lamp.CLOSED,
    Sound.NONE,
    Words("暂停入场", "Entry is paused"),
    Words("请稍候，离场不受影响", "Please wait; you may leave at any time"),
)
HERE = Notice(
    Lamp.WAIT,
    Sound.ACCEPT,
    Words("正在查找本机", "Staff look for this gate"),
    Words("请照常通行", "Please go on as usual"),
)
EVACUATE = Notice(
    Lamp.GO,
    Sound.ALARM,
    Words("请立即离开", "Leave now"),
    Words("闸门已放开", "The gates are open"),
)
EXIT = Notice(Lamp.GO, Sound.NONE, Words("出口", "Exit"), Words("请直接通过", "Walk through"))

SEE_STAFF = Words("请找工作人员", "Please see staff")
NEXT_GATE = Words("请走旁边的通道", "Please use the next gate")
RIGHT_CODE = Words("请出示本场门票的二维码", "Show the code of your ticket")
HOLD_AGAIN = Words("请调亮屏幕再试一次", "Brighten the screen and try again")

REFUSALS: dict[Reason, tuple[Words, Words]] = {
    Reason.EMPTY: (Words("没有读到票码", "No code was read"), HOLD_AGAIN),
    Reason.OVERSIZED: (Words("这不是门票", "This is not a ticket"), RIGHT_CODE),
    Reason.NOT_A_TICKET: (Words("这不是门票", "This is not a ticket"), RIGHT_CODE),
    Reason.PAYMENT_CODE: (
        Words("这是付款码", "This is a payment code"),
        Words("请勿出示付款码，请出示票码", "Put it away and show your ticket"),
    ),
    Reason.STAFF_CARD: (
        Words("此工作卡在这里无效", "This staff card is not valid here"),
        Words("请联系值班主管", "Ask the supervisor"),
    ),
    Reason.ENROLMENT_CODE: (
        Words("这是设备登记码", "This enrols a device"),
        Words("请勿出示；已通知管理员", "Put it away; the admins were told"),
    ),
    Reason.MALFORMED: (Words("票码不完整", "The code is incomplete"), HOLD_AGAIN),
    Reason.UNKNOWN_KEY: (Words("无法识别此票", "Ticket not recognised"), SEE_STAFF),
    Reason.KEY_REVOKED: (Words("此票已作废", "Ticket withdrawn"), SEE_STAFF),
    Reason.FORGED: (Words("票码无效", "Ticket not genuine"), SEE_STAFF),
    Reason.STATIC_COPY: (
        Words("截图无效", "A screenshot is not enough"),
        Words("请打开动态票码", "Open the moving code on your phone"),
    ),
    Reason.CODE_TOO_OLD: (
        Words("动态码已过期", "The moving code is too old"),
        Words("请刷新票码再试", "Refresh the code and try again"),
    ),
    Reason.UNKNOWN: (Words("名单中没有此票", "Ticket not on the list"), SEE_STAFF),
    Reason.BLOCKED: (Words("此票已冻结", "Ticket blocked"), SEE_STAFF),
    Reason.REFUNDED: (
        Words("此票已退", "Ticket refunded"),
        Words("已退款，如有疑问请找工作人员", "Money was returned; ask staff if in doubt"),
    ),
    Reason.RESCHEDULED: (
        Words("此票已改签", "Ticket was rebooked"),
        Words("请出示新票码", "Show the new code"),
    ),
    Reason.SUPERSEDED: (
        Words("此票已换新票", "Replaced by a newer ticket"),
        Words("请出示新票或纸质票", "Show the new or the paper ticket"),
    ),
    Reason.WRONG_EVENT: (
        Words("不是本场的票", "Ticket for another event"),
        Words("请核对场次", "Check event and date"),
    ),
    Reason.WRONG_GATE: (
        Words("此票不能从这里进", "Not valid at this gate"),
        Words("请看票面上的入口", "See the entrance on your ticket"),
    ),
    Reason.TOO_EARLY: (
        Words("还没到入场时间", "Too early"),
        Words("请稍后再来", "Please come back later"),
    ),
    Reason.TOO_LATE: (Words("此票已过期", "Ticket expired"), SEE_STAFF),
    Reason.USED: (Words("此票已使用", "Ticket already used"), SEE_STAFF),
    Reason.BEING_USED: (Words("此票正在使用", "Ticket in use right now"), SEE_STAFF),
    Reason.TOO_MANY: (Words("人数已满", "Group is complete"), SEE_STAFF),
    Reason.COLLECTED: (Words("纸质票已取", "Paper was collected"), SEE_STAFF),
    Reason.BEING_COLLECTED: (Words("正在取票", "Being printed now"), SEE_STAFF),
    Reason.NOT_EXCHANGED: (
        Words("此票无需换票", "No paper needed"),
        Words("请持手机票码直接入场", "Your phone's code opens the gate"),
    ),
    Reason.NO_SUCH_ORDER: (Words("没有找到订单", "Order not found"), SEE_STAFF),
    Reason.TOO_MANY_TRIES: (Words("尝试次数过多", "Too many tries"), SEE_STAFF),
    Reason.NO_NETWORK: (Words("暂时无法联网", "No connection now"), SEE_STAFF),
    Reason.PRINTER_CANNOT: (Words("打印机不可用", "Printer not available"), SEE_STAFF),
    Reason.SEE_STAFF: (Words("需要人工处理", "Staff must help"), SEE_STAFF),
    Reason.OFFLINE_LIMIT: (Words("无法联网核验", "Cannot be confirmed now"), SEE_STAFF),
    Reason.OUT_OF_SERVICE: (Words("暂停使用", "Out of service"), NEXT_GATE),
    Reason.NO_RECORD: (Words("暂停使用", "Out of service"), NEXT_GATE),
    Reason.LIST_DAMAGED: (Words("名单有误", "List is being repaired"), SEE_STAFF),
    Reason.CLOCK_SUSPECT: (Words("时钟有误", "Clock is being set"), SEE_STAFF),
    Reason.NO_ANSWER: (
        Words("暂时无法核验此票", "Cannot be checked right now"),
        Words("请稍候再试，或找工作人员", "Try again in a moment, or see staff"),
    ),
}


@lru_cache(maxsize=256)
def go(persons: int, name: Words | None = None) -> Notice:
    """Walk through; `persons` may still enter on this ticket."""
    title = (
        Words("请进", "Please enter")
        if persons == 1
        else Words(f"请进，还有 {persons} 人", f"Please enter, {persons} persons")
    )
    return Notice(Lamp.GO, Sound.ACCEPT, title, name or Words("请逐个通过", "One at a time"))


def _clock_time(wall: float, zone: tzinfo | None) -> str | None:
    """Return month, day and time, or None for a time that no calendar has."""
    try:
        return datetime.fromtimestamp(wall, zone).strftime("%m-%d %H:%M")
    except (ValueError, OverflowError, OSError):
        return None


def caution(since: float | None, zone: tzinfo | None = None, forgets: bool = False) -> Words | None:
    """Say beside the resting words how old the list is; None: central confirms it.

    `forgets`: this device has lost its records, which matters more.

    `since`: when central last confirmed it, Unix seconds. Short: for those who look after a gate.
    """
    if forgets:
        return Words("本机记录曾丢失", "Records were lost")
    at = None if since is None else _clock_time(since, zone)
    return None if at is None else Words(f"名单截至 {at}", f"List as of {at}")


def refused(
    reason: Reason, since: float | None = None, where: str = "", zone: tzinfo | None = None
) -> Notice:
    """Say what happened, when and where if known, and what to do next.

    `since` is Unix seconds; `zone` is the venue's time zone.
    """
    title, advice = REFUSALS[reason]
    at = None if since is None else _clock_time(since, zone)
    if at is not None:
        match reason:
            case Reason.TOO_EARLY:
                advice = Words(f"{at} 开始入场", f"Entry from {at}")
            case Reason.USED:
                place = f" {where}" if where else ""
                title = Words(f"{at}{place} 已使用", f"Used {at}{place}")
            case _:
                pass
    if reason is Reason.BEING_USED and where:
        title = Words(f"此票正在 {where} 使用", f"In use at {where}")
    sound = Sound.NONE if reason is Reason.OUT_OF_SERVICE else Sound.REFUSE
    return Notice(Lamp.STOP, sound, title, advice, REFUSED_SECONDS)
