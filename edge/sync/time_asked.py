"""Asks central for the time in a daemon's place; the daemon verifies the answer itself."""

import asyncio
import logging
from collections.abc import Callable

from edge.drivers.interfaces import DriverError, Fetch
from edge.runtime.intercom import TimeTold
from wire.signed_time import NONCE_BYTES

log = logging.getLogger("sync.time")


class TimeAsked:
    """One question at a time; a newer one takes the place of one that waits."""

    def __init__(self, fetch: Fetch, tell: Callable[[TimeTold], None]) -> None:
        """`fetch` is nobody else's: an answer that waits behind a download is worth nothing."""
        self._fetch = fetch
        self._tell = tell
        self._nonce = b""
        self._asked = asyncio.Event()

    def ask(self, nonce: bytes) -> None:
        if len(nonce) == NONCE_BYTES:
            self._nonce = nonce
            self._asked.set()

    async def run(self) -> None:
        """Ask for ever. What is not answered is asked for again by the daemon."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            try:
                envelope = await self._fetch.get(f"/device/time?nonce={self._nonce.hex()}")
            except DriverError as error:
                log.info("the time is not to be had: %s", error)
            else:
                self._tell(TimeTold(envelope))
