"""What central makes of its list, as a device's own sync fetches, keeps and forgets it."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard
from django.db import connection

from edge.core import list_renewal
from edge.sync.new_list import TIDY_SECONDS
from tests.central.test_holders import NAME, held
from tests.central_sync import Follower, following
from tests.trusted import inside
from wire.codec import decode
from wire.entry import Standing
from wire.snapshot import Delta
from wire.ticket import Ticket as Claims

SPREAD_SECONDS = 20.0


@pytest.fixture(autouse=True)
def sooner(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")  # One thread does all here.
    monkeypatch.setattr(list_renewal, "SPREAD_SECONDS", SPREAD_SECONDS)


def play(directory: Path, story: Callable[[Follower], Awaitable[None]]) -> None:
    async def run() -> None:
        async with following(directory) as device:
            await story(device)

    asyncio.run(asyncio.wait_for(run(), 300))


def venue() -> Any:
    from central.venue.models import Venue

    return Venue.objects.get()


def sell(count: int) -> None:
    from central.venue import issue
    from central.venue.models import TicketClass

    kind = TicketClass.objects.select_related("event__venue").get()
    issue.stock(kind, issue.Order(count, kind.event.opens, kind.event.closes, 1_750_000_000))


def standings(device: Follower) -> list[Standing | None]:
    """Return what a door finds of every ticket there is."""
    from central.venue.models import Ticket

    whitelist = device.list_now()
    found = []
    for cti in Ticket.objects.order_by("pk").values_list("cti", flat=True):
        shown = Claims(bytes(cti), "SHOW", 0, 2**31, 0, 1)
        entry = whitelist.look_up(shown).entry
        found.append(entry.standing if entry else None)
    return found


@pytest.mark.parametrize("count", [5_000, pytest.param(50_000, marks=pytest.mark.nightly)])
def test_a_whole_event_is_closed_by_one_change_that_every_device_can_take(
    tmp_path: Path, tickets: list[Any], count: int
) -> None:
    from central.lists import changes, snapshots
    from central.lists.models import Change
    from central.venue.models import Ticket

    assert tickets
    if connection.vendor == "postgresql":
        pytest.skip("as on SQLite, and test_lists splits changes on both")
    sell(count)
    made = snapshots.snapshot(venue())
    on_the_wire = (snapshots.folder() / f"{made.version}.db.zst").stat().st_size
    assert on_the_wire <= 20 * count, f"{on_the_wire / count:.1f} bytes a ticket"

    async def story(device: Follower) -> None:
        await device.until_confirmed()
        assert set(standings(device)) == {Standing.GOOD, Standing.REFUNDED}
        every = list(Ticket.objects.select_related("ticket_class__event__venue"))
        last = changes.set_standing(every, Standing.RESCHEDULED)
        assert last is not None
        assert last.sequence == -(-len(every) // changes.DELTA_ROWS_MAX)
        await device.until_confirmed()
        assert device.inward.sequence == last.sequence
        assert set(standings(device)) == {Standing.RESCHEDULED}

    play(tmp_path, story)
    deltas = [decode(inside(bytes(one.body)), Delta) for one in Change.objects.all()]
    assert max(len(one.tickets) for one in deltas) == changes.DELTA_ROWS_MAX
    assert max(len(one.body) for one in Change.objects.all()) < 256 * 1024, "a broker's packet"


def link(device: Follower) -> str:
    return str((device.directory / "list" / "current").readlink())


def traces(device: Follower, sealed: bytes) -> list[str]:
    """Return the files of a device, and of central, that hold a sealed name."""
    from central.lists.snapshots import folder

    found = [path for path in device.directory.rglob("*") if path.is_file()]
    packed = list(folder().glob("*.zst"))
    unpacked = {
        path: zstandard.ZstdDecompressor().decompressobj().decompress(path.read_bytes())
        for path in packed
    }
    return [
        str(path)
        for path, content in [*((one, one.read_bytes()) for one in found), *unpacked.items()]
        if sealed in content
    ]


@pytest.mark.parametrize("sold", ["before the snapshot", "after it"])
def test_gates_forget_a_wiped_holder_with_the_next_snapshot(
    tmp_path: Path, tickets: list[Any], sold: str
) -> None:
    from central.lists import snapshots
    from central.lists.models import Change
    from central.tickets.wiping import wipe
    from central.venue.models import Event, Ticket

    assert tickets
    if sold == "after it":
        snapshots.snapshot(venue())
    cti, entry = held()
    assert entry.sealed_name is not None
    if sold == "before the snapshot":
        snapshots.snapshot(venue())
    shown = Claims(cti, "SHOW", 0, 2**31, 0, 1)

    async def story(device: Follower) -> None:
        await device.until_confirmed()
        known = device.list_now().look_up(shown).entry
        assert known is not None
        assert known.sealed_name == entry.sealed_name
        assert traces(device, entry.sealed_name)
        assert list(wipe(Event.objects.get())) == [1]
        await device.until_confirmed()
        known = device.list_now().look_up(shown).entry
        assert known is not None
        assert (known.sealed_name, known.id_check) == (None, None)
        assert traces(device, entry.sealed_name), "its snapshot, or its changes, still say it"
        building = snapshots.Building(venue(), threading.Event())
        building.look()
        building.join()
        before = link(device)
        await device.until(lambda: link(device) != before, SPREAD_SECONDS * 2)
        await device.clock.advance(TIDY_SECONDS + 1)
        assert traces(device, entry.sealed_name) == []
        assert device.list_now().present
        changes = b"".join(bytes(one.body) for one in Change.objects.all())
        assert entry.sealed_name not in changes, "nor does central give it to anybody"
        await device.until_confirmed()

    play(tmp_path, story)
    assert Ticket.objects.get(cti=cti).holder() == ""
    assert NAME not in str(list(Change.objects.values_list("body", flat=True)))


def test_a_device_that_is_behind_what_was_forgotten_takes_the_snapshot(
    tmp_path: Path, tickets: list[Any]
) -> None:
    from central.lists import snapshots
    from central.lists.changes import set_standing
    from central.tickets.wiping import wipe
    from central.venue.models import Event, Ticket

    assert tickets
    snapshots.snapshot(venue())

    async def story(device: Follower) -> None:
        await device.until_confirmed()
        for ticket in Ticket.objects.order_by("pk")[:3]:
            set_standing([ticket], Standing.BLOCKED)
        assert list(wipe(Event.objects.get())) == []
        snapshots.snapshot(venue())
        set_standing(list(Ticket.objects.order_by("pk")[3:4]), Standing.BLOCKED)
        await device.until_confirmed()
        assert standings(device)[:4] == [Standing.BLOCKED] * 4

    play(tmp_path, story)
