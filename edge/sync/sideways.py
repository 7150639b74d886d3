"""The way to the ledger of claims: the hub of the venue, or central where there is none.

To a hub there is a link of its own, on which it also hears this device's journal: the same rows in
the same order as central, acknowledged by it for itself alone. What central has is for central to
say. Words of claims are carried and not read; the daemon that asked believes the signature.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable

from edge.drivers.interfaces import Connected, Disconnected, DriverError, Link, Message
from edge.runtime.intercom import ClaimSaid, ClaimTold, LedgerThere, Word
from edge.sync.outward import Outward
from wire.codec import WireError, decode
from wire.delivery import Ack
from wire.topic import Topics

log = logging.getLogger("sync.sideways")

UNSENT_MAX = 200
"""Words on their way; whoever asks waits no longer than a moment."""
WORD_BYTES_MAX = 8192


class Sideways:
    def __init__(
        self,
        link: Link,
        tell: Callable[[Word], None],
        topics: Topics,
        device: str,
        outward: Outward | None = None,
    ) -> None:
        """`outward` carries the journal to a hub, whose own `link` this then is; None: central's.

        `tell(word)` reaches every door daemon that is there.
        """
        self._link = link
        self._tell = tell
        self._topics = topics
        self._device = device
        self._outward = outward
        self._sending: set[asyncio.Task[None]] = set()
        self.malformed: Counter[str] = Counter()

    @property
    def is_hub(self) -> bool:
        return self._outward is not None

    def connection(self, there: bool) -> None:
        """The way to the ledger is open, or is not any more."""
        self._tell(LedgerThere(there))
        if self._outward is not None:
            self._outward.connection(there)

    def grew(self) -> None:
        """The journal has new rows."""
        if self._outward is not None:
            self._outward.grew()

    def said(self, said: ClaimSaid) -> None:
        """Send what a daemon says; dropped where it cannot go at once."""
        if len(self._sending) >= UNSENT_MAX or len(said.payload) > WORD_BYTES_MAX:
            return
        task = asyncio.create_task(self._send(said.payload))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    def told(self, message: Message) -> None:
        """Pass on what the ledger answers; what was kept for later is no answer."""
        if not message.retained and len(message.payload) <= WORD_BYTES_MAX:
            self._tell(ClaimTold(message.payload))

    async def run(self) -> None:
        """Look after a link of our own, for ever; nothing where it is central's."""
        if self._outward is None:
            return
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._link.run())
            tasks.create_task(self._outward.run())
            async for said in self._link.messages():
                match said:
                    case Connected():
                        log.info("connected to the hub")
                        self.connection(True)
                    case Disconnected(why):
                        log.warning("no hub: %s", why)
                        self.connection(False)
                    case Message():
                        self._hear(said, self._outward)

    def _hear(self, message: Message, outward: Outward) -> None:
        """Any bytes: understood, or counted and forgotten."""
        if message.topic == self._topics.claim_answer(self._device):
            self.told(message)
        elif message.topic == self._topics.ack(self._device) and not message.retained:
            try:
                outward.acked(decode(message.payload, Ack))
            except WireError as error:
                self.malformed[message.topic] += 1
                log.warning("%s: %s; ignored", message.topic, error)

    async def _send(self, payload: bytes) -> None:
        try:
            await self._link.publish(self._topics.claim(self._device), payload)
        except DriverError as error:
            log.info("not said to the ledger: %s", error)


class Forgetful:
    """What a hub has acknowledged, in memory alone: it is asked again with each connection."""

    def __init__(self) -> None:
        self._upto: dict[bytes, int] = {}

    def acknowledged(self, epoch: bytes) -> int:
        return self._upto.get(epoch, 0)

    def acknowledge(self, epoch: bytes, upto: int) -> None:
        self._upto[epoch] = upto
