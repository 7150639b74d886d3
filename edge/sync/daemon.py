"""The sync daemon: the one process of a device that speaks to central.

Gathers what the link, the doors' daemons and the journal say; `Outward` and `Inward` decide, each
for its direction, and act.
"""

import asyncio
import logging
from collections import Counter

from edge.drivers.interfaces import Connected, Disconnected, Link, Message
from edge.runtime.clock import Clock
from edge.runtime.intercom import (
    AskTime,
    ClaimSaid,
    EnrolmentRead,
    Grew,
    IntercomServer,
    KioskAsked,
    Logged,
    LogsWanted,
)
from edge.runtime.service import Life
from edge.sync.carrier import Carrier
from edge.sync.enrolment import Enroller
from edge.sync.hub_broker import HubBroker
from edge.sync.inward import Inward
from edge.sync.keeper import Keeper
from edge.sync.kiosk_asked import KioskQuestions
from edge.sync.list_told import ListTold
from edge.sync.outward import Outward
from edge.sync.own_time import OwnTime
from edge.sync.renewal import Renewal
from edge.sync.sideways import Sideways
from edge.sync.time_asked import TimeAsked
from wire.codec import WireError, decode
from wire.delivery import Ack
from wire.topic import Topics

log = logging.getLogger("sync")

LOOK_AFTER_SECONDS = 1.0


class SyncDaemon:
    def __init__(
        self,
        link: Link,
        outward: Outward,
        inward: Inward,
        intercom: IntercomServer,
        clock: Clock,
        life: Life,
        topics: Topics,
        device: str,
        carrier: Carrier,
        enroller: Enroller | None = None,
        renewal: Renewal | None = None,
        time_asked: TimeAsked | None = None,
        keeper: Keeper | None = None,
        own_time: OwnTime | None = None,
        sideways: Sideways | None = None,
        kiosk: KioskQuestions | None = None,
        hub_broker: HubBroker | None = None,
    ) -> None:
        self._link = link
        self._outward = outward
        self._inward = inward
        self._intercom = intercom
        self._clock = clock
        self._life = life
        self._topics = topics
        self._device = device
        self._carrier = carrier
        self._enroller = enroller
        self._renewal = renewal
        self._time_asked = time_asked
        self._keeper = keeper
        self._own_time = own_time
        self._sideways = sideways or Sideways(link, intercom.tell, topics, device)
        self._kiosk = kiosk
        self._hub_broker = hub_broker
        self._list_told = ListTold(link, inward, clock, topics, device)
        self._connected = False
        self.malformed: Counter[str] = Counter()
        """Messages that could not be read, by topic."""

    async def run(self) -> None:
        """Work until `life` says stop. What was not sent by then is sent in the next life."""
        async with asyncio.TaskGroup() as tasks:
            work = [
                self._link.run(),
                self._intercom.run(),
                self._outward.run(),
                self._inward.run(),
                self._list_told.run(),
                self._hear_central(),
                self._hear_daemons(),
                self._look_after(),
            ]
            own = (self._time_asked, self._keeper, self._own_time, self._hub_broker)
            others = (self._enroller, self._renewal, *own)
            work.append(self._sideways.run())
            if self._kiosk is not None:
                work.append(self._kiosk.run())
            work += [one.run() for one in others if one is not None]
            working = [tasks.create_task(one) for one in work]
            self._life.ready("syncing")
            await self._life.stopping.wait()
            for task in working:
                task.cancel()

    async def _hear_central(self) -> None:
        async for said in self._link.messages():
            match said:
                case Connected():
                    log.info("connected")
                    self._connection(True)
                case Disconnected(why):
                    log.warning("not connected: %s", why)
                    self._connection(False)
                case Message():
                    self._hear(said)

    def _connection(self, there: bool) -> None:
        self._connected = there
        self._outward.connection(there)
        self._list_told.connection(there)
        if not self._sideways.is_hub:
            self._sideways.connection(there)

    def _hear(self, message: Message) -> None:
        """Any bytes: understood, or counted and forgotten."""
        try:
            if message.topic == self._topics.ack(self._device):
                # A retained one is from an earlier life, ours or central's.
                if not message.retained:
                    self._outward.acked(decode(message.payload, Ack))
            elif message.topic == self._topics.heartbeat():
                self._heartbeat(message)
            elif message.topic == self._topics.command(self._device):
                self._carrier.order(message)
            elif message.topic == self._topics.configuration(self._device):
                if self._keeper:
                    self._keeper.configuration(message.payload)
                if self._hub_broker:
                    self._hub_broker.look_again()
            elif message.topic == self._topics.claim_answer(self._device):
                self._sideways.told(message)
            elif message.topic == self._topics.deltas():
                self._inward.delta(message.payload)
        except WireError as error:
            self.malformed[message.topic] += 1
            times = self.malformed[message.topic]
            if times & (times - 1) == 0:
                log.warning("%s: %s; ignored, %d so far", message.topic, error, times)

    def _heartbeat(self, message: Message) -> None:
        live = not message.retained
        self._inward.heartbeat(message.payload, live)
        if live:
            self._carrier.look_again()

    async def _hear_daemons(self) -> None:
        async for word in self._intercom.words():
            match word:
                case Grew():
                    self._outward.grew()
                    self._sideways.grew()
                case ClaimSaid():
                    self._sideways.said(word)
                case LogsWanted(lines):
                    self._carrier.logs_wanted(lines)
                case Logged():
                    self._carrier.logs(word)
                case EnrolmentRead(text) if self._enroller is not None:
                    self._enroller.read(text)
                case KioskAsked() if self._kiosk is not None:
                    self._kiosk.ask(word)
                case AskTime(nonce) if self._time_asked is not None:
                    self._time_asked.ask(nonce)
                case _:
                    log.warning("a daemon says what only sync may say; ignored")

    async def _look_after(self) -> None:
        """Feed the watchdog by real work: the store answers, or it is not fed."""
        while True:
            await self._outward.look_after()
            self._life.alive()
            there = "connected" if self._connected else "not connected"
            sequence = self._inward.sequence
            known = "no list" if sequence is None else f"list {sequence}"
            trouble = self._renewal.trouble if self._renewal else ""
            trouble = trouble or (self._hub_broker.trouble if self._hub_broker else "")
            rows = self._outward.unacknowledged()
            said = f"{there}, {rows} rows to send, {known}"
            self._life.status(f"{said}; {trouble}" if trouble else said)
            await self._clock.wait(LOOK_AFTER_SECONDS)
