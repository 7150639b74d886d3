"""Central's orders to a kiosk, verified and answered like a gate's: it can send its log.

A kiosk has no lane to open or lock, and reads its configuration when it starts: such orders are
refused in words.
"""

import logging
from collections.abc import Callable

from edge.core.obedience import Addressed, Situation
from edge.runtime.clock import Clock
from edge.runtime.intercom import Heard, LogsWanted, Ordered, Word
from edge.runtime.workers import SingleThread
from edge.store.central_time import CentralTime
from edge.store.obedience import Desk, Obedience
from edge.store.trust import TrustStore
from wire.codec import WireError
from wire.command import Order, SendLogs
from wire.signed import Purpose

log = logging.getLogger("kiosk.orders")


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
    ) -> None:
        """`tell(word)` says it to sync, if sync is there."""
        self._trust, self._thread = trust, thread
        self._obedience = Obedience(device, desk, self._unseal, clock)
        self._central = CentralTime(trust)
        self._clock = clock
        self._tell = tell

    async def heard(self, heard: Heard) -> None:
        """A heartbeat came; one that is not central's says nothing."""
        try:
            await self._thread.run(self._central.hear, heard.envelope, heard.uptime)
        except WireError as error:
            log.warning("heartbeat: %s", error)

    async def hear(self, ordered: Ordered) -> None:
        """Answer one order, whatever it is, and obey it if it may be obeyed."""
        obeyed = await self._obedience.hear(ordered, self._situation)
        if obeyed and isinstance(obeyed[0].command, SendLogs):
            self._tell(LogsWanted(obeyed[0].command.lines))

    async def look_after(self) -> None:
        """Write what strangers sent in the minute that is over."""
        await self._obedience.look_after()

    def _situation(self, _: Order | Addressed) -> Situation:
        uptime = self._clock.now().uptime
        return Situation(uptime, self._central.wall(uptime), (), fire=False, reloads=False)

    async def _unseal(self, envelope: bytes, purpose: Purpose) -> bytes:
        return await self._thread.run(self._trust.unseal, envelope, purpose)
