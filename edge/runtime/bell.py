"""A bell: rung by whoever has something, awaited by one, with a deadline or without.

Every deciding loop rests on one nearly all the time. With a task for the bell and another for the
deadline, as asyncio would have it, resting would cost more than what is decided.
"""

import asyncio

from edge.runtime.clock import Clock


class Bell:
    """Stays rung until it is cleared; one task waits for it at a time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._rung = False
        self._woken: asyncio.Future[None] | None = None

    def ring(self) -> None:
        self._rung = True
        self._wake()

    def clear(self) -> None:
        self._rung = False

    async def rings(self, deadline: float | None = None) -> bool:
        """Wait until it is rung, or the uptime `deadline`; return whether it is."""
        if self._rung:
            return True
        self._woken = asyncio.get_running_loop().create_future()
        alarm = None if deadline is None else self._clock.alarm(deadline, self._wake)
        try:
            await self._woken
        finally:
            if alarm is not None:
                alarm.cancel()
        return self._rung

    def _wake(self) -> None:
        if self._woken is not None and not self._woken.done():
            self._woken.set_result(None)
