"""The gate, edge to edge: simulated devices and clock, the real store, list and core."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC
from pathlib import Path

import pytest

from edge.core.notice import Lamp
from edge.drivers.interfaces import Sensor
from edge.drivers.panel_simulated import SimulatedPanel
from edge.drivers.reader_simulated import SimulatedReader
from edge.drivers.relay_simulated import SimulatedRelay
from edge.drivers.sensor_simulated import SimulatedSensor
from edge.gate.config import LaneConfig, ZoneConfig, cards, habits
from edge.gate.daemon import GateDaemon
from edge.gate.desk import Desk, Identity
from edge.gate.hardware import Hardware
from edge.gate.lane import LaneShell
from edge.runtime.clock import SimulatedClock, TrustedClock, settle
from edge.runtime.intercom import Word
from edge.runtime.service import Life
from edge.store.essentials import EssentialsStore
from edge.store.floor import FloorFile
from edge.store.journal import FILE, Journal
from edge.store.outbox import JournalReader
from edge.store.timekeeping import Timekeeping
from edge.store.whitelist import Whitelist
from tests.device import BOOT, DEVICE, KEY, ListMaker, sealed_delta, stamp, ticket, writing
from tests.threads import DirectThread
from tests.trusted import trusting
from wire import event
from wire import ticket as gh1
from wire.event import AnyEvent, Mode
from wire.reason import Reason
from wire.row import decode_row
from wire.snapshot import Delta

ZONE = ZoneConfig(checkpoint="hall")


@pytest.fixture
def lists(tmp_path: Path) -> ListMaker:
    folder = tmp_path / "made"
    folder.mkdir()
    return ListMaker(folder)


@dataclass
class Stage:
    clock: SimulatedClock
    reader: SimulatedReader
    relay: SimulatedRelay
    contact: SimulatedSensor
    key_free: SimulatedSensor
    fire: SimulatedSensor
    panel: SimulatedPanel
    folder: Path
    opposite: SimulatedSensor
    desk: Desk | None = None
    timekeeping: Timekeeping | None = None
    said: list[Word] = field(default_factory=list)
    """To sync, by who keeps the time."""

    async def show(self, code: bytes | int) -> None:
        """Hold a code, or ticket number `code`, before the reader once."""
        data = text(code) if isinstance(code, int) else code
        self.reader.present(data)
        await settle()

    async def walk(self) -> None:
        self.contact.drive(True)
        await settle()
        self.contact.drive(False)
        await settle()

    @property
    def title(self) -> str:
        return self.panel.shown[-1].title.en

    def events(self) -> list[AnyEvent]:
        return recorded(self.folder)

    def kinds(self) -> list[str]:
        return [str(one.__struct_config__.tag) for one in self.events()]


def recorded(folder: Path) -> list[AnyEvent]:
    """Return what the journal holds, without what every start writes."""
    usual = event.EpochBegan | event.Started | event.ListApplied | event.RungChanged | event.Stopped
    return [one for one in recorded_by(folder, DEVICE) if not isinstance(one, usual)]


def recorded_by(folder: Path, device: bytes) -> list[AnyEvent]:
    """Return all that a device's journal holds."""
    reader = JournalReader(folder, device)
    rows: list[AnyEvent] = []
    for epoch in reader.epochs():
        batch = reader.batch(epoch.epoch, 1, 10_000)
        assert batch
        rows += [decode_row(body)[0] for body in batch.rows]  # type: ignore[misc]
    reader.close()
    return rows


def text(number: int, quantity: int = 1) -> bytes:
    return gh1.sign(ticket(number, quantity), b"k1", KEY).encode()


@asynccontextmanager
async def gate(
    folder: Path,
    lane: LaneConfig | None = None,
    boot: bytes = BOOT,
    sensor: bool = True,
    zone: ZoneConfig = ZONE,
    wall: float = 1_780_000_000.0,
) -> AsyncIterator[Stage]:
    """Run a gate of one lane until the block ends; `wall` is what the machine's clock says."""
    clock = SimulatedClock(wall=wall, uptime=100.0)
    stage = Stage(
        clock,
        SimulatedReader(clock),
        SimulatedRelay(clock),
        SimulatedSensor(clock),
        SimulatedSensor(clock),
        SimulatedSensor(clock),
        SimulatedPanel(),
        folder,
        SimulatedSensor(clock),
    )
    journal = Journal(folder, DEVICE, boot, os.urandom)
    journal.open(stamp(boot=boot))
    identity = Identity(DEVICE, boot, b"k" * 32)
    thread, floor = DirectThread(), FloorFile(folder)
    trust = trusting(folder)
    whitelist = Whitelist(folder, trust, EssentialsStore(folder, trust))
    trusted = TrustedClock(clock, floor.read())
    desk = Desk(trust, whitelist, journal, thread, trusted, os.urandom, identity, zone, UTC)
    keeping = Timekeeping(
        *(trusted, floor, desk.unseal, desk.record, thread, os.urandom, stage.said.append)
    )
    stage.desk, stage.timekeeping = desk, keeping
    told = lane or LaneConfig(name="A1")
    told_habits = habits(told, zone)
    if sensor:
        told_habits = replace(told_habits, sensor=True)
    sensors: dict[str, Sensor] = {
        "key_free_pass": stage.key_free,
        "opposite_contact": stage.opposite,
    }
    if sensor:
        sensors["pass_contact"] = stage.contact
    hardware = Hardware(
        readers={"reader": stage.reader},
        relay=stage.relay,
        sensors=sensors,
        panels=(stage.panel,),
    )
    shell = LaneShell(*(told, told_habits, hardware, desk, clock, os.urandom), cards=cards(zone))
    life = Life()
    daemon = GateDaemon((shell,), desk, clock, life, stage.fire, timekeeping=keeping)
    running = asyncio.create_task(daemon.run())
    await settle()
    try:
        yield stage
    finally:
        life.stop("the test is over")
        await running


@pytest.fixture
def device(tmp_path: Path, lists: ListMaker) -> Path:
    """A device's folder with a list of tickets 0 to 19."""
    folder = tmp_path / "device"
    made = lists.make("v1", range(20))
    writing(folder).install("v1", made.path, made.sealed)
    return folder


def written(device: Path) -> bytes:
    """Return every byte of the journal's files."""
    return b"".join(part.read_bytes() for part in device.glob("journal.db*"))


def power_cut(device: Path) -> Path:
    """Return a device whose journal is as the disk has it this moment."""
    image = device.with_name("image")
    image.mkdir()
    for part in device.glob("journal.db*"):
        (image / part.name).write_bytes(part.read_bytes())
    (image / "list").symlink_to(device / "list")
    return image


def play(story: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(story())  # type: ignore[arg-type]


def test_a_ticket_opens_the_gate_once(device: Path) -> None:
    async def story() -> None:
        async with gate(device) as stage:
            await stage.show(1)
            assert len(stage.relay.pulses) == 1
            assert stage.title == "Please enter"
            await stage.walk()
            await stage.clock.advance(2)
            await stage.show(1)
            assert len(stage.relay.pulses) == 1
            assert stage.title.startswith("Used 05-28")
            assert stage.panel.shown[-1].lamp is Lamp.STOP
        assert stage.kinds() == ["authorised", "pulsed", "passed", "refused"]

    play(story)


def test_the_use_is_on_disk_when_the_relay_closes(device: Path) -> None:
    """No pulse without a durable row: a reader of its own looks at the moment of the pulse."""

    async def story() -> None:
        async with gate(device) as stage:
            seen: list[list[str]] = []
            pulse = stage.relay.pulse

            async def watched(seconds: float) -> None:
                seen.append(stage.kinds())
                await pulse(seconds)

            stage.relay.pulse = watched  # type: ignore[method-assign]
            await stage.show(1)
            assert seen == [["authorised"]]

    play(story)


def test_nobody_walks_through_and_the_use_is_given_back(device: Path) -> None:
    async def story() -> None:
        async with gate(device) as stage:
            await stage.show(1)
            await stage.clock.advance(6.1)
            assert stage.kinds()[-1] == "abandoned"
            await stage.show(1)
            assert len(stage.relay.pulses) == 2

    play(story)


def test_a_code_held_on_opens_once_and_is_asked_again_after_the_passage(device: Path) -> None:
    async def story() -> None:
        async with gate(device) as stage:
            for _ in range(4):
                await stage.show(1)
                await stage.clock.advance(1.0)
            assert len(stage.relay.pulses) == 1
            await stage.walk()
            await stage.show(1)
            assert stage.title.startswith("Used")
        assert stage.kinds().count("authorised") == 1

    play(story)


def test_whoever_comes_too_early_is_held_and_then_told_to_wait(device: Path) -> None:
    async def story() -> None:
        async with gate(device) as stage:
            await stage.show(1)
            await stage.show(2)
            assert stage.kinds() == ["authorised"]
            await stage.clock.advance(3.1)
            assert stage.title == "Please wait"
            assert "refused" not in stage.kinds()
            await stage.walk()
            await stage.show(2)
            assert len(stage.relay.pulses) == 2

    play(story)


def test_whoever_waits_is_judged_when_the_lane_is_free(device: Path) -> None:
    async def story() -> None:
        async with gate(device) as stage:
            await stage.show(1)
            await stage.clock.advance(1.0)
            await stage.show(2)
            await stage.walk()
            assert len(stage.relay.pulses) == 2

    play(story)


@pytest.mark.parametrize(
    ("shown", "reason"),
    [
        (b"", Reason.EMPTY),
        (b"A" * 513, Reason.OVERSIZED),
        (b"\x00\x1b[2J\xff", Reason.NOT_A_TICKET),
        (b"\xc3\x28 not utf-8", Reason.NOT_A_TICKET),
        (b"130123456789012345", Reason.PAYMENT_CODE),
        (text(1)[:60], Reason.MALFORMED),
        (text(1) + text(2), Reason.MALFORMED),
        (b"\x02\x00\x00\x01\x00\x33\x31", Reason.NOT_A_TICKET),
        (gh1.sign(ticket(1), b"zz", KEY).encode(), Reason.UNKNOWN_KEY),
        (text(500), Reason.UNKNOWN),
    ],
)
def test_whatever_is_shown_gets_an_answer_and_leaves_no_bytes(
    device: Path, shown: bytes, reason: Reason
) -> None:
    async def story() -> None:
        async with gate(device) as stage:
            await stage.show(shown)
            assert stage.panel.shown[-1].lamp is Lamp.STOP
            assert stage.relay.pulses == []
        (refused,) = stage.events()
        assert isinstance(refused, event.Refused)
        assert refused.reason is reason
        assert (refused.length, len(refused.digest)) == (len(shown), 8)
        assert len(shown) < 5 or shown not in written(device)

    play(story)


def test_a_group_is_called_one_by_one(device: Path) -> None:
    async def story() -> None:
        async with gate(device) as stage:
            await stage.show(text(3, quantity=3))
            for walked in (1, 2):
                await stage.clock.advance(1.5)
                await stage.walk()
                assert len(stage.relay.pulses) == walked + 1
            await stage.clock.advance(6.1)
        assert stage.kinds()[-1] == "abandoned"
        given_back = stage.events()[-1]
        assert isinstance(given_back, event.Abandoned)
        assert (given_back.person, given_back.count) == (3, 1)

    play(story)


def test_repeated_refusals_become_one_row_with_a_count(device: Path) -> None:
    async def story() -> None:
        async with gate(device) as stage:
            for _ in range(5):
                await stage.show(b"what is this")
                await stage.clock.advance(4.0)
            assert stage.kinds() == ["refused"]
            await stage.clock.advance(60.0)
        counts = [one.count for one in stage.events() if isinstance(one, event.Refused)]
        assert counts == [1, 4]

    play(story)


def test_after_a_power_cut_the_ticket_opens_the_same_lane_once_more(device: Path) -> None:
    async def story() -> None:
        async with gate(device) as stage:
            await stage.show(1)
            # The power goes: nothing of what follows reaches the file that is opened again.
            image = power_cut(device)
        async with gate(image, boot=b"boot-two") as again:
            assert again.kinds() == ["authorised", "uncertain"]
            await again.show(1)
            assert again.kinds()[-1] == "reopened"
            await again.clock.advance(6.1)
            await again.show(1)
            assert again.title == "Staff must help"
            assert len(again.relay.pulses) == 1

    play(story)


def test_five_minutes_later_it_is_for_staff_to_decide(device: Path) -> None:
    async def story() -> None:
        async with gate(device) as stage:
            await stage.show(1)
            stage.fire.drive(True)
            await settle()
            stage.fire.drive(False)
            await settle()
            assert [kind for kind in stage.kinds() if kind != "pulsed"] == [
                *("authorised", "uncertain", "released", "secured")
            ]
            await stage.clock.advance(301)
            await stage.show(1)
            assert stage.title == "Staff must help"

    play(story)


def test_fire_outranks_everything_and_heads_are_counted(device: Path) -> None:
    async def story() -> None:
        async with gate(device) as stage:
            stage.fire.drive(True)
            await settle()
            assert stage.title == "Leave now"
            for _ in range(3):
                await stage.walk()
            await stage.show(1)
            assert stage.relay.pulses == []
            stage.fire.drive(False)
            await settle()
        secured = stage.events()[-1]
        assert isinstance(secured, event.Secured)
        assert secured.heads == 3

    play(story)


def test_the_key_switch_sets_free_passage_without_central(device: Path) -> None:
    async def story() -> None:
        async with gate(device) as stage:
            stage.key_free.drive(True)
            await settle()
            assert stage.relay.held
            assert stage.title == "Free passage"
            await stage.walk()
            stage.key_free.drive(False)
            await settle()
            assert [stage.relay.held] == [False]
        changed = [one for one in stage.events() if isinstance(one, event.ModeChanged)]
        assert [(one.mode, one.by, one.heads) for one in changed] == [
            (Mode.FREE_PASS, "key-switch", 0),
            (Mode.NORMAL, "key-switch", 1),
        ]

    play(story)


def test_a_relay_that_is_gone_costs_nobody_a_ticket(device: Path) -> None:
    async def story() -> None:
        async with gate(device) as stage:
            stage.relay.there = False
            await stage.show(1)
            assert stage.title == "Out of service"
            await stage.clock.advance(6.1)
            assert stage.kinds() == ["authorised", "driver-lost", "abandoned"]
            await stage.show(2)
            assert stage.title == "Out of service"
            stage.relay.there = True
            await stage.clock.advance(1.1)
            assert stage.title == "Show your ticket"
            assert stage.kinds()[3:] == ["driver-found"]
            await stage.show(1)
            assert len(stage.relay.pulses) == 1

    play(story)


def test_a_reader_lost_and_found_is_in_the_journal(device: Path) -> None:
    async def story() -> None:
        async with gate(device) as stage:
            stage.reader.lose()
            await settle()
            stage.reader.find()
            await settle()
            await stage.show(1)
        assert stage.kinds() == ["driver-lost", "driver-found", "authorised"]

    play(story)


def test_a_sensor_found_closed_at_the_start_is_no_passage(device: Path) -> None:
    async def story() -> None:
        async with gate(device) as stage:
            stage.contact.drive(True)
            await settle()
            assert stage.kinds() == ["forced"]
            stage.contact.lose()
            stage.contact.find()
            await settle()
            assert stage.kinds() == ["forced", "driver-lost", "driver-found"]

    play(story)


def test_a_lane_without_a_sensor_spends_at_once(device: Path) -> None:
    async def story() -> None:
        async with gate(device, sensor=False) as stage:
            await stage.show(1)
            assert stage.kinds() == ["authorised", "passed"]
            assert len(stage.relay.pulses) == 1
            await stage.clock.advance(3.1)
            assert stage.kinds() == ["authorised", "passed"]

    play(story)


def test_without_a_writable_disk_the_lane_sends_people_on(device: Path) -> None:
    async def story() -> None:
        async with gate(device) as stage:
            (device / FILE).rename(device / "elsewhere.db")
            await stage.show(1)
            assert stage.relay.pulses == []
            assert stage.title == "Out of service"
            (device / "elsewhere.db").rename(device / FILE)
            await stage.clock.advance(3.1)
            await stage.show(2)
            assert len(stage.relay.pulses) == 1

    play(story)


def test_a_list_damaged_while_running_refuses_and_says_so(device: Path) -> None:
    async def story() -> None:
        async with gate(device) as stage:
            path = device / "list" / "v1" / "snapshot.db"
            content = bytearray(path.read_bytes())
            # Every row of the ticket table: whichever is looked up, its checksum does not hold.
            import sqlite3

            copy = device / "copy.db"
            copy.write_bytes(content)
            database = sqlite3.connect(copy)
            database.execute("UPDATE ticket SET class = 1")
            database.commit()
            database.close()
            path.write_bytes(copy.read_bytes())
            await stage.show(1)
            assert stage.relay.pulses == []
            assert stage.title == "List is being repaired"

    play(story)


def test_a_stale_list_is_said_where_visitors_are_asked_for_their_ticket(device: Path) -> None:
    async def story() -> None:
        async with gate(device) as stage:
            await stage.clock.advance(5)
            assert stage.panel.shown[-1].title.en == "Show your ticket"
            assert stage.panel.shown[-1].advice.en.startswith("List as of ")
            shown = len(stage.panel.shown)
            await stage.clock.advance(30)
            assert len(stage.panel.shown) == shown, "said once"

    play(story)


def test_changes_of_the_list_are_noted_now_and_again_and_not_each_second(device: Path) -> None:
    async def story() -> None:
        async with gate(device) as stage:
            await stage.clock.advance(1)
            writer = writing(device)
            about = writer.current
            assert about is not None
            for _ in range(20):
                delta = Delta(about.sequence + 1, about.head)
                about = writer.apply(sealed_delta(delta))
                await stage.clock.advance(1)
            assert 3 <= len(noted(device)) <= 5
            await stage.clock.advance(10)
            assert noted(device)[-1] == about.sequence, "the last one is"

    play(story)


def test_who_is_let_in_says_by_which_list_and_nothing_more_is_written_of_it(device: Path) -> None:
    async def story() -> None:
        async with gate(device) as stage:
            await stage.clock.advance(1)
            writer = writing(device)
            about = writer.current
            assert about is not None
            about = writer.apply(sealed_delta(Delta(about.sequence + 1, about.head)))
            await stage.clock.advance(6)
            first = noted(device)
            assert first == [about.sequence]
            for number in range(1, 6):
                about = writer.apply(sealed_delta(Delta(about.sequence + 1, about.head)))
                await stage.show(number)
                await stage.walk()
                await stage.clock.advance(4)
            rows = [one for one in stage.events() if isinstance(one, event.Authorised)]
            assert [one.list_sequence for one in rows][-1] == about.sequence
            assert len(rows) == 5
            assert noted(device) == first
            await stage.clock.advance(6)
            assert noted(device) == first, "nor later, while it is the same"
            writer.apply(sealed_delta(Delta(about.sequence + 1, about.head)))
            await stage.clock.advance(6)
            assert noted(device) == [*first, about.sequence + 1], "nobody has come"

    play(story)


def noted(device: Path) -> list[int]:
    """Return the changes of the list that the journal speaks of."""
    rows = recorded_by(device, DEVICE)
    return [one.sequence for one in rows if isinstance(one, event.ListApplied)]
