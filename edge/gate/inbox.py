"""What waits for a lane's one consumer: bounded, in order, fire first."""

import asyncio
from collections import deque

from edge.core.lane import AnySignal, Scanned, Signal
from edge.runtime.clock import Clock

SCANS_MAX = 16
"""Of scans only: sensors are debounced, which bounds what they can say."""


class Inbox:
    """Signals of one lane. A flood of scans is dropped; a sensor's word never is."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._urgent: deque[AnySignal] = deque()
        self._waiting: deque[AnySignal] = deque()
        self._arrived = asyncio.Event()
        self._nudged = False

    def nudge(self) -> None:
        """Let whoever waits look again: what they wait for has another deadline now."""
        self._nudged = True
        self._arrived.set()

    def put(self, signal: AnySignal) -> None:
        if signal in (Signal.FIRE, Signal.SECURED):
            self._urgent.append(signal)
        elif isinstance(signal, Scanned):
            if sum(isinstance(waiting, Scanned) for waiting in self._waiting) >= SCANS_MAX:
                return
            self._waiting.append(signal)
        else:
            self._waiting.append(signal)
        self._arrived.set()

    async def get(self, deadline: float | None) -> AnySignal | None:
        """Return the next signal; None when the uptime `deadline` comes first, or a nudge."""
        while not self._urgent and not self._waiting:
            if self._nudged:
                self._nudged = False
                return None
            self._arrived.clear()
            if deadline is None:
                await self._arrived.wait()
            elif not await self._arrives_before(deadline):
                return None
        return self._urgent.popleft() if self._urgent else self._waiting.popleft()

    async def _arrives_before(self, deadline: float) -> bool:
        arrival = asyncio.ensure_future(self._arrived.wait())
        patience = asyncio.ensure_future(self._clock.wait_until(deadline))
        try:
            await asyncio.wait({arrival, patience}, return_when=asyncio.FIRST_COMPLETED)
            return bool(self._urgent or self._waiting or self._nudged)
        finally:
            arrival.cancel()
            patience.cancel()
