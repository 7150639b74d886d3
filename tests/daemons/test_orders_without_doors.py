"""Orders to a kiosk and to a hub: each verifies them itself, and sends its log when told to."""

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.core.visit_terms import Page
from edge.runtime.clock import settle
from edge.runtime.intercom import Logged, LogsWanted, Ordered, Word
from edge.runtime.service import RING
from tests.daemons.test_hub import HUB, hub
from tests.device import DEVICE
from tests.kiosks import Kiosk, kiosk
from tests.said_sync import SaidSync
from wire.command import (
    BackToNormal,
    FreePass,
    Identify,
    LockEntry,
    OpenOnce,
    Reload,
    ResetClockFloor,
    SendLogs,
)
from wire.event import CommandAnswered


@pytest.fixture(autouse=True)
def kept_log() -> Iterator[None]:
    logging.getLogger().addHandler(RING)
    try:
        logging.getLogger("printer").error("the cutter is jammed")
        yield
    finally:
        logging.getLogger().removeHandler(RING)


def of_logs(sync: SaidSync) -> list[Word]:
    return [word for word in sync.told if isinstance(word, Logged | LogsWanted)]


def has_the_log(sync: SaidSync, daemon: str) -> bool:
    (told,) = (word for word in sync.told if isinstance(word, Logged))
    return told.daemon == daemon and any("the cutter is jammed" in line for line in told.lines)


def answers(one: Kiosk) -> list[tuple[int, bool, str]]:
    """(counter, done, why in English) of each answer in a kiosk's journal."""
    return [
        (said.counter, said.done, said.why.partition(" · ")[2])
        for said in one.events()
        if isinstance(said, CommandAnswered)
    ]


def found(one: Kiosk) -> bool:
    return one.daemon.found


def began_again(one: Kiosk) -> bool:
    return one.life.again


def test_a_kiosk_sends_its_log_when_ordered_and_answers_once(tmp_path: Path) -> None:
    async def story() -> None:
        async with kiosk(tmp_path / "kiosk") as one:
            one.line.beat()
            again = one.line.order(SendLogs(lines=10), DEVICE)
            await settle()
            assert of_logs(one.line) == [LogsWanted(10)]
            one.line.say(LogsWanted(10))
            await settle()
            assert has_the_log(one.line, "kiosk")
            one.line.say(again)
            await settle()
            assert len(of_logs(one.line)) == 2, "a replayed order is not obeyed"
            replayed = "answered before, it or a later one"
            assert answers(one) == [(1, True, ""), (0, False, replayed)]

    asyncio.run(story())


def test_a_kiosk_says_what_it_cannot_do_and_turns_strangers_away(tmp_path: Path) -> None:
    async def story() -> None:
        async with kiosk(tmp_path / "kiosk") as one:
            one.line.order(SendLogs(), DEVICE)
            one.line.beat()
            one.line.order(OpenOnce("A1"), DEVICE, 2)
            one.line.order(FreePass("", 10**10), DEVICE, 3)
            one.line.order(SendLogs(), b"another.", 6)
            one.line.say(Ordered(b"\xff" * 5000))
            one.line.say(Ordered(b"", retained=True))
            await settle()
            assert of_logs(one.line) == []
            lanes = "this device has no lanes"
            assert answers(one) == [
                (1, False, "no signed time since this was started"),
                *((2, False, lanes), (3, False, lanes)),
                *((0, False, "addressed to another device"), (0, False, "cannot be read")),
                (0, False, "kept by the broker, which no order ever is"),
            ]

    asyncio.run(story())


def test_a_kiosk_is_put_out_of_service_and_back_and_remembers_it(tmp_path: Path) -> None:
    async def story() -> None:
        async with kiosk(tmp_path / "kiosk") as one:
            one.line.beat()
            one.line.order(LockEntry(), DEVICE)
            await one.clock.advance(2)
            assert one.on(Page.OUT_OF_ORDER)
            await one.scan(1)
            assert one.on(Page.OUT_OF_ORDER), "no ticket is looked for"
        async with kiosk(tmp_path / "kiosk", boot=b"boot-two") as again:
            assert again.on(Page.OUT_OF_ORDER), "a pulled plug does not bring it back"
            again.line.beat()
            again.line.order(BackToNormal(), DEVICE, 2)
            await again.clock.advance(2)
            assert again.on(Page.ATTRACT)
            assert answers(again) == [(1, True, ""), (2, True, "")]

    asyncio.run(story())


def test_out_of_service_does_not_cut_a_visit_short(tmp_path: Path) -> None:
    async def story() -> None:
        async with kiosk(tmp_path / "kiosk") as one:
            one.line.beat()
            await one.scan(1)
            await one.touch("next")
            await one.touch("print")
            one.line.order(LockEntry(), DEVICE)
            await one.clock.advance(2)
            assert one.on(Page.TAKE)
            await one.touch("back")
            await one.clock.advance(2)
            assert one.on(Page.OUT_OF_ORDER)

    asyncio.run(story())


def test_a_kiosk_is_found_and_reads_its_configuration_when_nobody_is_at_it(
    tmp_path: Path,
) -> None:
    async def story() -> None:
        async with kiosk(tmp_path / "kiosk", fault="kiosk.toml: name: missing") as one:
            one.line.beat()
            one.line.order(Identify(seconds=10), DEVICE)
            await settle()
            assert found(one)
            await one.clock.advance(12)
            assert not found(one)
            one.line.beat()
            one.line.order(Reload(), DEVICE, 2)
            await settle()
            assert answers(one)[-1] == (2, False, "kiosk.toml: name: missing")
            assert not began_again(one)
        async with kiosk(tmp_path / "kiosk", boot=b"boot-two") as one:
            one.line.beat()
            await one.scan(1)
            one.line.order(Reload(), DEVICE, 3)
            await one.clock.advance(3)
            assert not began_again(one), "somebody is at it"
            await one.touch("cancel")
            await one.clock.advance(2)
            assert began_again(one)

    asyncio.run(story())


def test_signed_time_raises_a_kiosks_floor_and_an_order_lowers_it(tmp_path: Path) -> None:
    async def story() -> None:
        async with kiosk(tmp_path / "kiosk") as one:
            before = one.trusted.least()
            for _ in range(40):
                one.line.beat()
                await one.clock.advance(1)
            raised = one.trusted.least()
            assert raised > before + 300, "more than the uptime since"
            one.line.order(ResetClockFloor(1_700_000_000), DEVICE)
            await one.clock.advance(2)
            assert answers(one)[-1] == (1, True, "")
            assert one.trusted.least() < raised

    asyncio.run(story())


def test_a_hub_sends_its_log_when_ordered(tmp_path: Path) -> None:
    async def story() -> None:
        async with hub(tmp_path) as one:
            one.sync.order(SendLogs(), HUB)
            await settle()
            assert one.sync.told == [], "nothing is obeyed before central said what time it is"
            one.sync.beat()
            again = one.sync.order(SendLogs(lines=10), HUB, 2)
            await settle()
            assert one.sync.told == [LogsWanted(10)]
            one.sync.say(LogsWanted(10))
            await settle()
            assert has_the_log(one.sync, "hub")
            one.sync.say(again)
            one.sync.order(SendLogs(), b"another.", 3)
            one.sync.order(Identify(), HUB, 4)
            one.sync.say(Ordered(b"\xff" * 40))
            await settle()
            assert len(one.sync.told) == 2

    asyncio.run(story())
