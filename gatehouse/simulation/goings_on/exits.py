"""The ways out of a gate: free, mechanical, and none of our business but for counting.

Some turnstiles can be passed the other way, and tell so; beside some gates stands an exit of its
own, with a lane of the same device. Nobody who leaves is ever asked, or kept.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge.core.notice import Notice
from edge.drivers.panel_simulated import SimulatedPanel
from edge.drivers.sensor_simulated import SimulatedSensor
from edge.runtime.clock import Clock
from gatehouse.simulation.machines.loop import Scheduler
from gatehouse.simulation.machines.machine import Process
from gatehouse.simulation.planned.plan_terms import EXIT_LANE, Leaving

if TYPE_CHECKING:
    from gatehouse.simulation.venue import Venue

CONTACT_SECONDS = 0.15
OPPOSITE_PIN, EXIT_PIN = 9, 10
OPPOSITE_TOML = f"""opposite_contact = {{kind = "gpio", pin = {OPPOSITE_PIN}}}
free_opposite = true"""
EXIT_TOML = f"""
[[lane]]
name = "{EXIT_LANE}"
direction = "exit"
free = true
pass_contact = {{kind = "gpio", pin = {EXIT_PIN}}}
panel = [{{kind = "serial", path = "/dev/simulated"}}]
"""


@dataclass(frozen=True, slots=True)
class Left:
    """Somebody went out, and a gate was there to see it."""

    at: float
    process: Process


class WayOut:
    """One way out: a contact that closes when somebody has gone, and perhaps a panel."""

    def __init__(self, scheduler: Scheduler) -> None:
        self.left: list[Left] = []
        self.on_show: Callable[[Notice], None] = lambda _notice: None
        self._scheduler = scheduler
        self._contact: tuple[SimulatedSensor, Process] | None = None
        self._closed_until = 0.0

    def wire(self, clock: Clock, process: Process) -> SimulatedSensor:
        self._contact = SimulatedSensor(clock), process
        return self._contact[0]

    def leave(self) -> Left | None:
        """Somebody goes out; return it if a gate could see it."""
        now = self._scheduler.now
        if self._contact is None or not self._contact[1].alive or now < self._closed_until:
            return None  # Two at once are one, to a contact.
        contact, process = self._contact
        self._closed_until = now + CONTACT_SECONDS
        contact.drive(True)
        process.loop.call_later(CONTACT_SECONDS, contact.drive, False)
        return Left(now, process)


class ExitPanel(SimulatedPanel):
    def __init__(self, way: WayOut, process: Process) -> None:
        super().__init__()
        self._way = way
        self._process = process

    async def show(self, notice: Notice) -> None:
        await self._process.point()
        if self._process.alive:
            self._way.on_show(notice)


def leave(venue: "Venue", leaving: Leaving) -> None:
    """Let somebody go out there, whatever else is going on."""
    turnstile = venue.turnstiles[leaving.gate]
    venue.truth.count("left by an exit" if leaving.own_lane else "left by a turnstile")
    venue.truth.tell("somebody", f"leaves by gate {leaving.gate + 1}")
    turnstile.leave(leaving.own_lane)
