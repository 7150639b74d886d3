"""Which list a device goes by is told to central, also where nobody comes."""

from pathlib import Path

from edge.sync.list_told import EVERY_SECONDS
from tests.daemons.test_sync import DEVICE, KeptFiles, Venue, play
from wire.delivery import Status


def told(venue: Venue) -> list[Status]:
    assert {device for device, _ in venue.central.statuses} <= {DEVICE.hex()}
    return [status for _, status in venue.central.statuses]


def test_with_each_connection_and_now_and_again(tmp_path: Path) -> None:
    async def story(venue: Venue) -> None:
        assert told(venue) == []
        venue.link.connect()
        await venue.until(lambda: len(told(venue)) == 1)
        assert told(venue)[-1] == Status(0, None)
        venue.lists.change(4)
        venue.beat()
        await venue.until(lambda: len(told(venue)) == 2)
        (status,) = told(venue)[1:]
        assert status.sequence == 4
        assert status.confirmed_seconds is not None
        await venue.clock.advance(EVERY_SECONDS)
        assert told(venue)[-1].confirmed_seconds == status.confirmed_seconds + EVERY_SECONDS
        count = len(told(venue))
        venue.link.cut()
        await venue.clock.advance(5 * EVERY_SECONDS)
        assert venue.link.refused == 0
        assert len(told(venue)) == count
        venue.link.connect()
        await venue.until(lambda: len(told(venue)) == count + 1, seconds=5)

    play(tmp_path, story)


def test_that_there_is_none_is_told_as_well(tmp_path: Path) -> None:
    def before(fetch: KeptFiles) -> None:
        fetch.away = True

    async def story(venue: Venue) -> None:
        venue.link.connect()
        await venue.until(lambda: told(venue) == [Status(None, None)])

    play(tmp_path, story, before)
