"""What is said of the list in central's name and is not believed: named, and of no effect."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec.structs import replace

from edge.core.list_doubts import SUPPRESSED_SECONDS
from edge.runtime.intercom import Distrusted
from edge.store.essentials import EssentialsStore
from edge.sync.roles import PAUSE_MAX_SECONDS
from tests import trusted
from tests.daemons.test_sync import Venue, play
from tests.small_central import CHUNK_BYTES
from tests.trusted import inside, sealed
from wire.codec import decode, encode
from wire.event import Distrust
from wire.signed import Purpose, seal
from wire.snapshot import Delta, Heartbeat

STRANGER = Ed25519PrivateKey.generate()


def named(venue: Venue) -> set[Distrust]:
    return {word.what for word in venue.told.words_told if isinstance(word, Distrusted)}


async def ready(venue: Venue) -> None:
    """Up to date and connected, with one change."""
    venue.lists.change()
    venue.link.connect()
    venue.beat()
    await venue.until(lambda: venue.confirmed() == 1)


async def beating(venue: Venue, seconds: int) -> None:
    for _ in range(seconds):
        venue.beat()
        await venue.clock.advance(1)


def flips(body: bytes) -> Iterator[bytes]:
    for bit in range(len(body) * 8):
        changed = bytearray(body)
        changed[bit // 8] ^= 1 << bit % 8
        yield bytes(changed)


def test_every_flipped_bit_of_a_delta_and_of_a_heartbeat_is_refused(tmp_path: Path) -> None:
    async def story(venue: Venue) -> None:
        await ready(venue)
        topics, heard = venue.central.topics, len(venue.told.words_told)
        delta = venue.lists.change()
        beat = venue.lists.heartbeat(venue.clock.now().wall + 1)
        for changed in flips(delta):
            venue.link.deliver(topics.deltas(), changed)
        await venue.clock.advance(1)
        for changed in flips(beat):
            venue.link.deliver(topics.heartbeat(), changed)
        await venue.clock.advance(1)
        assert venue.list_sequence() == 1
        assert venue.confirmed() == 1
        assert named(venue) == {Distrust.FORGED}
        assert len(venue.told.words_told) == heard + 1, "and nothing is passed on"
        assert venue.daemon.malformed.total() == 8 * (len(delta) + len(beat))
        venue.link.deliver(topics.deltas(), delta)
        await venue.until(lambda: venue.list_sequence() == 2)

    play(tmp_path, story)


def test_every_flipped_bit_of_a_manifest_is_refused(tmp_path: Path) -> None:
    trust = trusted.trusting(tmp_path)
    good = sealed(b"what a manifest says", Purpose.LIST)
    for changed in flips(good):
        with pytest.raises(ValueError, match=r"\w"):
            trust.unseal(changed, Purpose.LIST)


def test_a_hostile_publisher_on_the_broker_is_named_and_changes_nothing(tmp_path: Path) -> None:
    async def story(venue: Venue) -> None:
        await ready(venue)
        topics, has = venue.central.topics, venue.lists
        delta = encode(Delta(2, has.head))
        beat = encode(Heartbeat("venue", 9, bytes(32), venue.clock.now().wall + 1))
        for envelope in (
            seal(delta, Purpose.LIST, STRANGER),
            sealed(delta, Purpose.HEARTBEAT),
            seal(delta, Purpose.LIST, trusted.key("heartbeat")),
            delta,
        ):
            venue.link.deliver(topics.deltas(), envelope)
        for envelope in (
            seal(beat, Purpose.HEARTBEAT, STRANGER),
            sealed(beat, Purpose.LIST),
            seal(beat, Purpose.HEARTBEAT, trusted.key("list")),
            beat,
            sealed(encode(Heartbeat("elsewhere", 9, bytes(32), 2e9)), Purpose.HEARTBEAT),
        ):
            venue.link.deliver(topics.heartbeat(), envelope)
        await venue.clock.advance(5)
        assert named(venue) == {Distrust.FORGED}
        assert venue.list_sequence() == 1
        assert venue.daemon.malformed.total() == 9

    play(tmp_path, story)


def test_a_list_of_somebody_else_is_not_installed(tmp_path: Path) -> None:
    async def story(venue: Venue) -> None:
        await ready(venue)
        venue.lists.change(5)
        venue.lists.forgotten = 6
        venue.lists.snapshot()
        good = venue.lists.files["/device/list/manifest"]
        venue.lists.files["/device/list/manifest"] = seal(inside(good), Purpose.LIST, STRANGER)
        await beating(venue, 60)
        assert venue.list_sequence() == 1
        assert Distrust.FORGED in named(venue)
        venue.lists.files["/device/list/manifest"] = good
        await venue.until(lambda: venue.list_sequence() == 6)

    play(tmp_path, story)


def test_an_old_heartbeat_played_again_confirms_nothing(tmp_path: Path) -> None:
    async def story(venue: Venue) -> None:
        old = venue.lists.heartbeat(venue.clock.now().wall)
        await ready(venue)
        before = venue.inward.confirmed
        await venue.clock.advance(5)
        venue.link.deliver(venue.central.topics.heartbeat(), old)
        await venue.clock.advance(1)
        assert venue.inward.confirmed == before
        assert named(venue) == {Distrust.REPLAYED}

    play(tmp_path, story)


def test_heartbeats_held_back_are_as_old_as_they_are(tmp_path: Path) -> None:
    async def story(venue: Venue) -> None:
        await ready(venue)
        wall = venue.clock.now().wall
        await venue.clock.advance(120)
        for second in range(20):
            held_back = venue.lists.heartbeat(wall + 1 + second)
            venue.link.deliver(venue.central.topics.heartbeat(), held_back)
            await venue.clock.advance(1)
        assert named(venue) == {Distrust.REPLAYED}
        assert venue.inward.confirmed is not None
        assert venue.clock.now().uptime - venue.inward.confirmed.uptime > 110

    play(tmp_path, story)


def test_a_change_that_central_tells_of_and_that_never_comes_is_named(tmp_path: Path) -> None:
    async def story(venue: Venue) -> None:
        await ready(venue)
        venue.lists.change()
        venue.fetch.away = True
        await beating(venue, int(SUPPRESSED_SECONDS) - 5)
        assert named(venue) == set()
        await beating(venue, 10)
        assert named(venue) == {Distrust.SUPPRESSED}
        venue.fetch.away = False
        await venue.until(lambda: venue.list_sequence() == 2)

    play(tmp_path, story)


def test_changes_out_of_order_are_named_and_applied_in_order(tmp_path: Path) -> None:
    async def story(venue: Venue) -> None:
        await ready(venue)
        venue.fetch.away = True
        second, third, fourth = (venue.lists.change() for _ in range(3))
        for delta in (fourth, third, second):
            venue.link.deliver(venue.central.topics.deltas(), delta)
        await venue.clock.advance(1)
        assert named(venue) == {Distrust.REORDERED}
        assert venue.list_sequence() <= 2
        venue.fetch.away = False
        await venue.until(lambda: venue.list_sequence() == 4)

    play(tmp_path, story)


def test_a_chain_with_a_link_left_out_is_named_and_not_applied(tmp_path: Path) -> None:
    async def story(venue: Venue) -> None:
        await ready(venue)
        venue.lists.change(3)
        left_out = venue.lists.deltas.pop(1)
        await beating(venue, 5)
        assert named(venue) == {Distrust.TRUNCATED}
        assert venue.list_sequence() == 1
        venue.lists.deltas.insert(1, left_out)
        await venue.until(lambda: venue.list_sequence() == 4)

    play(tmp_path, story)


def test_a_central_put_back_to_yesterday_is_named(tmp_path: Path) -> None:
    async def story(venue: Venue) -> None:
        venue.lists.change(3)
        await ready_at(venue, 3)
        today = venue.lists.sequence, venue.lists.head
        first = decode(inside(venue.lists.deltas[0]), Delta)
        venue.lists.sequence, venue.lists.head = 0, first.previous
        await beating(venue, 8)
        assert named(venue) == set(), "one heartbeat may have been under way"
        await beating(venue, 4)
        assert named(venue) == {Distrust.PUT_BACK}
        venue.lists.sequence, venue.lists.head = today

    play(tmp_path, story)


async def ready_at(venue: Venue, sequence: int) -> None:
    venue.link.connect()
    venue.beat()
    await venue.until(lambda: venue.confirmed() == sequence)


# Who may sign.


def test_a_key_that_was_changed_is_followed_without_alarm(tmp_path: Path) -> None:
    async def story(venue: Venue) -> None:
        await ready(venue)
        venue.lists.roles.append(trusted.next_roles(2, "new list"))
        venue.lists.change()
        venue.lists.reseal(trusted.key("new list"))
        venue.link.deliver(venue.central.topics.deltas(), venue.lists.deltas[-1])
        await beating(venue, 20)
        assert named(venue) == set()
        assert venue.list_sequence() == 2
        assert trusted.trusting(tmp_path).version == 2
        by_the_old_key = venue.lists.change()
        venue.link.deliver(venue.central.topics.deltas(), by_the_old_key)
        await venue.clock.advance(30)
        assert named(venue) == {Distrust.FORGED}
        assert venue.list_sequence() == 2

    play(tmp_path, story)


def test_roles_that_do_not_follow_never_come_in(tmp_path: Path) -> None:
    async def story(venue: Venue) -> None:
        await ready(venue)
        venue.lists.roles.append(trusted.next_roles(2, "list"))
        await beating(venue, 5)
        trust = trusted.trusting(tmp_path)
        assert trust.version == 2
        known = {path.name: path.read_bytes() for path in (tmp_path / "trust").iterdir()}
        for bad in (
            trusted.roles(),
            trusted.next_roles(2, "evil"),
            trusted.next_roles(4, "evil"),
            trusted.next_roles(3, "evil", root="no root"),
            trusted.next_roles(3, "evil", root="no root", named="no root"),
        ):
            venue.lists.roles[2:] = [bad]
            venue.lists.says_roles = 3
            await beating(venue, 2 * int(PAUSE_MAX_SECONDS))  # It asks ever more seldom.
            trust.refresh()
            assert trust.version == 2
            kept = {path.name: path.read_bytes() for path in (tmp_path / "trust").iterdir()}
            assert kept == known, "on disk there is what there was"
        venue.lists.roles, venue.lists.says_roles = venue.lists.roles[:1], 1
        await beating(venue, 12)
        assert Distrust.PUT_BACK in named(venue)
        assert trusted.trusting(tmp_path).version == 2

    play(tmp_path, story)


# Essentials.


def test_a_new_device_fetches_essentials_before_its_list_and_renews_them_calmly(
    tmp_path: Path,
) -> None:
    async def story(venue: Venue) -> None:
        await ready(venue)
        asked = [path for path in venue.fetch.asked if "trust" not in path]
        assert asked[:2] == ["/device/essentials", "/device/list/manifest"]
        store = EssentialsStore(tmp_path, trusted.trusting(tmp_path))
        assert store.number == 1
        for number in (2, 3):
            venue.lists.essentials = number
            await beating(venue, 5)
        store.refresh()
        assert store.number == 2, "the first newer ones at once, the next after a while"
        assert venue.fetch.asked.count("/device/essentials") == 2

    play(tmp_path, story)


def test_essentials_that_are_not_centrals_are_named(tmp_path: Path) -> None:
    async def story(venue: Venue) -> None:
        await ready(venue)
        venue.lists.essentials = 2
        good = venue.lists.sealed_essentials()
        venue.lists.answers["/device/essentials"] = seal(inside(good), Purpose.ESSENTIALS, STRANGER)
        await beating(venue, 3)
        assert named(venue) == {Distrust.FORGED}
        assert EssentialsStore(tmp_path, trusted.trusting(tmp_path)).number == 1

    play(tmp_path, story)


# A download.


def test_only_the_chunk_that_was_changed_on_its_way_is_fetched_again(tmp_path: Path) -> None:
    async def story(venue: Venue) -> None:
        await ready(venue)
        venue.lists.change(5)
        venue.lists.forgotten = 6
        manifest = venue.lists.snapshot()
        path = f"/device/list/{manifest.version}.db.zst"
        good = venue.lists.files[path]
        assert len(good) > 3 * CHUNK_BYTES
        wrong = bytearray(good)
        wrong[CHUNK_BYTES + 5] ^= 1
        venue.lists.files[path] = bytes(wrong)
        venue.fetch.cut_after_bytes = 2 * CHUNK_BYTES
        await beating(venue, 10)
        assert venue.list_sequence() == 1
        assert Distrust.FORGED in named(venue)
        venue.lists.files[path] = good
        before = len(venue.fetch.parts)
        await venue.until(lambda: venue.list_sequence() == 6)
        assert venue.fetch.parts[before:] == [(CHUNK_BYTES, CHUNK_BYTES)]

    play(tmp_path, story)


def test_a_manifest_whose_hashes_do_not_cover_the_file_is_refused(tmp_path: Path) -> None:
    async def story(venue: Venue) -> None:
        await ready(venue)
        venue.lists.change(5)
        venue.lists.forgotten = 6
        manifest = venue.lists.snapshot()
        for bad in (
            replace(manifest, chunks=manifest.chunks[32:]),
            replace(manifest, chunk_bytes=0),
            replace(manifest, chunk_bytes=1 << 40),
            replace(manifest, compressed_bytes=0),
        ):
            envelope = sealed(encode(bad), Purpose.LIST)
            venue.lists.files["/device/list/manifest"] = envelope
            await beating(venue, 3)
            assert venue.list_sequence() == 1

    play(tmp_path, story)
