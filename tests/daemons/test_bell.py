"""A bell: it stays rung, wakes whoever waits, and a deadline ends the waiting."""

import asyncio

from edge.runtime.bell import Bell
from edge.runtime.clock import SimulatedClock, SystemClock, settle


def test_it_stays_rung_until_it_is_cleared() -> None:
    async def scenario() -> None:
        bell = Bell(SimulatedClock())
        bell.ring()
        assert await bell.rings()
        assert await bell.rings(deadline=0.0)
        bell.clear()
        assert not await bell.rings(deadline=0.0)

    asyncio.run(scenario())


def test_whoever_waits_is_woken() -> None:
    async def scenario() -> None:
        clock = SimulatedClock(uptime=100.0)
        bell = Bell(clock)
        for deadline in (None, 103.0):
            bell.clear()
            waiting = asyncio.ensure_future(bell.rings(deadline))
            await settle()
            assert not waiting.done()
            bell.ring()
            bell.ring()
            assert await waiting
        await clock.advance(10.0)  # The deadline of one who waits no more.

    asyncio.run(scenario())


def test_a_deadline_ends_the_waiting_and_not_the_next_one() -> None:
    async def scenario() -> None:
        clock = SimulatedClock(uptime=100.0)
        bell = Bell(clock)
        first = asyncio.ensure_future(bell.rings(103.0))
        await clock.advance(2.9)
        assert not first.done()
        await clock.advance(0.2)
        assert not await first
        second = asyncio.ensure_future(bell.rings(110.0))
        await clock.advance(6.0)
        assert not second.done()
        second.cancel()
        await settle()
        await clock.advance(6.0)

    asyncio.run(scenario())


def test_on_the_machines_own_clock() -> None:
    async def scenario() -> None:
        clock = SystemClock()
        bell = Bell(clock)
        assert not await bell.rings(clock.now().uptime + 0.02)
        clock.alarm(clock.now().uptime, bell.ring)
        assert await bell.rings(clock.now().uptime + 60.0)

    asyncio.run(scenario())
