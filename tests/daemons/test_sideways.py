"""Sync's way to the ledger of claims: its own link to a hub, or central's; a simulated broker."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from edge.drivers.interfaces import Message
from edge.drivers.link_simulated import SimulatedLink
from edge.runtime.clock import SimulatedClock, settle
from edge.runtime.identity import DeviceIdentity
from edge.runtime.intercom import ClaimSaid, ClaimTold, LedgerThere, Word
from edge.store.delivery import DeliveryStore
from edge.store.journal import Journal
from edge.store.outbox import JournalReader
from edge.sync.__main__ import way_to_ledger
from edge.sync.sideways import WORD_BYTES_MAX, Sideways
from tests.device import BOOT, DEVICE, authorised, stamp
from tests.small_central import RowKeeper
from tests.threads import DirectThread
from wire.codec import encode
from wire.delivery import Ack

ID = DEVICE.hex()


@dataclass
class Stage:
    folder: Path
    clock: SimulatedClock
    link: SimulatedLink
    hub: RowKeeper
    journal: Journal
    sideways: Sideways
    told: list[Word] = field(default_factory=list)

    def grow(self, number: int) -> None:
        self.journal.transact(lambda rows: rows.append(authorised(number), stamp()))
        self.sideways.grew()


@asynccontextmanager
async def sideways(folder: Path) -> AsyncIterator[Stage]:
    clock, thread, hub = SimulatedClock(), DirectThread(), RowKeeper()

    def receive(topic: str, payload: bytes) -> None:
        if topic == hub.topics.claim(ID):
            return  # A small keeper of rows knows no claims.
        for answer in hub.receive(topic, payload):
            link.deliver(*answer)

    link = SimulatedLink(receive)
    journal = Journal(folder, DEVICE, BOOT, os.urandom)
    journal.open(stamp())
    told: list[Word] = []
    who = DeviceIdentity(ID, "venue", "00" * 32)
    one = way_to_ledger(folder, who, link, link, told.append, hub.topics, thread, clock)
    running = asyncio.create_task(one.run())
    await settle()
    try:
        yield Stage(folder, clock, link, hub, journal, one, told)
        assert not running.done()
    finally:
        running.cancel()
        journal.close()


def play(story: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(story(), 60))


def test_the_hub_hears_the_journal_and_the_doors_whether_it_is_there(tmp_path: Path) -> None:
    async def story() -> None:
        async with sideways(tmp_path) as one:
            one.link.connect()
            await one.clock.advance(1)
            one.grow(1)
            await one.clock.advance(1)
            assert one.hub.count(ID) == 2, "the epoch's beginning, and the use"
            one.link.cut()
            await one.clock.advance(1)
            assert one.told == [LedgerThere(True), LedgerThere(False)]

    play(story)


def test_what_the_hub_acknowledges_is_not_acknowledged_by_central(tmp_path: Path) -> None:
    async def story() -> None:
        async with sideways(tmp_path) as one:
            one.link.connect()
            one.grow(1)
            await one.clock.advance(1)
            (epoch,) = JournalReader(tmp_path, DEVICE).epochs()
            one.link.deliver(one.hub.topics.ack(ID), encode(Ack(epoch.epoch, 10**6)))
            await one.clock.advance(1)
            saved = DeliveryStore(tmp_path)
            assert saved.acknowledged(epoch.epoch) == 0
            saved.close()

    play(story)


def test_claims_are_carried_both_ways_unread(tmp_path: Path) -> None:
    async def story() -> None:
        async with sideways(tmp_path) as one:
            one.sideways.said(ClaimSaid(b"lost: nobody is there"))
            await settle()
            one.link.connect()
            await settle()
            one.sideways.said(ClaimSaid(b"a claim"))
            one.sideways.said(ClaimSaid(b"x" * (WORD_BYTES_MAX + 1)))
            await settle()
            claims = [payload for topic, payload in one.link.published if topic.endswith("/claim")]
            assert claims == [b"a claim"]
            answers = one.hub.topics.claim_answer(ID)
            one.link.deliver(answers, b"an answer")
            one.link.deliver(answers, b"from an earlier life", retained=True)
            one.link.deliver(answers, b"x" * (WORD_BYTES_MAX + 1))
            await settle()
            assert [word for word in one.told if isinstance(word, ClaimTold)] == [
                ClaimTold(b"an answer")
            ]

    play(story)


@pytest.mark.parametrize("payload", [b"", b"\xff" * 30, encode({"epoch": 5})])
def test_any_bytes_leave_it_listening(tmp_path: Path, payload: bytes) -> None:
    async def story() -> None:
        async with sideways(tmp_path) as one:
            one.link.connect()
            for topic in (one.hub.topics.ack(ID), one.hub.topics.heartbeat(), "x", ""):
                one.link.deliver(topic, payload)
            await settle()
            one.link.deliver(one.hub.topics.claim_answer(ID), payload)
            await settle()
            assert one.told[-1] == ClaimTold(payload)

    play(story)


def test_without_a_hub_it_goes_over_centrals_link() -> None:
    async def story() -> None:
        link, told = SimulatedLink(), list[Word]()
        one = Sideways(link, told.append, RowKeeper().topics, ID)
        await one.run()
        link.connect()
        one.connection(True)
        one.said(ClaimSaid(b"a claim"))
        one.told(Message("", b"an answer", False))
        await settle()
        assert link.published == [(RowKeeper().topics.claim(ID), b"a claim")]
        assert told == [LedgerThere(True), ClaimTold(b"an answer")]
        assert not one.is_hub

    play(story)
