"""The hub: its real daemon, ledger and store, on a simulated broker and clock."""

import asyncio
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.core.hub_broker import access_list
from edge.drivers.link_simulated import SimulatedLink
from edge.hub.daemon import HubDaemon
from edge.hub.ledger import Ledger
from edge.hub.orders import Orders
from edge.hub.roster import Roster
from edge.runtime.clock import SimulatedClock, settle
from edge.runtime.service import Life
from edge.store.claims import FILE, ClaimStore
from rules.term import ASKED_AT_ONCE_MAX, SETTLING_SECONDS
from tests.device import authorised, stamp, ticket
from tests.said_sync import SaidSync
from tests.threads import DirectThread
from tests.trusted import trusting
from wire.chain import GENESIS
from wire.claim import (
    Ask,
    Claim,
    Denied,
    FromDevice,
    FromLedger,
    GiveBack,
    Granted,
    Mine,
    Taken,
    read_told,
    write,
)
from wire.codec import WireError, decode, encode
from wire.delivery import Ack, Batch, EpochTop, Hello
from wire.event import Abandoned, AnyEvent, Passed
from wire.reason import Reason
from wire.row import encode_row
from wire.signed import Purpose, unsealed_by
from wire.topic import Topics

GATE, OTHER, STRANGER, HUB = b"gate---1", b"gate---2", b"stranger", b"the hub."
NAMES = {GATE: "Gate 1", OTHER: "Gate 2"}
EPOCH = b"epoch--1"
KEY = Ed25519PrivateKey.from_private_bytes(b"hub".ljust(32, b"."))
PUBLIC = KEY.public_key().public_bytes_raw()
TOPICS = Topics("venue")
Told = FromLedger | Ack


@dataclass
class Hub:
    clock: SimulatedClock
    link: SimulatedLink
    ledger: Ledger
    store: ClaimStore
    sync: SaidSync

    async def say(self, device: bytes, kind: str, payload: bytes) -> list[Told]:
        """Say something as a device; return what the hub tells anybody."""
        before = len(self.link.published)
        self.link.deliver(f"gh/1/venue/up/{device.hex()}/{kind}", payload)
        await settle()
        return [self.read(*one) for one in self.link.published[before:]]

    def read(self, topic: str, payload: bytes) -> Told:
        device = bytes.fromhex(topic.split("/")[4])
        if topic == TOPICS.ack(device.hex()):
            return decode(payload, Ack)
        assert topic == TOPICS.claim_answer(device.hex())
        return read_told(unsealed_by(payload, Purpose.CLAIM, PUBLIC), device)

    async def claim(self, number: int, right: int, device: bytes = GATE) -> Told:
        (told,) = await self.say(device, "claim", write(claim(number, right)))
        return told

    async def word(self, word: FromDevice, device: bytes = GATE) -> list[Told]:
        return await self.say(device, "claim", write(word))

    async def rows(self, first: int, *happened: AnyEvent, device: bytes = GATE) -> list[Told]:
        bodies = tuple(encode_row(one, stamp()) for one in happened)
        return await self.say(device, "live", encode(Batch(EPOCH, first, GENESIS, bodies)))

    async def hello(self, device: bytes, top: int = 0, first: int = 1) -> list[Told]:
        epochs = (EpochTop(EPOCH, top, bytes(32), first),) if top else ()
        return await self.say(device, "hello", encode(Hello(epochs)))

    async def everybody_is_heard(self) -> None:
        for device in NAMES:
            await self.hello(device)
        await self.clock.advance(SETTLING_SECONDS)


@asynccontextmanager
async def hub(folder: Path, names: dict[bytes, str] | None = NAMES) -> AsyncIterator[Hub]:
    clock, link = SimulatedClock(), SimulatedLink()
    store = ClaimStore(folder)
    ledger = Ledger(store, KEY, TOPICS, clock.now(), names)
    life = Life()
    direct = DirectThread()
    sync = SaidSync(clock)
    trust = trusting(folder)
    orders = Orders(HUB, trust, direct, clock, sync.tell)
    daemon = HubDaemon(
        *(link, ledger, direct, clock, life, direct, store.checkpoint),
        *(sync, orders, Roster(HUB, (), trust, direct)),
    )
    running = asyncio.create_task(daemon.run())
    link.connect()
    await settle()
    try:
        yield Hub(clock, link, ledger, store, sync)
        assert not running.done()
    finally:
        life.stop("the test is over")
        await running
        store.close()


def claim(number: int, right: int) -> Claim:
    return Claim(b"admission%03d" % number, ticket(right).cti, "hall", 1, lane="A1")


def reason(told: Told) -> Reason | None:
    return told.reason if isinstance(told, Denied) else None


def play(story: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(asyncio.wait_for(story(), 60))


def test_of_eight_gates_that_ask_at_once_one_is_granted(tmp_path: Path) -> None:
    async def story() -> None:
        async with hub(tmp_path, None) as one:
            before = len(one.link.published)
            for number in range(8):
                device = b"gate---%d" % number
                word = write(claim(number, right=1))
                one.link.deliver(f"gh/1/venue/up/{device.hex()}/claim", word)
            await settle()
            told = [one.read(*said) for said in one.link.published[before:]]
            assert sum(isinstance(word, Granted) for word in told) == 1
            assert [reason(word) for word in told if isinstance(word, Denied)] == [
                Reason.BEING_USED
            ] * 7

    play(story)


def test_a_grant_is_on_disk_before_it_is_told(tmp_path: Path) -> None:
    async def story() -> None:
        async with hub(tmp_path) as one:
            seen: list[int] = []
            publish = one.link.publish

            async def watched(topic: str, payload: bytes, retain: bool = False) -> None:
                reader = sqlite3.connect(f"file:{tmp_path / FILE}?mode=ro", uri=True)
                seen.append(reader.execute("SELECT count(*) FROM held").fetchone()[0])
                reader.close()
                await publish(topic, payload, retain)

            one.link.publish = watched  # type: ignore[method-assign]
            await one.claim(1, right=1)
            assert seen == [1]

    play(story)


def test_a_double_is_told_when_and_at_which_gate(tmp_path: Path) -> None:
    async def story() -> None:
        async with hub(tmp_path) as one:
            await one.rows(1, authorised(1), Passed(admission=b"admission001", person=1))
            told = await one.claim(2, right=1, device=OTHER)
            assert isinstance(told, Denied)
            assert (told.reason, told.since) == (Reason.USED, 1_780_000_000)
            assert told.where == "Gate 1"

    play(story)


def test_a_restarted_hub_knows_what_it_granted_and_is_not_sure_before_all_were_heard(
    tmp_path: Path,
) -> None:
    async def story() -> None:
        async with hub(tmp_path) as one:
            await one.everybody_is_heard()
            told = await one.claim(1, right=1)
            assert isinstance(told, Granted)
            assert told.firm
            term = told.term
        async with hub(tmp_path) as one:
            assert reason(await one.claim(2, right=1, device=OTHER)) is Reason.BEING_USED
            told = await one.claim(3, right=3)
            assert isinstance(told, Granted)
            assert told.term > term
            assert not told.firm
            await one.hello(GATE, top=2)
            await one.hello(OTHER)
            await one.clock.advance(SETTLING_SECONDS)
            told = await one.claim(4, right=4)
            assert isinstance(told, Granted)
            assert not told.firm, "the rows of Gate 1 are still to come"
            await one.rows(2, Passed(admission=b"admission005", person=1))
            await one.rows(1, authorised(5))
            told = await one.claim(6, right=6)
            assert isinstance(told, Granted)
            assert told.firm
            assert reason(await one.claim(7, right=5, device=OTHER)) is Reason.USED

    play(story)


def test_a_hub_that_was_replaced_and_told_of_nobody_is_never_sure(tmp_path: Path) -> None:
    async def story() -> None:
        async with hub(tmp_path, None) as one:
            await one.hello(GATE)
            await one.clock.advance(SETTLING_SECONDS)
            told = await one.claim(1, right=1)
            assert isinstance(told, Granted)
            assert not told.firm

    play(story)


def test_rows_are_acknowledged_as_far_as_they_are_here_without_a_hole(tmp_path: Path) -> None:
    async def story() -> None:
        async with hub(tmp_path) as one:
            assert await one.hello(GATE, top=3) == [Ack(EPOCH, 0)]
            assert await one.rows(2, authorised(2), authorised(3)) == [Ack(EPOCH, 0)]
            assert await one.rows(1, authorised(1)) == [Ack(EPOCH, 3)]
        async with hub(tmp_path) as one:
            assert await one.hello(GATE, top=3) == [Ack(EPOCH, 3)]
            assert await one.hello(OTHER, top=9, first=5) == [Ack(EPOCH, 4)], "pruned ones are gone"

    play(story)


def test_whoever_holds_a_claim_and_is_silent_is_asked_until_it_says(tmp_path: Path) -> None:
    async def story() -> None:
        async with hub(tmp_path) as one:
            await one.claim(1, right=1)
            await one.claim(2, right=2)
            before = len(one.link.published)
            await one.clock.advance(SETTLING_SECONDS + 1)
            asked = [one.read(*said) for said in one.link.published[before:]]
            asks = [Ask(GATE, b"admission001"), Ask(GATE, b"admission002")]
            assert sorted(asked, key=repr) == asks
            assert reason(await one.claim(3, right=1, device=OTHER)) is Reason.BEING_USED
            assert await one.word(GiveBack(b"admission001")) == [Taken(GATE, b"admission001")]
            assert reason(await one.claim(4, right=1, device=OTHER)) is None
            assert await one.word(Mine(b"admission002")) == []
            await one.rows(1, authorised(2))
            before = len(one.link.published)
            await one.clock.advance(9)
            assert one.link.published[before:] == [], "the journal has said it"

    play(story)


def test_of_many_silent_claims_a_few_are_asked_about_at_a_time_and_each_in_its_turn(
    tmp_path: Path,
) -> None:
    """Each question is signed on the thread that doors wait for."""
    many = 7 * ASKED_AT_ONCE_MAX

    async def story() -> None:
        async with hub(tmp_path) as one:
            for number in range(many):
                await one.claim(number, right=number)
            await one.clock.advance(SETTLING_SECONDS - 0.5)
            asked = list[Told]()
            for _ in range(15):
                before = len(one.link.published)
                await one.clock.advance(1.0)
                words = [one.read(*said) for said in one.link.published[before:]]
                assert len(words) <= ASKED_AT_ONCE_MAX
                asked += words
            times = Counter(word.admission for word in asked if isinstance(word, Ask))
            assert len(times) == many
            assert set(times.values()) <= {2, 3}, "nobody is asked at another's cost"

    play(story)


def test_what_was_open_when_it_died_is_asked_about_in_its_next_life(tmp_path: Path) -> None:
    async def story() -> None:
        async with hub(tmp_path) as one:
            await one.claim(1, right=1)
        async with hub(tmp_path) as one:
            await one.clock.advance(SETTLING_SECONDS + 1)
            told = [one.read(*said) for said in one.link.published]
            assert told == [Ask(GATE, b"admission001")]

    play(story)


def test_nobody_gives_back_what_another_holds(tmp_path: Path) -> None:
    async def story() -> None:
        async with hub(tmp_path) as one:
            assert isinstance(await one.claim(1, right=1), Granted)
            await one.word(GiveBack(b"admission001"), device=OTHER)
            await one.rows(1, Abandoned(admission=b"admission001", person=1), device=OTHER)
            assert reason(await one.claim(2, right=1, device=OTHER)) is Reason.BEING_USED

    play(story)


def test_whoever_is_not_of_the_venue_is_not_heard(tmp_path: Path) -> None:
    async def story() -> None:
        async with hub(tmp_path) as one:
            assert await one.word(claim(1, 1), device=STRANGER) == []
            assert await one.rows(1, authorised(1), device=STRANGER) == []
            assert reason(await one.claim(2, right=1)) is None

    play(story)


def test_a_full_disk_answers_nobody_and_a_later_claim_is_answered(tmp_path: Path) -> None:
    async def story() -> None:
        async with hub(tmp_path) as one:
            blocker = sqlite3.connect(tmp_path / FILE, isolation_level=None)
            one.store._database.execute("PRAGMA busy_timeout = 0")  # noqa: SLF001
            blocker.execute("BEGIN IMMEDIATE")
            assert await one.word(claim(1, 1)) == []
            blocker.execute("ROLLBACK")
            blocker.close()
            assert reason(await one.claim(2, right=1, device=OTHER)) is None

    play(story)


def test_rows_that_were_not_committed_are_not_acknowledged_later(tmp_path: Path) -> None:
    async def story() -> None:
        async with hub(tmp_path) as one:
            blocker = sqlite3.connect(tmp_path / FILE, isolation_level=None)
            one.store._database.execute("PRAGMA busy_timeout = 0")  # noqa: SLF001
            blocker.execute("BEGIN IMMEDIATE")
            assert await one.rows(1, authorised(1)) == []
            blocker.execute("ROLLBACK")
            blocker.close()
            assert await one.rows(2, Abandoned(admission=b"admission001", person=1)) == [
                Ack(EPOCH, 0)
            ]

    play(story)


def test_what_was_taken_back_half_way_is_not_acknowledged_later(tmp_path: Path) -> None:
    """The disk is full in the middle of a group: of none of it anything is remembered."""

    async def story() -> None:
        async with hub(tmp_path) as one:
            database = one.store._database  # noqa: SLF001
            database.execute(
                "CREATE TEMP TRIGGER full BEFORE INSERT ON main.heard"
                " WHEN NEW.epoch = CAST('epoch--2' AS BLOB)"
                " BEGIN SELECT RAISE(ABORT, 'full'); END"
            )
            topic = f"gh/1/venue/up/{GATE.hex()}/live"
            for epoch, number in ((EPOCH, 1), (b"epoch--2", 2)):
                body = encode_row(authorised(number), stamp())
                one.link.deliver(topic, encode(Batch(epoch, 1, GENESIS, (body,))))
            await settle()
            assert one.link.published == []
            database.execute("DROP TRIGGER full")
            assert await one.rows(2, authorised(3)) == [Ack(EPOCH, 0)]

    play(story)


def test_a_flipped_bit_is_found_before_it_grants_anything(tmp_path: Path) -> None:
    async def story() -> None:
        async with hub(tmp_path) as one:
            await one.claim(1, right=1)
        database = sqlite3.connect(tmp_path / FILE, isolation_level=None)
        database.execute("UPDATE held SET outcome = 1")
        database.close()
        async with hub(tmp_path, None) as one:
            assert await one.word(claim(2, 1), device=OTHER) == []
            assert (tmp_path / f"{FILE}.damaged").exists()
            told = await one.claim(3, right=1, device=OTHER)
            assert isinstance(told, Granted)
            assert not told.firm, "it is one that was replaced"

    play(story)


def test_the_log_is_moved_into_the_file_between_claims(tmp_path: Path) -> None:
    async def story() -> None:
        async with hub(tmp_path) as one:
            await one.claim(1, right=1)
            await one.clock.advance(4)
            alone = tmp_path / "alone.db"
            alone.write_bytes((tmp_path / FILE).read_bytes())
            reader = sqlite3.connect(alone)
            assert reader.execute("SELECT count(*) FROM held").fetchone() == (1,)
            reader.close()
            assert reason(await one.claim(2, right=1, device=OTHER)) is Reason.BEING_USED

    play(story)


@pytest.mark.parametrize("kind", ["claim", "hello", "live", "backlog", "log", "x"])
def test_any_bytes_leave_it_answering(tmp_path: Path, kind: str) -> None:
    async def story() -> None:
        async with hub(tmp_path) as one:
            many = Batch(
                EPOCH, 1, GENESIS, (b"", b"\xff", encode_row(authorised(1, 10**9), stamp()))
            )
            for payload in (b"", b"\xff" * 40, encode(many), bytes.fromhex("28B52FFD") + b"x" * 9):
                for topic in (GATE.hex(), "zz", "", "+"):
                    one.link.deliver(f"gh/1/venue/up/{topic}/{kind}", payload)
            one.link.deliver("\0", b"")
            await settle()
            assert reason(await one.claim(2, right=1)) is None

    play(story)


def test_a_gate_may_say_and_hear_its_own_and_the_hub_all() -> None:
    told = access_list("venue", "aa" * 8)
    assert f"user {'aa' * 8}\ntopic read gh/1/venue/up/+/+\ntopic write gh/1/venue/down/#" in told
    assert "pattern write gh/1/venue/up/%u/claim" in told
    assert "#" not in told.partition("pattern")[2]


def test_answers_are_believed_by_the_hubs_key_alone(tmp_path: Path) -> None:
    async def story() -> None:
        async with hub(tmp_path) as one:
            await one.claim(1, right=1)
            (_, envelope) = one.link.published[-1]
            stranger = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
            with pytest.raises(WireError):
                unsealed_by(envelope, Purpose.CLAIM, stranger)
            with pytest.raises(WireError):
                unsealed_by(envelope, Purpose.COMMAND, PUBLIC)

    play(story)
