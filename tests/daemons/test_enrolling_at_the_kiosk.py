"""The kiosk reads an enrolment code with its own scanner: when it may, and what its screen says."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from edge.core import enrolment
from edge.core.visit_terms import Page
from edge.drivers.interfaces import held
from edge.drivers.reader_simulated import SimulatedReader
from edge.drivers.sensor_simulated import SimulatedSensor
from edge.kiosk.enrolment import EnrolmentDesk
from edge.kiosk.unenrolled import UnenrolledKiosk
from edge.runtime.clock import SimulatedClock, settle
from edge.runtime.intercom import EnrolmentEnded, EnrolmentRead
from edge.runtime.service import Life
from tests.daemons.test_enrolling_at_the_gate import TEXT, TICKET, WRONG, HeardIntercom
from tests.device import DEVICE
from tests.enrolled import write_identity
from tests.kiosks import Kiosk, kiosk
from wire.event import EnrolmentShown, Refused
from wire.reason import Reason


@dataclass
class Stage:
    folder: Path
    clock: SimulatedClock = field(default_factory=SimulatedClock)
    life: Life = field(default_factory=Life)

    def __post_init__(self) -> None:
        self.reader, self.contact = SimulatedReader(self.clock), SimulatedSensor(self.clock)
        self.intercom = HeardIntercom(self.clock)

    async def show(self, data: bytes) -> None:
        await self.clock.advance(3)
        self.reader.present(data)
        await settle()

    async def hold(self, held: bool = True) -> None:
        self.contact.drive(held)
        await settle()

    def kiosk(self, wired: bool = True) -> UnenrolledKiosk:
        contact = held(self.contact) if wired else None
        taking = EnrolmentDesk(
            self.folder, contact, self.intercom, self.clock, self.life.begin_again, None
        )
        self.made = UnenrolledKiosk((self.reader,), taking, self.intercom, self.clock, self.life)
        return self.made

    @property
    def titles(self) -> tuple[str, str]:
        """What the screen says, in Chinese and in English."""
        return tuple(self.made.picture("K1")["notice"]["titles"])

    @property
    def advice(self) -> tuple[str, str]:
        return tuple(self.made.picture("K1")["notice"]["advice"])

    @property
    def texts(self) -> list[str]:
        return [word.text for word in self.intercom.heard if isinstance(word, EnrolmentRead)]


@asynccontextmanager
async def running(folder: Path, wired: bool = True) -> AsyncIterator[Stage]:
    stage = Stage(folder)

    async def serve() -> None:
        await asyncio.get_running_loop().create_future()

    task = asyncio.create_task(stage.kiosk(wired).run(serve))
    await settle()
    try:
        yield stage
    finally:
        stage.life.stopping.set()
        await task


def story(folder: Path, told: Callable[[Stage], Awaitable[None]], wired: bool = True) -> None:
    async def run() -> None:
        async with running(folder, wired) as stage:
            await told(stage)

    asyncio.run(run())


def test_a_kiosk_that_nobody_enrolled_says_what_to_do(tmp_path: Path) -> None:
    async def told(stage: Stage) -> None:
        first = ("本机尚未登记", "Not enrolled yet")
        assert stage.titles == first
        assert stage.advice[0] == "按住维护开关，出示登记码"
        await stage.show(TICKET)
        assert stage.advice == (
            "请使用其他取票机，或找工作人员",
            "Please use another kiosk, or ask the staff",
        )
        await stage.clock.advance(5)
        assert stage.advice[0] == "按住维护开关，出示登记码"
        await stage.made.touch("start", "", stage.made.number)
        assert stage.titles == first

    story(tmp_path, told)


def test_without_the_contact_it_does_not_read_the_code(tmp_path: Path) -> None:
    async def told(stage: Stage) -> None:
        await stage.show(TEXT)
        assert stage.titles == ("请按住维护开关", "Hold the service contact")
        await stage.hold()
        await stage.hold(False)
        await stage.show(TEXT)
        await stage.hold()
        stage.contact.lose()
        await settle()
        await stage.show(TEXT)
        assert stage.texts == []

    story(tmp_path, told)


def test_where_no_contact_is_wired_it_names_the_command(tmp_path: Path) -> None:
    async def told(stage: Stage) -> None:
        await stage.show(TEXT)
        assert stage.titles[1] == "No service contact"
        assert stage.advice[1] == "On this device run: gatehouse enrol TEXT"
        assert stage.texts == []

    story(tmp_path, told, wired=False)


def test_with_the_contact_held_sync_gets_the_text_and_the_screen_says_how_it_went(
    tmp_path: Path,
) -> None:
    async def told(stage: Stage) -> None:
        await stage.hold()
        await stage.show(WRONG)
        assert stage.titles == ("登记失败", "Not enrolled")
        assert "not read right" in stage.advice[1]
        await stage.show(b"]Q1" + TEXT.lower() + b" ")
        assert stage.titles == ("正在登记", "Enrolling")
        assert [text.strip().upper().encode() for text in stage.texts] == [TEXT]
        said = enrolment.failed(enrolment.Failure.UNREACHABLE)
        stage.intercom.says.put_nowait(EnrolmentEnded(False, said))
        await settle()
        assert stage.titles == ("登记失败", "Not enrolled")
        assert stage.advice == (said.zh, said.en)
        await stage.clock.advance(enrolment.ENDED_SECONDS + 1)
        assert stage.titles == ("本机尚未登记", "Not enrolled yet")
        assert not stage.life.again
        write_identity(tmp_path, DEVICE.hex())
        await stage.clock.advance(2)
        assert stage.life.again

    story(tmp_path, told)


def rows(one: Kiosk) -> list[object]:
    return [row for row in one.events() if isinstance(row, Refused | EnrolmentShown)]


def texts(one: Kiosk) -> list[str]:
    return [word.text for word in one.line.told if isinstance(word, EnrolmentRead)]


def notice(one: Kiosk) -> str:
    assert one.daemon.enrolling
    return one.daemon.enrolling.notice.title.en if one.daemon.enrolling.notice else ""


def test_an_enrolled_kiosk_refuses_the_code_and_alarms(tmp_path: Path) -> None:
    async def told() -> None:
        async with kiosk(tmp_path / "kiosk") as one:
            await one.show(TEXT)
            assert one.on(Page.REFUSED)
            assert one.visit.refusal
            assert one.visit.refusal.reason is Reason.ENROLMENT_CODE
            assert one.office.asked[1:] == [], "nobody else hears of it"
            await one.show(TEXT)
            refused, shown = rows(one)
            assert isinstance(refused, Refused)
            assert refused.reason is Reason.ENROLMENT_CODE
            assert isinstance(shown, EnrolmentShown)
            assert shown.scan == refused.scan
            assert texts(one) == []
            assert notice(one) == ""

    asyncio.run(told())
    lies = b"".join(path.read_bytes() for path in (tmp_path / "kiosk").glob("journal.db*"))
    assert TEXT[:40] not in lies


def test_in_the_midst_of_a_visit_it_alarms_and_the_visit_goes_on(tmp_path: Path) -> None:
    async def told() -> None:
        async with kiosk(tmp_path / "kiosk") as one:
            await one.scan(1)
            await one.touch("next")
            await one.show(TEXT)
            assert one.on(Page.CONFIRM)
            assert any(isinstance(row, EnrolmentShown) for row in rows(one))

    asyncio.run(told())


def test_with_its_contact_held_it_alarms_and_enrols_anew(tmp_path: Path) -> None:
    async def told() -> None:
        async with kiosk(tmp_path / "kiosk") as one:
            one.contact.drive(True)
            await one.show(TEXT)
            assert notice(one) == "Enrolling"
            assert len(texts(one)) == 1
            assert any(isinstance(row, EnrolmentShown) for row in rows(one))
            assert one.on(Page.ATTRACT)
            one.line.say(EnrolmentEnded(True, enrolment.DONE))
            await settle()
            assert notice(one) == "Enrolled"
            await one.touch("start")
            write_identity(one.folder, "ffffffffffffffff")
            await one.clock.advance(2)
            assert not one.life.again, "somebody is at it"
            await one.touch("cancel")
            await one.clock.advance(2)
            assert one.life.again

    asyncio.run(told())


def test_no_other_code_configures_anything(tmp_path: Path) -> None:
    async def told(stage: Stage) -> None:
        await stage.hold()
        for code in (b"WIFI:S:venue;T:WPA;P:secret;;", b"GHE2:AAAA", b"https://x/", TICKET):
            await stage.show(code)
        assert stage.intercom.heard == []

    story(tmp_path, told)
