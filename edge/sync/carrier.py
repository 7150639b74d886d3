"""What sync only carries: orders to the doors and their logs to central.

It believes none of it: the daemon that obeys verifies by itself. What a hostile broker could send
without end is let through at the pace of a person who gives orders. A device that is new, or was
away while central's keys changed, may hear an order before it hears whose orders to obey; such a
one waits here for the roles, as long as it could still be obeyed. The doors would call it forged.
"""

import asyncio
import logging
from collections.abc import Callable

from edge.core.obedience import ORDER_BYTES_MAX
from edge.drivers.interfaces import DriverError, Link, Message
from edge.runtime import service
from edge.runtime.clock import Clock
from edge.runtime.intercom import Logged, LogsWanted, Ordered, Word
from edge.sync.roles import RolesFollower
from wire.codec import WireError, encode
from wire.command import COMMAND_SECONDS_MAX, Logs
from wire.signed import Purpose, Untrusted
from wire.topic import Topics

log = logging.getLogger("sync.carrier")

ORDERS_A_SECOND = 5.0
ORDERS_AT_ONCE = 20.0
DAEMONS_MAX = 8
"""Of one device; sync is one of them."""


class Carrier:
    def __init__(
        self,
        link: Link,
        tell: Callable[[Word], None],
        clock: Clock,
        topics: Topics,
        device: str,
        roles: RolesFollower,
    ) -> None:
        """`tell(word)` reaches every door daemon that is there."""
        self._link = link
        self._tell = tell
        self._clock = clock
        self._topics = topics
        self._device = device
        self._roles = roles
        self._doubtful: list[tuple[float, Ordered]] = []
        """Orders that wait for roles, and the uptime at which each came."""
        self._allowance = ORDERS_AT_ONCE
        self._allowed_at = clock.now().uptime
        self._sending: asyncio.Task[None] | None = None
        self._logs: dict[str, Logged] = {}
        """What is to be sent, by daemon: of one daemon only the newest."""
        self.dropped = 0
        """Orders that came faster than anybody gives them."""

    def order(self, message: Message) -> None:
        """Pass on what came on this device's command topic."""
        now = self._clock.now().uptime
        earned = (now - self._allowed_at) * ORDERS_A_SECOND
        self._allowance = min(ORDERS_AT_ONCE, self._allowance + earned)
        self._allowed_at = now
        if self._allowance < 1.0:
            self.dropped += 1
            if self.dropped & (self.dropped - 1) == 0:
                log.warning("orders come faster than anybody gives them; %d left out", self.dropped)
            return
        self._allowance -= 1.0
        # One byte more than an order has says the same as a megabyte more.
        envelope = message.payload[: ORDER_BYTES_MAX + 1]
        ordered = Ordered(envelope, message.retained)
        if len(self._doubtful) < ORDERS_AT_ONCE and self._is_doubtful(ordered):
            self._doubtful.append((now, ordered))
        else:
            self._tell(ordered)

    def look_again(self) -> None:
        """Pass on what waited and need not any more; to be called with each believed heartbeat.

        Not sooner, though roles be there: the heartbeat is the time that the doors judge it by.
        """
        now = self._clock.now().uptime
        waiting, self._doubtful = self._doubtful, []
        for came, ordered in waiting:
            if now < came + COMMAND_SECONDS_MAX and self._is_doubtful(ordered):
                self._doubtful.append((came, ordered))
            else:
                self._tell(ordered)

    def _is_doubtful(self, ordered: Ordered) -> bool:
        """Whether newer roles than ours may name whoever signed it."""
        if self._roles.caught_up or ordered.retained:
            return False
        try:
            self._roles.trust.unseal(ordered.envelope, Purpose.COMMAND)
        except WireError as error:
            return isinstance(error, Untrusted)
        return False

    def logs_wanted(self, lines: int) -> None:
        """Ask all daemons for their logs, since one of them was ordered to; sync's own goes too."""
        self._tell(LogsWanted(lines))
        self.logs(Logged("sync", service.log_tail(lines)))

    def logs(self, logged: Logged) -> None:
        """Send central a daemon's log; one after the other, and nobody waits."""
        if logged.daemon in self._logs or len(self._logs) < DAEMONS_MAX:
            self._logs[logged.daemon] = logged
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send_all())

    async def _send_all(self) -> None:
        while self._logs:
            await self._send(self._logs.pop(next(iter(self._logs))))

    async def _send(self, logged: Logged) -> None:
        payload = encode(Logs(logged.daemon, logged.lines))
        try:
            await self._link.publish(self._topics.log(self._device), payload)
        except DriverError as error:
            log.info("log not sent: %s", error)
