"""Orders from central, as sync passes them on: verified here, answered in the journal, obeyed.

The answer and its counter are committed in one transaction, and only then is anything done: what
could not be written is not obeyed. Sync is believed in nothing; it only carries the bytes.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import assert_never

from edge.core import obedience, strays
from edge.core.lane import State
from edge.core.obedience import Addressed, Door, Situation
from edge.core.strays import Stray, Strays, TurnedAway
from edge.gate.desk import Desk
from edge.gate.lane import LaneShell
from edge.runtime.clock import Clock
from edge.runtime.intercom import LogsWanted, Ordered, Word
from edge.store.journal import JournalUnwritable, Transaction
from wire import command as wire
from wire.codec import WireError
from wire.command import Order
from wire.event import CommandAnswered, Stamp
from wire.signed import Purpose, Untrusted

log = logging.getLogger("gate.orders")


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
        self._device = device
        self._desk = desk
        self._lanes = lanes
        self._clock = clock
        self._tell = tell
        self._reload: Callable[[], Awaitable[None]] | None = None
        self._fault: Callable[[], str] = lambda: ""
        self._reset_floor = reset_floor
        self._floor = floor
        self._strays = Strays()
        self.fire = False
        """What the fire contact last said."""

    def reloads(self, fault: Callable[[], str], reload: Callable[[], Awaitable[None]]) -> None:
        """Say what is wrong with the configuration that `reload()` would read, and how to."""
        self._fault, self._reload = fault, reload

    async def hear(self, ordered: Ordered) -> None:
        """Answer one order, whatever it is, and obey it if it may be obeyed."""
        order = await self._read(ordered)
        if isinstance(order, Stray):
            await self._turn_away(None, order)
            return
        situation = self._situation(order)
        answer = await self._answer(order, situation)
        if isinstance(answer, Stray):
            await self._turn_away(order, answer)
        elif answer is not None and answer.done and isinstance(order, Order):
            log.info("obeying order %d of %s: %s", answer.counter, answer.by, answer.order)
            await self._obey(order, situation, answer)
        elif answer is not None:
            log.warning("order %d refused: %s: %s", answer.counter, answer.order, answer.why)

    async def look_after(self) -> None:
        """Write what strangers sent in the minute that is over."""
        self._strays, rows = strays.close(self._strays, self._clock.now().uptime)
        if rows:
            await self._write(rows)

    async def note(self, stray: Stray, row: TurnedAway) -> None:
        """Write down what was turned away, or count it with its like."""
        self._strays, first = strays.add(self._strays, stray, row, self._clock.now().uptime)
        if first:
            await self._write([first])

    async def _read(self, ordered: Ordered) -> Order | Addressed | Stray:
        if ordered.retained:
            return Stray.RETAINED
        if len(ordered.envelope) > obedience.ORDER_BYTES_MAX:
            return Stray.UNREADABLE
        try:
            payload = await self._desk.unseal(ordered.envelope, Purpose.COMMAND)
        except Untrusted:
            return Stray.FORGED
        except WireError:
            return Stray.UNREADABLE
        return obedience.read(payload, self._device)

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

    async def _answer(
        self, order: Order | Addressed, situation: Situation
    ) -> CommandAnswered | Stray | None:
        """Commit the answer; None: it could not be written, and nothing is done."""

        def commit(transaction: Transaction, stamp: Stamp) -> CommandAnswered | Stray:
            answer = obedience.judge(order, transaction.answered(), situation)
            if isinstance(answer, CommandAnswered):
                transaction.append(answer, stamp)
            return answer

        try:
            return await self._desk.commit(commit)
        except JournalUnwritable as unwritable:
            log.error("order %d not obeyed, nothing can be recorded: %s", order.counter, unwritable)
            return None

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

    async def _turn_away(self, order: Order | Addressed | None, stray: Stray) -> None:
        answered = await self._highest()
        await self.note(stray, obedience.turned_away(order, stray, answered))

    async def _highest(self) -> int:
        try:
            return await self._desk.commit(lambda transaction, _: transaction.answered())
        except JournalUnwritable:
            return 0

    async def _write(self, rows: list[TurnedAway]) -> None:
        def commit(transaction: Transaction, stamp: Stamp) -> None:
            if transaction.room_for_refusals:
                for row in rows:
                    transaction.append(row, stamp)

        for row in rows:
            log.warning("turned away: %s", row.why)
        try:
            await self._desk.commit(commit)
        except JournalUnwritable as unwritable:
            log.error("what was turned away is not written: %s", unwritable)
