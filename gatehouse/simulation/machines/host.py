"""What every machine of the venue has: power, daemons, and a systemd that starts them again."""

import random
from collections.abc import Callable
from pathlib import Path

from edge.runtime.service import Work
from edge.runtime.surroundings import Surroundings
from gatehouse.simulation.machines.intercom import Exchange
from gatehouse.simulation.machines.loop import Scheduler
from gatehouse.simulation.machines.machine import Machine, MachineClock, Process, SimulatedThread


class Host:
    """`daemons`: name -> what assembles one life of it, in the order they are started."""

    def __init__(
        self, scheduler: Scheduler, name: str, folder: Path, chance: random.Random
    ) -> None:
        self.name = name
        self.machine = Machine(scheduler, name, folder / f"{name}.0", chance)
        self.daemons: dict[str, Callable[[Process], Work]] = {}
        self._etc = folder
        self._exchange = Exchange()
        self._chance = chance
        self._starts: set[str] = set()

    def write(self, files: dict[Path, str]) -> None:
        """Put files on its card."""
        for name, content in files.items():
            path = self.machine.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)

    def configure(self) -> None:
        """Write what its daemons are told; the card has a new name after each power cut."""

    def power_on(self) -> None:
        if self.machine.on:
            return
        self.machine.boot_up()
        self.configure()
        for name in self.daemons:
            self.start(name)

    def power_off(self, picture: Path | None = None) -> None:
        if self.machine.on:
            self._exchange = Exchange()
            self.machine.cut(picture)

    def start(self, name: str) -> None:
        """What systemd does: begin a life of a daemon, and another when it ends."""
        self._starts.discard(name)
        if not self.machine.on or name in self.machine.processes:
            return
        process = self.machine.start(name, self.daemons[name])
        process.on_death = lambda: self._ended(name, process)

    def kill(self, name: str) -> None:
        """End a daemon at once, as `kill -9`."""
        process = self.machine.processes.get(name)
        if process is not None:
            process.die()

    def _ended(self, name: str, process: Process) -> None:
        world = self.machine.scheduler.world
        if self.machine.processes.get(name) is process and name not in self._starts:
            self._starts.add(name)
            world.call_soon(self._clear, name, process)
            world.call_later(self._chance.uniform(1.0, 3.0), self.start, name)

    def _clear(self, name: str, process: Process) -> None:
        if self.machine.processes.get(name) is process:
            self.machine.kill(name)
            self.machine.bury()

    def around(self, process: Process) -> Surroundings:
        return Surroundings(
            machine=MachineClock(self.machine, process),
            thread=lambda _name: SimulatedThread(process),
            draw=process.chance.randbytes,
            chance=process.chance.random,
            speaks=self._exchange.speaks(process),
            listens=self._exchange.listens(process),
        )
