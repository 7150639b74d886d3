"""A gate of the simulated venue: a machine, its card, its uplink, and the turnstile it stands at.

Its gate and its sync are assembled by the daemons' own `assembled`, out of what is simulated.
"""

import random
from pathlib import Path

from edge.drivers.catalog import Catalog
from edge.gate.__main__ import assembled as assembled_gate
from edge.runtime.clock import Clock
from edge.runtime.service import Work
from gatehouse.simulation.centrals.central import Central
from gatehouse.simulation.goings_on.exits import EXIT_TOML, OPPOSITE_TOML
from gatehouse.simulation.machines.board import VenueCatalog
from gatehouse.simulation.machines.enrolled import Enrolled
from gatehouse.simulation.machines.hardware import FIRE_PIN, KEYS, Turnstile
from gatehouse.simulation.machines.hub import PUBLIC, Hub
from gatehouse.simulation.machines.loop import Scheduler
from gatehouse.simulation.machines.machine import Process
from rules.zone import Policy

LANE = "A1"
GATE_TOML = """directory = "{folder}"
fire = {{kind = "gpio", pin = {fire}}}

[[lane]]
name = "A1"
reader = [{{kind = "simulated"}}]
relay = {{kind = "simulated"}}
panel = [{{kind = "simulated"}}]
{fitted}
"""
CONTACT = 'pass_contact = {kind = "simulated"}'


class Device(Enrolled):
    door = "gate"

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
        super().__init__(name, number, id, central, folder, scheduler, chance)
        self.turnstile = turnstile
        self.side = hub.line(id, name) if hub else None
        self.daemons["gate"] = self._gate
        self._claims = claims

    def install(self) -> None:
        """Make its card: it was enrolled, and has nothing else."""
        hub = f'claims = "{self._claims}"\nclaims_key = "{PUBLIC}"\n'
        central = f'claims = "{self._claims}"\n' if self.central.answers_claims else ""
        self.enrol(central if self.side is None else hub)

    @property
    def claims(self) -> bool:
        """Whether it asks before it lets in, and waits for the answer."""
        return self.side is not None or self.central.answers_claims

    def plug(self, there: bool) -> None:
        self.turnstile.plug(there)

    def power_off(self, picture: Path | None = None) -> None:
        if self.machine.on:
            self.turnstile.outlive()
        super().power_off(picture)

    def configure(self) -> None:
        folder = self.machine.folder
        gate = GATE_TOML.format(folder=folder, fire=FIRE_PIN, fitted=self._fitted())
        self.toml("gate").write_text(gate)
        self.write_sync()

    def _fitted(self) -> str:
        """Return what hangs on its turnstile besides, as the lane is told."""
        turnstile = self.turnstile
        lines = [CONTACT] if turnstile.sensed else []
        if turnstile.fitting.keys:
            lines += [f'{key} = {{kind = "gpio", pin = {pin}}}' for pin, key in KEYS.items()]
        if turnstile.counts:
            lines.append("board_counts = true")
        if turnstile.opposite is not None:
            lines.append(OPPOSITE_TOML)
        if turnstile.exit is not None:
            lines.append(EXIT_TOML)
        return "\n".join(lines)

    def catalog(self, clock: Clock, process: Process) -> Catalog:
        return VenueCatalog(clock, self, self.turnstile, process)

    def _gate(self, process: Process) -> Work:
        return assembled_gate(
            self.toml("gate"),
            self.machine.boot,
            self.around(process),
            lambda clock: self.catalog(clock, process),
        )
