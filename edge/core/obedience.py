"""Whether an order may be obeyed, and what it asks of the lanes.

An order that this device can read, that is signed by whom it believes, addressed to it and newer
than all it has answered, gets one answer: obeyed, or not and why. Anything else is a stray
(strays.py), which cannot use up a counter.

Too late is judged by central's clock: the last signed heartbeat and the uptime since. Without one
in this life nothing is obeyed, a lock as little as a free pass: whoever carries orders brings a
heartbeat every second, and an exception would only let an old order be held back and played. So
would old heartbeats after a restart: what expired before the clock's floor is refused as well.
"""

from dataclasses import dataclass
from typing import assert_never

import msgspec

from edge.core.lane import AnySignal, Identify, ModeSet, OpenOnce, State
from edge.core.strays import Stray, said
from wire import command as wire
from wire.codec import WireError, decode
from wire.command import COMMAND_SECONDS_MAX, AnyCommand, Order
from wire.event import CommandAnswered, Mode
from wire.words import Words

ORDER_BYTES_MAX = 4096
HELD_OPEN_SECONDS_MAX = 24 * 3600
IDENTIFY_SECONDS_MAX = 300
AHEAD_SECONDS_MAX = 60
"""An order from later than this after the signed time: the time is held back."""

FIRE = Words("消防已放行", "fire has released the lanes")
NOT_HERE = Words("此设备不支持", "not supported by this device")


class Addressed(msgspec.Struct, frozen=True):
    """As much of an order as a device of any age can read."""

    device: bytes
    counter: int
    by: str = ""


@dataclass(frozen=True, slots=True)
class Door:
    """A lane of this device, as far as an order is concerned."""

    name: str
    entry: bool
    """Needs a ticket: what a lock closes."""
    state: State
    stays_open: bool


@dataclass(frozen=True, slots=True)
class Situation:
    """The device at the moment of deciding."""

    uptime: float
    wall: float | None
    """By the last signed heartbeat; None: none was heard in this life."""
    doors: tuple[Door, ...]
    fire: bool
    floor: float = 0.0
    """What time it is at least, as signed words of earlier lives have it too."""
    fault: str = ""
    """What is wrong with the configuration that a reload would read."""
    sets_clock: bool = False
    reloads: bool = True


def read(payload: bytes, device: bytes) -> Order | Addressed | Stray:
    """Return the order in what central sealed, or as much of it as we understand."""
    try:
        addressed = decode(payload, Addressed)
    except WireError:
        return Stray.UNREADABLE
    if addressed.device != device:
        return Stray.FOREIGN
    if addressed.counter < 1:
        return Stray.UNREADABLE
    try:
        return decode(payload, Order)
    except WireError:
        return addressed


def judge(order: Order | Addressed, answered: int, situation: Situation) -> CommandAnswered | Stray:
    """Return the one answer; `answered` is the highest counter that was answered before."""
    if order.counter <= answered:
        return Stray.REPLAYED
    if isinstance(order, Addressed):
        kind = "unknown"
        why: Words | None = Words("此版本不认识该指令", "this version does not know the order")
    else:
        kind = wire.kind(order.command)
        why = _too_late(order, situation) or _unfit(order.command, situation)
    told = "" if why is None else said(why)
    return CommandAnswered(
        counter=order.counter, order=kind, by=order.by, done=why is None, why=told
    )


def turned_away(order: Order | Addressed | None, stray: Stray, answered: int) -> CommandAnswered:
    """Return what is recorded of a stray; central is told how far this device has counted."""
    kind = wire.kind(order.command) if isinstance(order, Order) else ""
    by = order.by if order else ""
    why = said(stray.value)
    return CommandAnswered(counter=0, order=kind, by=by, done=False, why=why, highest=answered)


def signals(order: Order, situation: Situation) -> list[tuple[str, AnySignal]]:
    """Return what an order that is obeyed means to which lane."""
    command = order.command
    told: AnySignal
    match command:
        case wire.OpenOnce(why=why):
            told = OpenOnce(order.by, why)
        case wire.HoldOpen(until=until):
            told = ModeSet(Mode.HELD_OPEN, order.by, _uptime(until, situation))
        case wire.FreePass(until=until):
            told = ModeSet(Mode.FREE_PASS, order.by, _uptime(until, situation))
        case wire.LockEntry():
            told = ModeSet(Mode.LOCKED, order.by)
        case wire.BackToNormal():
            told = ModeSet(Mode.NORMAL, order.by)
        case wire.Identify(seconds=seconds):
            told = Identify(float(seconds))
        case wire.Reload() | wire.SendLogs() | wire.ResetClockFloor():
            return []
        case _:
            assert_never(command)
    doors = _doors(command, situation)
    locks = isinstance(command, wire.LockEntry)
    return [(door.name, told) for door in doors if door.entry or not locks]


def fire_came_first(answer: CommandAnswered) -> CommandAnswered:
    """Return the correction of a lock that fire overtook after it was answered."""
    return msgspec.structs.replace(answer, done=False, why=said(FIRE))


def _too_late(order: Order, situation: Situation) -> Words | None:
    wall = situation.wall
    if wall is None:
        return Words("启动后尚未收到中心签名的时间", "no signed time since this was started")
    if not 0 < order.expires - order.issued_at <= COMMAND_SECONDS_MAX:
        return Words("有效期过长", f"good for longer than {COMMAND_SECONDS_MAX} s")
    if wall > order.expires:
        late = round(wall - order.expires)
        return Words(f"已过期 {late} 秒", f"expired {late} s ago")
    if order.issued_at > wall + AHEAD_SECONDS_MAX:
        return Words("来自将来：时间信号被扣留", "from the future: the signed time is held back")
    resets = isinstance(order.command, wire.ResetClockFloor)  # Which is for a floor too high.
    if situation.floor > order.expires and not resets:
        en = "before the clock's floor: old heartbeats, or a wrong floor"
        return Words("早于时钟下限：旧信号重放，或下限有误", en)
    return None


def _unfit(command: AnyCommand, situation: Situation) -> Words | None:
    """Return why the device cannot do it now, or None."""
    match command:
        case wire.Reload():
            fault = situation.fault
            if not situation.reloads:
                return NOT_HERE
            return Words("配置有误", fault) if fault else None
        case wire.SendLogs():
            return None
        case wire.ResetClockFloor():
            return None if situation.sets_clock else NOT_HERE
        case _:
            return _unfit_for_lanes(command, situation)


def _unfit_for_lanes(command: wire.OnLanes, situation: Situation) -> Words | None:
    doors = _doors(command, situation)
    if not doors:
        return _no_doors(command.lane, situation)
    match command:
        case wire.OpenOnce():
            busy = [d.name for d in doors if d.stays_open or d.state is not State.CLOSED]
            if situation.fire:
                return FIRE
            return Words(f"{busy[0]} 正有人通过", f"{busy[0]} is open or in use") if busy else None
        case wire.HoldOpen(until=until) | wire.FreePass(until=until):
            return _unfit_end(until, situation)
        case wire.LockEntry():
            if situation.fire:
                return FIRE
            if any(door.entry for door in doors):
                return None
            return Words("出口不能锁", "an exit is never locked")
        case wire.Identify(seconds=seconds):
            if situation.fire:
                return FIRE
            if 1 <= seconds <= IDENTIFY_SECONDS_MAX:
                return None
            return Words("时长无效", f"1 to {IDENTIFY_SECONDS_MAX} s, not {seconds}")
        case wire.BackToNormal():
            return None
        case _:
            assert_never(command)


def _no_doors(lane: str, situation: Situation) -> Words:
    if not situation.doors:
        return Words("此设备没有通道", "this device has no lanes")
    return Words(f"没有通道 {lane}", f"there is no lane {lane}")


def _unfit_end(until: int, situation: Situation) -> Words | None:
    """Return what is wrong with the end of a lane that is to stay open; it must have one."""
    left = until - (situation.wall or 0.0)
    if left <= 0:
        return Words("结束时间已过", "its end is over")
    if left > HELD_OPEN_SECONDS_MAX:
        return Words("最长 24 小时", "its end is more than 24 hours away")
    return None


def _doors(command: wire.OnLanes, situation: Situation) -> list[Door]:
    return [door for door in situation.doors if command.lane in ("", door.name)]


def _uptime(until: int, situation: Situation) -> float:
    return situation.uptime + until - (situation.wall or 0.0)
