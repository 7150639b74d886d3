"""The only module that asks what time it is, and the only one that waits.

Everything else takes a `Moment` as an argument or waits on the `Clock` it was handed, so that
tests and the simulated venue decide how fast time goes.
"""

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable
from typing import Protocol

from edge.core import trusted_time
from edge.core.moment import Moment
from edge.core.trusted_time import Command, Signal


class Alarm(Protocol):
    """Something that will be done at its time, unless it is cancelled before."""

    def cancel(self) -> object: ...


class Clock(Protocol):
    """Tells the time and waits."""

    def now(self) -> Moment:
        """Read both clocks."""

    async def wait(self, seconds: float) -> None:
        """Return when `seconds` have passed."""

    async def wait_until(self, uptime: float) -> None:
        """Return when the uptime clock has reached `uptime`, at once if it has."""

    def alarm(self, uptime: float, ring: Callable[[], None]) -> Alarm:
        """Call `ring` once, on the event loop, when the uptime clock has reached `uptime`."""


class SystemClock:
    """The machine's own clocks."""

    def now(self) -> Moment:
        return Moment(time.time(), time.clock_gettime(time.CLOCK_BOOTTIME))

    async def wait(self, seconds: float) -> None:
        await asyncio.sleep(max(seconds, 0.0))

    async def wait_until(self, uptime: float) -> None:
        await self.wait(uptime - time.clock_gettime(time.CLOCK_BOOTTIME))

    def alarm(self, uptime: float, ring: Callable[[], None]) -> Alarm:
        seconds = uptime - time.clock_gettime(time.CLOCK_BOOTTIME)
        return asyncio.get_running_loop().call_later(max(seconds, 0.0), ring)


class TrustedClock:
    """The machine's clocks, and what central has said with a signature.

    Nothing sets the machine's wall clock: what is told differs from it by as much as is known.
    """

    def __init__(self, machine: Clock, floor: float) -> None:
        """`floor`: Unix seconds before which it cannot be; 0 where that is not known."""
        self._machine = machine
        self._time = trusted_time.begin(floor, machine.now())

    def now(self) -> Moment:
        return trusted_time.read(self._time, self._machine.now())

    def least(self) -> float:
        """Return what time it is at least, in Unix seconds."""
        return self._time.floor.least(self._machine.now().uptime)

    def take(self, signal: Signal) -> list[Command]:
        """Learn something of the time; return what is to be done about it. One thread only."""
        self._time, commands = trusted_time.step(self._time, signal, self._machine.now())
        return commands

    async def wait(self, seconds: float) -> None:
        await self._machine.wait(seconds)

    async def wait_until(self, uptime: float) -> None:
        await self._machine.wait_until(uptime)

    def alarm(self, uptime: float, ring: Callable[[], None]) -> Alarm:
        return self._machine.alarm(uptime, ring)


class SimulatedClock:
    """A clock that stands still until the test moves it."""

    def __init__(self, wall: float = 1_780_000_000.0, uptime: float = 100.0) -> None:
        self._now = Moment(wall, uptime)
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    def now(self) -> Moment:
        return self._now

    async def wait(self, seconds: float) -> None:
        await self.wait_until(self._now.uptime + seconds)

    async def wait_until(self, uptime: float) -> None:
        if uptime <= self._now.uptime:
            await asyncio.sleep(0)
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (uptime, next(self._order), woken))
        await woken

    def alarm(self, uptime: float, ring: Callable[[], None]) -> Alarm:
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        woken.add_done_callback(lambda _: None if woken.cancelled() else ring())
        if uptime <= self._now.uptime:
            woken.set_result(None)
        else:
            heapq.heappush(self._sleepers, (uptime, next(self._order), woken))
        return woken

    async def advance(self, seconds: float) -> None:
        """Let `seconds` pass, waking each sleeper at its own time and letting it run."""
        target = self._now.uptime + seconds
        await settle()
        while self._sleepers and self._sleepers[0][0] <= target:
            uptime, _, woken = heapq.heappop(self._sleepers)
            self._move_to(max(uptime, self._now.uptime))
            if not woken.done():
                woken.set_result(None)
            await settle()
        self._move_to(target)
        await settle()

    def jump(self, seconds: float) -> None:
        """Let `seconds` pass while the process stands still: nobody wakes at their own time."""
        self._move_to(self._now.uptime + seconds)

    def step_wall(self, seconds: float) -> None:
        """Set the wall clock forward or back, as a time server or a person would."""
        self._now = Moment(self._now.wall + seconds, self._now.uptime, self._now.quality)

    def _move_to(self, uptime: float) -> None:
        elapsed = uptime - self._now.uptime
        self._now = Moment(self._now.wall + elapsed, uptime, self._now.quality)


async def settle(turns: int = 40) -> None:
    """Let every task that can run do so, a bounded number of times."""
    for _ in range(turns):
        await asyncio.sleep(0)
