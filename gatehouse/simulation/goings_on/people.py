"""The visitors: each waits for the lane, shows a code, and does what the plan says.

They know nothing of the gate but what they see: an arm that opens, words on a panel, or neither.
"""

import asyncio
from collections.abc import Callable

from edge.core.notice import Lamp
from gatehouse.simulation.machines.hardware import WINDOW_SECONDS, Turnstile
from gatehouse.simulation.planned.plan import Does, Visitor
from gatehouse.simulation.planned.plan_terms import Handling
from gatehouse.simulation.truth import Truth

ANSWER_SECONDS = 8.0
"""Whoever gets no answer for so long tries again."""
TRIES_MAX = 3
PERSONS_GAP_SECONDS = 0.8
ESCORTED_SECONDS = 1.0


class People:
    def __init__(self, turnstiles: list[Turnstile], truth: Truth) -> None:
        self._turnstiles = turnstiles
        self._lanes = [asyncio.Lock() for _ in turnstiles]
        self._truth = truth
        self.here = 0
        """How many have come and are not through yet."""

    async def visit(self, visitor: Visitor, code: Callable[[], bytes], quantity: int) -> None:
        """Come, and go in or away; `code()` is what there is to show at that moment."""
        self.here += 1
        try:
            await self._visit(visitor, code, quantity)
        finally:
            self.here -= 1

    async def _visit(self, visitor: Visitor, code: Callable[[], bytes], quantity: int) -> None:
        lane, turnstile = self._lanes[visitor.gate], self._turnstiles[visitor.gate]
        if visitor.impatient and lane.locked():
            # Over somebody's shoulder; then in turn.
            turnstile.present(code())
        async with lane:
            self._truth.comes(visitor)
            for _ in range(TRIES_MAX):
                if turnstile.burning:
                    return  # Nobody comes in.
                if turnstile.open_to_all:
                    await self._stroll(visitor, turnstile, visitor.persons or quantity)
                    return
                answer = await self._show(visitor, turnstile, code())
                if answer is None:
                    continue  # No answer, or "please wait".
                if answer:
                    await self._enter(visitor, turnstile, quantity)
                return
            self._truth.gives_up(visitor)

    async def _show(self, visitor: Visitor, turnstile: Turnstile, code: bytes) -> bool | None:
        """Return whether the arm opened; None: nothing was decided."""
        world = turnstile.scheduler.world
        pulses, began = turnstile.pulses, world.time()
        well, notices = turnstile.well, turnstile.notices
        turnstile.present(code)
        holds_on = turnstile.holds_on
        while world.time() < began + ANSWER_SECONDS:
            if turnstile.pulses > pulses or turnstile.open_to_all:
                return True
            if turnstile.burning:
                return False
            shown = turnstile.notice
            if turnstile.notices > notices and shown is not None:
                notices = turnstile.notices
                if shown.lamp in (Lamp.STOP, Lamp.CLOSED):
                    await world.wait(visitor.pace_seconds)
                    return False
                if shown.lamp is Lamp.WAIT:
                    await world.wait(2.0)
                    return None
            await turnstile.change(began + ANSWER_SECONDS - world.time())
        same = well is not None and well is turnstile.well
        self._truth.unanswered(visitor, turnstile, same and not holds_on)
        return None

    async def _enter(self, visitor: Visitor, turnstile: Turnstile, quantity: int) -> None:
        world = turnstile.scheduler.world
        match visitor.does:
            case Does.LEAVES:
                await world.wait(visitor.pace_seconds)
                return
            case Does.HESITATES:
                # Into the arm as the board closes it; the contact says so when he is through.
                await world.wait(WINDOW_SECONDS - 0.1)
                self._truth.walks(visitor, turnstile, turnstile.is_open)
                await world.wait(1.2 + visitor.pace_seconds)
                turnstile.contact()
                return
            case _:
                pass
        persons = visitor.persons or quantity
        for person in range(min(persons, quantity)):
            await world.wait(visitor.pace_seconds if not person else PERSONS_GAP_SECONDS)
            if not turnstile.is_open and not await self._opens(turnstile):
                return
            self._truth.walks(visitor, turnstile, turnstile.is_open)
            turnstile.walk()
        for _ in range(max(persons - quantity, visitor.does is Does.IS_FOLLOWED)):
            await world.wait(0.6)
            self._truth.slips_in(visitor)
            turnstile.contact()
        await world.wait(0.3)

    async def _stroll(self, visitor: Visitor, turnstile: Turnstile, persons: int) -> None:
        """Walk, all of them, where nobody is asked for a ticket."""
        world = turnstile.scheduler.world
        if visitor.does is Does.LEAVES:
            return
        for person in range(persons):
            await world.wait(visitor.pace_seconds if not person else PERSONS_GAP_SECONDS)
            if not turnstile.is_open:
                return
            self._truth.walks(visitor, turnstile, turnstile.is_open)
            turnstile.walk()
        await world.wait(0.3)

    def escort(self, handling: Handling, turnstile: Turnstile, opens: Callable[[], None]) -> None:
        """Let staff let somebody in by hand: `opens()` is what they do once nobody is there."""
        turnstile.scheduler.world.create_task(self._escorted(handling, turnstile, opens))

    async def _escorted(
        self, handling: Handling, turnstile: Turnstile, opens: Callable[[], None]
    ) -> None:
        world = turnstile.scheduler.world
        self.here += 1
        async with self._lanes[handling.gate]:
            pulses, until = turnstile.pulses, world.time() + ANSWER_SECONDS
            opens()
            while turnstile.pulses == pulses and world.time() < until:
                if not await turnstile.change(until - world.time()):
                    break
            if turnstile.is_open and turnstile.pulses > pulses:
                await world.wait(ESCORTED_SECONDS)
                if turnstile.is_open:
                    self._truth.is_escorted(turnstile)
                    turnstile.walk()
        self.here -= 1

    async def _opens(self, turnstile: Turnstile) -> bool:
        """Wait for the next pulse of a group."""
        world = turnstile.scheduler.world
        until = world.time() + WINDOW_SECONDS + 2.0
        while world.time() < until:
            if turnstile.is_open:
                return True
            if not await turnstile.change(until - world.time()):
                break
        return turnstile.is_open
