"""The sync daemon: the real shells and store, a simulated link, files and clock."""

import asyncio
import hashlib
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import zstandard
from msgspec.structs import replace

from edge.drivers.fetch_simulated import SimulatedFetch
from edge.drivers.interfaces import DriverError
from edge.drivers.link_simulated import SimulatedLink
from edge.runtime.clock import SimulatedClock, settle
from edge.runtime.intercom import Grew, Heard, IntercomClient, IntercomServer, Word
from edge.runtime.service import Life
from edge.store.delivery import DeliveryStore
from edge.store.essentials import EssentialsStore
from edge.store.journal import Journal
from edge.store.list_writer import WhitelistWriter
from edge.store.outbox import JournalReader
from edge.sync.carrier import Carrier
from edge.sync.daemon import SyncDaemon
from edge.sync.download import UnusableError, unpack
from edge.sync.essentials import EssentialsFollower
from edge.sync.inward import Inward
from edge.sync.new_list import Aside
from edge.sync.outward import Outward
from edge.sync.roles import RolesFollower
from tests.device import writing
from tests.small_central import ListKeeper, RowKeeper
from tests.threads import DirectThread
from tests.trusted import inside, sealed, trusting
from wire.codec import decode, encode
from wire.delivery import Ack
from wire.event import ClockQuality, Left, Stamp
from wire.signed import Purpose
from wire.snapshot import Delta, Heartbeat, Manifest

DEVICE = bytes.fromhex("00112233445566aa")
BOOT = b"boot-one"
STAMP = Stamp(1_780_000_000_000, 100_000, BOOT, ClockQuality.UNCONFIRMED)


class KeptFiles(SimulatedFetch):
    """What a ListKeeper gives out."""

    def __init__(self, keeper: ListKeeper) -> None:
        super().__init__()
        self.keeper = keeper
        self.downloads = self.most_downloads = 0
        self.parts: list[tuple[int, int]] = []
        self.held: asyncio.Event | None = None
        """Set: a download waits for it."""
        self.on_asked: Callable[[str], None] = lambda _: None

    async def download(self, path: str, target: Path, size_bytes: int) -> None:
        if self.held:
            await self.held.wait()
        await super().download(path, target, size_bytes)

    async def part(self, path: str, first: int, count: int) -> bytes:
        self.parts.append((first, count))
        return await super().part(path, first, count)

    def _find(self, path: str) -> bytes:
        self.asked.append(path)
        self.on_asked(path)
        body = None if self.away else self.keeper.answer(path)
        if body is None:
            raise DriverError(f"simulated central has nothing at {path}")
        return body


class PolledReader(JournalReader):
    """Counts how often it is asked."""

    polled = 0

    def changed(self) -> bool:
        self.polled += 1
        return super().changed()


class Told(IntercomServer):
    """Remembers what doors were told."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.words_told: list[Word] = []

    def of(self, kind: type[Word]) -> list[Word]:
        return [word for word in self.words_told if isinstance(word, kind)]

    def tell(self, word: Word) -> None:
        self.words_told.append(word)
        super().tell(word)


@dataclass
class Venue:
    directory: Path
    clock: SimulatedClock
    link: SimulatedLink
    central: RowKeeper
    lists: ListKeeper
    fetch: KeptFiles
    journal: Journal
    rows: PolledReader
    intercom: IntercomServer
    inward: Inward
    daemon: SyncDaemon
    told: "Told"
    listening: bool = True

    def grow(self, rows: int) -> None:
        """Write `rows` rows and say so, as a door daemon does."""
        self.journal.transact(
            lambda transaction: [transaction.append(Left(), STAMP) for _ in range(rows)]
        )

    def receive(self, topic: str, payload: bytes) -> None:
        if self.listening:
            for answer in self.central.receive(topic, payload):
                self.link.deliver(*answer)

    def beat(self, retained: bool = False) -> None:
        beat = self.lists.heartbeat(self.clock.now().wall)
        self.link.deliver(self.central.topics.heartbeat(), beat, retained)

    def confirmed(self) -> int:
        """How far central said that our list goes; -1 while it has not."""
        said = self.inward.confirmed
        return -1 if said is None else said.sequence

    async def until(self, what: Callable[[], bool], seconds: float = 200.0) -> None:
        """Let time pass in small steps until `what` holds."""
        for _ in range(int(seconds / 0.1)):
            if what():
                return
            await self.clock.advance(0.1)
        raise AssertionError("it never happened")

    def list_sequence(self) -> int:
        about = writing(self.directory).current
        return about.sequence if about else 0


@asynccontextmanager
async def syncing(
    directory: Path, before: Callable[[KeptFiles], None] = lambda _: None
) -> AsyncIterator[Venue]:
    """`before` sees to central before the device is switched on."""
    clock, thread = SimulatedClock(), DirectThread()
    lives = itertools.count(1)
    journal = Journal(directory, DEVICE, BOOT, lambda size: next(lives).to_bytes(size, "big"))
    journal.open(STAMP)
    (directory / "central").mkdir(exist_ok=True)
    central, lists = RowKeeper(), ListKeeper(directory / "central")
    fetch = KeptFiles(lists)
    before(fetch)
    intercom = Told(directory / "sync.sock")
    link = SimulatedLink(lambda topic, payload: venue.receive(topic, payload))
    rows, saved = PolledReader(directory, DEVICE), DeliveryStore(directory)
    outward = Outward(link, rows, saved, thread, clock, central.topics, DEVICE.hex(), "test")
    trust = trusting(directory)
    aside = Aside(fetch, thread, directory)
    writer = WhitelistWriter(directory, trust)
    follower = RolesFollower(fetch, trust, "venue", clock)
    essentials = EssentialsFollower(fetch, EssentialsStore(directory, trust), thread, clock)
    following = (follower, essentials, intercom)
    inward = Inward(fetch, writer, *following, thread, aside, clock, lambda: 0.5)
    life = Life()
    carrier = Carrier(link, intercom.tell, clock, central.topics, DEVICE.hex(), follower)
    about = (central.topics, DEVICE.hex())
    daemon = SyncDaemon(link, outward, inward, intercom, clock, life, *about, carrier)
    venue = Venue(
        directory,
        clock,
        link,
        central,
        lists,
        fetch,
        journal,
        rows,
        intercom,
        inward,
        daemon,
        intercom,
    )
    running = asyncio.create_task(daemon.run())
    try:
        await settle()
        yield venue
        assert not running.done()
    finally:
        life.stop("the test is over")
        await running
        journal.close()


def play(
    directory: Path,
    story: Callable[[Venue], Awaitable[None]],
    before: Callable[[KeptFiles], None] = lambda _: None,
) -> None:
    async def run() -> None:
        async with syncing(directory, before) as venue:
            await story(venue)

    asyncio.run(asyncio.wait_for(run(), 60))


def saved(venue: Venue) -> int:
    epoch = next(iter(venue.central.rows))[1]
    return DeliveryStore(venue.directory).acknowledged(epoch)


def test_rows_written_before_and_during_reach_central(tmp_path: Path) -> None:
    async def story(venue: Venue) -> None:
        venue.grow(1300)
        venue.link.connect()
        await venue.until(lambda: venue.central.count(DEVICE.hex()) == 1301)
        venue.grow(2)
        await venue.until(lambda: venue.central.count(DEVICE.hex()) == 1303)
        await venue.until(lambda: saved(venue) == 1303)
        assert venue.central.messages[0][0] == "hello"
        assert ("backlog", 500) in venue.central.messages
        assert ("live", 2) in venue.central.messages
        assert venue.central.conflicts == 0

    play(tmp_path, story)


def test_the_word_of_a_door_is_enough(tmp_path: Path) -> None:
    async def story(venue: Venue) -> None:
        venue.link.connect()
        await venue.until(lambda: venue.central.count(DEVICE.hex()) == 1)
        client = IntercomClient(tmp_path / "sync.sock", venue.clock)
        door = asyncio.create_task(client.run())
        venue.grow(1)
        polled = venue.rows.polled
        # The clock stands still: nothing is polled.
        for _ in range(1000):
            client.tell(Grew())
            await asyncio.sleep(0.001)
            if venue.central.count(DEVICE.hex()) == 2:
                break
        assert venue.central.count(DEVICE.hex()) == 2
        await settle(400)
        assert venue.rows.polled - polled < 20, "a word is heard once"
        door.cancel()

    play(tmp_path, story)


def test_a_link_cut_in_the_middle_loses_nothing(tmp_path: Path) -> None:
    async def story(venue: Venue) -> None:
        venue.grow(3000)
        venue.link.connect()
        await venue.until(lambda: venue.central.count(DEVICE.hex()) > 0)
        for _ in range(5):
            venue.grow(300)
            venue.link.acknowledges = False
            await venue.clock.advance(0.2)
            venue.link.cut()
            await venue.clock.advance(0.2)
            venue.link.acknowledges = True
            venue.link.connect()
            await venue.clock.advance(0.1)
        await venue.until(lambda: saved(venue) == 4501)
        assert venue.central.count(DEVICE.hex()) == 4501

    play(tmp_path, story)


def test_nothing_is_tried_without_a_connection(tmp_path: Path) -> None:
    async def story(venue: Venue) -> None:
        venue.link.connect()
        await venue.until(lambda: venue.central.count(DEVICE.hex()) == 1)
        venue.link.cut()
        for _ in range(10):
            venue.grow(30)
            await venue.clock.advance(10)
        assert venue.link.refused == 0
        venue.link.connect()
        await venue.until(lambda: venue.central.count(DEVICE.hex()) == 301)

    play(tmp_path, story)


def test_a_link_that_refuses_messages_keeps_no_place_in_the_window(tmp_path: Path) -> None:
    async def story(venue: Venue) -> None:
        venue.link.connect()
        await venue.until(lambda: venue.central.count(DEVICE.hex()) == 1)
        venue.link.takes = False
        for _ in range(10):
            venue.grow(30)
            await venue.clock.advance(10)
        assert venue.link.refused > 8
        venue.link.takes = True
        await venue.until(lambda: venue.central.count(DEVICE.hex()) == 301)

    play(tmp_path, story)


def test_central_away_and_back(tmp_path: Path) -> None:
    async def story(venue: Venue) -> None:
        venue.listening = False
        venue.link.connect()
        venue.grow(700)
        await venue.clock.advance(100)
        assert len(venue.link.published) < 30, "a silent central is asked calmly"
        venue.listening = True
        await venue.until(lambda: venue.central.count(DEVICE.hex()) == 701)

    play(tmp_path, story)


def test_a_central_restored_from_a_backup_gets_the_rows_again(tmp_path: Path) -> None:
    async def story(venue: Venue) -> None:
        venue.link.connect()
        venue.grow(700)
        await venue.until(lambda: bool(venue.central.rows) and saved(venue) == 701)
        held = next(iter(venue.central.rows.values()))
        for seq in range(300, 702):
            del held[seq]
        await venue.until(lambda: venue.central.count(DEVICE.hex()) == 701)

    play(tmp_path, story)


def test_what_cannot_be_read_is_counted_and_forgotten(tmp_path: Path) -> None:
    async def story(venue: Venue) -> None:
        topics = venue.central.topics
        venue.link.connect()
        rubbish = [b"", b"\xff", b"{}", bytes(1000), encode({"epoch": 1}), encode([1, 2]), b"\xa0"]
        heard = (topics.ack(DEVICE.hex()), topics.deltas(), topics.heartbeat())
        for topic in heard:
            for payload in rubbish:
                venue.link.deliver(topic, payload)
        venue.link.deliver("some/other/topic", b"rubbish")
        await venue.clock.advance(1)
        assert venue.daemon.malformed == dict.fromkeys(heard, len(rubbish))
        venue.grow(5)
        await venue.until(lambda: venue.central.count(DEVICE.hex()) == 6)

    play(tmp_path, story)


@pytest.mark.parametrize(
    ("ack", "retained"),
    [
        (Ack(b"\x00" * 7 + b"\x01", 60_000), False),
        (Ack(b"\x00" * 7 + b"\x01", 3), True),
        (Ack(b"othertim", 3), False),
    ],
)
def test_an_ack_of_an_earlier_life_is_not_believed(
    tmp_path: Path, ack: Ack, retained: bool
) -> None:
    async def story(venue: Venue) -> None:
        venue.listening = False
        venue.grow(4)
        venue.link.connect()
        await venue.clock.advance(0.5)
        venue.link.deliver(venue.central.topics.ack(DEVICE.hex()), encode(ack), retained)
        await venue.clock.advance(0.5)
        kept = DeliveryStore(tmp_path)
        assert kept.acknowledged(b"\x00" * 7 + b"\x01") == 0
        assert kept.acknowledged(ack.epoch) == 0
        venue.listening = True
        await venue.until(lambda: venue.central.count(DEVICE.hex()) == 5)

    play(tmp_path, story)


# The list.


def test_a_new_device_fetches_the_list_and_follows_it(tmp_path: Path) -> None:
    async def story(venue: Venue) -> None:
        await venue.until(lambda: venue.list_sequence() == 0 and len(venue.fetch.asked) > 3)
        venue.lists.change(3)
        venue.link.connect()
        venue.beat()
        await venue.until(lambda: venue.list_sequence() == 3)
        venue.link.deliver(venue.central.topics.deltas(), venue.lists.change())
        await venue.until(lambda: venue.list_sequence() == 4)
        venue.beat()
        await venue.until(lambda: venue.confirmed() == 4)

    play(tmp_path, story)


def test_a_lost_delta_is_fetched_by_http(tmp_path: Path) -> None:
    async def story(venue: Venue) -> None:
        venue.link.connect()
        await venue.until(lambda: len(venue.fetch.asked) >= 4)
        venue.lists.change()
        venue.link.deliver(venue.central.topics.deltas(), venue.lists.change())
        await venue.until(lambda: venue.list_sequence() == 2)
        assert venue.fetch.asked[-1] == "/device/list/deltas?after=0"

    play(tmp_path, story)


def test_a_chain_longer_than_one_answer_is_fetched_to_its_end(tmp_path: Path) -> None:
    async def story(venue: Venue) -> None:
        venue.lists.change(2100)
        await venue.until(lambda: venue.list_sequence() == 2100)

    play(tmp_path, story)


def test_deltas_forgotten_by_central_mean_a_snapshot(tmp_path: Path) -> None:
    async def story(venue: Venue) -> None:
        await venue.until(lambda: len(venue.fetch.asked) >= 4)
        venue.lists.change(50)
        venue.lists.forgotten = 40
        venue.lists.snapshot()
        venue.lists.change(5)
        venue.link.connect()
        venue.beat()
        await venue.until(lambda: venue.list_sequence() == 55)

    play(tmp_path, story)


def test_another_chain_is_replaced_by_a_snapshot(tmp_path: Path) -> None:
    async def story(venue: Venue) -> None:
        venue.lists.change(9)
        await venue.until(lambda: venue.list_sequence() == 9)
        venue.lists = venue.fetch.keeper = ListKeeper(tmp_path / "central", "restored")
        venue.lists.change(4)
        venue.link.connect()
        for _ in range(30):
            venue.beat()
            await venue.clock.advance(1)
        assert venue.list_sequence() == 4
        venue.beat()
        await venue.until(lambda: venue.confirmed() == 4)

    play(tmp_path, story)


def test_a_download_that_is_cut_or_wrong_is_tried_again(tmp_path: Path) -> None:
    async def story(venue: Venue) -> None:
        await venue.until(lambda: len(venue.fetch.asked) >= 4)
        venue.lists.change(10)
        venue.lists.forgotten = 10
        manifest = venue.lists.snapshot()
        path = f"/device/list/{manifest.version}.db.zst"
        good = venue.lists.files[path]
        # First cut; then, though of the right length, some other bytes.
        venue.fetch.cut_after_bytes = 1000
        venue.lists.files[path] = good[:-20] + bytes(20)
        venue.link.connect()
        venue.beat()
        await venue.until(lambda: venue.fetch.asked.count(path) >= 3)
        venue.lists.files[path] = good
        await venue.until(lambda: venue.list_sequence() == 10)
        assert list((tmp_path / "list" / "incoming").iterdir()) == []

    play(tmp_path, story)


def test_only_the_announced_bytes_are_unpacked(tmp_path: Path) -> None:
    lists = ListKeeper(tmp_path)
    manifest = decode(inside(lists.files["/device/list/manifest"]), Manifest)
    packed, to = tmp_path / "a.db.zst", tmp_path / "a.db"
    good = lists.files["/device/list/a-0.db.zst"]
    packed.write_bytes(good)
    unpack(packed, to, manifest)
    other = b"other bytes, packed"
    for body, said in (
        (zstandard.ZstdCompressor().compress(other), manifest),
        (good, replace(manifest, file_bytes=100)),
        (other, replace(manifest, compressed_sha256=hashlib.sha256(other).digest())),
    ):
        packed.write_bytes(body)
        with pytest.raises(UnusableError):
            unpack(packed, to, said)


def test_a_store_that_is_further_than_sync_knows_is_asked_again(tmp_path: Path) -> None:
    async def story(venue: Venue) -> None:
        venue.link.connect()
        await venue.until(lambda: len(venue.fetch.asked) >= 4)
        before = (tmp_path / "list" / "current").readlink()
        first = venue.lists.change()
        writing(tmp_path).apply(first)
        venue.link.deliver(venue.central.topics.deltas(), first)
        await venue.clock.advance(5)
        assert venue.list_sequence() == 1
        # Brought in anew, and beside the one that doors may be reading.
        assert (tmp_path / "list" / "current").readlink() != before
        venue.lists.change()
        venue.beat()
        await venue.until(lambda: venue.list_sequence() == 2)

    play(tmp_path, story)


@pytest.mark.parametrize("version", ["../../etc/passwd", "", "a/b", ".hidden", "x" * 300, "a\x00b"])
def test_a_manifest_cannot_name_a_path(tmp_path: Path, version: str) -> None:
    async def story(venue: Venue) -> None:
        await venue.until(lambda: len(venue.fetch.asked) >= 4)
        venue.lists.change(3)
        venue.lists.forgotten = 3
        good = decode(inside(venue.lists.files["/device/list/manifest"]), Manifest)
        evil = replace(good, version=version, sequence=3)
        venue.lists.files["/device/list/manifest"] = sealed(encode(evil), Purpose.LIST)
        venue.link.connect()
        venue.beat()
        await venue.clock.advance(30)
        assert venue.list_sequence() == 0
        assert not [path for path in venue.fetch.asked if version and version in path]

    play(tmp_path, story)


UNUSABLE_ROW = (("E1", b"\xff"),)


@pytest.mark.parametrize("kind", ["a row no door could read", "no delta at all"])
@pytest.mark.parametrize("before", [0, 2])
def test_a_delta_that_cannot_be_used_is_asked_for_calmly_until_a_snapshot_is_beyond_it(
    tmp_path: Path, kind: str, before: int
) -> None:
    async def story(venue: Venue) -> None:
        await venue.until(lambda: len(venue.fetch.asked) >= 4)
        lists, asked = venue.lists, venue.fetch.asked
        if before:
            lists.change(before)
        body = encode(Delta(before + 1, lists.head, events=UNUSABLE_ROW))
        if kind == "no delta at all":
            body = encode({"sequence": "one"})
        lists.sequence, lists.head = before + 1, hashlib.sha256(body).digest()
        lists.deltas.append(sealed(body, Purpose.LIST))
        venue.link.connect()
        venue.beat()
        await venue.clock.advance(600)
        assert venue.list_sequence() == before, "what can be used is"
        assert len(asked) < 40, "asked calmly"
        assert "/device/list/manifest" in asked[-3:], "a snapshot may be beyond it"
        assert not [path for path in asked[4:] if path.endswith(".zst")], "none is"
        lists.snapshot()
        lists.change(3)
        venue.beat()
        await venue.until(lambda: venue.list_sequence() == before + 4)

    play(tmp_path, story)


def test_a_delta_by_mqtt_that_cannot_be_used_stops_nothing(tmp_path: Path) -> None:
    async def story(venue: Venue) -> None:
        venue.link.connect()
        await venue.until(lambda: len(venue.fetch.asked) >= 4)
        bad = Delta(1, venue.lists.head, events=UNUSABLE_ROW)
        for _ in range(20):
            venue.link.deliver(venue.central.topics.deltas(), sealed(encode(bad), Purpose.LIST))
            await venue.clock.advance(1)
        assert venue.list_sequence() == 0
        venue.lists.change(2)
        venue.beat()
        await venue.until(lambda: venue.list_sequence() == 2)

    play(tmp_path, story)


def test_a_retained_heartbeat_does_not_make_an_old_list_new(tmp_path: Path) -> None:
    async def story(venue: Venue) -> None:
        venue.link.connect()
        await venue.until(lambda: len(venue.fetch.asked) >= 4)
        venue.beat(retained=True)
        await venue.clock.advance(5)
        assert venue.confirmed() == -1
        assert not venue.told.of(Heard)
        venue.beat()
        await venue.until(lambda: venue.confirmed() == 0)
        assert len(venue.told.of(Heard)) == 1

    play(tmp_path, story)


def test_a_list_that_cannot_be_fetched_holds_up_no_row(tmp_path: Path) -> None:
    async def story(venue: Venue) -> None:
        venue.fetch.away = True
        venue.link.connect()
        foreign = Delta(7, bytes(32))
        delta = sealed(encode(foreign), Purpose.LIST)
        venue.link.deliver(venue.central.topics.deltas(), delta)
        beat = sealed(encode(Heartbeat("venue", 10**15, bytes(32), 0.0)), Purpose.HEARTBEAT)
        venue.link.deliver(venue.central.topics.heartbeat(), beat)
        venue.grow(50)
        await venue.until(lambda: venue.central.count(DEVICE.hex()) == 51)
        await venue.clock.advance(300)
        assert len(venue.fetch.asked) < 30, "asked calmly"

    play(tmp_path, story)
