"""Asks central by way of sync, and waits no longer than a visitor would."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from edge.runtime.clock import Clock
from edge.runtime.intercom import KioskAnswered, KioskAsked, Word
from wire.codec import WireError, decode, encode
from wire.exchange import Answer, Answered, Asked, Question

log = logging.getLogger("kiosk.questions")

NAME_BYTES = 8


class Questions:
    def __init__(
        self,
        tell: Callable[[Word], None],
        draw: Callable[[int], bytes],
        clock: Clock,
        connected: Callable[[], bool] = lambda: True,
    ) -> None:
        """`tell(word)` says it to sync, if sync is there, which `connected()` says."""
        self._tell = tell
        self.connected = connected
        self._draw = draw
        self._clock = clock
        self._waiting: dict[bytes, asyncio.Future[Answered | None]] = {}

    async def ask(self, asked: Asked, seconds: float) -> Answered | None:
        """Return central's answer; None: there is none, or it did not come in time."""
        name = self._draw(NAME_BYTES)
        answer: asyncio.Future[Answered | None] = asyncio.get_running_loop().create_future()
        self._waiting[name] = answer
        self._tell(KioskAsked(name, encode(Question(asked))))
        patience = asyncio.ensure_future(self._clock.wait(seconds))
        try:
            both: set[asyncio.Future[Any]] = {answer, patience}
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            return answer.result() if answer.done() else None
        finally:
            patience.cancel()
            del self._waiting[name]

    def hear(self, word: KioskAnswered) -> None:
        """An answer came; one that nobody waits for any more is dropped."""
        waiting = self._waiting.get(word.name)
        if waiting is None or waiting.done():
            return
        try:
            told = None if word.answer is None else decode(word.answer, Answer).answered
        except WireError as error:
            log.error("central's answer cannot be read: %s", error)
            told = None
        waiting.set_result(told)
