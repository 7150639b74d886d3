"""A new list takes the place of the old one: at the head of the chain, and while sync goes on."""

import asyncio
from pathlib import Path

import pytest

from edge.core import list_renewal
from edge.sync.new_list import TIDY_SECONDS
from tests.daemons.test_sync import KeptFiles, Venue, play
from tests.device import reading, writing

SPREAD_SECONDS = 20.0
FILLER = 1_000
"""Bytes of one change: some twenty make a long overlay here."""


@pytest.fixture(autouse=True)
def sooner(monkeypatch: pytest.MonkeyPatch) -> None:
    """Simulated seconds take their time as well."""
    monkeypatch.setattr(list_renewal, "SPREAD_SECONDS", SPREAD_SECONDS)
    monkeypatch.setattr(list_renewal, "OVERLAY_BYTES_MAX", 20 * FILLER)


class Looking:
    """A door that looks whenever something is asked for: (path, how far its list goes then)."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.seen: list[tuple[str, int]] = []

    def __call__(self, path: str) -> None:
        about = reading(self._directory).about
        self.seen.append((path, about.sequence if about else -1))

    @property
    def sequences(self) -> set[int]:
        return {sequence for _, sequence in self.seen}


def link(venue: Venue) -> str:
    return str((venue.directory / "list" / "current").readlink())


def versions(venue: Venue) -> list[str]:
    folders = (venue.directory / "list").iterdir()
    return sorted(one.name for one in folders if one.name not in ("current", "incoming"))


async def ready(venue: Venue, changes: int, filler: int = 0) -> None:
    """A device at the head of a chain of so many changes."""
    venue.lists.change(changes, filler)
    venue.link.connect()
    venue.beat()
    await venue.until(lambda: venue.confirmed() == changes)


async def beating(venue: Venue, seconds: float) -> None:
    for _ in range(round(seconds)):
        venue.beat()
        await venue.clock.advance(1)


def test_a_snapshot_is_brought_to_the_head_before_a_door_sees_it(tmp_path: Path) -> None:
    async def story(venue: Venue) -> None:
        await ready(venue, 3)
        venue.lists.change(50)
        venue.lists.forgotten = 40
        venue.lists.snapshot()
        venue.lists.change(12)
        venue.lists.answer_max = 10
        venue.fetch.on_asked = door = Looking(tmp_path)
        venue.beat()
        await venue.until(lambda: venue.list_sequence() == 65)
        assert ("/device/list/deltas?after=53", 3) in door.seen
        assert ("/device/list/deltas?after=63", 3) in door.seen, "more than one answer"
        assert door.sequences <= {3, 65}

    play(tmp_path, story)


def test_so_is_the_very_first_one(tmp_path: Path) -> None:
    door = Looking(tmp_path)

    def before(fetch: KeptFiles) -> None:
        fetch.keeper.change(7)
        fetch.on_asked = door

    async def story(venue: Venue) -> None:
        await venue.until(lambda: venue.list_sequence() == 7)
        assert door.sequences <= {-1, 7}
        assert ("/device/list/deltas?after=0", -1) in door.seen

    play(tmp_path, story, before)


def test_central_going_away_in_between_changes_nothing_and_costs_no_second_download(
    tmp_path: Path,
) -> None:
    async def story(venue: Venue) -> None:
        await ready(venue, 3)
        venue.lists.change(50)
        venue.lists.forgotten = 40
        path = f"/device/list/{venue.lists.snapshot().version}.db.zst"
        venue.lists.answers["/device/list/deltas?after=53"] = b"no answer of central's"
        venue.beat()
        await venue.until(lambda: venue.fetch.asked.count("/device/list/deltas?after=53") >= 3)
        assert venue.list_sequence() == 3
        del venue.lists.answers["/device/list/deltas?after=53"]
        venue.lists.files[path] = b"never asked for again: " + bytes(100)
        await venue.until(lambda: venue.list_sequence() == 53)

    play(tmp_path, story)


async def long(venue: Venue) -> None:
    """A device beside whose snapshot a lot has gathered, and central with a newer one."""
    await ready(venue, 25, FILLER)
    overlay = writing(venue.directory).overlay
    assert overlay is not None
    assert overlay.size_bytes > 20 * FILLER
    venue.lists.snapshot()


def test_a_newer_snapshot_is_fetched_by_itself_and_nothing_else_stops(tmp_path: Path) -> None:
    async def story(venue: Venue) -> None:
        await long(venue)
        before = link(venue)
        venue.fetch.held = asyncio.Event()
        await beating(venue, SPREAD_SECONDS / 2 - 5)
        assert "/device/list/manifest" not in venue.fetch.asked[5:], "not at once"
        await beating(venue, 10)
        assert "/device/list/manifest" in venue.fetch.asked[5:]
        # The download takes its time; changes and confirmations do not wait for it.
        for sequence in (26, 27):
            venue.link.deliver(venue.central.topics.deltas(), venue.lists.change())
            await venue.until(lambda sequence=sequence: venue.list_sequence() == sequence)  # type: ignore[misc]
        venue.lists.change()
        venue.beat()
        await venue.until(lambda: venue.confirmed() == 28, seconds=5)
        assert link(venue) == before
        venue.fetch.held.set()
        await venue.until(lambda: link(venue) != before)
        assert venue.list_sequence() == 28, "what came meanwhile is in the new one"
        overlay = writing(venue.directory).overlay
        assert overlay is not None
        assert overlay.after == 25
        asked = len(venue.fetch.asked)
        await beating(venue, 4 * SPREAD_SECONDS)
        assert venue.fetch.asked[asked:].count("/device/list/manifest") == 0, "once is enough"

    play(tmp_path, story)


def test_a_renewal_that_fails_leaves_the_list_as_it_was(tmp_path: Path) -> None:
    async def story(venue: Venue) -> None:
        await long(venue)
        before = link(venue)
        venue.lists.answers["/device/list/manifest"] = b"nothing"
        await beating(venue, 3 * SPREAD_SECONDS)
        tried = venue.fetch.asked[5:].count("/device/list/manifest")
        assert 2 <= tried <= 3, "calmly"
        assert (link(venue), venue.list_sequence(), venue.confirmed()) == (before, 25, 25)
        del venue.lists.answers["/device/list/manifest"]
        await beating(venue, 2 * SPREAD_SECONDS)
        assert link(venue) != before

    play(tmp_path, story)


@pytest.mark.parametrize("forget", [True, False])
def test_a_snapshot_of_before_what_is_to_be_forgotten_goes(tmp_path: Path, forget: bool) -> None:
    async def story(venue: Venue) -> None:
        await ready(venue, 3)
        before = link(venue)
        venue.lists.snapshot()
        venue.lists.forget = 3 if forget else 0
        await beating(venue, SPREAD_SECONDS)
        assert (link(venue) != before) is forget
        await venue.clock.advance(TIDY_SECONDS + 1)
        assert versions(venue) == [link(venue)], "and no byte of it stays"

    play(tmp_path, story)


def test_the_list_before_is_gone_a_while_after_and_what_was_left_at_the_start(
    tmp_path: Path,
) -> None:
    (tmp_path / "list" / "half-made").mkdir(parents=True)

    async def story(venue: Venue) -> None:
        await venue.until(lambda: versions(venue) == ["a-0"])
        venue.lists.change(9)
        venue.lists.forgotten = 9
        venue.lists.snapshot()
        venue.link.connect()
        venue.beat()
        await venue.until(lambda: venue.list_sequence() == 9)
        assert versions(venue) == ["a-0", "a-9"], "a door may be opening it"
        await venue.clock.advance(TIDY_SECONDS + 1)
        assert versions(venue) == ["a-9"]
        assert list((tmp_path / "list" / "incoming").iterdir()) == []

    play(tmp_path, story)
