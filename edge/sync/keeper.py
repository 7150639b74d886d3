"""The configuration that central wants of this device: verified, kept, and told to the doors.

What is kept is the envelope as it came; the daemon that goes by it verifies it again. Of several
that come at once only the last is looked at: the highest version wins anyway. What is none of
central's is told to the doors as well, so that it is on record and an admin hears of it.
"""

import asyncio
import logging
from collections.abc import Callable
from math import inf
from pathlib import Path

from edge.core import zone_text
from edge.core.strays import Stray, said
from edge.core.zone_text import CONFIGURATION_BYTES_MAX
from edge.runtime.clock import Clock
from edge.runtime.intercom import Configured, NotConfigured, Word
from edge.runtime.workers import SingleThread
from edge.store import configuration
from edge.store.trust import TrustStore
from wire.codec import WireError
from wire.configuration import Desired
from wire.signed import Purpose, Untrusted

log = logging.getLogger("sync.keeper")

DOUBT_SECONDS = 5.0
DOUBTS_MAX = 12
"""How often one is looked at again whose signer is not known: newer roles may be on their way."""
TOLD_SECONDS = 10.0
"""Between two words to the doors of one kind."""


class Keeper:
    """`trust` is used on `thread` alone."""

    def __init__(
        self,
        directory: Path,
        device: bytes,
        trust: TrustStore,
        thread: SingleThread,
        clock: Clock,
        tell: Callable[[Word], None],
        changed: Callable[[Desired | None, Desired], None] = lambda _before, _after: None,
    ) -> None:
        """`changed(before, after)`: a newer one was kept."""
        self._directory = directory
        self._device = device
        self._trust = trust
        self._thread = thread
        self._clock = clock
        self._tell = tell
        self._changed = changed
        self._came: bytes | None = None
        self._there = asyncio.Event()
        self._doubts = 0
        """Looks in vain since one of central's came: whoever sends many is not waited for anew."""
        self._told: dict[Stray, float] = {}
        self.desired: Desired | None = None
        """What is kept, as central sealed it."""
        self.version = 0
        """Of what is kept; central is told of it with every connection."""

    def configuration(self, envelope: bytes) -> None:
        """What came on this device's topic; of anybody."""
        if len(envelope) > CONFIGURATION_BYTES_MAX:
            log.warning("a configuration of %d bytes is none; ignored", len(envelope))
            self._turn_away(Stray.UNREADABLE)
            return
        self._came = envelope
        self._there.set()

    async def load(self) -> None:
        """Take up what an earlier life kept; to be awaited before the first connection."""
        kept = await self._thread.run(configuration.desired, self._directory)
        if kept is not None:
            await self._look_at(kept, anew=False)

    async def run(self) -> None:
        while True:
            await self._there.wait()
            self._there.clear()
            envelope, self._came = self._came, None
            for _ in range(DOUBTS_MAX):
                if envelope is None or await self._look_at(envelope):
                    break
                self._doubts += 1
                if self._doubts >= DOUBTS_MAX:
                    self._turn_away(Stray.FORGED)
                await self._clock.wait(DOUBT_SECONDS)
                if self._there.is_set():
                    break  # Something newer came.

    async def _look_at(self, envelope: bytes, anew: bool = True) -> bool:
        """Return False where it is worth another look."""
        try:
            payload = await self._thread.run(self._trust.unseal, envelope, Purpose.CONFIGURATION)
        except Untrusted as error:
            log.warning("a configuration that is not central's: %s", error)
            return False
        except WireError as error:
            log.warning("a configuration that cannot be read: %s", error)
            if anew:
                self._turn_away(Stray.UNREADABLE)
            return True
        self._doubts = 0
        desired = zone_text.read(payload, self._device, self.version)
        if isinstance(desired, Stray):
            log.warning("a configuration turned away: %s", said(desired.value))
            self._turn_away(desired)
        elif desired.version > self.version:
            await self._keep(envelope, desired, anew)
        return True

    def _turn_away(self, stray: Stray) -> None:
        uptime = self._clock.now().uptime
        if uptime - self._told.get(stray, -inf) >= TOLD_SECONDS:
            self._told[stray] = uptime
            self._tell(NotConfigured(stray.name))

    async def _keep(self, envelope: bytes, desired: Desired, anew: bool) -> None:
        if anew:
            try:
                await self._thread.run(configuration.keep_desired, self._directory, envelope)
            except OSError as error:
                log.error("configuration %d is not kept: %s", desired.version, error)
                return
        before, self.desired = self.desired, desired
        self.version = desired.version
        self._tell(Configured(envelope))
        if anew:
            self._changed(before, desired)
