"""A gate whose journal was lost: it waits for central, then works without memory, and says so."""

import asyncio
import os
import sqlite3
from datetime import UTC
from pathlib import Path

import pytest

from edge.core.decision import Decision
from edge.core.lane import Authorised, Judge, Refused
from edge.core.scan import Scan
from edge.gate.config import LaneConfig, ZoneConfig
from edge.gate.desk import Desk, Identity
from edge.runtime.clock import SimulatedClock
from edge.store.journal import FILE
from edge.store.whitelist import Whitelist
from tests.device import BOOT, DEVICE, KEY, ListMaker, opened, ticket, writing
from tests.journals import write
from tests.threads import DirectThread
from tests.trusted import sealed, trusting
from wire import event
from wire import ticket as gh1
from wire.codec import encode
from wire.signed import Purpose
from wire.snapshot import Heartbeat
from wire.words import Words

WALL = 1_780_000_000.0
ONE_MOMENT = Words("请稍候片刻", "One moment please")


class Gate:
    """The desk of a gate whose folder is `folder`; its journal was damaged before it started."""

    def __init__(self, folder: Path, admissions_max: int = 500) -> None:
        self.clock = SimulatedClock(wall=WALL, uptime=100.0)
        zone = ZoneConfig(checkpoint="hall", offline_admissions_max=admissions_max)
        trust = trusting(folder)
        self.journal = opened(folder)
        who = Identity(DEVICE, BOOT, b"k" * 32)
        store = (trust, Whitelist(folder, trust), self.journal, DirectThread())
        self.desk = Desk(*store, self.clock, os.urandom, who, zone, UTC)

    async def show(self, number: int) -> Decision:
        text = gh1.sign(ticket(number), b"k1", KEY).encode()
        scan = Scan(os.urandom(12), "reader", text, self.clock.now().uptime)
        lane = LaneConfig(name="A1")
        return await self.desk.judge(Judge(scan, assume=False), lane, lambda: True)

    async def hear(self) -> None:
        """Central says that our list, with the uses it holds, is the newest."""
        said = encode(Heartbeat("venue", 0, bytes(32), self.clock.now().wall))
        await self.desk.heard(sealed(said, Purpose.HEARTBEAT), self.clock.now().uptime)


@pytest.fixture
def device(tmp_path: Path) -> Path:
    """A device with a list, whose journal was damaged while it was off."""
    (tmp_path / "made").mkdir()
    made = ListMaker(tmp_path / "made").make("v1", range(5))
    folder = tmp_path / "device"
    writing(folder).install("v1", made.path, made.sealed)
    journal = opened(folder)
    write(journal, event.Started(daemon="gate"))
    journal.close()
    database = sqlite3.connect(folder / FILE)
    database.execute("UPDATE row SET body = x'00' WHERE seq = 2")
    database.commit()
    database.close()
    return folder


def title(decision: Decision) -> Words:
    assert isinstance(decision.answer, Refused)
    return decision.answer.shown.title


def confirmed(decision: Decision) -> bool:
    assert isinstance(decision.answer, Authorised)
    (authorised,) = decision.events
    assert isinstance(authorised, event.Authorised)
    return authorised.confirmed


def test_it_waits_ten_seconds_and_then_lets_in_on_the_budget(device: Path) -> None:
    async def story() -> None:
        gate = Gate(device)
        waiting = await gate.show(1)
        assert title(waiting) == ONE_MOMENT
        assert (waiting.events, waiting.refused) == ((), None)
        assert gate.desk.caution() == Words("本机记录曾丢失", "Records were lost")
        await gate.clock.advance(10)
        assert not confirmed(await gate.show(1))
        assert gate.desk.caution() is not None

    asyncio.run(story())


def test_central_heard_it_works_as_ever_and_at_once(device: Path) -> None:
    async def story() -> None:
        gate = Gate(device)
        await gate.clock.advance(1)
        await gate.hear()
        assert confirmed(await gate.show(1))
        assert gate.desk.caution() is None

    asyncio.run(story())


def test_started_again_it_has_not_forgotten_that_it_forgot(device: Path) -> None:
    async def story() -> None:
        Gate(device).journal.close()
        gate = Gate(device)
        assert title(await gate.show(1)) == ONE_MOMENT

    asyncio.run(story())


def test_the_budget_bounds_what_it_lets_in_without_memory(device: Path) -> None:
    async def story() -> None:
        gate = Gate(device, admissions_max=1)
        await gate.clock.advance(11)
        await gate.show(0)  # The first scan says since when the wait is.
        await gate.clock.advance(11)
        assert not confirmed_or_more(await gate.show(1))
        refused = await gate.show(2)
        assert refused.refused is not None
        assert refused.refused.reason.value == "offline-limit"

    asyncio.run(story())


def confirmed_or_more(decision: Decision) -> bool:
    """As `confirmed`, of an admission that also used the budget up."""
    authorised = [one for one in decision.events if isinstance(one, event.Authorised)]
    assert authorised
    return authorised[0].confirmed


def test_a_whole_journal_waits_for_nobody(tmp_path: Path) -> None:
    async def story() -> None:
        (tmp_path / "made").mkdir()
        made = ListMaker(tmp_path / "made").make("v1", range(5))
        writing(tmp_path).install("v1", made.path, made.sealed)
        assert confirmed(await Gate(tmp_path).show(1))

    asyncio.run(story())
