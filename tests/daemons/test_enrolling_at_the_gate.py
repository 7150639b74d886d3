"""The gate reads an enrolment code with its own scanner: when it may, and what it says."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC
from pathlib import Path

from edge.core import enrolment
from edge.core.notice import Lamp
from edge.drivers.interfaces import held
from edge.drivers.panel_simulated import SimulatedPanel
from edge.drivers.reader_simulated import SimulatedReader
from edge.drivers.relay_simulated import SimulatedRelay
from edge.drivers.sensor_simulated import SimulatedSensor
from edge.gate.config import LaneConfig, ZoneConfig, habits
from edge.gate.daemon import GateDaemon
from edge.gate.desk import Desk, Identity
from edge.gate.enrolment import EnrolmentDesk
from edge.gate.hardware import Hardware
from edge.gate.lane import Judging, LaneShell
from edge.gate.unenrolled import UnenrolledDesk, UnenrolledGate
from edge.runtime import identity
from edge.runtime.clock import SimulatedClock, settle
from edge.runtime.intercom import EnrolmentEnded, EnrolmentRead, IntercomClient, Word
from edge.runtime.service import Life
from edge.store.journal import Journal
from edge.store.outbox import JournalReader
from edge.store.trust import TrustStore
from edge.store.whitelist import Whitelist
from tests.device import BOOT, DEVICE, KEY, stamp, ticket
from tests.enrolled import write_identity
from tests.small_enroller import SmallEnroller
from tests.threads import DirectThread
from wire import ticket as gh1
from wire.event import Direction, EnrolmentShown, Refused
from wire.reason import Reason
from wire.row import decode_row

TEXT = SmallEnroller().text().encode()
TICKET = gh1.sign(ticket(1), b"k1", KEY).encode()
WRONG = TEXT[:40] + (b"B" if TEXT[40:41] != b"B" else b"C") + TEXT[41:]


class HeardIntercom(IntercomClient):
    """Sync's place: hears what the gate says, says what the test wants."""

    def __init__(self, clock: SimulatedClock) -> None:
        super().__init__(Path("/nowhere"), clock)
        self.heard: list[Word] = []
        self.says: asyncio.Queue[Word] = asyncio.Queue()

    async def run(self) -> None:
        await asyncio.get_running_loop().create_future()

    async def words(self) -> AsyncIterator[Word]:
        while True:
            yield await self.says.get()

    def tell(self, word: Word) -> None:
        self.heard.append(word)


@dataclass
class Stage:
    folder: Path
    clock: SimulatedClock = field(default_factory=SimulatedClock)
    life: Life = field(default_factory=Life)

    def __post_init__(self) -> None:
        self.reader, self.relay = SimulatedReader(self.clock), SimulatedRelay(self.clock)
        self.contact, self.fire = SimulatedSensor(self.clock), SimulatedSensor(self.clock)
        self.walked, self.panel = SimulatedSensor(self.clock), SimulatedPanel()
        self.exit_panel, self.intercom = SimulatedPanel(), HeardIntercom(self.clock)

    async def show(self, data: bytes) -> None:
        self.reader.present(data)
        await settle()
        await self.clock.advance(0.1)

    async def hold(self, held: bool = True) -> None:
        self.contact.drive(held)
        await settle()

    @property
    def title(self) -> str:
        return self.panel.shown[-1].title.en

    @property
    def texts(self) -> list[str]:
        return [word.text for word in self.intercom.heard if isinstance(word, EnrolmentRead)]

    def lanes(self, desk: Judging, unenrolled: bool) -> tuple[LaneShell, ...]:
        zone = ZoneConfig("hall")
        entry, out = LaneConfig("A1"), LaneConfig("A2", Direction.EXIT, free=True)
        with_reader = Hardware({"A1/1": self.reader}, self.relay, panels=(self.panel,))
        walked = Hardware(sensors={"pass_contact": self.walked}, panels=(self.exit_panel,))
        idle = (enrolment.NOT_ENROLLED,) if unenrolled else ()
        return tuple(
            LaneShell(lane, habits(lane, zone), hardware, desk, self.clock, os.urandom, *idle)
            for lane, hardware in ((entry, with_reader), (out, walked))
        )

    def kinds(self) -> list[object]:
        reader, found = JournalReader(self.folder, DEVICE), list[object]()
        for epoch in reader.epochs():
            batch = reader.batch(epoch.epoch, 1, 1000)
            assert batch
            found += [decode_row(body)[0] for body in batch.rows]
        reader.close()
        return [one for one in found if isinstance(one, Refused | EnrolmentShown)]


@asynccontextmanager
async def running(folder: Path, enrolled: bool, wired: bool = True) -> AsyncIterator[Stage]:
    stage = Stage(folder)
    if enrolled:
        write_identity(folder, DEVICE.hex())
    taking = EnrolmentDesk(
        folder, held(stage.contact) if wired else None, stage.intercom, stage.clock,
        stage.life.begin_again, identity.stamp(folder),
    )  # fmt: skip
    if enrolled:
        trust = TrustStore(folder, bytes(32), "venue")
        journal = Journal(folder, DEVICE, BOOT, os.urandom)
        journal.open(stamp())
        desk = Desk(
            trust, Whitelist(folder, trust), journal, DirectThread(), stage.clock, os.urandom,
            Identity(DEVICE, BOOT, bytes(32)), ZoneConfig("hall"), UTC, offer=taking.offer,
        )  # fmt: skip
        lanes = stage.lanes(desk, False)
        gate: GateDaemon | UnenrolledGate = GateDaemon(
            lanes, desk, stage.clock, stage.life, stage.fire, stage.intercom, enrolment=taking
        )
    else:
        lanes = stage.lanes(UnenrolledDesk(taking.offer, taking.instead), True)
        gate = UnenrolledGate(lanes, taking, stage.intercom, stage.clock, stage.life, stage.fire)
    task = asyncio.create_task(gate.run())
    await settle()
    try:
        yield stage
    finally:
        stage.life.stopping.set()
        await task


def story(folder: Path, enrolled: bool, told: Callable[[Stage], Awaitable[None]]) -> None:
    async def run() -> None:
        async with running(folder, enrolled) as stage:
            await told(stage)

    asyncio.run(run())


def test_a_gate_that_nobody_enrolled_says_what_to_do_and_lets_people_out(tmp_path: Path) -> None:
    async def told(stage: Stage) -> None:
        assert stage.title == "Not enrolled yet"
        assert stage.panel.shown[-1].advice.zh == "按住维护开关，出示登记码"
        await stage.show(TICKET)
        assert stage.panel.shown[-1].lamp is Lamp.STOP
        assert not stage.relay.pulses
        await stage.clock.advance(5)
        assert stage.title == "Not enrolled yet"
        assert stage.exit_panel.shown[-1].title.en == "Exit"
        stage.fire.drive(True)
        await settle()
        assert stage.title == "Leave now"

    story(tmp_path, False, told)


def test_without_the_contact_it_does_not_read_the_code(tmp_path: Path) -> None:
    async def told(stage: Stage) -> None:
        await stage.show(TEXT)
        assert stage.title == "Hold the service contact"
        await stage.hold()
        await stage.hold(False)
        await stage.clock.advance(30)
        await stage.show(TEXT)
        assert stage.texts == []

    story(tmp_path, False, told)


def test_where_no_contact_is_wired_it_names_the_command(tmp_path: Path) -> None:
    async def played() -> None:
        async with running(tmp_path, enrolled=False, wired=False) as stage:
            await stage.show(TEXT)
            notice = stage.panel.shown[-1]
            assert notice.title.en == "No service contact"
            assert notice.advice.en == "On this device run: gatehouse enrol TEXT"
            assert stage.texts == []

    asyncio.run(played())


def test_with_the_contact_held_sync_gets_the_text_and_the_panel_says_how_it_went(
    tmp_path: Path,
) -> None:
    async def told(stage: Stage) -> None:
        await stage.hold()
        await stage.show(b"]Q1" + TEXT.lower() + b" ")
        assert stage.title == "Enrolling"
        assert [text.strip().upper().encode() for text in stage.texts] == [TEXT]
        said = enrolment.failed(enrolment.Failure.UNREACHABLE)
        stage.intercom.says.put_nowait(EnrolmentEnded(False, said))
        await settle()
        assert stage.panel.shown[-1].title.zh == "登记失败"
        assert stage.panel.shown[-1].advice == said
        assert stage.exit_panel.shown[-1].title.en == "Exit"
        await stage.clock.advance(enrolment.ENDED_SECONDS + 1)
        assert stage.title == "Not enrolled yet"

    story(tmp_path, False, told)


def test_a_wrong_letter_is_said_at_once(tmp_path: Path) -> None:
    async def told(stage: Stage) -> None:
        await stage.hold()
        await stage.show(WRONG)
        assert stage.title == "Not enrolled"
        assert "not read right" in stage.panel.shown[-1].advice.en
        assert stage.texts == []

    story(tmp_path, False, told)


def test_a_contact_that_is_lost_is_not_held(tmp_path: Path) -> None:
    async def told(stage: Stage) -> None:
        await stage.hold()
        stage.contact.lose()
        await settle()
        await stage.show(TEXT)
        assert stage.texts == []

    story(tmp_path, False, told)


def test_once_it_is_somebody_the_gate_begins_again(tmp_path: Path) -> None:
    async def told(stage: Stage) -> None:
        assert not stage.life.again
        write_identity(tmp_path, DEVICE.hex())
        await stage.clock.advance(2)
        assert stage.life.again

    story(tmp_path, False, told)


def test_an_enrolled_gate_refuses_the_code_and_alarms(tmp_path: Path) -> None:
    async def told(stage: Stage) -> None:
        await stage.show(TEXT)
        assert stage.title == "This enrols a device"
        await stage.clock.advance(5)
        await stage.show(TEXT)
        assert stage.texts == []
        refused, shown = stage.kinds()
        assert isinstance(refused, Refused)
        assert refused.reason is Reason.ENROLMENT_CODE
        assert isinstance(shown, EnrolmentShown)
        assert shown.scan == refused.scan

    story(tmp_path, True, told)
    rows = b"".join(path.read_bytes() for path in tmp_path.glob("journal.db*"))
    assert TEXT[:40] not in rows


def test_with_its_contact_held_it_alarms_and_enrols_anew(tmp_path: Path) -> None:
    async def told(stage: Stage) -> None:
        await stage.hold()
        await stage.show(TEXT)
        assert stage.title == "Enrolling"
        assert len(stage.texts) == 1
        assert any(isinstance(one, EnrolmentShown) for one in stage.kinds())
        stage.intercom.says.put_nowait(EnrolmentEnded(True, enrolment.DONE))
        await settle()
        assert stage.title == "Enrolled"
        write_identity(tmp_path, "ffffffffffffffff")
        await stage.clock.advance(2)
        assert stage.life.again

    story(tmp_path, True, told)


def test_no_other_code_configures_anything(tmp_path: Path) -> None:
    async def told(stage: Stage) -> None:
        await stage.hold()
        for code in (b"WIFI:S:venue;T:WPA;P:secret;;", b"GHE2:AAAA", b"https://x/", TICKET):
            await stage.clock.advance(5)
            await stage.show(code)
        assert stage.intercom.heard == []

    story(tmp_path, False, told)
