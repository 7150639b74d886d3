"""What a gate believes of its list's age: what central sealed, and nothing on sync's word."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from datetime import UTC
from pathlib import Path

from edge.core.list_doubts import RECORDED_SECONDS
from edge.gate.config import ZoneConfig
from edge.gate.desk import Desk, Identity
from edge.runtime.clock import SimulatedClock
from edge.store.outbox import JournalReader
from edge.store.whitelist import Whitelist
from tests.device import BOOT, DEVICE, ListMaker, opened, writing
from tests.threads import DirectThread
from tests.trusted import sealed, trusting
from wire.codec import encode
from wire.event import Distrust, ListDistrusted, Rung, RungChanged
from wire.row import decode_row
from wire.signed import Purpose
from wire.snapshot import Heartbeat
from wire.words import Words

WALL = 1_780_000_000.0


class Gate:
    def __init__(self, folder: Path) -> None:
        made = folder / "made"
        made.mkdir()
        one = ListMaker(made).make("v1", range(5))
        writing(folder).install("v1", one.path, one.sealed)
        self.folder = folder
        self.clock = SimulatedClock(wall=WALL, uptime=100.0)
        trust, zone = trusting(folder), ZoneConfig(checkpoint="hall", stale_after_seconds=20)
        whitelist, journal = Whitelist(folder, trust), opened(folder)
        who = Identity(DEVICE, BOOT, b"k" * 32)
        self.desk = Desk(
            trust, whitelist, journal, DirectThread(), self.clock, os.urandom, who, zone, UTC
        )

    async def hear(self, wall: float, head: bytes = bytes(32), key: Purpose | None = None) -> None:
        said = encode(Heartbeat("venue", 0, head, wall))
        envelope = sealed(said, key or Purpose.HEARTBEAT)
        await self.desk.heard(envelope, self.clock.now().uptime)
        await self.desk.look_after(True)

    def happened(self, kind: type) -> list[object]:
        reader = JournalReader(self.folder, DEVICE)
        rows: list[object] = []
        for epoch in reader.epochs():
            batch = reader.batch(epoch.epoch, 1, 1000)
            assert batch
            rows += [decode_row(body)[0] for body in batch.rows]
        reader.close()
        return [one for one in rows if isinstance(one, kind)]

    def rungs(self) -> list[Rung]:
        return [one.rung for one in self.happened(RungChanged) if isinstance(one, RungChanged)]

    def distrusted(self) -> list[Distrust]:
        found = self.happened(ListDistrusted)
        return [one.what for one in found if isinstance(one, ListDistrusted)]


def play(folder: Path, story: Callable[[Gate], Awaitable[None]]) -> None:
    async def run() -> None:
        gate = Gate(folder)
        await story(gate)
        await gate.desk.close()

    asyncio.run(run())


def test_only_a_heartbeat_of_centrals_makes_the_list_fresh(tmp_path: Path) -> None:
    async def story(gate: Gate) -> None:
        await gate.hear(WALL, key=Purpose.LIST)
        await gate.hear(WALL + 1, head=b"x" * 32)
        assert gate.rungs() == [Rung.STALE]
        assert gate.distrusted() == [Distrust.FORGED]
        await gate.hear(WALL + 2)
        assert gate.rungs() == [Rung.STALE, Rung.FRESH]

    play(tmp_path, story)


def test_a_sync_that_says_it_once_more_makes_nothing_fresh(tmp_path: Path) -> None:
    async def story(gate: Gate) -> None:
        await gate.hear(WALL)
        for second in range(1, 40):
            await gate.clock.advance(1)
            await gate.hear(WALL - second)
            await gate.hear(WALL)
        assert gate.rungs() == [Rung.FRESH, Rung.STALE]

    play(tmp_path, story)


def test_a_heartbeat_that_was_held_back_is_as_old_as_it_is(tmp_path: Path) -> None:
    async def story(gate: Gate) -> None:
        await gate.hear(WALL)
        await gate.clock.advance(3600)
        await gate.hear(WALL + 1)
        assert gate.rungs() == [Rung.FRESH, Rung.STALE]
        await gate.hear(WALL + 3600)
        assert gate.rungs() == [Rung.FRESH, Rung.STALE, Rung.FRESH]

    play(tmp_path, story)


def test_what_is_not_believed_is_on_record_once_a_kind_and_ten_minutes(tmp_path: Path) -> None:
    async def story(gate: Gate) -> None:
        for _ in range(5):
            await gate.desk.distrusted(Distrust.REPLAYED, "why")
            await gate.desk.distrusted(Distrust.PUT_BACK, "why")
            await gate.clock.advance(RECORDED_SECONDS / 5 - 1)
        assert gate.distrusted() == [Distrust.REPLAYED, Distrust.PUT_BACK]
        await gate.clock.advance(5)
        await gate.desk.distrusted(Distrust.REPLAYED, "why")
        assert gate.distrusted()[2:] == [Distrust.REPLAYED]

    play(tmp_path, story)


def test_the_panel_says_how_old_the_list_is_once_it_is_stale(tmp_path: Path) -> None:
    async def story(gate: Gate) -> None:
        await gate.hear(WALL)
        assert gate.desk.caution() is None
        await gate.clock.advance(3600)
        await gate.desk.look_after(True)
        # 1 780 000 000 is 28 May 2026, 20:26:40 UTC.
        assert gate.desk.caution() == Words("名单截至 05-28 20:26", "List as of 05-28 20:26")
        await gate.hear(WALL + 3600)
        assert gate.desk.caution() is None

    play(tmp_path, story)
