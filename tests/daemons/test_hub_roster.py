"""Who may ask a hub: central says it, signed, as devices come and go; hub.toml goes before."""

import asyncio
from pathlib import Path

import pytest

from edge.hub.config import DeviceConfig
from edge.hub.roster import Roster
from edge.runtime.clock import settle
from edge.runtime.intercom import Configured
from edge.store import configuration
from rules.term import SETTLING_SECONDS
from tests.daemons.test_hub import GATE, HUB, OTHER, STRANGER, Hub, claim, hub, play
from tests.threads import DirectThread
from tests.trusted import sealed, trusting
from wire.claim import Granted
from wire.codec import encode
from wire.configuration import Desired, Member
from wire.signed import Purpose

NAMES = {GATE: "Gate 1", OTHER: "Gate 2", STRANGER: "nobody"}


def roster(version: int, *devices: bytes, hub: bytes = HUB) -> bytes:
    members = tuple(Member(one, NAMES[one]) for one in devices)
    return sealed(encode(Desired(hub, version, "", roster=members)), Purpose.CONFIGURATION)


async def told(one: Hub, envelope: bytes) -> None:
    one.sync.say(Configured(envelope))
    await settle()


async def is_heard(one: Hub, number: int, device: bytes) -> bool:
    return await one.say(device, "claim", b"") != [] or bool(
        await one.word(claim(number, number), device)
    )


def test_a_hub_hears_whom_central_names_and_nobody_else(tmp_path: Path) -> None:
    async def story() -> None:
        async with hub(tmp_path, None) as one:
            await told(one, roster(1, GATE))
            assert await is_heard(one, 1, GATE)
            assert not await is_heard(one, 2, OTHER)
            await told(one, roster(2, GATE, OTHER))
            assert await is_heard(one, 3, OTHER), "added later"
            await told(one, roster(3, OTHER))
            assert not await is_heard(one, 4, GATE), "denied since"
            await told(one, roster(4))
            assert not await is_heard(one, 5, OTHER), "nobody is nobody, and not everybody"

    play(story)


def test_a_new_hub_is_sure_once_it_has_heard_all_whom_central_names(tmp_path: Path) -> None:
    async def story() -> None:
        async with hub(tmp_path, None) as one:
            await one.hello(GATE)
            await told(one, roster(1, GATE, OTHER))
            await one.clock.advance(SETTLING_SECONDS)
            assert not await firm(one, 1)
            await one.hello(OTHER)
            assert await firm(one, 2)
            await told(one, roster(2, GATE, OTHER, STRANGER))
            assert await firm(one, 3), "who comes later held up nobody"

    async def firm(one: Hub, number: int) -> bool:
        granted = await one.claim(number, number)
        assert isinstance(granted, Granted)
        return granted.firm

    play(story)


@pytest.mark.parametrize(
    "envelope",
    [
        b"rubbish",
        sealed(encode(Desired(HUB, 5, "", roster=(Member(STRANGER),))), Purpose.COMMAND),
        roster(5, STRANGER, hub=GATE),
        roster(1, STRANGER),
        sealed(encode(Desired(HUB, 5, 'checkpoint = "hall"\n')), Purpose.CONFIGURATION),
    ],
    ids=["rubbish", "another purpose", "another hub's", "older", "no roster"],
)
def test_no_other_word_names_anybody(tmp_path: Path, envelope: bytes) -> None:
    async def story() -> None:
        async with hub(tmp_path, None) as one:
            await told(one, roster(2, GATE))
            await told(one, envelope)
            assert not await is_heard(one, 1, STRANGER)
            assert await is_heard(one, 2, GATE)

    play(story)


def test_what_was_kept_is_known_at_the_next_start_and_hub_toml_goes_before(tmp_path: Path) -> None:
    trust = trusting(tmp_path)
    configuration.keep_desired(tmp_path, roster(3, GATE))
    written = (DeviceConfig(OTHER.hex(), "Gate 2"),)
    by_central = Roster(HUB, (), trust, DirectThread())
    by_hand = Roster(HUB, written, trust, DirectThread())
    assert asyncio.run(by_central.load(tmp_path)) == {GATE: "Gate 1"}
    assert asyncio.run(by_hand.load(tmp_path)) == {OTHER: "Gate 2"}
    assert asyncio.run(by_hand.hear(roster(4, GATE))) is None
