"""What a gate's journal says of those who left, held against who really went.

A life of a gate counts whom it saw. Who goes just as it starts, dies, or fire comes is counted or
not: at its start nobody listens yet, and what lies in memory dies with it.
"""

from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING

from edge.core.lane import STAYS_OPEN
from edge.core.notice import EVACUATE, EXIT, FREE, HELD_OPEN, Notice
from gatehouse.simulation.goings_on.exits import Left
from gatehouse.simulation.machines.device import LANE
from gatehouse.simulation.machines.machine import Process
from gatehouse.simulation.planned.plan_terms import EXIT_LANE
from gatehouse.simulation.promises import Promise
from wire import event
from wire.event import AnyEvent, Mode

if TYPE_CHECKING:
    from gatehouse.simulation.books.gate_books import Witness

START_SECONDS, EDGE_SECONDS, SLOW_SECONDS = 3.0, 0.6, 8.0
"""Within so long of a start, or of an end or a fire, who goes is counted or not; the last, on a
slow disk: what a lane has heard is not written yet, and one that opens waits until it is."""
SETTLED_SECONDS = 9.0
STAMP_SECONDS = 0.002
OPEN = (EXIT, FREE, HELD_OPEN, EVACUATE)


@dataclass(slots=True)
class Span:
    """Seconds of the simulation."""

    begin: float
    fire: bool
    end: float = inf


@dataclass(slots=True)
class ExitBook:
    witness: "Witness"
    told: dict[str, list[tuple[float, int]]] = field(
        default_factory=lambda: {LANE: [], EXIT_LANE: []}
    )
    """By lane: when how many were said to have gone."""
    mode: Mode = Mode.NORMAL
    """Of the exit."""
    untold: list["Span"] = field(default_factory=list)
    """While the exit stayed open, or fire had released it, and heads are not told: for ever where
    the gate died meanwhile."""
    _held: dict[str, Left] = field(default_factory=dict)

    def take(self, happened: AnyEvent, at: float) -> None:
        """Note what a row says of the ways out."""
        match happened:
            case event.Left(lane=lane):
                self.told[lane].append((at, 1))
            case event.ModeChanged(lane=lane, heads=heads, mode=mode) if lane == EXIT_LANE:
                if mode is self.mode:
                    return  # It ends at another hour.
                self.mode = mode
                self._tells(False, at, heads)
                if mode in STAYS_OPEN:
                    self.untold.append(Span(at, False))
                elif mode is not Mode.NORMAL:
                    self._violate(f"the exit is set to {mode.value}")
            case event.Released(lane=lane) if lane == EXIT_LANE:
                self.untold.append(Span(at, True))
            case event.Secured(lane=lane, heads=heads) if lane == EXIT_LANE:
                self._tells(True, at, heads)
            case event.Started():
                self.mode = Mode.NORMAL
                for span in self.untold:
                    span.end = min(span.end, at)
            case _:
                pass

    def _tells(self, fire: bool, at: float, heads: int) -> None:
        self.told[EXIT_LANE].append((at, heads))
        self.untold = [one for one in self.untold if one.fire is not fire or one.end < inf]

    def showed(self, notice: Notice) -> None:
        """Whatever happens, the panel of an exit says that it is one."""
        if notice not in OPEN:
            self._violate(f"the exit says {notice.title.en}")

    def hold(self, surely: bool = False) -> None:
        """Hold what was told against who went, once nothing is on its way; `surely`: now."""
        turnstile, now = self.witness.device.turnstile, self.witness.truth.scheduler.now
        for lane, way in ((LANE, turnstile.opposite), (EXIT_LANE, turnstile.exit)):
            if way is None or not way.left or way.left[-1] is self._held.get(lane):
                continue
            if surely or now - way.left[-1].at > SETTLED_SECONDS:
                self._held[lane] = way.left[-1]
                self.witness.look()
                self._hold_lives(lane, way.left)

    def _hold_lives(self, lane: str, left: list[Left]) -> None:
        device, now = self.witness.device, self.witness.truth.scheduler.now
        mine = f"{device.machine.name}/gate"
        for process in {id(one.process): one.process for one in left}.values():
            if process.loop.name != mine:
                continue  # Another device stood here then.
            end = min(process.died, now)
            here = [one.at for one in left if one.process is process]
            fires = [one for one in device.turnstile.fires if process.born <= one <= end]
            surely = sum(self._surely(one, lane, process, end, fires) for one in here)
            first, last = process.born - STAMP_SECONDS, end + STAMP_SECONDS
            told = sum(times for at, times in self.told[lane] if first <= at <= last)
            if not surely <= told <= len(here) + len(fires):
                what = f"{surely} to {len(here)} left, and {told} are told"
                self._violate(f"{what} of {lane} since {process.born:.1f} s")

    def _surely(
        self, at: float, lane: str, process: Process, end: float, fires: list[float]
    ) -> bool:
        """Whether who left then is told of by now."""
        slow = process.slow_until > process.born
        edge = SLOW_SECONDS if slow else EDGE_SECONDS
        ready = process.born + (SLOW_SECONDS if slow else START_SECONDS)
        if lane == EXIT_LANE and any(one.begin - edge < at < one.end + edge for one in self.untold):
            return False
        heard = EDGE_SECONDS if lane == EXIT_LANE else edge
        return ready < at < end - edge and all(abs(at - one) > heard for one in fires)

    def _violate(self, why: str) -> None:
        witness = self.witness
        witness.truth.violate(Promise.EXIT_FREE, f"{witness.device.name}: {why}")
