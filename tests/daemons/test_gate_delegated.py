"""A gate before which papers are shown that a kiosk signed while central and hub were away."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from msgspec import structs

from edge.gate.config import ZoneConfig
from tests.core.test_delegated import DELEGATED, EXCHANGE_KEY, NOW
from tests.daemons.test_gate import Stage, gate
from tests.device import KEY, ListMaker, sealed_delta, ticket, writing
from wire import delegated
from wire import ticket as gh1
from wire.codec import encode
from wire.event import Authorised, Refused, Rung
from wire.key import Status
from wire.reason import Reason
from wire.snapshot import Delta


def phone(number: int) -> bytes:
    return gh1.sign(ticket(number), b"k1", KEY).encode()


def paper(number: int, generation: int = 1) -> bytes:
    """Return what a kiosk made of a ticket's code by itself."""
    code = phone(number).decode()
    return delegated.sign(code, generation, NOW, b"x1", EXCHANGE_KEY).encode()


def told(device: Path, status: Status = Status.ACTIVE) -> None:
    """Let central have said, or say anew, what the key may do."""
    writer = writing(device)
    about = writer.current
    assert about is not None
    record = encode(structs.replace(DELEGATED, status=status))
    delta = Delta(about.sequence + 1, about.head, signing_keys=((b"x1", record),))
    writer.apply(sealed_delta(delta))


@pytest.fixture
def device(tmp_path: Path) -> Path:
    """A device's folder with tickets 0 to 19 and a delegated key on its list."""
    folder, made = tmp_path / "device", tmp_path / "made"
    made.mkdir()
    one = ListMaker(made).make("v1", range(20))
    writing(folder).install("v1", one.path, one.sealed)
    told(folder)
    return folder


def play(device: Path, story: Callable[[Stage], Awaitable[None]], zone: ZoneConfig) -> None:
    async def whole() -> None:
        async with gate(device, zone=zone) as stage:
            await stage.clock.advance(1)
            await story(stage)

    asyncio.run(whole())


TRUSTING = ZoneConfig(checkpoint="hall", admits_unlisted=tuple(Rung))
"""A zone that takes a good signature for a list, at every rung."""


def reasons(stage: Stage) -> list[Reason]:
    return [one.reason for one in stage.events() if isinstance(one, Refused)]


def test_the_paper_opens_once_and_the_phone_no_more(device: Path) -> None:
    async def story(stage: Stage) -> None:
        await stage.show(paper(1))
        assert len(stage.relay.pulses) == 1
        await stage.walk()
        await stage.clock.advance(2)
        await stage.show(phone(1))
        await stage.clock.advance(2)
        await stage.show(paper(1))
        assert len(stage.relay.pulses) == 1
        assert reasons(stage) == [Reason.SUPERSEDED, Reason.USED]
        (let_in,) = (one for one in stage.events() if isinstance(one, Authorised))
        assert (let_in.generation, let_in.confirmed) == (1, True)

    play(device, story, ZoneConfig(checkpoint="hall"))


def test_the_phone_first_and_then_the_paper_is_one_use(device: Path) -> None:
    async def story(stage: Stage) -> None:
        await stage.show(phone(1))
        await stage.walk()
        await stage.clock.advance(2)
        await stage.show(paper(1))
        assert len(stage.relay.pulses) == 1
        assert reasons(stage) == [Reason.USED]

    play(device, story, ZoneConfig(checkpoint="hall"))


def test_for_what_the_list_does_not_hold_it_opens_nothing_whatever_the_zone_takes(
    device: Path,
) -> None:
    async def story(stage: Stage) -> None:
        await stage.show(paper(50))
        assert stage.relay.pulses == []
        assert reasons(stage) == [Reason.UNKNOWN]
        await stage.clock.advance(2)
        await stage.show(phone(50))
        assert len(stage.relay.pulses) == 1, "which central's own signature does here"

    play(device, story, TRUSTING)


def test_revoked_nothing_that_it_signed_is_good(device: Path) -> None:
    async def story(stage: Stage) -> None:
        told(device, Status.REVOKED)
        await stage.clock.advance(1)
        await stage.show(paper(1))
        assert stage.relay.pulses == []
        assert reasons(stage) == [Reason.KEY_REVOKED]
        await stage.clock.advance(2)
        await stage.show(phone(1))
        assert len(stage.relay.pulses) == 1, "the phone is as good as before"

    play(device, story, ZoneConfig(checkpoint="hall"))
