"""Central's orders to a kiosk and its signed time, verified here like a gate's.

A kiosk can send its log, be put out of service and back, be found by its screen, read its
configuration again once no visitor is at it, and be told to believe an earlier time. It has no
lane to open: such orders are refused in words.
"""

import logging
from collections.abc import Callable

from edge.core.lane import State
from edge.core.obedience import Addressed, Door, Situation
from edge.core.strays import Stray, TurnedAway
from edge.kiosk.desk import LANE, Desk
from edge.kiosk.rungs import Rungs
from edge.runtime.clock import Clock, TrustedClock
from edge.runtime.intercom import Heard, LogsWanted, Ordered, TimeTold, Word
from edge.runtime.workers import SingleThread
from edge.store.central_time import CentralTime
from edge.store.floor import FloorFile
from edge.store.obedience import Obedience
from edge.store.timekeeping import Timekeeping
from edge.store.trust import TrustStore
from wire.codec import WireError
from wire.command import (
    BackToNormal,
    Identify,
    LockEntry,
    Order,
    Reload,
    ResetClockFloor,
    SendLogs,
)
from wire.event import AnyEvent, Mode, ModeChanged
from wire.signed import Purpose

log = logging.getLogger("kiosk.orders")

CLOSED = "closed"
"""Why it prints nothing while central has put it out of service."""


class Orders:
    """`trust` is used on `thread` alone."""

    def __init__(
        self,
        device: bytes,
        desk: Desk,
        trust: TrustStore,
        thread: SingleThread,
        clock: Clock,
        tell: Callable[[Word], None],
        rungs: Rungs,
        closed: bool = False,
    ) -> None:
        """`tell(word)` says it to sync, if sync is there; `closed`: an earlier life was told so."""
        self._trust, self._thread, self._desk, self._rungs = trust, thread, desk, rungs
        self.closed = closed
        """Whether it is out of service, by central's order."""
        self.reloading = False
        """Whether it is to begin again, once nobody is at it."""
        self._found_until = 0.0
        self._timekeeping: Timekeeping | None = None
        self._floor: Callable[[], float] = lambda: 0.0
        self._fault: Callable[[], str] | None = None
        self._obedience = Obedience(device, desk, self.unseal, clock)
        self._central = CentralTime(trust)
        self._clock = clock
        self._tell = tell

    async def heard(self, heard: Heard) -> None:
        """A heartbeat came; one that is not central's says nothing."""
        try:
            said = await self._thread.run(self._central.hear, heard.envelope, heard.uptime)
        except WireError as error:
            log.warning("heartbeat: %s", error)
            return
        if said:
            self._rungs.hear(said)
        if said and self._timekeeping:
            self._timekeeping.beat(said[0].wall, heard.uptime)

    async def told_time(self, told: TimeTold) -> None:
        """Central's answer to what time it is, or what somebody says is one."""
        if self._timekeeping:
            await self._timekeeping.told(told.envelope)

    def keeps_time(
        self, clock: TrustedClock, floor: FloorFile, draw: Callable[[int], bytes]
    ) -> None:
        """Let central's signed time raise the floor of `clock`; `draw(n)`: n random bytes."""
        rows, thread = self._record, self._thread
        self._timekeeping = Timekeeping(clock, floor, self.unseal, rows, thread, draw, self._tell)
        self._floor = clock.least

    def reloads(self, fault: Callable[[], str]) -> None:
        """`fault()` says what is wrong with the configuration that would be read, or nothing."""
        self._fault = fault

    @property
    def found(self) -> bool:
        """Whether somebody is looking for this kiosk."""
        return self._clock.now().uptime < self._found_until

    async def hear(self, ordered: Ordered) -> None:
        """Answer one order, whatever it is, and obey it if it may be obeyed."""
        obeyed = await self._obedience.hear(ordered, self._situation)
        if obeyed is None:
            return
        order, _, _ = obeyed
        match order.command:
            case SendLogs(lines):
                self._tell(LogsWanted(lines))
            case LockEntry():
                await self._set(Mode.LOCKED, order.by)
            case BackToNormal():
                await self._set(Mode.NORMAL, order.by)
            case Identify(seconds=seconds):
                self._found_until = self._clock.now().uptime + seconds
            case Reload():
                self.reloading = True
            case ResetClockFloor(wall):
                if self._timekeeping:
                    self._timekeeping.lower(wall)
            case _:
                pass  # Of lanes; refused.

    async def note(self, stray: Stray, row: TurnedAway) -> None:
        """Write down what was turned away, or count it with its like."""
        await self._obedience.note(stray, row)

    async def look_after(self) -> None:
        """Write what strangers sent in the minute that is over; look at the clocks."""
        await self._obedience.look_after()
        if self._timekeeping:
            await self._timekeeping.look_after()

    async def _record(self, events: tuple[AnyEvent, ...]) -> None:
        await self._desk.record(*events)

    async def _set(self, mode: Mode, by: str) -> None:
        await self._desk.record(ModeChanged(lane=LANE, mode=mode, by=by))
        self.closed = mode is Mode.LOCKED

    def _situation(self, order: Order | Addressed) -> Situation:
        uptime = self._clock.now().uptime
        command = order.command if isinstance(order, Order) else None
        # As a lane it can be closed, and found; it has none that opens.
        lane = isinstance(command, LockEntry | BackToNormal | Identify)
        return Situation(
            uptime,
            self._central.wall(uptime),
            (Door(LANE, True, State.CLOSED, stays_open=False),) if lane else (),
            fire=False,
            floor=self._floor(),
            fault=self._fault() if self._fault and isinstance(command, Reload) else "",
            sets_clock=self._timekeeping is not None,
            reloads=self._fault is not None,
        )

    async def unseal(self, envelope: bytes, purpose: Purpose) -> bytes:
        """Return what central sealed; raise Untrusted, or WireError if it is no envelope."""
        return await self._thread.run(self._trust.unseal, envelope, purpose)
