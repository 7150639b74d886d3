"""Carries a kiosk's questions to central and the answers back; decides nothing.

A question is asked once, one after the other: whoever asks has a patience of its own, and says in
its journal what became of a paper whose answer it did not wait for.
"""

import asyncio
import logging
from collections.abc import Callable

from edge.drivers.interfaces import DriverError, Fetch
from edge.runtime.intercom import KioskAnswered, KioskAsked, Word
from wire.exchange import PATH

log = logging.getLogger("sync.kiosk")

UNDER_WAY_MAX = 16
HEADERS = {"Content-Type": "application/cbor"}


class KioskQuestions:
    def __init__(self, fetch: Fetch, tell: Callable[[Word], None]) -> None:
        self._fetch = fetch
        self._tell = tell
        self._asked: asyncio.Queue[KioskAsked] = asyncio.Queue(UNDER_WAY_MAX)

    def ask(self, word: KioskAsked) -> None:
        """Take a question; where too many wait, it is answered with nothing at once."""
        try:
            self._asked.put_nowait(word)
        except asyncio.QueueFull:
            self._tell(KioskAnswered(word.name, None))

    async def run(self) -> None:
        while True:
            word = await self._asked.get()
            try:
                answer: bytes | None = await self._fetch.post(PATH, word.question, HEADERS)
            except DriverError as error:
                log.warning("central was not asked for the kiosk: %s", error)
                answer = None
            self._tell(KioskAnswered(word.name, answer))
