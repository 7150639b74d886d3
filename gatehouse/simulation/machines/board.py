"""The drivers by which one life of a gate reaches its turnstile: relay, panel, contacts, reader."""

from edge.core.notice import Notice
from edge.drivers.catalog import (
    GpioInputConfig,
    InputConfig,
    OutputConfig,
    PanelConfig,
    ReaderConfig,
    SimulatedPanelConfig,
)
from edge.drivers.interfaces import DriverError, Panel, Reader, Relay, Sensor
from edge.drivers.panel_simulated import SimulatedPanel
from edge.drivers.reader_simulated import SimulatedReader
from edge.drivers.relay_simulated import SimulatedRelay
from edge.runtime.clock import Clock
from gatehouse.simulation.goings_on.exits import EXIT_PIN, OPPOSITE_PIN, ExitPanel
from gatehouse.simulation.machines.enrolled import Enrolled, LineCatalog
from gatehouse.simulation.machines.hardware import FIRE_PIN, KEYS, Turnstile
from gatehouse.simulation.machines.machine import Process

OBEYS_UNHEARD = 0.3
"""So often a board that is lost has heard a pulse, and only its answer is lost."""


class _Board(SimulatedRelay):
    def __init__(self, clock: Clock, turnstile: Turnstile, process: Process) -> None:
        super().__init__(clock)
        self._turnstile = turnstile
        self._process = process

    async def pulse(self, seconds: float) -> None:
        await self._process.point()
        lost = self._turnstile.board_lost
        self.there = not lost or self._process.chance.random() < OBEYS_UNHEARD
        await super().pulse(seconds)
        if self._process.alive:
            self._turnstile.opened()
        if lost:
            raise DriverError("the simulated board: its answer is lost")
        await self._process.point()

    async def hold(self, closed: bool) -> None:
        await self._process.point()
        self.there = not self._turnstile.board_lost
        await super().hold(closed)
        if self._process.alive:
            self._turnstile.hold(self._process if closed else None)
        await self._process.point()


class _Words(SimulatedPanel):
    def __init__(self, turnstile: Turnstile, process: Process) -> None:
        super().__init__()
        self._turnstile = turnstile
        self._process = process

    async def show(self, notice: Notice) -> None:
        await self._process.point()
        if self._process.alive:
            self._turnstile.showed(notice)


class VenueCatalog(LineCatalog):
    """Opens what hangs on one turnstile, for one life of a process."""

    def __init__(
        self, clock: Clock, device: Enrolled, turnstile: Turnstile, process: Process
    ) -> None:
        super().__init__(clock, device, process)
        self._turnstile = turnstile

    def reader(self, told: ReaderConfig) -> Reader:
        del told
        return self._turnstile.hang(SimulatedReader(self._clock), self._process)

    def relay(self, told: OutputConfig) -> Relay:
        del told
        return _Board(self._clock, self._turnstile, self._process)

    def sensor(self, told: InputConfig) -> Sensor:
        if isinstance(told, GpioInputConfig):
            if told.pin == FIRE_PIN:
                return self._turnstile.wire_fire(self._clock, self._process)
            way = {OPPOSITE_PIN: self._turnstile.opposite, EXIT_PIN: self._turnstile.exit}
            if (out := way.get(told.pin)) is not None:
                return out.wire(self._clock, self._process)
            return self._turnstile.wire_key(KEYS[told.pin], self._clock, self._process)
        return self._turnstile.wire(self._clock, self._process)

    def panel(self, told: PanelConfig) -> Panel:
        if self._turnstile.exit is not None and not isinstance(told, SimulatedPanelConfig):
            return ExitPanel(self._turnstile.exit, self._process)
        return _Words(self._turnstile, self._process)
