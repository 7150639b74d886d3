"""A relay that remembers instead of switching, and can be told to fail."""

from edge.drivers.interfaces import DriverError
from edge.drivers.pulse import clamped
from edge.runtime.clock import Clock


class SimulatedRelay:
    """`pulses` holds (uptime, seconds) of each; `held` whether the contact is held closed."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._open_at = 0.0
        self.pulses: list[tuple[float, float]] = []
        self.held = False
        self.there = True

    @property
    def closed(self) -> bool:
        """Whether the contact is closed now, by a pulse or held."""
        return self.held or self._clock.now().uptime < self._open_at

    async def pulse(self, seconds: float) -> None:
        self._obey()
        now = self._clock.now().uptime
        if now < self._open_at:
            raise DriverError("the simulated relay: a pulse is under way")
        self.pulses.append((now, clamped(seconds)))
        self._open_at = sum(self.pulses[-1])

    async def hold(self, closed: bool) -> None:
        self._obey()
        self.held, self._open_at = closed, 0.0

    async def close(self) -> None:
        self.held, self._open_at = False, 0.0

    def _obey(self) -> None:
        if not self.there:
            raise DriverError("the simulated relay was unplugged; plug it in again")
