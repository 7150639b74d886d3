"""How much this kiosk knows of tickets, as gates say it: its list, and central's last word on it.

A visitor is told by central what there is; the list counts where a kiosk exchanges alone. Where it
stands is written down all the same, so that central sees a kiosk that nothing reaches.
"""

from edge.core import ladder
from edge.core.ladder import Known, Ladder
from edge.store.whitelist import Whitelist
from wire.event import Rung, RungChanged
from wire.snapshot import Heartbeat


class Rungs:
    """`move` is used on the store's thread alone."""

    def __init__(self, whitelist: Whitelist) -> None:
        self._whitelist = whitelist
        self._ladder = Ladder()
        self._said: tuple[Heartbeat, float] | None = None
        self._confirmed: float | None = None

    @property
    def rung(self) -> Rung:
        return self._ladder.rung or Rung.SIGNATURE_ONLY

    def hear(self, said: tuple[Heartbeat, float]) -> None:
        """Central's last word on how far the list goes, and the uptime at which it said so."""
        self._said = said

    def age_seconds(self, uptime: float) -> float | None:
        """Return how long ago central confirmed the list; None: never in this life."""
        return None if self._confirmed is None else uptime - self._confirmed

    def move(self, stale_after_seconds: float, uptime: float) -> RungChanged | None:
        """Follow what is known now; return the move to record, if it is one."""
        self._whitelist.refresh()
        about = self._whitelist.about
        if about and self._said:
            said, at = self._said
            if (said.sequence, said.head) == (about.sequence, about.head):
                self._confirmed = at
        essentials = self._whitelist.essentials is not None
        known = Known(self._whitelist.health, essentials, self.age_seconds(uptime))
        self._ladder, why = ladder.step(self._ladder, known, stale_after_seconds, uptime)
        return None if why is None else RungChanged(rung=self.rung, why=why)
