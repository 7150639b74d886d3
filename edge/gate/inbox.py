"""What waits for a lane's one consumer: bounded, in order, fire first."""

from collections import deque

from edge.core.lane import AnySignal, Scanned, Signal
from edge.runtime.bell import Bell
from edge.runtime.clock import Clock

SCANS_MAX = 16
"""Of scans only: sensors are debounced, which bounds what they can say."""


class Inbox:
    """Signals of one lane. A flood of scans is dropped; a sensor's word never is."""

    def __init__(self, clock: Clock) -> None:
        self._urgent: deque[AnySignal] = deque()
        self._waiting: deque[AnySignal] = deque()
        self._arrived = Bell(clock)
        self._nudged = False

    def nudge(self) -> None:
        """Let whoever waits look again: what they wait for has another deadline now."""
        self._nudged = True
        self._arrived.ring()

    def put(self, signal: AnySignal) -> None:
        if signal in (Signal.FIRE, Signal.SECURED):
            self._urgent.append(signal)
        elif isinstance(signal, Scanned):
            if sum(isinstance(waiting, Scanned) for waiting in self._waiting) >= SCANS_MAX:
                return
            self._waiting.append(signal)
        else:
            self._waiting.append(signal)
        self._arrived.ring()

    async def get(self, deadline: float | None) -> AnySignal | None:
        """Return the next signal; None when the uptime `deadline` comes first, or a nudge."""
        while not self._urgent and not self._waiting:
            if self._nudged:
                self._nudged = False
                return None
            self._arrived.clear()
            if not await self._arrived.rings(deadline):
                return None
        return self._urgent.popleft() if self._urgent else self._waiting.popleft()
