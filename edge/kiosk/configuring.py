"""What a zone's settings are to a kiosk: applied in place, while nobody is at it."""

from pathlib import Path

from edge.kiosk import chosen
from edge.kiosk.alone import Alone
from edge.kiosk.chosen import Chosen
from edge.kiosk.config import KioskConfig
from edge.kiosk.daemon import KioskDaemon
from edge.kiosk.desk import Desk
from edge.kiosk.orders import Orders
from edge.kiosk.papers import Papers
from edge.kiosk.sheets import Sheets
from edge.runtime.clock import Clock
from edge.runtime.workers import SingleThread
from edge.store.configuring import Configuring, Habitat
from rules.kiosk import WhenOffline
from wire.event import ConfigurationRefused


def sheets_of(one: Chosen, clock: Clock) -> Sheets:
    return Sheets(one.template, one.told.name, one.zone, clock)


def alone_of(one: Chosen, alone: Alone) -> Alone | None:
    """Return what exchanges while central is away, where the venue chose that."""
    return alone if one.told.when_offline is WhenOffline.EXCHANGE else None


def configuring(
    told: KioskConfig,
    device: bytes,
    desk: Desk,
    orders: Orders,
    daemon: KioskDaemon,
    papers: Papers,
    alone: Alone,
    clock: Clock,
    thread: SingleThread,
) -> Configuring[Chosen]:
    """`told` is kiosk.toml, which counts where central says nothing."""

    def check(zone: str, paper: str, name: str) -> Chosen:
        return chosen.of(told, zone, paper, name, f"ticket{name.removeprefix('zone')}")

    def use(one: Chosen) -> None:
        papers.configure(sheets_of(one, clock), alone_of(one, alone))
        if papers.claims:
            papers.claims.configure(one.claims_key)
        daemon.configure(one)

    async def record(row: ConfigurationRefused) -> None:
        await desk.record(row)

    return Configuring(
        *(device, Path(told.directory), desk, orders.unseal),
        Habitat(check, lambda: daemon.at_rest, use, papers=True),
        *(thread, orders.note, record),
    )
