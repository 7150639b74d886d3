"""What opens a lane is what it is to be, whatever happened to us or to the board meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from edge.core.lane import Do
from edge.drivers.interfaces import Found, Lost
from edge.drivers.relay_simulated import SimulatedRelay
from edge.gate.output import KEPT_SECONDS, LOST_SECONDS, Output
from edge.runtime.clock import SimulatedClock, settle

PULSE_SECONDS = 0.3


@dataclass
class Stage:
    clock: SimulatedClock
    relay: SimulatedRelay
    told: list[Lost | Found] = field(default_factory=list)
    at_rest: bool = True

    def kinds(self) -> list[type]:
        return [type(one) for one in self.told]

    async def hears(self, said: Lost | Found) -> None:
        self.told.append(said)


@asynccontextmanager
async def output(stage: Stage) -> AsyncIterator[Output]:
    made = Output(stage.relay, stage.relay, stage.clock, lambda: stage.at_rest, stage.hears)
    keeping = asyncio.create_task(made.keep())
    await settle()
    try:
        yield made
        assert not keeping.done()
    finally:
        keeping.cancel()


def play(story: Callable[[Stage], Coroutine[Any, Any, None]]) -> None:
    async def begin() -> None:
        clock = SimulatedClock()
        await story(Stage(clock, SimulatedRelay(clock)))

    asyncio.run(begin())


def test_what_an_earlier_life_died_over_is_let_go_at_the_start() -> None:
    async def story(stage: Stage) -> None:
        await stage.relay.hold(True)
        async with output(stage):
            assert not stage.relay.held
        assert stage.told == []

    play(story)


def test_what_could_not_be_let_go_is_let_go_when_its_cable_is_back() -> None:
    async def story(stage: Stage) -> None:
        async with output(stage) as made:
            assert await made.switch(Do.HOLD, PULSE_SECONDS)
            stage.relay.there = False
            assert not await made.switch(Do.LET_GO, PULSE_SECONDS)
            await stage.clock.advance(30.0)
            assert stage.relay.held
            stage.relay.there = True
            await stage.clock.advance(LOST_SECONDS)
            assert not stage.relay.closed
        assert stage.kinds() == [Lost, Found]

    play(story)


def test_what_is_held_is_held_again_when_the_board_has_begun_anew() -> None:
    async def story(stage: Stage) -> None:
        async with output(stage) as made:
            stage.at_rest = False  # A counted group is on the way.
            await made.switch(Do.HOLD, PULSE_SECONDS)
            stage.relay.held = False
            await stage.clock.advance(KEPT_SECONDS)
            assert stage.relay.held
            stage.relay.held = False
            made.doubt()
            await settle()
            assert stage.relay.held
        assert stage.told == []

    play(story)


def test_nobody_s_pulse_is_ended() -> None:
    async def story(stage: Stage) -> None:
        async with output(stage) as made:
            await stage.clock.advance(KEPT_SECONDS - 0.1)
            stage.at_rest = False
            await made.switch(Do.PULSE, PULSE_SECONDS)
            await stage.clock.advance(0.2)
            made.doubt()
            await settle()
            assert stage.relay.closed
            await stage.clock.advance(0.2)
            assert not stage.relay.closed

    play(story)


def test_a_pulse_of_another_relay_lets_go_of_nothing() -> None:
    async def story(stage: Stage) -> None:
        pulsed = SimulatedRelay(stage.clock)
        made = Output(pulsed, stage.relay, stage.clock, lambda: stage.at_rest, stage.hears)
        await made.switch(Do.HOLD, PULSE_SECONDS)
        await made.switch(Do.PULSE, PULSE_SECONDS)
        keeping = asyncio.create_task(made.keep())
        await settle()
        assert (stage.relay.held, len(pulsed.pulses)) == (True, 1)
        keeping.cancel()

    play(story)


def test_a_relay_that_goes_while_nobody_comes_is_told_of_before_somebody_does() -> None:
    async def story(stage: Stage) -> None:
        async with output(stage):
            stage.relay.there = False
            await stage.clock.advance(KEPT_SECONDS)
            assert stage.kinds() == [Lost]
            await stage.clock.advance(60.0)
            assert stage.kinds() == [Lost]
            stage.relay.there = True
            await stage.clock.advance(LOST_SECONDS)
            assert stage.kinds() == [Lost, Found]

    play(story)


def test_a_pulse_that_is_not_obeyed_is_looked_into_at_once() -> None:
    async def story(stage: Stage) -> None:
        async with output(stage) as made:
            stage.relay.there = False
            assert not await made.switch(Do.PULSE, PULSE_SECONDS)
            stage.relay.there = True
            await settle()
            assert stage.kinds() == [Lost, Found]

    play(story)


def test_an_answer_that_is_lost_now_and_then_takes_no_lane_out_of_service() -> None:
    class Noisy(SimulatedRelay):
        asked = 0

        async def hold(self, closed: bool) -> None:
            self.asked += 1
            self.there = self.asked % 3 == 0
            await super().hold(closed)

    async def story(stage: Stage) -> None:
        stage.relay = noisy = Noisy(stage.clock)
        async with output(stage):
            await stage.clock.advance(10 * KEPT_SECONDS)
            assert noisy.asked == 33
        assert stage.told == []

    play(story)


def test_whoever_is_let_in_between_two_tries_is_not_kept_out_by_the_next() -> None:
    class Deaf(SimulatedRelay):
        async def hold(self, closed: bool) -> None:
            stage.at_rest = False  # Somebody is let in while the answer is awaited.
            self.there = False
            try:
                await super().hold(closed)
            finally:
                self.there = True
                await self.pulse(PULSE_SECONDS)

    clock = SimulatedClock()
    stage = Stage(clock, Deaf(clock))

    async def story() -> None:
        async with output(stage):
            assert (len(stage.relay.pulses), stage.relay.closed) == (1, True)
            assert stage.told == []

    asyncio.run(story())


def test_a_lane_without_a_relay_has_nothing_to_keep() -> None:
    async def story(stage: Stage) -> None:
        made = Output(None, None, stage.clock, lambda: True, stage.hears)
        await made.keep()
        for command in Do:
            assert await made.switch(command, PULSE_SECONDS)

    play(story)
