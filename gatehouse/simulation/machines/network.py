"""The network between devices and central: a broker, HTTP, and everything that can go wrong there.

Each device has an uplink of its own. While it is cut nothing passes; while it is bad, messages are
late, come twice, overtake each other, or are lost after the broker has said that it has them.
"""

import asyncio
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from edge.drivers.interfaces import Declined, DriverError, Fetch
from edge.drivers.link_simulated import SimulatedLink
from gatehouse.simulation.centrals.central import Central
from gatehouse.simulation.machines.loop import Scheduler
from gatehouse.simulation.machines.machine import Process
from wire import exchange

USUAL_SECONDS = 0.02
TIMEOUT_SECONDS = 5.0
LATE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Weather:
    """How an uplink is. Probabilities are per message."""

    delay_seconds: float = USUAL_SECONDS
    twice: float = 0.0
    lost: float = 0.0
    overtakes: bool = False
    """Messages need not arrive in the order in which they were sent."""


CALM = Weather()


class Uplink:
    """One device's way to central or to a hub, and back."""

    def __init__(
        self,
        scheduler: Scheduler,
        receive: Callable[[str, bytes], None],
        chance: random.Random,
        calm: Weather = CALM,
    ) -> None:
        """`receive(topic, payload)` is called at its other end."""
        self.calm = self.weather = calm
        self._receive = receive
        self._cuts: set[str] = set()
        self.link: VenueLink | None = None
        self.sent = self.lost = self.doubled = 0
        self._scheduler = scheduler
        self._chance = chance
        self._up_at = self._down_at = 0.0

    def delay(self) -> float:
        return self._chance.expovariate(1.0 / self.weather.delay_seconds)

    @property
    def cut(self) -> bool:
        return bool(self._cuts)

    @property
    def late(self) -> bool:
        """Whether what a storm has held back is still to arrive, and all that follows behind it."""
        return self._down_at > self._scheduler.now + LATE_SECONDS

    def set_cut(self, cut: bool, why: str = "line") -> None:
        """Cut it for a reason, or take that reason away."""
        before = self.cut
        (self._cuts.add if cut else self._cuts.discard)(why)
        if self.cut is not before or not cut:
            self._tell_link()

    def _tell_link(self) -> None:
        cut = self.cut
        if self.link is not None and self.link.process.alive:
            if cut:
                self.link.cut("the simulated network is down")
            else:
                self.link.connect_soon()

    def up(self, topic: str, payload: bytes) -> None:
        """A message to central, once the broker has it."""
        for _ in range(self._copies()):
            at = self._arrival(self._up_at)
            self._up_at = max(self._up_at, at)
            self._scheduler.world.call_at(at, self._arrive_up, topic, payload)

    def down(self, topic: str, payload: bytes) -> None:
        """A message from central to whoever listens at this device now."""
        link = self.link
        if self._cuts or link is None or link.process.loop.dead:
            return
        for _ in range(self._copies()):
            at = self._arrival(self._down_at)
            if at > self._down_at:
                self._down_at = at
            if topic in link.topics:
                self._scheduler.world.call_at(at, self._arrive_down, link, topic, payload)

    def _copies(self) -> int:
        weather = self.weather
        self.sent += 1
        if weather.lost and self._chance.random() < weather.lost:
            self.lost += 1
            return 0
        if weather.twice and self._chance.random() < weather.twice:
            self.doubled += 1
            return 2
        return 1

    def _arrival(self, after: float) -> float:
        weather = self.weather
        at = self._scheduler.now + self._chance.expovariate(1.0 / weather.delay_seconds)
        return after if at < after and not weather.overtakes else at

    def _arrive_up(self, topic: str, payload: bytes) -> None:
        if not self.cut:
            self._receive(topic, payload)

    def _arrive_down(self, link: "VenueLink", topic: str, payload: bytes) -> None:
        if not self.cut and link.process.alive:
            link.deliver(topic, payload)


class VenueLink(SimulatedLink):
    """One life's connection to the broker."""

    def __init__(self, uplink: Uplink, topics: tuple[str, ...], process: Process) -> None:
        super().__init__()
        self.process = process
        self._uplink = uplink
        self.topics = frozenset(topics)
        """To what it has subscribed: the broker sends it nothing else."""
        self.connections = 0

    async def run(self) -> None:
        self._uplink.link = self
        self.connect_soon()
        await asyncio.get_running_loop().create_future()

    def connect_soon(self) -> None:
        self.process.loop.call_later(0.05 + self._uplink.delay(), self._connect)

    def _connect(self) -> None:
        if not self._uplink.cut:
            self.connections += 1
            self.connect()

    def deliver(self, topic: str, payload: bytes, retained: bool = False) -> None:
        if topic in self.topics:
            super().deliver(topic, payload, retained)

    async def publish(self, topic: str, payload: bytes, retain: bool = False) -> None:
        del retain
        process = self.process
        if process.points_left or process.loop.dead:
            await process.point()
        if not self.connected:
            raise DriverError("the simulated broker cannot be reached")
        connection = self.connections
        self._uplink.up(topic, payload)
        await process.loop.wait(self._uplink.delay())
        if process.points_left or process.loop.dead:
            await process.point()
        if not self.connected or connection != self.connections:
            raise DriverError("the simulated connection has ended")


class VenueFetch(Fetch):
    """Central over HTTP, for the device of that number."""

    def __init__(self, uplink: Uplink, central: Central, device: int, process: Process) -> None:
        self._uplink = uplink
        self._central = central
        self._device = device
        self._process = process

    async def get(self, path: str) -> bytes:
        return await self._asked(path)

    async def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
        del headers
        return await self._asked(path, body)

    async def part(self, path: str, first: int, count: int) -> bytes:
        return (await self._asked(path))[first : first + count]

    async def download(self, path: str, target: Path, size_bytes: int) -> None:
        self._put(path, await self._asked(path), target, size_bytes)

    def _put(self, path: str, body: bytes, target: Path, size_bytes: int) -> None:
        had = target.read_bytes() if target.exists() else b""
        rest = body[len(had) :] if len(had) <= size_bytes else body
        had = had if len(had) <= size_bytes else b""
        # Cut somewhere in its middle, where the network is bad.
        cut = self._uplink.weather.lost and self._process.chance.random() < 0.5
        end = self._process.chance.randrange(len(rest) + 1) if cut else len(rest)
        target.write_bytes(had + rest[:end])
        if target.stat().st_size != size_bytes:
            raise DriverError(f"the simulated network: {path} was cut")

    def close(self) -> None:
        return

    async def _asked(self, path: str, body: bytes = b"") -> bytes:
        uplink = self._uplink
        await self._process.point()
        await self._process.loop.wait(uplink.delay())
        if uplink.cut or not self._central.up:
            await self._process.loop.wait(TIMEOUT_SECONDS)
            raise DriverError("simulated central cannot be reached")
        if path == exchange.PATH:
            answer: bytes | None = self._central.asked(self._device, body)
        else:
            answer = self._central.answer(path)
        await self._process.loop.wait(uplink.delay())
        if uplink.cut:
            raise DriverError("the simulated network went down")
        if answer is None:
            raise Declined(f"simulated central has nothing at {path}", 404)
        return answer
