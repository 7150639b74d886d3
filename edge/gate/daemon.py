"""The gate daemon: opens the store, starts the lanes, and looks after what they share."""

import asyncio
import logging

from edge.core.lane import Signal
from edge.drivers.interfaces import Found, Level, Lost, Sensor
from edge.gate.claims import Claims
from edge.gate.desk import Desk
from edge.gate.enrolment import EnrolmentDesk
from edge.gate.lane import LaneShell
from edge.gate.orders import Orders
from edge.runtime.clock import Clock
from edge.runtime.intercom import (
    ClaimTold,
    Configured,
    Distrusted,
    EnrolmentEnded,
    Heard,
    IntercomClient,
    LedgerThere,
    Logged,
    LogsWanted,
    NotConfigured,
    Ordered,
    TimeTold,
)
from edge.runtime.service import Life, log_tail
from edge.store.configuring import Configuring
from edge.store.timekeeping import Timekeeping
from rules.zone import Settings
from wire.event import DriverFound, DriverLost, Started

log = logging.getLogger("gate")

LOOK_AFTER_SECONDS = 1.0


class GateDaemon:
    def __init__(
        self,
        lanes: tuple[LaneShell, ...],
        desk: Desk,
        clock: Clock,
        life: Life,
        fire: Sensor | None = None,
        intercom: IntercomClient | None = None,
        version: str = "",
        orders: Orders | None = None,
        enrolment: EnrolmentDesk | None = None,
        timekeeping: Timekeeping | None = None,
        configuring: Configuring[Settings] | None = None,
        claims: Claims | None = None,
    ) -> None:
        self._lanes = lanes
        self._desk = desk
        self._clock = clock
        self._life = life
        self._fire = fire
        self._intercom = intercom
        self._version = version
        self._orders = orders
        self._enrolment = enrolment
        self._timekeeping = timekeeping
        self._configuring = configuring
        self._claims = claims

    async def run(self) -> None:
        """Work until `life` says stop; then let the lanes go and write what is left."""
        await self._desk.record((Started(daemon="gate", version=self._version),))
        try:
            async with asyncio.TaskGroup() as tasks:
                working = [tasks.create_task(lane.run()) for lane in self._lanes]
                working.append(tasks.create_task(self._look_after()))
                if self._fire:
                    working.append(tasks.create_task(self._watch_fire(self._fire)))
                if self._intercom:
                    working.append(tasks.create_task(self._intercom.run()))
                    working.append(tasks.create_task(self._listen(self._intercom)))
                if self._enrolment:
                    working.append(tasks.create_task(self._enrolment.run(self._lanes)))
                self._life.ready(f"{len(self._lanes)} lanes")
                await self._life.stopping.wait()
                for task in working:
                    task.cancel()
        finally:
            await self._desk.close()

    async def _watch_fire(self, fire: Sensor) -> None:
        lost = False
        async for said in fire.changes():
            match said:
                case Level(active, _):
                    if self._orders:
                        self._orders.fire = active
                    for lane in self._lanes:
                        lane.inbox.put(Signal.FIRE if active else Signal.SECURED)
                case Lost(why):
                    log.error("fire contact lost: %s", why)
                    lost = True
                    await self._desk.record((DriverLost(driver="fire", why=why),))
                case Found() if lost:
                    lost = False
                    await self._desk.record((DriverFound(driver="fire"),))

    async def _listen(self, intercom: IntercomClient) -> None:
        async for word in intercom.words():
            match word:
                case Heard():
                    said = await self._desk.heard(word.envelope, word.uptime)
                    if said and self._timekeeping:
                        self._timekeeping.beat(said.wall, word.uptime)
                case TimeTold() if self._timekeeping:
                    await self._timekeeping.told(word.envelope)
                case Distrusted(what, why):
                    await self._desk.distrusted(what, why)
                case Ordered() if self._orders:
                    await self._orders.hear(word)
                case Configured() | NotConfigured() if self._configuring:
                    await self._configuring.hear(word)
                case ClaimTold() if self._claims:
                    await self._claims.hear(word)
                case LedgerThere(there) if self._claims:
                    self._claims.there = there
                case LogsWanted(lines):
                    intercom.tell(Logged("gate", log_tail(lines)))
                case EnrolmentEnded() if self._enrolment:
                    await self._enrolment.ended(word, self._lanes)
                case _:
                    pass  # Of a newer sync, or another daemon's.

    async def _look_after(self) -> None:
        """Feed the watchdog by real work: the store answers, or it is not fed."""
        while True:
            if self._timekeeping:
                await self._timekeeping.look_after()
            await self._desk.look_after(all(lane.idle for lane in self._lanes))
            if self._orders:
                await self._orders.look_after()
            if self._configuring:
                await self._configuring.look_after()
            if self._claims:
                self._claims.look_after()
            for lane in self._lanes:
                await lane.caution(self._desk.caution() if lane.is_entry else None)
            self._life.alive()
            await self._clock.wait(LOOK_AFTER_SECONDS)
