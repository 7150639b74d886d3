"""A device of the simulated venue: a machine, its card, its uplink, and the turnstile it stands at.

Its gate and its sync are assembled by the daemons' own `assembled`, out of what is simulated.
"""

import random
from pathlib import Path

from edge.gate.__main__ import assembled as assembled_gate
from edge.runtime import identity
from edge.runtime.clock import Clock
from edge.runtime.identity import DeviceIdentity
from edge.runtime.service import Work
from edge.sync.__main__ import assembled as assembled_sync
from gatehouse.simulation.central import ROOT, Central
from gatehouse.simulation.hardware import HUB_HOST, Turnstile, VenueCatalog, Ways
from gatehouse.simulation.host import Host
from gatehouse.simulation.hub import PUBLIC, Hub
from gatehouse.simulation.loop import Scheduler
from gatehouse.simulation.machine import Process
from gatehouse.simulation.network import Uplink
from gatehouse.simulation.tickets import CHECKPOINT, VENUE
from rules.zone import Policy

STALE_SECONDS = 60.0
LANE = "A1"
GATE_TOML = """directory = "{folder}"
fire = {{kind = "gpio", pin = 5}}

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


class Device(Host):
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
        claims: Policy = Policy.AVAILABLE,
        hub: Hub | None = None,
    ) -> None:
        super().__init__(scheduler, name, folder, chance)
        self.number = number
        self.id = id
        self.turnstile = turnstile
        self.uplink = Uplink(scheduler, central.receive, random.Random(chance.random()))
        self.side = hub.line(id, name) if hub else None
        """Its line to the hub, where there is one."""
        self.pictures: list[Path] = []
        self.restored = 0
        """How often an older picture of its card was put in."""
        self.stale_seconds = STALE_SECONDS
        self.daemons = {"sync": self._sync, "gate": self._gate}
        self._central = central
        self._claims = claims

    def install(self) -> None:
        """Make its card: it was enrolled, and has nothing else."""
        zone = ZONE_TOML
        if self.side is not None:
            zone += f'claims = "{self._claims}"\nclaims_key = "{PUBLIC}"\n'
        who = DeviceIdentity(self.id, VENUE, ROOT.hex())
        self.write(
            {
                Path(identity.FOLDER, identity.FILE): identity.text(who),
                Path(identity.FOLDER, "link.toml"): LINK_TOML,
                Path("config", "zone.toml"): zone,
            }
        )

    def configure(self) -> None:
        folder = self.machine.folder
        contact = CONTACT if self.turnstile.sensed else ""
        hub = "" if self.side is None else f'[hub.broker]\nhost = "{HUB_HOST}"\n'
        self._gate_toml.write_text(GATE_TOML.format(folder=folder, contact=contact))
        self._sync_toml.write_text(f'directory = "{folder}"\n{hub}')

    @property
    def _gate_toml(self) -> Path:
        return self._etc / f"{self.name}-gate.toml"

    @property
    def _sync_toml(self) -> Path:
        return self._etc / f"{self.name}-sync.toml"

    def _catalog(self, clock: Clock, process: Process) -> VenueCatalog:
        way = Ways(self._central, self.uplink, self.side)
        return VenueCatalog(clock, self.turnstile, way, process)

    def _gate(self, process: Process) -> Work:
        return assembled_gate(
            self._gate_toml,
            self.machine.boot,
            self.around(process),
            lambda clock: self._catalog(clock, process),
        )

    def _sync(self, process: Process) -> Work:
        return assembled_sync(
            self._sync_toml, self.around(process), lambda clock: self._catalog(clock, process)
        )
