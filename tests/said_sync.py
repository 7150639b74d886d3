"""Sync's end of the intercom without sync: what it says to a daemon, and what it is told."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from edge.runtime.clock import SimulatedClock
from edge.runtime.intercom import AskTime, Heard, IntercomClient, Ordered, TimeTold, Word
from tests.trusted import sealed
from wire.codec import encode
from wire.command import AnyCommand, Order
from wire.signed import Purpose
from wire.signed_time import TimeAnswer
from wire.snapshot import Heartbeat


class SaidSync(IntercomClient):
    def __init__(self, clock: SimulatedClock) -> None:
        super().__init__(Path("/nowhere"), clock)
        self._now = clock.now
        self._said: asyncio.Queue[Word] = asyncio.Queue()
        self.told: list[Word] = []
        """What the daemon said."""

    async def run(self) -> None:
        await asyncio.get_running_loop().create_future()

    def tell(self, word: Word) -> None:
        self.told.append(word)

    def say(self, word: Word) -> None:
        """Sync says something to the daemon."""
        self._said.put_nowait(word)

    def beat(self) -> None:
        """Central's heartbeat came just now."""
        now = self._now()
        beat = encode(Heartbeat("venue", 0, bytes(32), now.wall))
        self.say(Heard(sealed(beat, Purpose.HEARTBEAT), now.uptime))

    def confirm_time(self) -> None:
        """Central answers the newest question of what time it is, if there was one."""
        self.beat()
        asked = [word for word in self.told if isinstance(word, AskTime)]
        if asked:
            answer = encode(TimeAnswer(asked[-1].nonce, round(self._now().wall)))
            self.say(TimeTold(sealed(answer, Purpose.TIME)))

    def order(self, command: AnyCommand, device: bytes, counter: int = 1) -> Ordered:
        """Central gives an order that is good for a minute; return it, to be said again."""
        wall = int(self._now().wall)
        order = Order(device, counter, wall, wall + 60, "chief", command)
        ordered = Ordered(sealed(encode(order), Purpose.COMMAND))
        self.say(ordered)
        return ordered

    async def words(self) -> AsyncIterator[Word]:
        while True:
            yield await self._said.get()
