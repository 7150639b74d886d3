"""The hub daemon: hears the venue's devices on its own broker, and answers their claims.

What comes while one group is being committed is the next group: eight gates that ask at once are
answered after one write to the disk.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable

from edge.drivers.interfaces import Connected, Disconnected, DriverError, Link, Message
from edge.hub import reading
from edge.hub.ledger import Answer, Ledger
from edge.hub.orders import Orders
from edge.hub.reading import Said
from edge.hub.roster import Roster
from edge.runtime.clock import Clock
from edge.runtime.intercom import Configured, IntercomClient
from edge.runtime.service import Life
from edge.runtime.workers import SingleThread
from edge.store.claims import ClaimsUnwritable
from wire.codec import WireError
from wire.topic import sender

log = logging.getLogger("hub")

LOOK_AFTER_SECONDS = 1.0
TIDY_SECONDS = 3.0
WAITING_MAX = 5000
"""Messages; whoever is not heard says it again."""
GROUP_MAX = 200


class HubDaemon:
    """`ledger` is used on `thread` alone."""

    def __init__(
        self,
        link: Link,
        ledger: Ledger,
        thread: SingleThread,
        clock: Clock,
        life: Life,
        tidying: SingleThread,
        tidy: Callable[[], None],
        intercom: IntercomClient,
        orders: Orders,
        roster: Roster,
    ) -> None:
        """`tidy()` is called on `tidying` every few seconds, and holds up no answer."""
        self._link = link
        self._ledger = ledger
        self._thread = thread
        self._clock = clock
        self._life = life
        self._tidying = tidying
        self._tidy = tidy
        self._intercom = intercom
        self._orders = orders
        self._roster = roster
        self._waiting: list[Said] = []
        self._came = asyncio.Event()
        self._sending: set[asyncio.Task[None]] = set()
        self._connected = False
        self.malformed: Counter[str] = Counter()
        """Messages that could not be read, by device."""

    async def run(self) -> None:
        """Work until `life` says stop; what was not answered by then is asked again."""
        async with asyncio.TaskGroup() as tasks:
            work = (
                *(self._link.run(), self._hear(), self._answer()),
                *(self._look_after(), self._keep_tidy()),
                *(self._intercom.run(), self._obey()),
            )
            working = [tasks.create_task(one) for one in work]
            self._life.ready(f"term {self._ledger.term.number}")
            await self._life.stopping.wait()
            for task in working:
                task.cancel()

    async def _hear(self) -> None:
        async for said in self._link.messages():
            match said:
                case Connected():
                    log.info("connected")
                    self._connected = True
                case Disconnected(why):
                    log.warning("not connected: %s", why)
                    self._connected = False
                case Message():
                    self._read(said)

    def _read(self, message: Message) -> None:
        """Any bytes: understood, or counted and forgotten."""
        found = sender(message.topic)
        if found is None or message.retained or len(self._waiting) >= WAITING_MAX:
            return
        device, kind = found
        try:
            said = reading.read(bytes.fromhex(device), kind, message.payload)
        except (WireError, ValueError) as error:
            self.malformed[device] += 1
            times = self.malformed[device]
            if times & (times - 1) == 0:
                log.warning("%s %s: %s; ignored, %d so far", device, kind, error, times)
            return
        if said is not None:
            self._waiting.append(said)
            self._came.set()

    async def _answer(self) -> None:
        while True:
            await self._came.wait()
            group, self._waiting = self._waiting[:GROUP_MAX], self._waiting[GROUP_MAX:]
            if not self._waiting:
                self._came.clear()
            try:
                answers = await self._thread.run(self._ledger.take, group, self._clock.now())
            except ClaimsUnwritable as error:
                log.error("nobody is answered: %s", error)
                continue
            self._send(answers)

    async def _look_after(self) -> None:
        """Feed the watchdog by real work: the store's thread answers, or it is not fed."""
        while True:
            self._send(await self._thread.run(self._ledger.ask, self._clock.now()))
            self._life.alive()
            self._life.status(self._said())
            await self._clock.wait(LOOK_AFTER_SECONDS)

    async def _obey(self) -> None:
        async for word in self._intercom.words():
            await self._orders.hear(word)
            if isinstance(word, Configured):
                names = await self._roster.hear(word.envelope)
                if names is not None:
                    log.info("%d devices may ask", len(names))
                    await self._thread.run(self._ledger.know, names)

    async def _keep_tidy(self) -> None:
        while True:
            await self._clock.wait(TIDY_SECONDS)
            await self._tidying.run(self._tidy)

    def _said(self) -> str:
        term = self._ledger.term
        there = "connected" if self._connected else "no broker"
        sure = "sure" if term.firm(self._clock.now().uptime) else "not sure yet"
        awaited = f", {len(term.awaited)} devices to be heard" if term.awaited else ""
        return f"{there}, term {term.number}, {sure}{awaited}, {self._ledger.open_claims} open"

    def _send(self, answers: list[Answer]) -> None:
        for topic, payload in answers:
            task = asyncio.create_task(self._publish(topic, payload))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    async def _publish(self, topic: str, payload: bytes) -> None:
        try:
            await self._link.publish(topic, payload)
        except DriverError as error:
            log.info("not told: %s", error)
