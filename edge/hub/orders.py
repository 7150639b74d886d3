"""Central's orders to a hub: verified here; sending its log is the one thing that a hub can do.

A hub keeps no journal that central reads: the log that comes is the answer, and what is refused
stands in that log. How far it has counted it knows for this life; played again after a restart,
and before it expires, an order gets what it got, a log for central.
"""

import logging
from collections.abc import Callable

from edge.core import obedience
from edge.core.obedience import Situation
from edge.core.strays import Stray
from edge.runtime.clock import Clock
from edge.runtime.intercom import Heard, Logged, LogsWanted, Ordered, Word
from edge.runtime.service import log_tail
from edge.runtime.workers import SingleThread
from edge.store.central_time import CentralTime
from edge.store.obedience import read
from edge.store.trust import TrustStore
from wire.codec import WireError
from wire.command import Order, SendLogs
from wire.signed import Purpose

log = logging.getLogger("hub.orders")


class Orders:
    """`trust` is used on `thread` alone."""

    def __init__(
        self,
        device: bytes,
        trust: TrustStore,
        thread: SingleThread,
        clock: Clock,
        tell: Callable[[Word], None],
    ) -> None:
        """`tell(word)` says it to sync, if sync is there."""
        self._device = device
        self._trust, self._thread = trust, thread
        self._central = CentralTime(trust)
        self._clock = clock
        self._tell = tell
        self._answered = 0

    async def hear(self, word: Word) -> None:
        """Take any word of sync's; what is not for a hub is left alone."""
        match word:
            case Heard():
                await self._heard(word)
            case Ordered():
                await self._ordered(word)
            case LogsWanted(lines):
                self._tell(Logged("hub", log_tail(lines)))
            case _:
                pass

    async def _heard(self, heard: Heard) -> None:
        try:
            await self._thread.run(self._central.hear, heard.envelope, heard.uptime)
        except WireError as error:
            log.warning("heartbeat: %s", error)

    async def _ordered(self, ordered: Ordered) -> None:
        order = await read(ordered, self._device, self._unseal)
        if isinstance(order, Stray):
            log.warning("order turned away: %s", order.value.en)
            return
        uptime = self._clock.now().uptime
        found = Situation(uptime, self._central.wall(uptime), (), fire=False, reloads=False)
        answer = obedience.judge(order, self._answered, found)
        if isinstance(answer, Stray):
            log.warning("order %d turned away: %s", order.counter, answer.value.en)
            return
        self._answered = answer.counter
        if not answer.done:
            log.warning("order %d refused: %s: %s", answer.counter, answer.order, answer.why)
        elif isinstance(order, Order) and isinstance(order.command, SendLogs):
            log.info("obeying order %d of %s: %s", answer.counter, answer.by, answer.order)
            self._tell(LogsWanted(order.command.lines))

    async def _unseal(self, envelope: bytes, purpose: Purpose) -> bytes:
        return await self._thread.run(self._trust.unseal, envelope, purpose)
