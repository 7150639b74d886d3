"""A relay that remembers instead of switching, and can be told to fail."""

from edge.drivers.interfaces import DriverError
from edge.runtime.clock import Clock


class SimulatedRelay:
    """`pulses` holds (uptime, seconds) of each; `held` whether the contact is held closed."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.pulses: list[tuple[float, float]] = []
        self.held = False
        self.there = True

    async def pulse(self, seconds: float) -> None:
        self._obey()
        now = self._clock.now().uptime
        if self.pulses and now < sum(self.pulses[-1]):
            raise DriverError("the simulated relay: a pulse is under way")
        self.pulses.append((now, min(max(seconds, 0.1), 1.0)))

    async def hold(self, closed: bool) -> None:
        self._obey()
        self.held = closed

    async def close(self) -> None:
        self.held = False

    def _obey(self) -> None:
        if not self.there:
            raise DriverError("the simulated relay was unplugged; plug it in again")
