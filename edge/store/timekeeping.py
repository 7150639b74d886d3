"""A device's clock, kept right: asks central by way of sync, verifies, and keeps the floor.

Sync is believed in nothing; it carries the bytes. Everything runs on the event loop but what
touches the disk.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import assert_never

from edge.core.trusted_time import Answer, Ask, Beat, Command, Keep, Look, Lower, Stepped, Unheeded
from edge.runtime.clock import TrustedClock
from edge.runtime.intercom import AskTime, Word
from edge.runtime.workers import SingleThread
from edge.store.floor import FloorFile
from edge.store.obedience import Unseal
from wire.codec import WireError, decode
from wire.event import AnyEvent, ClockStepped
from wire.signed import Purpose
from wire.signed_time import NONCE_BYTES, TimeAnswer

log = logging.getLogger("time")


class Timekeeping:
    def __init__(
        self,
        clock: TrustedClock,
        floor: FloorFile,
        unseal: Unseal,
        record: Callable[[tuple[AnyEvent, ...]], Awaitable[None]],
        thread: SingleThread,
        draw: Callable[[int], bytes],
        tell: Callable[[Word], None],
    ) -> None:
        """`draw(n)` gives n random bytes; `tell` says a word to sync, if it is there."""
        self._clock = clock
        self._floor = floor
        self._unseal, self._record = unseal, record
        self._thread = thread
        self._draw = draw
        self._tell = tell
        self._undone: list[Command] = []

    async def look_after(self) -> None:
        """Look at the clocks; to be called every second or so."""
        undone, self._undone = self._undone, []
        for command in (*undone, *self._clock.take(Look(self._draw(NONCE_BYTES)))):
            await self._perform(command)

    def beat(self, wall: float, uptime: float) -> None:
        """A heartbeat that was verified, and the uptime at which it came."""
        self._clock.take(Beat(wall, uptime))

    async def told(self, envelope: bytes) -> None:
        """Central's answer, or what somebody says is one."""
        try:
            payload = await self._unseal(envelope, Purpose.TIME)
            answer = decode(payload, TimeAnswer)
        except WireError as error:
            log.warning("an answer to the question of the time that is not central's: %s", error)
            return
        for command in self._clock.take(Answer(answer.nonce, answer.wall)):
            await self._perform(command)

    def lower(self, wall: float) -> None:
        """Believe that it may be as early as `wall` again: for a command that was verified."""
        self._undone += self._clock.take(Lower(wall))

    async def _perform(self, command: Command) -> None:
        match command:
            case Ask(nonce):
                self._tell(AskTime(nonce))
            case Stepped(seconds):
                log.warning("the machine's clock was set by %.1f s", seconds)
                await self._record((ClockStepped(seconds=round(seconds, 1)),))
            case Keep(wall):
                await self._thread.run(self._keep, wall)
            case Unheeded():
                log.warning("central's answer to what time it is: %s", command.value)
            case _:
                assert_never(command)

    def _keep(self, wall: float) -> None:
        try:
            self._floor.keep(wall)
        except OSError as error:
            log.error("the floor of the clock is not kept: %s", error)
