"""What gates and kiosks have in common: enrolled, with a card and a line to central."""

import random
from collections.abc import Callable
from pathlib import Path

from edge.drivers.catalog import BrokerConfig, Catalog, CentralConfig
from edge.drivers.interfaces import Fetch, Link
from edge.runtime import identity
from edge.runtime.clock import Clock
from edge.runtime.identity import DeviceIdentity
from edge.runtime.service import Work
from edge.runtime.workers import SingleThread
from edge.sync.__main__ import assembled as assembled_sync
from gatehouse.simulation.centrals.central import Central
from gatehouse.simulation.centrals.keys import ROOT
from gatehouse.simulation.centrals.tickets import CHECKPOINT, VENUE
from gatehouse.simulation.machines.host import Host
from gatehouse.simulation.machines.loop import Scheduler
from gatehouse.simulation.machines.machine import Process
from gatehouse.simulation.machines.network import Uplink, VenueFetch, VenueLink
from rules.zone import CardDoes
from wire import staff_card

STALE_SECONDS = 60.0
HUB_HOST = "hub"
ZONE_TOML = f"""checkpoint = "{CHECKPOINT}"
stale_after_seconds = {STALE_SECONDS}
"""
STAFF_CARDS = {does: staff_card.code(does.encode().ljust(20, b".")).encode() for does in CardDoes}
CARD_MINUTES = 1.0
STAFF_TOML = "".join(
    f'[[staff]]\nname = "staff"\ndigest = "{staff_card.digest(code)}"\ndoes = "{does}"\n'
    f"minutes = {CARD_MINUTES}\n"
    for does, code in STAFF_CARDS.items()
)
LINK_TOML = """[broker]
[central]
url = "http://central"
token = "of-the-simulation"
"""


class Enrolled(Host):
    """`door`: the daemon that people meet, beside sync."""

    door = ""

    def __init__(
        self,
        name: str,
        number: int,
        id: str,
        central: Central,
        folder: Path,
        scheduler: Scheduler,
        chance: random.Random,
    ) -> None:
        super().__init__(scheduler, name, folder, chance)
        self.number = number
        self.id = id
        self.uplink = Uplink(scheduler, central.receive, random.Random(chance.random()))
        self.side: Uplink | None = None
        """Its line to the hub, where there is one."""
        self.pictures: list[Path] = []
        self.restored = 0
        """How often an older picture of its card was put in."""
        self.stale_seconds = STALE_SECONDS
        self.central = central
        self.daemons["sync"] = self._sync

    def enrol(self, zone: str = "") -> None:
        """Make its card; `zone` is what its zone's configuration says besides."""
        who = DeviceIdentity(self.id, VENUE, ROOT.hex())
        self.write(
            {
                Path(identity.FOLDER, identity.FILE): identity.text(who),
                Path(identity.FOLDER, "link.toml"): LINK_TOML,
                Path("config", "zone.toml"): ZONE_TOML + zone + STAFF_TOML,
            }
        )

    @property
    def believes(self) -> bool:
        """Whether it has heard whom to believe."""
        return (self.machine.folder / "trust" / "1.roles").exists()

    def write_sync(self) -> None:
        """Write what sync is told."""
        hub = "" if self.side is None else f'[hub.broker]\nhost = "{HUB_HOST}"\n'
        self.toml("sync").write_text(f'directory = "{self.machine.folder}"\n{hub}')

    def plug(self, there: bool) -> None:
        """Pull out its reader, or put it back."""
        raise NotImplementedError

    def toml(self, daemon: str) -> Path:
        """Where what a daemon is told lies: beside the card."""
        return self._etc / f"{self.name}-{daemon}.toml"

    def catalog(self, clock: Clock, process: Process) -> Catalog:
        """Return what opens its drivers, for one life of a process."""
        return LineCatalog(clock, self, process)

    def _sync(self, process: Process) -> Work:
        return assembled_sync(
            self.toml("sync"), self.around(process), lambda clock: self.catalog(clock, process)
        )


class LineCatalog(Catalog):
    """Opens the lines of one device, for one life of a process."""

    def __init__(self, clock: Clock, device: Enrolled, process: Process) -> None:
        super().__init__(clock)
        self._device = device
        self._process = process

    def link(
        self,
        told: BrokerConfig,
        device: str,
        topics: tuple[str, ...],
        draw: Callable[[], float],
    ) -> Link:
        del device, draw
        side = self._device.side if told.host == HUB_HOST else None
        return VenueLink(side or self._device.uplink, topics, self._process)

    def fetch(self, told: CentralConfig, thread: SingleThread) -> Fetch:
        del told, thread
        return self._fetch()

    def unverified_fetch(self, url: str, thread: SingleThread) -> Fetch:
        del url, thread
        return self._fetch()

    def _fetch(self) -> Fetch:
        device = self._device
        return VenueFetch(device.uplink, device.central, device.number, self._process)
