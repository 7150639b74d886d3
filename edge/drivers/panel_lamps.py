"""Lamps and a buzzer on outputs: green, amber, red, and tones that tell yes from no.

[[lane.panel]] kind = "lamps"
go = { kind = "modbus", path = "…", coil = 2 }   wait = …   stop = …   buzzer = …

The pattern runs beside the lane and gives way to the next notice; a lamp that does not obey is
said once per notice and costs nothing else.
"""

import asyncio
import logging

from edge.core.notice import Lamp, Notice, Sound
from edge.drivers.hotplug import read_until
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
        given = {Lamp.GO: go, Lamp.WAIT: wait, Lamp.STOP: stop}
        self._lamps = {lamp: output for lamp, output in given.items() if output}
        self._lit: dict[Lamp, bool] = {}
        """What each lamp was last told and did; absent: not known."""
        self._buzzer = buzzer
        self._wanted: Notice | None = None
        self._told = asyncio.Event()
        self._showing: asyncio.Task[None] | None = None

    async def show(self, notice: Notice) -> None:
        self._wanted = notice
        self._told.set()
        if self._showing is None or self._showing.done():
            self._showing = asyncio.create_task(self._catch_up())

    async def close(self) -> None:
        self._wanted = None
        if self._showing:
            self._showing.cancel()
            await asyncio.wait({self._showing})
        self._lit.clear()
        for output in (*self._lamps.values(), self._buzzer):
            if output:
                await output.close()

    async def _catch_up(self) -> None:
        while self._wanted:
            notice, self._wanted = self._wanted, None
            self._told.clear()
            failed = await self._light(notice.lamp)
            failed |= await self._sound(notice.sound)
            if failed:
                log.warning("lamps do not obey: %s", "; ".join(sorted(failed)))

    async def _light(self, wanted: Lamp) -> set[str]:
        """Put out what is not `wanted` before lighting it; return what went wrong."""
        shown = Lamp.STOP if wanted is Lamp.CLOSED else wanted
        failed = set()
        for lamp in sorted(self._lamps, key=lambda lamp: lamp is shown):
            on = lamp is shown
            if self._lit.get(lamp) is on:
                continue
            self._lit.pop(lamp, None)
            try:
                await self._lamps[lamp].hold(on)
            except DriverError as error:
                failed.add(str(error))
            else:
                self._lit[lamp] = on
        return failed

    async def _sound(self, wanted: Sound) -> set[str]:
        """Sound the pattern until it ends or another notice is told; return what went wrong."""
        if self._buzzer is None:
            return set()
        try:
            for seconds in PATTERNS[wanted]:
                if self._told.is_set():
                    break
                await self._buzzer.pulse(seconds)
                pause_ends = self._clock.now().uptime + 2 * seconds
                if await read_until(pause_ends, self._clock, self._told.wait, self._told.is_set):
                    await self._buzzer.hold(False)
                    break
        except DriverError as error:
            return {str(error)}
        return set()
