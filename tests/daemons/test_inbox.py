"""A lane's inbox: bounded, in order, fire first."""

import asyncio

from edge.core.lane import Scanned, Signal
from edge.core.scan import Scan
from edge.gate.inbox import SCANS_MAX, Inbox
from edge.runtime.clock import SimulatedClock, settle


def scanned(number: int) -> Scanned:
    return Scanned(Scan(number.to_bytes(12, "big"), "reader", b"code", 1.0))


def test_fire_comes_before_everything_that_waits() -> None:
    async def scenario() -> None:
        inbox = Inbox(SimulatedClock())
        inbox.put(scanned(1))
        inbox.put(Signal.PASSED)
        inbox.put(Signal.FIRE)
        assert [await inbox.get(None) for _ in range(3)] == [
            Signal.FIRE,
            scanned(1),
            Signal.PASSED,
        ]

    asyncio.run(scenario())


def test_a_flood_of_scans_is_bounded_and_drops_no_sensor() -> None:
    async def scenario() -> None:
        inbox = Inbox(SimulatedClock())
        for number in range(1000):
            inbox.put(scanned(number))
        inbox.put(Signal.PASSED)
        taken = [await inbox.get(None) for _ in range(SCANS_MAX + 1)]
        assert taken[-1] is Signal.PASSED

    asyncio.run(scenario())


def test_a_deadline_ends_the_waiting() -> None:
    async def scenario() -> None:
        clock = SimulatedClock(uptime=100.0)
        inbox = Inbox(clock)
        waiting = asyncio.ensure_future(inbox.get(103.0))
        await clock.advance(2.9)
        assert not waiting.done()
        await clock.advance(0.2)
        assert waiting.done()
        assert waiting.result() is None

    asyncio.run(scenario())


def test_a_signal_ends_the_waiting_before_the_deadline() -> None:
    async def scenario() -> None:
        inbox = Inbox(SimulatedClock(uptime=100.0))
        waiting = asyncio.ensure_future(inbox.get(103.0))
        await settle()
        inbox.put(Signal.PASSED)
        await settle()
        assert waiting.result() is Signal.PASSED

    asyncio.run(scenario())
