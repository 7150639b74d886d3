"""A pass contact that is lost, or overlooked for a moment: nobody walks in on that twice."""

from pathlib import Path
from typing import Any

import pytest

from edge.runtime.clock import settle
from rules.verdict import AfterUncertain
from rules.zone import WhenSuspect
from tests.daemons.test_gate import ZONE, Stage, device, gate, lists, play
from wire import event

__all__ = ["device", "lists"]

STAFF: Any = {"checkpoint": "hall", "after_uncertain": AfterUncertain.STAFF}


async def walks_unseen(stage: Stage) -> None:
    stage.contact.lose()
    await stage.walk()
    stage.contact.find()
    await settle()


async def walks_overlooked(stage: Stage) -> None:
    stage.contact.overlook(0.4)
    await settle()


async def walks_while_the_process_stands_still(stage: Stage) -> None:
    stage.clock.jump(7.0)
    await settle()


@pytest.mark.parametrize(
    "walks", [walks_unseen, walks_overlooked, walks_while_the_process_stands_still]
)
def test_who_walked_while_nobody_looked_has_not_got_the_use_back(device: Path, walks: Any) -> None:
    async def story() -> None:
        async with gate(device) as stage:
            await stage.show(1)
            await walks(stage)
            await stage.clock.advance(7.0)
            assert [kind for kind in stage.kinds() if not kind.startswith("driver")] == [
                "authorised",
                "uncertain",
            ]
            await stage.show(1)  # By the zone's choice the same lane opens once more.
            await stage.walk()
            await stage.clock.advance(2.0)
            await stage.show(1)
            assert len(stage.relay.pulses) == 2
        kinds = [kind for kind in stage.kinds() if not kind.startswith("driver")]
        assert kinds[2:] == ["reopened", "pulsed", "passed", "refused"]

    play(story)


def test_where_staff_decide_a_use_that_nobody_watched_opens_nothing_more(device: Path) -> None:
    async def story() -> None:
        async with gate(device, zone=type(ZONE)(**STAFF)) as stage:
            await stage.show(1)
            await walks_overlooked(stage)
            await stage.clock.advance(7.0)
            await stage.show(1)
            assert len(stage.relay.pulses) == 1

    play(story)


def test_who_is_seen_after_all_has_passed(device: Path) -> None:
    async def story() -> None:
        async with gate(device) as stage:
            await stage.show(1)
            await walks_overlooked(stage)
            await stage.walk()
            assert stage.kinds() == ["authorised", "pulsed", "passed"]
            await stage.clock.advance(4.0)
            await stage.show(2)
            stage.clock.jump(7.0)  # Both come to be known at once: that it is over, and the pass.
            await stage.clock.advance(0.0)
            await stage.walk()
            assert stage.kinds()[3:] == ["authorised", "uncertain", "passed-late"]
            await stage.show(2)
            assert len(stage.relay.pulses) == 2

    play(story)


def test_while_the_contact_is_lost_whoever_is_let_in_has_spent_it(device: Path) -> None:
    async def story() -> None:
        async with gate(device) as stage:
            stage.contact.lose()
            await settle()
            await stage.show(1)
            await stage.clock.advance(7.0)
            await stage.show(1)
            assert len(stage.relay.pulses) == 1
            assert stage.title.startswith("Used")
            stage.contact.find()
            await settle()
            await stage.show(2)
            await stage.clock.advance(7.0)
            await stage.show(2)
            assert len(stage.relay.pulses) == 3, "seen again, and not given back"
        passed = [one for one in stage.events() if isinstance(one, event.Passed)]
        assert [one.assumed for one in passed] == [True]

    play(story)


def test_a_lane_that_closes_where_it_cannot_see_opens_again(device: Path) -> None:
    async def story() -> None:
        zone = type(ZONE)(checkpoint="hall", when_suspect=WhenSuspect.CLOSE)
        async with gate(device, zone=zone) as stage:
            stage.contact.lose()
            await settle()
            assert stage.title == "Out of service"
            await stage.show(1)
            assert stage.relay.pulses == []
            stage.contact.find()
            await settle()
            await stage.show(1)
            assert len(stage.relay.pulses) == 1

    play(story)


def test_what_is_lost_with_its_board_opens_nothing_and_costs_nobody_a_ticket(device: Path) -> None:
    async def story() -> None:
        async with gate(device) as stage:
            stage.relay.there = False
            stage.contact.lose()
            await settle()
            assert stage.title == "Out of service"
            await stage.show(1)
            stage.relay.there = True
            stage.contact.find()
            await settle()
            assert stage.title == "Show your ticket"
            await stage.show(1)
            assert len(stage.relay.pulses) == 1
        assert [kind for kind in stage.kinds() if not kind.startswith("driver")] == ["authorised"]

    play(story)
