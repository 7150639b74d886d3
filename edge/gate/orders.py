"""What this gate does with central's orders, once they are verified and answered in the journal."""

from collections.abc import Awaitable, Callable
from typing import assert_never

from edge.core import obedience
from edge.core.lane import State
from edge.core.obedience import Addressed, Door, Situation
from edge.core.strays import Stray, TurnedAway
from edge.gate.desk import Desk
from edge.gate.lane import LaneShell
from edge.runtime.clock import Clock
from edge.runtime.intercom import LogsWanted, Ordered, Word
from edge.store.obedience import Obedience
from wire import command as wire
from wire.command import Order
from wire.event import CommandAnswered


class Orders:
    """Everything but the commits runs on the event loop."""

    def __init__(
        self,
        device: bytes,
        desk: Desk,
        lanes: tuple[LaneShell, ...],
        clock: Clock,
        tell: Callable[[Word], None],
        reset_floor: Callable[[int], None] | None = None,
        floor: Callable[[], float] = lambda: 0.0,
    ) -> None:
        """`reset_floor(wall)`: believe that it may be as early as that; None: it cannot.

        `floor()`: what time it is at least, in Unix seconds.
        """
        self._obedience = Obedience(device, desk, desk.unseal, clock)
        self._desk = desk
        self._lanes = lanes
        self._clock = clock
        self._tell = tell
        self._reload: Callable[[], Awaitable[None]] | None = None
        self._fault: Callable[[], str] = lambda: ""
        self._reset_floor = reset_floor
        self._floor = floor
        self.fire = False
        """What the fire contact last said."""

    def reloads(self, fault: Callable[[], str], reload: Callable[[], Awaitable[None]]) -> None:
        """Say what is wrong with the configuration that `reload()` would read, and how to."""
        self._fault, self._reload = fault, reload

    async def hear(self, ordered: Ordered) -> None:
        """Answer one order, whatever it is, and obey it if it may be obeyed."""
        if obeyed := await self._obedience.hear(ordered, self._situation):
            await self._obey(*obeyed)

    async def look_after(self) -> None:
        """Write what strangers sent in the minute that is over."""
        await self._obedience.look_after()

    async def note(self, stray: Stray, row: TurnedAway) -> None:
        """Write down what was turned away, or count it with its like."""
        await self._obedience.note(stray, row)

    def _situation(self, order: Order | Addressed) -> Situation:
        now = self._clock.now()
        doors = tuple(
            Door(lane.config.name, lane.is_entry, lane.state, lane.stays_open)
            for lane in self._lanes
        )
        reads = isinstance(order, Order) and isinstance(order.command, wire.Reload)
        return Situation(
            uptime=now.uptime,
            wall=self._desk.central_wall(now.uptime),
            doors=doors,
            fire=self._burns,
            floor=self._floor(),
            fault=self._fault() if reads else "",
            sets_clock=self._reset_floor is not None,
        )

    @property
    def _burns(self) -> bool:
        return self.fire or any(lane.state is State.RELEASED for lane in self._lanes)

    async def _obey(self, order: Order, situation: Situation, answer: CommandAnswered) -> None:
        command = order.command
        if isinstance(command, wire.LockEntry) and self._burns:
            await self._desk.record((obedience.fire_came_first(answer),))
            return
        lanes = {lane.config.name: lane for lane in self._lanes}
        for name, signal in obedience.signals(order, situation):
            lanes[name].inbox.put(signal)
        match command:
            case wire.Reload():
                if self._reload:
                    await self._reload()
            case wire.SendLogs(lines=lines):
                self._tell(LogsWanted(lines))
            case wire.ResetClockFloor(wall=wall):
                if self._reset_floor:
                    self._reset_floor(wall)
            case (
                wire.OpenOnce()
                | wire.HoldOpen()
                | wire.LockEntry()
                | wire.FreePass()
                | wire.BackToNormal()
                | wire.Identify()
            ):
                pass  # The lanes' own.
            case _:
                assert_never(command)
