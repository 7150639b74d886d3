"""What a kiosk hears and is seen by: readers of codes and ID cards, headphone jack, browser."""

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any

from edge.core.scan import Held, Scan, answered, see, without_aim
from edge.core.visit_terms import AnySignal, CardRead, Scanned, StaffCard
from edge.drivers.interfaces import Code, Found, Level, Lost, Reader, Sensor
from edge.kiosk.desk import Desk
from wire import staff_card
from wire.event import SCAN_BYTES, DriverFound, DriverLost

BROWSER = "browser"
UNSEEN_SECONDS = 60.0
"""How long no browser shows the page before that is written down."""
Signalled = Callable[[AnySignal], Awaitable[None]]


class Senses:
    def __init__(
        self,
        readers: dict[str, Reader],
        card: Reader | None,
        headphones: Sensor | None,
        draw: Callable[[int], bytes],
    ) -> None:
        self._readers, self._card, self._headphones = readers, card, headphones
        self._draw = draw
        self.staff: Mapping[str, str] = {}
        """Names by the digest of their card."""
        self.plugged = False
        """Whether somebody listens by headphones."""
        self._held: dict[str, Held] = {}
        self._gone: set[str] = set()
        self._seen_at: float | None = None
        """Uptime at which a browser last showed the page."""

    @property
    def scans(self) -> bool:
        """Whether there is a reader of codes that works."""
        return bool(self._readers.keys() - self._gone)

    def watching(
        self, desk: Desk, signal: Signalled, show: Callable[[], Awaitable[None]]
    ) -> list[Coroutine[Any, Any, None]]:
        """Return what watches them; `show()`: draw the page anew."""
        watched = [self._watch(name, one, desk, signal) for name, one in self._readers.items()]
        if self._card:
            watched.append(self._watch_card(self._card, desk, signal))
        if self._headphones:
            watched.append(self._watch_plug(self._headphones, show))
        return watched

    async def _watch(self, name: str, reader: Reader, desk: Desk, signal: Signalled) -> None:
        async for said in reader.codes():
            match said:
                case Code(data, first, last):
                    seen = Scan(self._draw(SCAN_BYTES), name, data, first)
                    self._held[name], looked_at = see(self._held.get(name), seen, last)
                    if looked_at:
                        held = answered(self._held[name], self._held[name].scan.scan)
                        assert held
                        self._held[name] = held
                        by = self._whose(data)
                        await signal(StaffCard(by) if by else Scanned(data))
                case _:
                    await self._presence(name, said, desk)

    async def _watch_card(self, reader: Reader, desk: Desk, signal: Signalled) -> None:
        async for said in reader.codes():
            match said:
                case Code(data, _, _):
                    by = self._whose(data)
                    number = data.decode("ascii", errors="replace").strip()
                    await signal(StaffCard(by) if by else CardRead(number))
                case _:
                    await self._presence("card", said, desk)

    def _whose(self, data: bytes) -> str | None:
        return self.staff.get(staff_card.digest(without_aim(data)[1]))

    async def _presence(self, name: str, said: Lost | Found, desk: Desk) -> None:
        """A reader is gone, or there again: written down, so that central hears of it."""
        match said:
            case Lost(why):
                self._gone.add(name)
                await desk.record(DriverLost(driver=name, why=why))
            case Found() if name in self._gone:
                self._gone.discard(name)
                await desk.record(DriverFound(driver=name))
            case Found():
                pass

    async def look_at_browser(self, watched: int, uptime: float, desk: Desk) -> None:
        """A kiosk whose page nobody shows serves nobody, whatever it thinks of itself."""
        if watched or self._seen_at is None:
            self._seen_at = uptime
        unseen = uptime - self._seen_at >= UNSEEN_SECONDS
        if unseen and BROWSER not in self._gone:
            await self._presence(BROWSER, Lost("nobody shows the page"), desk)
        elif not unseen:
            await self._presence(BROWSER, Found(), desk)

    async def _watch_plug(self, sensor: Sensor, show: Callable[[], Awaitable[None]]) -> None:
        async for said in sensor.changes():
            if isinstance(said, Level):
                self.plugged = said.active
                await show()
