"""A lane goes on hearing while it waits, be it the hub or the card that keeps silent."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import ParamSpec, TypeVar

import pytest

from edge.core.claiming import Policy
from edge.core.decision import Decision
from edge.core.notice import Lamp
from edge.gate.claims import Judged, NobodyAsked
from edge.gate.config import LaneConfig
from edge.gate.lane import UNRECORDED_MAX
from edge.runtime.clock import settle
from tests.daemons.test_gate import Stage, device, gate, lists, text
from tests.daemons.test_gate_claims import Asking, asking
from wire.claim import Claim, GiveBack
from wire.event import (
    Abandoned,
    Authorised,
    Released,
    Uncertain,
)

__all__ = ["device", "lists"]

P = ParamSpec("P")
T = TypeVar("T")


@dataclass
class Card:
    """A card that stalls: what the store is to do waits until it goes on."""

    stalls: bool = False
    after: bool = False
    """It has written, and does not say so."""
    goes_on: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        # As the real thread: what was handed over is done, whether somebody waits for it or not.
        return await asyncio.shield(asyncio.ensure_future(self._run(work, *args, **kwargs)))

    async def _run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        if self.stalls and not self.after:
            await self.goes_on.wait()
        done = work(*args, **kwargs)
        if self.stalls and self.after:
            await self.goes_on.wait()
        return done

    def close(self) -> None:
        pass


def play(story: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(story())  # type: ignore[arg-type]


@asynccontextmanager
async def stalling(stage: Stage, after: bool) -> AsyncIterator[None]:
    """Let the card of a gate stall until the block ends."""
    card = Card(True, after)
    assert stage.desk
    stage.desk._thread = card  # noqa: SLF001
    try:
        yield
    finally:
        card.stalls = False
        card.goes_on.set()
        await settle()


def given_back(one: Asking) -> bool:
    claim = one.said[0]
    return isinstance(claim, Claim) and GiveBack(claim.admission) in one.said


def test_fire_while_the_hub_keeps_silent_is_obeyed_at_once(device: Path) -> None:
    async def story() -> None:
        async with asking(device, Policy.CONSISTENT) as one:
            one.answers = False
            await one.stage.show(1)
            assert len(one.said) == 1, "it asks, and waits"
            one.stage.fire.drive(True)
            await settle()
            assert one.stage.title == "Leave now"
            assert one.stage.kinds() == ["released"]
            await one.stage.walk()
            await one.bring()
            assert one.opened == 0
            assert given_back(one), "granted, and not wanted any more"
            assert one.stage.kinds() == ["released"]
            one.stage.fire.drive(False)
            await settle()
            assert one.stage.kinds() == ["released", "secured"]
            one.answers = True
            await one.stage.clock.advance(3)
            await one.stage.show(1)
            assert one.opened == 1, "the ticket is as good as before"

    play(story)


def test_a_fire_that_is_over_before_the_hub_has_answered_does_not_bring_the_visitor_back(
    device: Path,
) -> None:
    async def story() -> None:
        async with asking(device, Policy.CONSISTENT) as one:
            one.answers = False
            await one.stage.show(1)
            for burns in (True, False):
                one.stage.fire.drive(burns)
                await settle()
            assert one.stage.title == "Show your ticket"
            await one.stage.show(2)
            assert len({word.admission for word in one.said}) == 1, "one is judged at a time"
            await one.bring()
            assert given_back(one)
            one.answers = True
            await one.stage.clock.advance(0.5)
            await one.bring()
            rows = [row for row in one.stage.events() if isinstance(row, Authorised)]
            assert len(rows) == one.opened == 1, "the second visitor, who has been waiting"
            assert rows[0].admission != one.said[0].admission

    play(story)


def test_who_leaves_the_other_way_while_the_hub_keeps_silent_is_counted_then(
    device: Path,
) -> None:
    async def story() -> None:
        lane = LaneConfig(name="A1", free_opposite=True)
        async with asking(device, Policy.CONSISTENT, lane=lane) as one:
            one.answers = False
            await one.stage.show(1)
            one.stage.opposite.drive(True)
            await settle()
            assert one.stage.kinds() == ["left"]
            await one.bring()
            assert one.opened == 1

    play(story)


def test_a_key_turned_while_the_hub_keeps_silent_spends_no_ticket(device: Path) -> None:
    async def story() -> None:
        async with asking(device, Policy.CONSISTENT) as one:
            one.answers = False
            await one.stage.show(1)
            one.stage.key_free.drive(True)
            await settle()
            assert one.stage.relay.held
            assert one.stage.title == "Free passage"
            await one.bring()
            assert one.stage.title == "Free passage"
            assert given_back(one)
            assert one.stage.kinds() == ["mode-changed"]

    play(story)


def test_a_code_held_on_is_judged_once_the_lane_serves_again(device: Path) -> None:
    async def story() -> None:
        async with asking(device, Policy.CONSISTENT) as one:
            one.answers = False
            await one.stage.show(1)
            for free in (True, False):
                one.stage.key_free.drive(free)
                await settle()
            await one.bring()
            assert (one.opened, given_back(one)) == (0, True)
            one.answers = True
            await one.stage.clock.advance(1.0)
            await one.stage.show(1)
            assert one.opened == 1

    play(story)


def test_one_who_is_not_answered_in_time_is_told_what_the_lane_says_now(device: Path) -> None:
    async def story() -> None:
        async with asking(device, Policy.CONSISTENT) as one:
            one.answers = False
            await one.stage.show(1)
            one.stage.key_free.drive(True)
            await settle()
            await one.stage.clock.advance(2.1)
            assert one.stage.title == "Free passage"
            assert one.stage.kinds() == ["mode-changed"], "nobody is refused either"
            assert given_back(one)

    play(story)


@pytest.mark.parametrize("after", [False, True])
def test_fire_while_the_card_stalls(device: Path, after: bool) -> None:
    """Shown at once. What was committed just before has its outcome, and opens nothing."""

    async def story() -> None:
        async with gate(device) as stage:
            async with stalling(stage, after):
                await stage.show(1)
                assert stage.title == "Show your ticket"
                stage.fire.drive(True)
                await settle()
                assert stage.title == "Leave now"
            assert stage.title == "Leave now"
            assert stage.relay.pulses == []
        kept = (Authorised, Uncertain, Released)
        rows = [type(row) for row in stage.events() if isinstance(row, kept)]
        assert sorted(rows, key=kept.index) == list(kept), "it was handed over before the fire"

    play(story)


def test_a_key_turned_while_the_card_stalls_gives_the_use_back(device: Path) -> None:
    async def story() -> None:
        async with gate(device) as stage:
            async with stalling(stage, after=False):
                await stage.show(1)
                stage.key_free.drive(True)
                await settle()
            assert stage.relay.pulses == []
            assert stage.panel.shown[-1].lamp is not Lamp.STOP
            (back,) = [row for row in stage.events() if isinstance(row, Abandoned)]
            (let_in,) = [row for row in stage.events() if isinstance(row, Authorised)]
            assert (back.admission, back.person, back.count) == (let_in.admission, 1, 1)

    play(story)


def test_fire_while_the_card_stalls_over_who_walked(device: Path) -> None:
    async def story() -> None:
        async with gate(device) as stage:
            await stage.show(1)
            await stage.clock.advance(1.0)
            async with stalling(stage, after=False):
                await stage.walk()
                assert stage.title == "Show your ticket"
                stage.fire.drive(True)
                await settle()
                assert stage.title == "Leave now"
                stage.fire.drive(False)
                await settle()
                assert stage.title == "Show your ticket"
                await stage.show(2)
                assert len(stage.relay.pulses) == 1, "not before all that led to it is written"
            assert len(stage.relay.pulses) == 2
            told = ["authorised", "pulsed", "passed", "released", "secured", "authorised"]
            assert stage.kinds() == told

    play(story)


def test_the_next_of_a_group_is_not_called_before_the_one_ahead_is_written(device: Path) -> None:
    """Else a gate that dies would give back a use that somebody has walked in on."""

    async def story() -> None:
        async with gate(device) as stage:
            await stage.show(text(3, quantity=2))
            async with stalling(stage, after=False):
                await stage.walk()
                await stage.clock.advance(1.0)
                assert len(stage.relay.pulses) == 1
            await stage.clock.advance(1.0)
            assert len(stage.relay.pulses) == 2

    play(story)


def test_nothing_opens_by_hand_before_it_is_written(device: Path) -> None:
    async def story() -> None:
        async with gate(device) as stage:
            async with stalling(stage, after=False):
                stage.key_free.drive(True)
                await settle()
                before = stage.relay.held
            assert (before, stage.relay.held) == (False, True)
            assert stage.kinds() == ["mode-changed"]

    play(story)


def test_of_more_than_a_lane_keeps_in_mind_nothing_is_lost(device: Path) -> None:
    """A card that stalls for very long: then the lane waits, and what comes waits before it."""
    turns = UNRECORDED_MAX + 20

    async def story() -> None:
        async with gate(device) as stage:
            async with stalling(stage, after=False):
                for turn in range(turns):
                    stage.fire.drive(turn % 2 == 0)
                    await settle()
                assert stage.kinds() == []
            for _ in range(turns):
                await settle()
            assert stage.kinds() == turns // 2 * ["released", "secured"]
            await stage.show(1)
            assert len(stage.relay.pulses) == 1, "and it serves again"

    play(story)


def test_what_happened_while_the_card_stalled_is_written_when_the_gate_stops(device: Path) -> None:
    async def story() -> None:
        card = Card()
        async with gate(device) as stage:
            assert stage.desk
            stage.desk._thread = card  # noqa: SLF001
            await stage.show(1)
            card.stalls = True
            for _ in range(3):
                await stage.walk()
            asyncio.get_running_loop().call_later(0.1, card.goes_on.set)
        told = ["authorised", "pulsed", "passed", "tailgated", "tailgated"]
        assert stage.kinds() == told

    play(story)


def test_a_gate_that_stops_while_it_judges_ends(device: Path) -> None:
    async def story() -> None:
        async with asking(device, Policy.CONSISTENT) as one:
            one.answers = False
            await one.stage.show(1)
        assert one.stage.kinds() == []

    play(story)


def test_what_goes_wrong_in_judging_ends_the_daemon(device: Path) -> None:
    async def story() -> None:
        async with gate(device) as stage:
            assert stage.desk
            stage.desk.claims = Broken()
            await stage.show(1)

    with pytest.raises(ExceptionGroup) as raised:
        play(story)
    assert raised.group_contains(ArithmeticError)


class Broken(NobodyAsked):
    async def before(self, judged: Judged) -> Decision:  # noqa: ARG002
        raise ArithmeticError("two and two")
