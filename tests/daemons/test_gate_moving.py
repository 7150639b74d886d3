"""Moving codes at a gate: the real desk, list and journal, with simulated devices and clock."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from edge.core.trusted_time import BUILT
from tests.daemons.test_gate import gate, play
from tests.device import KEY, ROTATION_KEY, ListMaker, ticket, writing
from wire import event, rotating
from wire import ticket as gh1
from wire.reason import Reason
from wire.ticket import FLAG_ROTATION_REQUIRED

TICKET = replace(ticket(1), flags=FLAG_ROTATION_REQUIRED)
STATIC = gh1.sign(TICKET, b"k1", KEY)
PHONE = rotating.key_of(TICKET.cti, ROTATION_KEY)


def moving(wall: float) -> bytes:
    """What the phone shows at that time."""
    return rotating.text(STATIC, PHONE, int(wall)).encode()


@pytest.fixture
def device(tmp_path: Path) -> Path:
    folder = tmp_path / "device"
    (tmp_path / "made").mkdir()
    made = ListMaker(tmp_path / "made").make("v1", range(20))
    writing(folder).install("v1", made.path, made.sealed)
    return folder


def test_a_moving_code_opens_and_a_picture_of_it_does_not(device: Path) -> None:
    async def story() -> None:
        async with gate(device) as stage:
            picture = moving(stage.clock.now().wall)
            await stage.show(STATIC.encode())
            assert stage.title == "A screenshot is not enough"
            await stage.clock.advance(90)
            await stage.show(picture)
            assert stage.title == "The moving code is too old"
            assert stage.relay.pulses == []
            await stage.show(moving(stage.clock.now().wall))
            assert len(stage.relay.pulses) == 1
            await stage.walk()
        first, second, third, *_ = stage.events()
        assert isinstance(first, event.Refused)
        assert isinstance(second, event.Refused)
        assert (first.reason, second.reason) == (Reason.STATIC_COPY, Reason.CODE_TOO_OLD)
        assert (first.form, second.form) == ("GH1", "GH9")
        assert isinstance(third, event.Authorised)
        assert third.confirmed
        assert third.code_time == int(stage.clock.now().wall)

    play(story)


def test_whoever_turned_back_shows_a_code_that_is_no_older(device: Path) -> None:
    async def story() -> None:
        async with gate(device) as stage:
            copied = moving(stage.clock.now().wall)
            await stage.clock.advance(30)
            shown = moving(stage.clock.now().wall)
            await stage.show(shown)
            await stage.clock.advance(12)
            assert stage.kinds()[-1] == "abandoned"
            await stage.show(copied)
            assert stage.title == "The moving code is too old"
            await stage.clock.advance(2)
            await stage.show(shown)
            assert len(stage.relay.pulses) == 2

    play(story)


def test_in_doubt_of_the_time_a_code_of_before_the_floor_or_the_last_one_is_refused(
    device: Path,
) -> None:
    async def story() -> None:
        async with gate(device, wall=1_000.0) as stage:  # It booted in 1970.
            await stage.show(moving(BUILT - 60))
            assert stage.title == "The moving code is too old"
            now = BUILT + 7_200
            await stage.show(moving(now))
            assert len(stage.relay.pulses) == 1
            await stage.clock.advance(12)
            assert stage.kinds()[-1] == "abandoned"
            await stage.show(moving(now - 60))
            assert stage.title == "The moving code is too old"
            await stage.clock.advance(2)
            await stage.show(moving(now + 30))
            assert len(stage.relay.pulses) == 2
        first, second = (one for one in stage.events() if isinstance(one, event.Authorised))
        assert (first.code_time, second.code_time) == (now, now + 30)
        assert not first.confirmed
        assert not second.confirmed

    play(story)
