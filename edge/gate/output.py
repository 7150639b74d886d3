"""What opens a lane: its relay, and the contact that is held for free passage and counted groups.

A board keeps a contact closed through all that happens to us: a power cut that it is spared, a
cable that is drawn when it should let go. So the contact is told again what it is to be: at the
start, once whatever was lost is back, and now and then. It is told where nobody is on the way: a
contact that is let go ends their pulse.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import assert_never

from edge.core.lane import Do
from edge.drivers.interfaces import DriverError, Found, Lost, Relay
from edge.runtime.bell import Bell
from edge.runtime.clock import Clock

log = logging.getLogger("gate.output")

KEPT_SECONDS, LOST_SECONDS = 5.0, 1.0
"""Until it is told again; where it was lost."""
TRIES = 3


class Output:
    def __init__(
        self,
        relay: Relay | None,
        held: Relay | None,
        clock: Clock,
        at_rest: Callable[[], bool],
        tell: Callable[[Lost | Found], Awaitable[None]],
    ) -> None:
        """`at_rest`: whether nobody is on the way. `tell` hears each loss and each return once."""
        self._relay = relay
        self._contact = held
        self._clock = clock
        self._at_rest = at_rest
        self._tell = tell
        self._doubted = Bell(clock)
        self._held = False
        self._lost = False

    def doubt(self) -> None:
        """Something else on its board was lost or is back: see whether it still obeys."""
        self._doubted.ring()

    async def switch(self, command: Do, pulse_seconds: float) -> bool:
        """Return whether it obeyed, as far as is known."""
        output = self._relay if command is Do.PULSE else self._contact
        if command is not Do.PULSE:
            self._held = command is Do.HOLD
        if output is None:
            return True
        try:
            match command:
                case Do.PULSE:
                    await output.pulse(pulse_seconds)
                case Do.HOLD | Do.LET_GO:
                    await output.hold(self._held)
                case _:
                    assert_never(command)
        except DriverError as error:
            # The use is reserved; the time-out gives it back, and the board may have obeyed.
            await self._found(error)
            self._doubted.ring()
            return False
        return True

    async def keep(self) -> None:
        """Tell it again and again. Never returns."""
        while self._contact is not None:
            self._doubted.clear()
            await self._tell_again(self._contact)
            seconds = LOST_SECONDS if self._lost else KEPT_SECONDS
            await self._doubted.rings(self._clock.now().uptime + seconds)

    async def _tell_again(self, contact: Relay) -> None:
        """Take it for lost where no try is answered: on a long line a frame may be."""
        failed: DriverError | None = None
        for _ in range(TRIES):
            if not (self._held or self._at_rest()):
                return
            try:
                await contact.hold(self._held)
            except DriverError as error:
                failed = error
            else:
                failed = None
                break
        await self._found(failed)

    async def _found(self, error: DriverError | None) -> None:
        """Tell that it is lost, or back, if that is news."""
        if (error is not None) is not self._lost:
            self._lost = error is not None
            await self._tell(Found() if error is None else Lost(str(error)))
