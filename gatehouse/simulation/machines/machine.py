"""A device's computer: its clocks, its card, its power, and the processes that live on it.

A life of a process is one loop, the real assembly and what was handed in. Power and `kill -9` end
it between any two awaits, or at one of its own points: before and after each piece of work of a
thread, each pulse, each message.
"""

import random
import shutil
from collections.abc import Awaitable, Callable, Coroutine
from math import inf
from pathlib import Path
from typing import ParamSpec, TypeVar

from edge.core.moment import Moment
from edge.runtime.clock import Alarm
from edge.runtime.service import Life, Work
from gatehouse.simulation.machines.loop import Scheduler, process_loop

P = ParamSpec("P")
T = TypeVar("T")

EPOCH = 1_790_000_000.0
"""Central's time, Unix seconds, when the simulation begins."""


LATE_SECONDS = 1e-5


class Process:
    """One life of one process."""

    def __init__(self, scheduler: Scheduler, name: str, chance: random.Random) -> None:
        self.loop = process_loop(scheduler, name)
        self.chance = chance
        self.born, self.died = scheduler.now, inf
        self.on_death: Callable[[], None] = lambda: None
        self.points_left = 0
        """It dies at the so-many-th point from now; 0: at none."""
        self.slow_until = 0.0
        """Its disk is slow until then, seconds of the simulation."""

    @property
    def alive(self) -> bool:
        return not self.loop.dead

    def die(self) -> None:
        if self.alive:
            self.loop.kill()
            self.died = self.loop.scheduler.now
            self.on_death()

    async def point(self) -> None:
        """A moment at which it may die; nothing after it happens then."""
        if self.points_left:
            self.points_left -= 1
            if not self.points_left:
                self.die()
        if self.loop.dead:
            await self.loop.create_future()


class SimulatedThread:
    """Work runs when its turn comes, at once or when the slow disk is done; one at a time."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._waiting = 0
        self._free_at = 0.0

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        process = self._process
        if process.points_left or process.loop.dead or self._waiting:
            return await self._carefully(work, *args, **kwargs)
        if process.slow_until and process.slow_until > process.loop.scheduler.now:
            return await self._carefully(work, *args, **kwargs)
        return work(*args, **kwargs)

    async def _carefully(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        process, loop = self._process, self._process.loop
        if loop.dead:
            raise Dead(loop.name)
        # In the order they came: each is done after the one before it, told of a moment later.
        self._waiting += 1
        try:
            now = loop.scheduler.now
            slow = process.slow_until > now
            start = max(now, self._free_at)
            self._free_at = start + (process.chance.uniform(0.0, 0.4) if slow else 0.0)
            await loop.wait(self._free_at - now)
            await process.point()
            answer = work(*args, **kwargs)
            await process.point()
            if slow:
                await loop.wait(process.chance.uniform(0.0, 0.02))
            return answer
        finally:
            self._waiting -= 1

    def close(self) -> None:
        return


class Dead(BaseException):
    """Asked for by a process that is no more, on its way out."""


class MachineClock:
    """The machine's clocks, for one life of one process."""

    def __init__(self, machine: "Machine", process: Process) -> None:
        self._machine = machine
        self._process = process

    def now(self) -> Moment:
        return self._machine.now()

    def wait(self, seconds: float) -> Coroutine[None, None, None]:
        # However little it is, time passes: else who waits for what is left waits for ever.
        return self._process.loop.wait(max(seconds, LATE_SECONDS) if seconds > 0 else 0.0)

    def wait_until(self, uptime: float) -> Coroutine[None, None, None]:
        # A moment late, as every timer is: else what is due would not quite be due.
        return self._process.loop.wait(uptime - self._machine.uptime + LATE_SECONDS)

    def alarm(self, uptime: float, ring: Callable[[], None]) -> Alarm:
        seconds = uptime - self._machine.uptime + LATE_SECONDS
        return self._process.loop.call_later(seconds if seconds > 0 else 0.0, ring)


class Machine:
    """`folder` is its card; whoever pulls it out takes a picture of it."""

    def __init__(
        self, scheduler: Scheduler, name: str, folder: Path, chance: random.Random
    ) -> None:
        self.scheduler = scheduler
        self.name = name
        self.folder = folder
        self.chance = chance
        self.on = False
        self.boot = b""
        self.wall_offset = 0.0
        """How much its wall clock is ahead of central's time."""
        self.boots = 0
        self.lives = 0
        self.processes: dict[str, Process] = {}
        self._booted_at = 0.0
        self._dead: list[Process] = []

    @property
    def uptime(self) -> float:
        return self.scheduler.now - self._booted_at

    def now(self) -> Moment:
        now = self.scheduler.now
        return Moment(EPOCH + now + self.wall_offset, now - self._booted_at)

    def boot_up(self) -> None:
        self.on = True
        self.boots += 1
        self.boot = self.chance.randbytes(8)
        # A kernel has been up for some seconds when the first daemon starts.
        self._booted_at = self.scheduler.now - 8.0

    def start(self, name: str, assemble: Callable[[Process], Work]) -> Process:
        """Begin a life of a process; what it raises is kept by the scheduler."""
        self.lives += 1
        process = Process(
            self.scheduler, f"{self.name}/{name}", random.Random(self.chance.random())
        )
        self.processes[name] = process
        process.loop.create_task(_live(lambda: assemble(process), process))
        return process

    def kill(self, name: str) -> None:
        process = self.processes.pop(name, None)
        if process is not None:
            process.die()
            self._dead.append(process)

    def cut(self, picture: Path | None = None) -> None:
        """Cut the power, and copy the card to `picture`.

        The card holds what was on it at this moment, and goes on under a new name, so that what
        still has it open in this program cannot change it.
        """
        for name in list(self.processes):
            self.kill(name)
        self.on = False
        fresh = self.folder.with_name(f"{self.name}.{self.boots}")
        copy_card(self.folder, fresh)
        self.bury()
        shutil.rmtree(self.folder)
        self.folder = fresh
        if picture is not None:
            copy_card(fresh, picture)

    def bury(self) -> None:
        for process in self._dead:
            process.loop.bury()
        self._dead.clear()


def copy_card(source: Path, target: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target, symlinks=True)


async def _live(assemble: Callable[[], Work], process: Process) -> None:
    again = True
    try:
        while again:
            life = Life()
            work: Awaitable[None] = assemble()(life)
            await work
            again = life.again
    except Exception as error:  # noqa: BLE001
        if process.alive:
            process.loop.scheduler.broken.append((process.loop.name, error, "ended"))
    process.die()
