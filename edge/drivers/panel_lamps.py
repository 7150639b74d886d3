"""Lamps and a buzzer on outputs: green, amber, red, and tones that tell yes from no.

[[lane.panel]] kind = "lamps"
go = { kind = "modbus", path = "…", coil = 2 }   wait = …   stop = …   buzzer = …

The pattern runs beside the lane and gives way to the next notice; a lamp that does not obey is
said once per notice and costs nothing else.
"""

import asyncio
import logging
from contextlib import suppress

from edge.core.notice import Lamp, Notice, Sound
from edge.drivers.interfaces import DriverError, Relay
from edge.runtime.clock import Clock

log = logging.getLogger("panel.lamps")

PATTERNS: dict[Sound, tuple[float, ...]] = {
    Sound.NONE: (),
    Sound.ACCEPT: (0.1,),
    Sound.REFUSE: (0.1, 0.1, 0.1),
    Sound.ALARM: (0.8,),
}
"""Tone lengths in seconds, with a pause as long as a tone between two."""


class LampsPanel:
    def __init__(
        self,
        clock: Clock,
        go: Relay | None = None,
        wait: Relay | None = None,
        stop: Relay | None = None,
        buzzer: Relay | None = None,
    ) -> None:
        self._clock = clock
        self._lamps = {Lamp.GO: go, Lamp.WAIT: wait, Lamp.STOP: stop}
        self._lit: Lamp | None = None
        self._buzzer = buzzer
        self._wanted: Notice | None = None
        self._showing: asyncio.Task[None] | None = None

    async def show(self, notice: Notice) -> None:
        self._wanted = notice
        if self._showing is None or self._showing.done():
            self._showing = asyncio.create_task(self._catch_up())

    async def close(self) -> None:
        if self._showing:
            self._showing.cancel()
            with suppress(asyncio.CancelledError):
                await self._showing
        for output in (*self._lamps.values(), self._buzzer):
            if output:
                await output.close()

    async def _catch_up(self) -> None:
        while self._wanted:
            notice, self._wanted = self._wanted, None
            try:
                await self._light(notice.lamp)
                await self._sound(notice.sound)
            except DriverError as error:
                self._lit = None
                log.warning("lamps do not obey: %s", error)

    async def _light(self, wanted: Lamp) -> None:
        shown = Lamp.STOP if wanted is Lamp.CLOSED else wanted
        if shown is self._lit:
            return
        for lamp, output in self._lamps.items():
            if output and lamp is not shown and self._lit in (lamp, None):
                await output.hold(False)
        output = self._lamps.get(shown)
        if output:
            await output.hold(True)
        self._lit = shown

    async def _sound(self, wanted: Sound) -> None:
        for seconds in PATTERNS[wanted]:
            if self._buzzer is None or self._wanted:
                return
            await self._buzzer.pulse(seconds)
            await self._clock.wait(2 * seconds)
