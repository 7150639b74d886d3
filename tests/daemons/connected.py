"""Central as a gate hears it, for tests of gates: heartbeats, the time, changes of the list."""

from dataclasses import dataclass
from pathlib import Path

from edge.runtime.clock import settle
from edge.runtime.intercom import AskTime
from tests.daemons.test_gate import Stage
from tests.device import LIST_KEY, sealed_delta, ticket, writing
from tests.trusted import VENUE, sealed
from wire.codec import encode
from wire.entry import Entry, Standing, key_of, row
from wire.signed import Purpose
from wire.signed_time import TimeAnswer
from wire.snapshot import Delta, Heartbeat, head_after


@dataclass
class Central:
    """Its clock is the right one: `ahead` of what the machine's uptime says."""

    stage: Stage
    ahead: float
    sequence: int = 0
    head: bytes = bytes(32)

    @property
    def wall(self) -> float:
        return self.stage.clock.now().uptime + self.ahead

    async def beat(self) -> None:
        assert self.stage.desk
        assert self.stage.timekeeping
        uptime = self.stage.clock.now().uptime
        beat = Heartbeat(VENUE, self.sequence, self.head, self.wall)
        said = await self.stage.desk.heard(sealed(encode(beat), Purpose.HEARTBEAT), uptime)
        if said:
            self.stage.timekeeping.beat(said.wall, uptime)
        await self.stage.clock.advance(1.0)

    async def answer(self, purpose: Purpose = Purpose.TIME) -> bool:
        """Answer what the gate has asked last; False: it has asked nothing new."""
        assert self.stage.timekeeping
        asked = [word for word in self.stage.said if isinstance(word, AskTime)]
        self.stage.said.clear()
        for word in asked[-1:]:
            answer = encode(TimeAnswer(word.nonce, self.wall))
            await self.stage.timekeeping.told(sealed(answer, purpose))
        await settle()
        return bool(asked)

    async def there(self) -> None:
        """Be heard, and asked."""
        await self.beat()
        while not await self.answer():
            await self.stage.clock.advance(1.0)
        await self.beat()

    async def stays(self, seconds: float) -> None:
        """Be heard every second."""
        for _ in range(round(seconds)):
            await self.beat()

    def refund(self, folder: Path, number: int) -> None:
        """Put a ticket on the device's list as refunded."""
        changed = row(key_of(ticket(number).cti, LIST_KEY), Entry(0, standing=Standing.REFUNDED))
        delta = Delta(self.sequence + 1, self.head, tickets=(changed,))
        writing(folder).apply(sealed_delta(delta))
        self.sequence, self.head = delta.sequence, head_after(delta)
