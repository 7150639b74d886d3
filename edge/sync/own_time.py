"""Sync's own idea of the time: by central's signed word, as the doors' daemons keep theirs.

The dates of certificates are judged by it, and when ours is to be renewed: on a machine whose own
clock nobody ever sets, this device would else forget to stay somebody.
"""

import logging
from collections.abc import Callable
from typing import Protocol

from edge.core.trusted_time import Answer, Ask, Beat, Look, Unheeded
from edge.drivers.interfaces import DriverError, Fetch
from edge.runtime.clock import TrustedClock
from edge.runtime.intercom import Heard, Word
from wire.codec import WireError, decode
from wire.signed import Purpose
from wire.signed_time import NONCE_BYTES, TimeAnswer
from wire.snapshot import Heartbeat

log = logging.getLogger("sync.time")

LOOK_SECONDS = 5.0


class Unseals(Protocol):
    """Whom this device believes (edge/store/trust.py)."""

    def unseal(self, envelope: bytes, purpose: Purpose) -> bytes: ...


class OwnTime:
    """`tell` hands words on to the daemons, and hears the heartbeats among them."""

    def __init__(
        self,
        clock: TrustedClock,
        fetch: Fetch,
        trust: Unseals,
        draw: Callable[[int], bytes],
        tell: Callable[[Word], None],
    ) -> None:
        self._clock = clock
        self._fetch = fetch
        self._trust = trust
        self._draw = draw
        self._tell = tell

    def tell(self, word: Word) -> None:
        if isinstance(word, Heard):
            try:
                payload = self._trust.unseal(word.envelope, Purpose.HEARTBEAT)
                self._clock.take(Beat(decode(payload, Heartbeat).wall, word.uptime))
            except WireError as error:
                log.warning("a heartbeat that is none: %s", error)
        self._tell(word)

    async def run(self) -> None:
        """Look at the clocks, and ask central, for ever."""
        while True:
            for command in self._clock.take(Look(self._draw(NONCE_BYTES))):
                if isinstance(command, Ask):
                    await self._ask(command.nonce)
            await self._clock.wait(LOOK_SECONDS)

    async def _ask(self, nonce: bytes) -> None:
        try:
            envelope = await self._fetch.get(f"/device/time?nonce={nonce.hex()}")
            answer = decode(self._trust.unseal(envelope, Purpose.TIME), TimeAnswer)
        except (DriverError, WireError) as error:
            log.info("the time is not to be had: %s", error)
            return
        for command in self._clock.take(Answer(answer.nonce, answer.wall)):
            if isinstance(command, Unheeded):
                log.warning("central's answer to what time it is: %s", command.value)
