"""A device of the simulated venue: a machine, its card, its uplink, and the turnstile it stands at.

Its gate and its sync are assembled by the daemons' own `assembled`, out of what is simulated.
"""

import random
from pathlib import Path

from edge.gate.__main__ import assembled as assembled_gate
from edge.runtime import identity
from edge.runtime.identity import DeviceIdentity
from edge.runtime.service import Work
from edge.runtime.surroundings import Surroundings
from edge.sync.__main__ import assembled as assembled_sync
from gatehouse.simulation.central import ROOT, Central
from gatehouse.simulation.hardware import Turnstile, VenueCatalog
from gatehouse.simulation.intercom import Exchange
from gatehouse.simulation.loop import Scheduler
from gatehouse.simulation.machine import Machine, MachineClock, Process, SimulatedThread
from gatehouse.simulation.network import Uplink
from gatehouse.simulation.tickets import CHECKPOINT, VENUE

STALE_SECONDS = 60.0
LANE = "A1"
GATE_TOML = """directory = "{folder}"

[[lane]]
name = "A1"
reader = [{{kind = "simulated"}}]
relay = {{kind = "simulated"}}
panel = [{{kind = "simulated"}}]
{contact}
"""
CONTACT = 'pass_contact = {kind = "simulated"}'
ZONE_TOML = f"""checkpoint = "{CHECKPOINT}"
stale_after_seconds = {STALE_SECONDS}
"""
LINK_TOML = """[broker]
[central]
url = "http://central"
token = "of-the-simulation"
"""


class Device:
    def __init__(
        self,
        name: str,
        number: int,
        id: str,
        turnstile: Turnstile,
        central: Central,
        folder: Path,
        scheduler: Scheduler,
        chance: random.Random,
    ) -> None:
        self.name = name
        self.number = number
        self.id = id
        self.turnstile = turnstile
        self.machine = Machine(scheduler, name, folder / f"{name}.0", chance)
        self.uplink = Uplink(scheduler, central, random.Random(chance.random()))
        self.pictures: list[Path] = []
        self.restored = 0
        """How often an older picture of its card was put in."""
        self.stale_seconds = STALE_SECONDS
        self._etc = folder
        self._exchange = Exchange()
        self._chance = chance
        self._starts: set[str] = set()

    def install(self) -> None:
        """Make its card: it was enrolled, and has nothing else."""
        folder = self.machine.folder
        files = {
            Path(identity.FOLDER, identity.FILE): identity.text(
                DeviceIdentity(self.id, VENUE, ROOT.hex())
            ),
            Path(identity.FOLDER, "link.toml"): LINK_TOML,
            Path("config", "zone.toml"): ZONE_TOML,
        }
        for name, content in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(content)

    def power_on(self) -> None:
        if self.machine.on:
            return
        self.machine.boot_up()
        folder = self.machine.folder
        contact = CONTACT if self.turnstile.sensed else ""
        self._gate_toml.write_text(GATE_TOML.format(folder=folder, contact=contact))
        self._sync_toml.write_text(f'directory = "{folder}"\n')
        self.start("sync")
        self.start("gate")

    def power_off(self, picture: Path | None = None) -> None:
        if self.machine.on:
            self._exchange = Exchange()
            self.machine.cut(picture)

    def start(self, name: str) -> None:
        """What systemd does: begin a life of a daemon, and another when it ends."""
        self._starts.discard(name)
        if not self.machine.on or name in self.machine.processes:
            return
        process = self.machine.start(name, self._sync if name == "sync" else self._gate)
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

    @property
    def _gate_toml(self) -> Path:
        return self._etc / f"{self.name}-gate.toml"

    @property
    def _sync_toml(self) -> Path:
        return self._etc / f"{self.name}-sync.toml"

    def _around(self, process: Process) -> Surroundings:
        return Surroundings(
            machine=MachineClock(self.machine, process),
            thread=lambda _name: SimulatedThread(process),
            draw=process.chance.randbytes,
            chance=process.chance.random,
            speaks=self._exchange.speaks(process),
            listens=self._exchange.listens(process),
        )

    def _gate(self, process: Process) -> Work:
        return assembled_gate(
            self._gate_toml,
            self.machine.boot,
            self._around(process),
            lambda clock: VenueCatalog(clock, self.turnstile, self.uplink, process),
        )

    def _sync(self, process: Process) -> Work:
        return assembled_sync(
            self._sync_toml,
            self._around(process),
            lambda clock: VenueCatalog(clock, self.turnstile, self.uplink, process),
        )
