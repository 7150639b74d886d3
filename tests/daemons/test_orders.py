"""Orders at a gate: simulated devices and clock, the real store, trust, machine and journal.

Whatever carries an order may be hostile: it holds none of central's keys, and that is all.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path

import pytest

from edge.drivers.panel_simulated import SimulatedPanel
from edge.drivers.reader_simulated import SimulatedReader
from edge.drivers.relay_simulated import SimulatedRelay
from edge.drivers.sensor_simulated import SimulatedSensor
from edge.gate.config import LaneConfig, ZoneConfig, cards, habits
from edge.gate.configuring import configuring as configured_by
from edge.gate.daemon import GateDaemon
from edge.gate.desk import Desk, Identity
from edge.gate.hardware import Hardware
from edge.gate.lane import LaneShell
from edge.gate.orders import Orders
from edge.runtime import config, service
from edge.runtime.clock import SimulatedClock, settle
from edge.runtime.intercom import LogsWanted, Ordered, Word
from edge.runtime.service import Life
from edge.store.configuration import zone_path
from edge.store.configuring import Configuring
from edge.store.journal import Journal, Transaction
from edge.store.whitelist import Whitelist
from rules.zone import Settings
from tests.daemons.test_gate import recorded
from tests.device import BOOT, DEVICE, stamp
from tests.threads import DirectThread
from tests.trusted import sealed, trusting
from wire import event
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
    SendLogs,
)
from wire.event import AnyEvent, Direction, Mode
from wire.signed import Purpose
from wire.snapshot import Heartbeat

WALL = 1_780_000_000
EXIT = LaneConfig(name="X1", direction=Direction.EXIT, free=True)


@dataclass
class Stage:
    clock: SimulatedClock
    folder: Path
    desk: Desk
    orders: Orders
    lanes: tuple[LaneShell, ...]
    relays: dict[str, SimulatedRelay]
    panels: dict[str, SimulatedPanel]
    fire: SimulatedSensor
    key: SimulatedSensor
    free: SimulatedSensor
    told: list[Word]
    configuring: Configuring[Settings]
    reader: SimulatedReader
    """Of A1."""

    async def beat(self, wall: float | None = None) -> None:
        """Central's heartbeat comes: it says `wall`, or the time it is."""
        now = self.clock.now()
        beat = Heartbeat("venue", 0, bytes(32), now.wall if wall is None else wall)
        await self.desk.heard(sealed(encode(beat), Purpose.HEARTBEAT), now.uptime)

    async def give(
        self, command: AnyCommand, counter: int = 1, device: bytes = DEVICE, issued: int = WALL
    ) -> bytes:
        """Give an order that is good for a minute; return its envelope."""
        order = Order(device, counter, issued, issued + 60, "chief", command)
        envelope = sealed(encode(order), Purpose.COMMAND)
        await self.carry(envelope)
        return envelope

    async def carry(self, envelope: bytes, retained: bool = False) -> None:
        await self.orders.hear(Ordered(envelope, retained))
        await settle()

    def title(self, lane: str = "A1") -> str:
        return self.panels[lane].shown[-1].title.en

    def mode(self, lane: int = 0) -> Mode:
        return self.lanes[lane].mode

    def held(self) -> bool:
        return self.relays["A1"].held

    def events(self) -> list[AnyEvent]:
        return recorded(self.folder)

    def answers(self) -> list[tuple[int, bool, str]]:
        """(counter, done, why in English) of each answer."""
        return [
            (one.counter, one.done, one.why.partition(" · ")[2])
            for one in self.events()
            if isinstance(one, event.CommandAnswered)
        ]


@asynccontextmanager
async def gate(
    folder: Path, boot: bytes = BOOT, wall: float = WALL, turned: bool = False
) -> AsyncIterator[Stage]:
    """Run a gate of one entry and one exit until the block ends.

    `turned`: the key of the entry stands at free passage.
    """
    clock, thread, told = SimulatedClock(wall, 100.0), DirectThread(), list[Word]()
    journal = Journal(folder, DEVICE, boot, os.urandom)
    journal.open(stamp(boot=boot))
    trust, zone = trusting(folder), ZoneConfig(checkpoint="hall")
    if zone_path(folder).exists():
        zone = config.load(zone_path(folder), ZoneConfig)
    identity = Identity(DEVICE, boot, b"k" * 32)
    desk = Desk(
        *(trust, Whitelist(folder, trust), journal, thread, clock, os.urandom),
        *(identity, zone, UTC),
    )
    key, free = SimulatedSensor(clock), SimulatedSensor(clock, turned)
    reader = SimulatedReader(clock)
    relays, panels = {}, {}
    lanes: list[LaneShell] = []
    for lane in (LaneConfig(name="A1"), EXIT):
        relays[lane.name], panels[lane.name] = SimulatedRelay(clock), SimulatedPanel()
        hardware = Hardware(
            readers={"reader": reader} if lane.name == "A1" else {},
            relay=relays[lane.name],
            sensors={"key_open_once": key, "key_free_pass": free} if lane.name == "A1" else {},
            panels=(panels[lane.name],),
        )
        locked = lane.name in journal.transact(Transaction.locked)
        told_habits = habits(lane, zone)
        around = (hardware, desk, clock, os.urandom)
        lanes.append(LaneShell(lane, told_habits, *around, locked=locked, cards=cards(zone)))
    fire, life = SimulatedSensor(clock), Life()
    orders = Orders(DEVICE, desk, tuple(lanes), clock, told.append)
    configuring = configured_by(DEVICE, folder, desk, tuple(lanes), thread, orders.note)
    configuring.begin()
    orders.reloads(configuring.fault, configuring.reload)
    daemon = GateDaemon(
        *(tuple(lanes), desk, clock, life, fire, None, "", orders),
        configuring=configuring,
    )
    running = asyncio.create_task(daemon.run())
    await settle()
    try:
        yield Stage(
            *(
                clock,
                folder,
                desk,
                orders,
                tuple(lanes),
                relays,
                panels,
                fire,
                key,
                free,
                told,
                configuring,
                reader,
            )
        )
    finally:
        life.stop("the test is over")
        await running


def play(folder: Path, story: Callable[[Stage], Awaitable[None]]) -> None:
    async def played() -> None:
        async with gate(folder) as stage:
            await stage.beat()
            await story(stage)

    asyncio.run(played())


def test_an_order_opens_once_and_is_answered_before(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        seen: list[list[tuple[int, bool, str]]] = []
        pulse = stage.relays["A1"].pulse

        async def watched(seconds: float) -> None:
            seen.append(stage.answers())
            await pulse(seconds)

        stage.relays["A1"].pulse = watched  # type: ignore[method-assign]
        await stage.give(OpenOnce("A1", "wheelchair"))
        assert seen == [[(1, True, "")]], "the answer is on disk when the relay closes"
        assert stage.title() == "Please enter"
        opened = [one for one in stage.events() if isinstance(one, event.OpenedByHand)]
        assert [(one.by, one.why, one.lane) for one in opened] == [("chief", "wheelchair", "A1")]

    play(tmp_path, story)


def test_a_replayed_order_is_refused_and_recorded_also_after_a_restart(tmp_path: Path) -> None:
    envelope: list[bytes] = []

    async def story(stage: Stage) -> None:
        envelope.append(await stage.give(OpenOnce("A1"), counter=5))
        await stage.clock.advance(10)
        await stage.carry(envelope[0])
        await stage.give(OpenOnce("A1"), counter=4)
        assert len(stage.relays["A1"].pulses) == 1
        replay = "answered before, it or a later one"
        assert stage.answers() == [(5, True, ""), (0, False, replay)]
        last = stage.events()[-1]
        assert isinstance(last, event.CommandAnswered)
        assert last.highest == 5

    async def restarted() -> None:
        async with gate(tmp_path, boot=b"boot-two") as stage:
            await stage.beat()
            await stage.carry(envelope[0])
            assert stage.relays["A1"].pulses == []
            assert stage.answers()[-1][:2] == (0, False)

    play(tmp_path, story)
    asyncio.run(restarted())


def test_an_expired_order_is_refused_whatever_our_own_clock_says(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        held_back = await stage.give(Identify(seconds=1), counter=1)
        assert held_back
        await stage.clock.advance(61)
        stage.clock.step_wall(-3600)
        await stage.give(OpenOnce("A1"), counter=2)
        assert stage.answers()[-1] == (2, False, "expired 1 s ago")
        await stage.carry(sealed(encode(Heartbeat("venue", 0, bytes(32), 0.0)), Purpose.HEARTBEAT))
        await stage.beat(WALL)  # An old heartbeat, played back to make it young again.
        await stage.give(OpenOnce("A1"), counter=3)
        assert stage.answers()[-1][:2] == (3, False)
        assert stage.relays["A1"].pulses == []

    play(tmp_path, story)


def test_without_a_heartbeat_in_this_life_nothing_is_obeyed(tmp_path: Path) -> None:
    async def story() -> None:
        async with gate(tmp_path) as stage:
            await stage.give(LockEntry())
            assert stage.answers() == [(1, False, "no signed time since this was started")]
            assert stage.mode() is Mode.NORMAL
            await stage.beat()
            await stage.give(LockEntry(), counter=2)
            assert stage.mode() is Mode.LOCKED

    asyncio.run(story())


def test_another_devices_order_is_refused_and_recorded(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        await stage.give(OpenOnce("A1"), device=b"device-2")
        assert stage.relays["A1"].pulses == []
        assert stage.answers() == [(0, False, "addressed to another device")]
        await stage.give(OpenOnce("A1"))  # And has used up no counter.
        assert len(stage.relays["A1"].pulses) == 1

    play(tmp_path, story)


@pytest.mark.parametrize("purpose", [one for one in Purpose if one is not Purpose.COMMAND])
def test_another_purposes_key_gives_no_order(tmp_path: Path, purpose: Purpose) -> None:
    async def story(stage: Stage) -> None:
        order = Order(DEVICE, 1, WALL, WALL + 60, "chief", OpenOnce("A1"))
        name = "root" if purpose is Purpose.ROLES else purpose.value
        from tests.trusted import key
        from wire.signed import seal

        for said in (purpose, Purpose.COMMAND):
            await stage.carry(seal(encode(order), said, key(name)))
        assert stage.relays["A1"].pulses == []
        assert stage.answers() == [(0, False, "signed by nobody who may")]

    play(tmp_path, story)


def test_an_order_with_any_bit_flipped_is_refused(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        order = Order(DEVICE, 1, WALL, WALL + 60, "chief", OpenOnce("A1"))
        envelope = sealed(encode(order), Purpose.COMMAND)
        for bit in range(0, len(envelope) * 8):
            flipped = bytearray(envelope)
            flipped[bit // 8] ^= 1 << bit % 8
            await stage.orders.hear(Ordered(bytes(flipped)))
        await settle()
        assert stage.relays["A1"].pulses == []
        assert {why for _, _, why in stage.answers()} <= {
            "signed by nobody who may",
            "cannot be read",
        }
        assert len(stage.answers()) == 2, "and it costs two rows, however often"

    play(tmp_path, story)


def test_a_retained_order_is_refused(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        order = Order(DEVICE, 1, WALL, WALL + 60, "chief", OpenOnce("A1"))
        await stage.carry(sealed(encode(order), Purpose.COMMAND), retained=True)
        assert stage.relays["A1"].pulses == []
        assert stage.answers() == [(0, False, "kept by the broker, which no order ever is")]

    play(tmp_path, story)


def test_a_flood_of_strays_is_a_row_a_minute(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        for number in range(1000):
            await stage.orders.hear(Ordered(os.urandom(number % 300)))
        await stage.orders.hear(Ordered(bytes(100_000)))
        assert len(stage.answers()) == 1
        await stage.clock.advance(62)
        counts = [one.count for one in stage.events() if isinstance(one, event.CommandAnswered)]
        assert counts == [1, 1000]

    play(tmp_path, story)


def test_a_lock_closes_entries_not_exits_and_the_key_still_opens(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        await stage.give(LockEntry())
        assert (stage.mode(0), stage.mode(1)) == (Mode.LOCKED, Mode.NORMAL)
        assert (stage.title("A1"), stage.title("X1")) == ("Entry is paused", "Exit")
        stage.key.drive(False)
        stage.key.drive(True)
        await settle()
        assert len(stage.relays["A1"].pulses) == 1

    play(tmp_path, story)


def test_a_lock_outlives_the_process_and_the_power(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        await stage.give(LockEntry())

    async def restarted(boot: bytes, title: str) -> None:
        async with gate(tmp_path, boot=boot) as stage:
            assert stage.title() == title
            assert stage.title("X1") == "Exit"

    async def unlocked() -> None:
        async with gate(tmp_path, boot=b"boot-two") as stage:
            await stage.beat()
            await stage.give(BackToNormal(), counter=2)
            assert stage.title() == "Show your ticket"

    play(tmp_path, story)
    asyncio.run(restarted(BOOT, "Entry is paused"))
    asyncio.run(restarted(b"boot-two", "Entry is paused"))
    asyncio.run(unlocked())
    asyncio.run(restarted(b"boot-two", "Show your ticket"))


def test_a_key_that_stands_where_it_stood_undoes_no_lock(tmp_path: Path) -> None:
    """Found by seed 1002 of the simulated venue: a gate that lost its power opened to all."""

    async def locked() -> None:
        async with gate(tmp_path, turned=True) as stage:
            assert stage.mode() is Mode.FREE_PASS
            await stage.beat()
            await stage.give(LockEntry())
            stage.free.lose()
            stage.free.find()
            await settle()
            assert stage.mode() is Mode.LOCKED

    async def restarted() -> None:
        async with gate(tmp_path, boot=b"boot-two", turned=True) as stage:
            assert (stage.mode(), stage.held()) == (Mode.LOCKED, False)
            stage.free.drive(False)
            stage.free.drive(True)
            await settle()
            assert stage.mode() is Mode.FREE_PASS, "whoever turns it now, says so"

    asyncio.run(locked())
    asyncio.run(restarted())


def test_a_key_that_was_turned_back_while_its_line_was_lost_ends_the_free_passage(
    tmp_path: Path,
) -> None:
    async def story() -> None:
        async with gate(tmp_path, turned=True) as stage:
            stage.free.lose()
            stage.free.drive(False)
            stage.free.find()
            await settle()
            assert (stage.mode(), stage.held()) == (Mode.NORMAL, False)

    asyncio.run(story())


def test_a_lock_is_refused_while_fire_is_latched(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        stage.fire.drive(True)
        await settle()
        await stage.give(LockEntry())
        assert stage.answers() == [(1, False, "fire has released the lanes")]
        assert stage.mode() is Mode.NORMAL
        assert stage.title() == "Leave now"
        stage.fire.drive(False)
        await settle()
        await stage.give(LockEntry(), counter=2)
        assert stage.mode() is Mode.LOCKED

    play(tmp_path, story)


def test_fire_that_overtakes_a_lock_keeps_nobody_and_corrects_the_answer(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        commit = stage.desk.commit

        async def slow(work: Callable[..., object]) -> object:
            answer = await commit(work)
            stage.orders.fire = True
            return answer

        stage.desk.commit = slow  # type: ignore[method-assign, assignment]
        await stage.give(LockEntry())
        assert [one[:2] for one in stage.answers()] == [(1, True), (1, False)]
        assert stage.mode() is Mode.NORMAL

    play(tmp_path, story)


def test_free_pass_ends_at_its_hour_and_a_restart_ends_it_too(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        await stage.give(FreePass("A1", WALL + 600))
        assert stage.title() == "Free passage"
        assert stage.held()
        await stage.clock.advance(599)
        assert stage.held()
        await stage.clock.advance(2)
        assert not stage.held()
        modes = [one for one in stage.events() if isinstance(one, event.ModeChanged)]
        assert [(one.mode, one.by) for one in modes] == [
            (Mode.FREE_PASS, "chief"),
            (Mode.NORMAL, "time-out"),
        ]
        await stage.give(HoldOpen("A1", WALL + 7200), counter=2, issued=WALL + 601)
        assert stage.held()

    async def restarted() -> None:
        async with gate(tmp_path) as stage:
            assert stage.mode() is Mode.NORMAL
            assert not stage.held()

    play(tmp_path, story)
    asyncio.run(restarted())


def test_without_a_writable_journal_nothing_is_obeyed(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        from edge.store.journal import FILE

        (tmp_path / FILE).rename(tmp_path / "gone")
        await stage.give(OpenOnce("A1"))
        assert stage.relays["A1"].pulses == []
        (tmp_path / "gone").rename(tmp_path / FILE)

    play(tmp_path, story)


def test_the_log_is_sent_when_ordered(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        import logging

        from edge.runtime.service import RING

        logging.getLogger().addHandler(RING)
        try:
            logging.getLogger("gate.lane").error("not obeyed lane=A1: %s", "x" * 600)
            # How talkative the log is depends on who set it up before.
            await stage.give(SendLogs(lines=10))
            kept = service.log_tail(10)
        finally:
            logging.getLogger().removeHandler(RING)
        assert stage.told == [LogsWanted(10)]
        (line,) = (one for one in kept if "not obeyed lane=A1" in one)
        assert len(line) == 500

    play(tmp_path, story)
