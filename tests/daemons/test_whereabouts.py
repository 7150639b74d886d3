"""Where sync finds the hub: by central's signed word, kept; what an installer wrote goes before."""

import asyncio
from pathlib import Path

import pytest

from edge.drivers.catalog import BrokerConfig
from edge.runtime.clock import SimulatedClock, settle
from edge.sync.config import HubConfig, SyncConfig, hub_of
from edge.sync.keeper import Keeper
from edge.sync.whereabouts import is_hub, moved
from tests.threads import DirectThread
from tests.trusted import sealed, trusting
from wire.codec import WireError, encode
from wire.configuration import Desired, HubPlace, Member, read_place
from wire.signed import Purpose

DEVICE = b"device-1"
ZONE = 'checkpoint = "hall"\n'
HERE = Desired(DEVICE, 1, ZONE, hub=HubPlace("hub.example"))


def test_it_goes_where_central_says_by_its_own_certificate(tmp_path: Path) -> None:
    found = hub_of(SyncConfig(), HERE, tmp_path)
    assert found is not None
    assert found.lists is not None
    assert (found.broker.host, found.broker.port) == ("hub.example", 8883)
    assert found.lists.url == "https://hub.example"
    assert found.broker.tls == found.lists.tls
    assert found.broker.tls is not None
    assert found.broker.tls.certificate == str(tmp_path / "identity/device.pem")
    six = Desired(DEVICE, 1, ZONE, hub=read_place("[fd00::1]:8884"))
    found = hub_of(SyncConfig(), six, tmp_path)
    assert found is not None
    assert found.lists is not None
    assert (found.broker.host, found.broker.port) == ("fd00::1", 8884)
    assert found.lists.url == "https://[fd00::1]"


def test_what_an_installer_wrote_goes_before_and_a_hub_goes_to_nobody(tmp_path: Path) -> None:
    written = HubConfig(BrokerConfig("other.example"))
    assert hub_of(SyncConfig(hub=written), HERE, tmp_path) is written
    assert hub_of(SyncConfig(), None, tmp_path) is None
    assert hub_of(SyncConfig(), Desired(DEVICE, 1, ZONE), tmp_path) is None
    itself = Desired(DEVICE, 1, "", hub=HubPlace("hub.example"), roster=())
    assert is_hub(itself)
    assert hub_of(SyncConfig(), itself, tmp_path) is None


@pytest.mark.parametrize("host", ["", "a b", "hub/../x", "-hub", "h" * 64, "fd00::zz"])
def test_a_place_where_nobody_can_be_is_none(tmp_path: Path, host: str) -> None:
    assert hub_of(SyncConfig(), Desired(DEVICE, 1, ZONE, hub=HubPlace(host)), tmp_path) is None
    assert not moved(None, Desired(DEVICE, 1, ZONE, hub=HubPlace("hub", 70_000)))
    with pytest.raises(WireError):
        read_place(host)


def test_sync_begins_again_when_the_hub_comes_moves_or_goes_and_not_for_a_name_more() -> None:
    there = Desired(DEVICE, 2, ZONE, hub=HubPlace("other.example"))
    assert moved(None, HERE)
    assert moved(HERE, there)
    assert moved(there, Desired(DEVICE, 3, ZONE))
    assert not moved(HERE, Desired(DEVICE, 2, ZONE * 2, hub=HubPlace("hub.example")))
    first = Desired(DEVICE, 1, "", hub=HubPlace("hub.example"), roster=())
    assert moved(HERE, first)
    assert not moved(first, Desired(DEVICE, 2, "", hub=first.hub, roster=(Member(b"x" * 8),)))


def test_only_centrals_word_moves_it_and_it_is_kept(tmp_path: Path) -> None:
    seen: list[tuple[Desired | None, Desired]] = []
    clock, trust = SimulatedClock(), trusting(tmp_path)

    def keeper() -> Keeper:
        return Keeper(
            *(tmp_path, DEVICE, trust, DirectThread(), clock),
            lambda _: None,
            lambda before, after: seen.append((before, after)),
        )

    async def story() -> None:
        one = keeper()
        running = asyncio.create_task(one.run())
        one.configuration(sealed(encode(HERE), Purpose.COMMAND))
        await settle()
        assert seen == []
        one.configuration(sealed(encode(HERE), Purpose.CONFIGURATION))
        await settle()
        await clock.advance(10.0)
        running.cancel()
        assert seen == [(None, HERE)]
        again = keeper()
        await again.load()
        assert again.desired == HERE
        assert len(seen) == 1, "what was kept is no news"

    asyncio.run(story())
