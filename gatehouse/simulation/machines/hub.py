"""The hub of the simulated venue: the daemon's own assembly, and the broker beside it.

Each gate has a line of its own to it. Without power there is no broker either; a daemon that is
dead hears nothing, and nobody keeps for it what it missed.
"""

import random
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from edge.drivers.catalog import BrokerConfig, Catalog
from edge.drivers.interfaces import DriverError, Link
from edge.drivers.link_simulated import SimulatedLink
from edge.hub.__main__ import assembled as assembled_hub
from edge.runtime import identity
from edge.runtime.clock import Clock
from edge.runtime.identity import DeviceIdentity
from edge.runtime.service import Work
from edge.store import database
from edge.store.claims import FILE
from edge.store.claims_key import FOLDER, KEY
from gatehouse.simulation.centrals.keys import ROOT, key
from gatehouse.simulation.centrals.tickets import VENUE
from gatehouse.simulation.machines.host import Host
from gatehouse.simulation.machines.loop import Scheduler
from gatehouse.simulation.machines.machine import Process
from gatehouse.simulation.machines.network import Uplink, Weather

LOCAL = Weather(delay_seconds=0.003)
HUB_KEY = key("hub of the simulated venue")
PUBLIC = HUB_KEY.public_key().public_bytes_raw().hex()
ID = "cc" * 8
OPEN = "SELECT device, count(*) FROM held WHERE outcome = 0 AND committed = 0 GROUP BY device"


class Hub(Host):
    def __init__(self, folder: Path, scheduler: Scheduler, chance: random.Random) -> None:
        super().__init__(scheduler, "hub", folder, chance)
        self.daemons["hub"] = self._hub
        self.link: HubLink | None = None
        self.on_said: Callable[[str, bytes], None] = lambda _topic, _payload: None
        self.on_told: Callable[[str, bytes], None] = lambda _topic, _payload: None
        """Hear what goes to the daemon and what it sends."""
        self.cards = 0
        """How often it lost all that it knew."""
        self._lines: dict[str, Uplink] = {}
        self._roster: dict[str, str] = {}

    def install(self) -> None:
        who = DeviceIdentity(ID, VENUE, ROOT.hex())
        pem = HUB_KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        named = Path(identity.FOLDER, identity.FILE)
        self.write({named: identity.text(who), Path(FOLDER, KEY): pem})

    def line(self, device: str, name: str) -> Uplink:
        """Return a device's line to this hub, whose installer is told of it."""
        self._roster[device] = name
        chance = random.Random(self._chance.random())
        uplink = Uplink(self.machine.scheduler, self.receive, chance, calm=LOCAL)
        uplink.set_cut(not self.machine.on, "no broker")
        self._lines[device] = uplink
        if self.machine.on:
            self.configure()
            self.kill("hub")
        return uplink

    def lines(self) -> Iterable[Uplink]:
        return self._lines.values()

    def receive(self, topic: str, payload: bytes) -> None:
        """A message of a device, as its broker hands it to the daemon."""
        if self.link is not None and self.link.process.alive:
            self.on_said(topic, payload)
            self.link.deliver(topic, payload)

    def send(self, topic: str, payload: bytes) -> None:
        self.on_told(topic, payload)
        line = self._lines.get(topic.split("/")[4])
        if line is not None:
            line.down(topic, payload)

    def power_on(self) -> None:
        super().power_on()
        self._tell_lines()

    def power_off(self, picture: Path | None = None) -> None:
        super().power_off(picture)
        self._tell_lines()

    def lose_card(self) -> None:
        """Go on with an empty card; key and roster are put on it, as by an installer."""
        self.power_off()
        self.cards += 1
        for part in (self.machine.folder / FOLDER).glob(f"{FILE}*"):
            part.unlink()

    def open_claims(self) -> dict[bytes, int]:
        """Return how many claims were granted and not heard of since, by device."""
        path = self.machine.folder / FOLDER / FILE
        if not path.exists():
            return {}
        with closing(database.open_readonly(path)) as books:
            try:
                return dict(books.execute(OPEN).fetchall())
            except sqlite3.OperationalError:
                return {}  # Made this moment, and nothing in it yet.

    def configure(self) -> None:
        devices = "".join(
            f'[[device]]\nid = "{device}"\nname = "{name}"\n'
            for device, name in self._roster.items()
        )
        self._toml.write_text(f'directory = "{self.machine.folder}"\n{devices}')

    @property
    def _toml(self) -> Path:
        return self._etc / "hub.toml"

    def _tell_lines(self) -> None:
        for line in self._lines.values():
            line.set_cut(not self.machine.on, "no broker")

    def _hub(self, process: Process) -> Work:
        return assembled_hub(
            self._toml, self.around(process), lambda clock: HubCatalog(clock, self, process)
        )


class HubLink(SimulatedLink):
    """The daemon's connection to the broker beside it."""

    def __init__(self, hub: Hub, process: Process) -> None:
        super().__init__()
        self.process = process
        self._hub = hub

    async def run(self) -> None:
        self._hub.link = self
        self.connect()
        await self.process.loop.create_future()

    async def publish(self, topic: str, payload: bytes, retain: bool = False) -> None:
        del retain
        await self.process.point()
        if not self.connected:
            raise DriverError("the simulated broker cannot be reached")
        self._hub.send(topic, payload)
        await self.process.point()


class HubCatalog(Catalog):
    def __init__(self, clock: Clock, hub: Hub, process: Process) -> None:
        super().__init__(clock)
        self._hub = hub
        self._process = process

    def link(
        self,
        told: BrokerConfig,
        device: str,
        topics: tuple[str, ...],
        draw: Callable[[], float],
    ) -> Link:
        del told, device, topics, draw
        return HubLink(self._hub, self._process)
