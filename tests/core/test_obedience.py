"""Whether an order may be obeyed: every rule, and every kind of order."""

from dataclasses import replace

import pytest

from edge.core import obedience, strays
from edge.core.lane import Identify as Blink
from edge.core.lane import ModeSet, State
from edge.core.lane import OpenOnce as Open
from edge.core.obedience import Addressed, Door, Situation
from edge.core.strays import Stray, Strays
from wire.codec import encode
from wire.command import (
    AnyCommand,
    BackToNormal,
    FreePass,
    HoldOpen,
    Identify,
    LockEntry,
    OpenOnce,
    Order,
    Reload,
    ResetClockFloor,
    SendLogs,
)
from wire.event import CommandAnswered, Mode

DEVICE = b"device-1"
NOW = 1_790_000_000
DOORS = (
    Door("A1", True, State.CLOSED, False),
    Door("A2", True, State.OPENED, False),
    Door("X1", False, State.CLOSED, False),
)
SITUATION = Situation(uptime=500.0, wall=float(NOW), doors=DOORS, fire=False)
EVERY: tuple[AnyCommand, ...] = (
    OpenOnce("A1"),
    HoldOpen("A1", NOW + 600),
    LockEntry(),
    FreePass("A1", NOW + 600),
    BackToNormal(),
    Reload(),
    Identify("A1"),
    SendLogs(),
    ResetClockFloor(NOW),
)


def order(command: AnyCommand, counter: int = 1, issued: int = NOW, good_for: int = 60) -> Order:
    return Order(DEVICE, counter, issued, issued + good_for, "chief", command)


def answer(
    command: AnyCommand, situation: Situation = SITUATION, answered: int = 0
) -> CommandAnswered:
    told = obedience.judge(order(command), answered, situation)
    assert isinstance(told, CommandAnswered)
    return told


@pytest.mark.parametrize("command", EVERY, ids=lambda one: type(one).__name__)
def test_every_order_that_is_good_is_obeyed(command: AnyCommand) -> None:
    told = answer(command, replace(SITUATION, sets_clock=True))
    assert (told.done, told.why, told.counter, told.by) == (True, "", 1, "chief")


@pytest.mark.parametrize("counter", [0, 1, 6, 7])
def test_an_order_is_answered_once_and_none_older(counter: int) -> None:
    assert obedience.judge(order(OpenOnce("A1"), counter), 7, SITUATION) is Stray.REPLAYED


@pytest.mark.parametrize("command", EVERY, ids=lambda one: type(one).__name__)
def test_without_a_signed_time_nothing_is_obeyed(command: AnyCommand) -> None:
    told = answer(command, replace(SITUATION, wall=None, sets_clock=True))
    assert not told.done
    assert "no signed time" in told.why


@pytest.mark.parametrize(
    ("issued", "good_for", "why"),
    [
        (NOW - 61, 60, "expired 1 s ago"),
        (NOW - 100_000, 60, "expired"),
        (NOW, 301, "longer than 300 s"),
        (NOW, 0, "longer than"),
        (NOW, -5, "longer than"),
        (NOW + 61, 60, "from the future"),
    ],
)
def test_an_order_is_good_for_minutes(issued: int, good_for: int, why: str) -> None:
    told = obedience.judge(order(OpenOnce("A1"), 1, issued, good_for), 0, SITUATION)
    assert isinstance(told, CommandAnswered)
    assert (told.done, told.counter) == (False, 1)
    assert why in told.why


def test_what_expired_before_the_floor_is_refused_but_what_lowers_it() -> None:
    """Old heartbeats and an order that was held back, both played after a restart."""
    played = replace(SITUATION, floor=NOW + 61.0, sets_clock=True)
    told = answer(OpenOnce("A1"), played)
    assert not told.done
    assert "before the clock's floor" in told.why
    assert answer(OpenOnce("A1"), replace(SITUATION, floor=NOW + 60.0)).done
    assert answer(ResetClockFloor(NOW), played).done


def test_an_order_is_good_until_its_last_second() -> None:
    told = obedience.judge(order(OpenOnce("A1"), 1, NOW - 60, 60), 0, SITUATION)
    assert isinstance(told, CommandAnswered)
    assert told.done


@pytest.mark.parametrize("command", [LockEntry(), OpenOnce("A1"), Identify()], ids=repr)
def test_during_a_fire_nobody_is_kept_nor_told_anything_else(command: AnyCommand) -> None:
    told = answer(command, replace(SITUATION, fire=True))
    assert not told.done
    assert told.why == "消防已放行 · fire has released the lanes"


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (OpenOnce("Z9"), "no lane Z9"),
        (OpenOnce("A2"), "A2 is open or in use"),
        (LockEntry("X1"), "an exit is never locked"),
        (FreePass("A1", NOW), "its end is over"),
        (HoldOpen("A1", NOW - 1), "its end is over"),
        (FreePass("A1", NOW + 24 * 3600 + 1), "24 hours"),
        (Identify(seconds=0), "1 to 300"),
        (Identify(seconds=100_000), "1 to 300"),
        (ResetClockFloor(NOW), "not supported"),
    ],
    ids=repr,
)
def test_what_cannot_be_done_is_refused_with_its_reason(command: AnyCommand, why: str) -> None:
    told = answer(command)
    assert not told.done
    assert why in told.why


def test_a_reload_of_a_bad_configuration_is_refused_with_the_sentence() -> None:
    told = answer(Reload(), replace(SITUATION, fault="zone.toml: patience: no such key"))
    assert (told.done, told.why) == (False, "配置有误 · zone.toml: patience: no such key")


def test_what_an_order_means_to_the_lanes() -> None:
    def told(command: AnyCommand) -> list[tuple[str, object]]:
        return list(obedience.signals(order(command), SITUATION))

    assert told(OpenOnce("A1", "wheelchair")) == [("A1", Open("chief", "wheelchair"))]
    until = ModeSet(Mode.FREE_PASS, "chief", 1100.0)
    assert told(FreePass("A1", NOW + 600)) == [("A1", until)]
    assert told(HoldOpen("A1", NOW + 1)) == [("A1", ModeSet(Mode.HELD_OPEN, "chief", 501.0))]
    assert [name for name, _ in told(LockEntry())] == ["A1", "A2"]
    assert [name for name, _ in told(BackToNormal())] == ["A1", "A2", "X1"]
    assert told(Identify("X1", 5)) == [("X1", Blink(5.0))]
    assert told(Reload()) == told(SendLogs()) == []


def test_another_devices_order_is_none_of_ours() -> None:
    foreign = Order(b"device-2", 1, NOW, NOW + 60, "chief", OpenOnce("A1"))
    assert obedience.read(encode(foreign), DEVICE) is Stray.FOREIGN
    ours = order(OpenOnce("A1"))
    assert obedience.read(encode(ours), DEVICE) == ours


@pytest.mark.parametrize("payload", [b"", b"\xff", encode({}), encode({"device": DEVICE})])
def test_any_bytes_give_an_answer(payload: bytes) -> None:
    assert obedience.read(payload, DEVICE) is Stray.UNREADABLE
    assert obedience.read(encode(order(Reload(), 0)), DEVICE) is Stray.UNREADABLE


def test_an_order_of_a_newer_central_is_answered() -> None:
    newer = {"device": DEVICE, "counter": 9, "by": "chief", "command": {"do": "sing"}}
    read = obedience.read(encode(newer), DEVICE)
    assert read == Addressed(DEVICE, 9, "chief")
    told = obedience.judge(read, 8, SITUATION)
    assert isinstance(told, CommandAnswered)
    assert (told.done, told.counter) == (False, 9)
    assert "does not know" in told.why


def test_strays_are_summed_by_the_minute() -> None:
    row = obedience.turned_away(None, Stray.FORGED, 4)
    assert (row.counter, row.done, row.highest) == (0, False, 4)
    known, first = strays.add(Strays(), Stray.FORGED, row, 0.0)
    assert first == row
    for _ in range(500):
        known, again = strays.add(known, Stray.FORGED, row, 30.0)
        assert again is None
    known, other = strays.add(known, Stray.FOREIGN, row, 30.0)
    assert other == row
    known, rows = strays.close(known, 59.0)
    assert rows == []
    known, rows = strays.close(known, 60.0)
    assert [one.count for one in rows] == [500]
    _, rows = strays.close(known, 1000.0)
    assert rows == []
