"""Paper while central is away, with real processes: two kiosks, a gate, their sync, hub, central.

Whatever is printed is read from the printer's paper by a camera's library and shown to the gate.
"""

import asyncio
import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from gatehouse.demo.kiosk_stand import KioskStand
from gatehouse.demo.kiosk_visitor import KioskVisitor
from simulators.display import Display
from simulators.pty_line import PtyLine
from simulators.scanner import Scanner
from simulators.turnstile import Board
from tests.brokers import TestBroker, free_port
from tests.enrolled import write_identity, write_link
from tests.system.test_claims import BAUD, GATE, HUB, PATIENCE_SECONDS, ROOT, Gate, Running, until

DOOR, KIOSKS = "0102030405060701", ("0102030405060702", "0102030405060703")
NAMES = {DOOR: "Gate 1", KIOSKS[0]: "Kiosk 1", KIOSKS[1]: "Kiosk 2"}

KIOSK = """
name = "{name}"
directory = "{folder}"
intercom = "{folder}/sync.sock"
when_offline = "exchange"
[page]
port = 0
address_file = "{folder}/address"
[printer]
kind = "network"
profile = "epson-80"
host = "127.0.0.1"
port = {port}
[[reader]]
kind = "serial"
path = "{folder}/scanner"
baud = 115200
idle_gap_seconds = 1.0
"""


@dataclass
class Place:
    """Where a kiosk's stand is, as it looks it up."""

    folder: Path
    printer_port: int

    def line(self, _: str, name: str) -> Path:
        return self.folder / name


@dataclass
class Kiosk:
    device: str
    folder: Path
    stand: KioskStand
    visitor: KioskVisitor

    async def refuses(self, code: bytes) -> None:
        """Show a code and go as far as that goes: no paper."""
        cuts = self.stand.cuts
        await self.visitor.until("attract")
        await self.stand.present(code)
        await self.visitor.until("choose")
        await self.visitor.touch("next")
        await self.visitor.touch("print")
        await self.visitor.until("refused")
        await self.visitor.touch("cancel")
        assert self.stand.cuts == cuts


@dataclass
class Venue:
    folder: Path
    broker: TestBroker
    near: TestBroker
    running: Running = field(default_factory=Running)
    key: str = ""
    door: Gate | None = None
    kiosks: list[Kiosk] = field(default_factory=list)
    tickets: list[bytes] = field(default_factory=list)

    def start_central(self) -> None:
        self.broker.start()
        for daemon in ("web", "ingest", "publish"):
            self.running.start(daemon, "central", "--config", f"{self.folder}/c.toml", daemon)

    def lose_central(self) -> None:
        self.running.kill("web", "ingest", "publish")
        self.broker.kill()

    def start_hub(self) -> None:
        self.near.start()
        self.running.start("hub", "gatehouse", "hub", "--config", f"{self.folder}/hub.toml")

    def lose_hub(self) -> None:
        self.running.kill("hub")
        self.near.kill()


def described(folder: Path, broker_port: int, web_port: int) -> list[bytes]:
    """Make central's folder; return the texts of its tickets."""
    now = int(time.time())
    kind = {"code": 1, "name": {"zh": "成人", "en": "Adult"}, "uses": {"hall": 1}}
    east = {"zh": "东门", "en": "East gate"}
    event = {
        "audience": "SHOW",
        "name": {"zh": "演出", "en": "Show"},
        "opens": now - 3600,
        "closes": now + 36000,
        "classes": [{**kind, "entrance": east, "tickets": [{"count": 5}]}],
    }
    venue = {
        "code": "venue",
        "name": {"zh": "场馆", "en": "Venue"},
        "checkpoints": ["hall"],
        "devices": [{"id": one, "name": NAMES[one], "token": f"t{one}"} for one in NAMES],
        "events": [event],
    }
    (folder / "venue.json").write_text(json.dumps(venue))
    (folder / "c.toml").write_text(
        f'venue = "venue"\ndirectory = "{folder / "central"}"\ntime_zone = "UTC"\n'
        f"[web]\nport = {web_port}\n[broker]\nport = {broker_port}\n[devices]\ntokens = true\n"
    )
    files = ("--root-out", str(folder / "root"), "--tickets-out", str(folder / "tickets"))
    told = ("--config", str(folder / "c.toml"), "prepare", "--file", str(folder / "venue.json"))
    subprocess.run([sys.executable, "-m", "central", *told, *files], cwd=ROOT, check=True)
    lines = (folder / "tickets").read_text().splitlines()
    return [json.loads(line)["text"].encode() for line in lines]


def hub_key(folder: Path, port: int) -> str:
    """Write what a hub is told; return its key."""
    devices = "".join(f'[[device]]\nid = "{one}"\nname = "{NAMES[one]}"\n' for one in NAMES)
    told = folder / "hub.toml"
    told.write_text(f'directory = "{folder / "hub"}"\n[broker]\nport = {port}\n{devices}')
    write_identity(folder / "hub", HUB)
    command = [sys.executable, "-m", "gatehouse", "hub", "--config", str(told), "--key"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def enrolled(venue: Venue, device: str, web_port: int) -> Path:
    """Make a device's folder as enrolment leaves it; return it. Its sync runs."""
    folder = venue.folder / device
    (folder / "config").mkdir(parents=True)
    (folder / "config" / "zone.toml").write_text(
        f'checkpoint = "hall"\nclaims = "hybrid"\nclaims_key = "{venue.key}"\ntime_zone = "UTC"\n'
    )
    (folder / "sync.toml").write_text(
        f'directory = "{folder}"\n[intercom]\npath = "{folder}/sync.sock"\n'
        f"[hub.broker]\nport = {venue.near.port}\n"
    )
    write_identity(folder, device, root=(venue.folder / "root").read_text())
    write_link(folder, venue.broker.port, f"http://127.0.0.1:{web_port}", f"t{device}")
    venue.running.start(f"sync-{device}", "gatehouse", "sync", "--config", f"{folder}/sync.toml")
    return folder


@asynccontextmanager
async def gate(venue: Venue, web_port: int) -> AsyncIterator[Gate]:
    folder = enrolled(venue, DOOR, web_port)
    (folder / "gate.toml").write_text(GATE.format(folder=folder))
    lines = [PtyLine(folder / name) for name in ("scanner", "board", "display")]
    for line in lines:
        line.plug()
    board, display = Board(lines[1], window_seconds=4.0), Display(lines[2])
    playing = [asyncio.create_task(board.run()), asyncio.create_task(display.run())]
    venue.running.start(DOOR, "gatehouse", "gate", "--config", str(folder / "gate.toml"))
    try:
        yield Gate(DOOR, folder, Scanner(lines[0], BAUD), board, display)
    finally:
        for task in playing:
            task.cancel()


@asynccontextmanager
async def kiosk(venue: Venue, device: str, web_port: int) -> AsyncIterator[Kiosk]:
    folder, port = enrolled(venue, device, web_port), free_port()
    told = KIOSK.format(name=NAMES[device], folder=folder, port=port)
    (folder / "kiosk.toml").write_text(told)
    stand = KioskStand(Place(folder, port), paced=False)  # type: ignore[arg-type]
    playing = asyncio.create_task(stand.run())
    venue.running.start(device, "gatehouse", "kiosk", "--config", str(folder / "kiosk.toml"))
    visitor = KioskVisitor(stand, folder / "address")
    try:
        yield Kiosk(device, folder, stand, visitor)
    finally:
        playing.cancel()


@asynccontextmanager
async def whole(folder: Path) -> AsyncIterator[Venue]:
    far, near, web_port = folder / "far", folder / "near", free_port()
    far.mkdir()
    near.mkdir()
    venue = Venue(folder, TestBroker(far), TestBroker(near))
    async with AsyncExitStack() as stack:
        stack.callback(venue.broker.kill)
        stack.callback(venue.near.kill)
        stack.callback(venue.running.close)
        venue.tickets = described(folder, venue.broker.port, web_port)
        venue.key = hub_key(folder, venue.near.port)
        inside(venue, ALLOWED)
        venue.start_central()
        venue.start_hub()
        venue.door = await stack.enter_async_context(gate(venue, web_port))
        for device in KIOSKS:
            one = await stack.enter_async_context(kiosk(venue, device, web_port))
            venue.kiosks.append(one)
        yield venue


ALLOWED = """
import time
from central.exchange import books
from central.exchange.models import Delegation
from central.venue.models import Device, Event
now = int(time.time())
for kiosk in Device.objects.filter(name__startswith="Kiosk"):
    told = {"device": kiosk, "event": Event.objects.get(), "by": "chief"}
    Delegation.objects.create(**told, valid_from=now - 60, valid_until=now + 36000)
    books.counted(kiosk, 0, "chief")  # Where its books begin.
"""
BALANCED = """
import json, time
from central.exchange import books
from central.exchange.models import Paper
from central.ledger.models import Incident, Use
from rules.use import Outcome
until = time.monotonic() + PATIENCE
while Paper.objects.filter(step=7).count() < 2 or Use.objects.count() < 1:
    assert time.monotonic() < until, list(Paper.objects.values_list("step", flat=True))
    time.sleep(0.1)
for one in books.kiosks():
    books.counted(one.device, CUTS[one.device.name], "chief")
kiosks = books.kiosks()
told = {
    "papers": books.papers(),
    "balanced": [one.closed.books.balanced for one in kiosks if one.closed],
    "uses": [[use.outcome == Outcome.PASSED, use.generation] for use in Use.objects.all()],
    "least": sorted(paper.ticket.generation for paper in Paper.objects.filter(step=7)),
    "conflicts": Incident.objects.filter(kind="conflict").count(),
}
print(json.dumps(told))
"""


def inside(venue: Venue, script: str) -> str:
    """Run Python within central, as a page of it would; return what it prints."""
    variables = {
        "DJANGO_SETTINGS_MODULE": "central.settings",
        "GATEHOUSE_CENTRAL_CONFIG": str(venue.folder / "c.toml"),
    }
    command = [sys.executable, "-c", f"import django; django.setup()\n{script}"]
    environment = {**os.environ, **variables}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def changes(folder: Path) -> int:
    """Return how often a device's list was changed since its snapshot."""
    try:
        database = sqlite3.connect(f"file:{folder}/list/current/overlay.db?mode=ro", uri=True)
        with database:
            (count,) = database.execute("SELECT count(*) FROM change").fetchone()
        database.close()
    except sqlite3.Error:
        return 0
    return int(count)


async def let_in(door: Gate, code: bytes) -> None:
    await until(lambda: door.title == "Show your ticket", "at rest")
    await door.scanner.present(code)
    await until(lambda: door.title == "Please enter", "let in")
    await door.board.walk_through()
    await until(lambda: door.title == "Show your ticket", "walked in")


async def refused(door: Gate, code: bytes) -> str:
    """Show a code that opens nothing; return what the panel says."""
    await until(lambda: door.title == "Show your ticket", "at rest")
    before = len(door.admitted())
    await door.scanner.present(code)
    await until(lambda: door.title != "Show your ticket", "an answer")
    said = door.title
    assert len(door.admitted()) == before, said
    return said


@pytest.mark.nightly
@pytest.mark.timeout(900)
def test_kiosks_that_lost_central_with_the_hub_and_without(tmp_path: Path) -> None:
    async def story() -> None:
        async with whole(tmp_path) as venue:
            first, second, door = *venue.kiosks, venue.door
            assert door
            for one in venue.kiosks:
                await one.visitor.enter()
            folders = [one.folder for one in venue.kiosks] + [door.folder]
            # Nothing else is changed here than that each kiosk's key is put on the list.
            await until(lambda: all(changes(one) >= 2 for one in folders), "both keys are listed")
            venue.lose_central()
            # With the hub: one of two kiosks prints, and that paper opens the gate, once.
            phone = venue.tickets[0]
            paper = await first.visitor.collect(phone)
            assert paper.startswith(b"GH2"), "read from the paper"
            await second.refuses(phone)
            assert await refused(door, phone) != "Please enter"
            await let_in(door, paper)
            assert (await refused(door, paper)).startswith("Used")
            # Who has walked in gets no paper anywhere.
            await let_in(door, venue.tickets[1])
            await first.refuses(venue.tickets[1])
            # With neither: as the venue chose, by the kiosk's own key.
            venue.lose_hub()
            alone = await second.visitor.collect(venue.tickets[2])
            assert alone.startswith(b"GH2")
            await let_in(door, alone)
            assert await refused(door, venue.tickets[2]) != "Please enter"
            # Central is back: each paper in one class, and each printer's count agrees.
            venue.start_hub()
            venue.start_central()
            cuts = {NAMES[one.device]: one.stand.cuts for one in venue.kiosks}
            script = BALANCED.replace("PATIENCE", str(PATIENCE_SECONDS)).replace("CUTS", str(cuts))
            told = json.loads(await asyncio.to_thread(inside, venue, script))
            assert cuts == {"Kiosk 1": 1, "Kiosk 2": 1}
            assert (told["papers"]["exchanged"], told["papers"]["under_way"]) == (2, 0)
            assert told["balanced"] == [True, True]
            assert sorted(told["uses"]) == [[True, 0], [True, 1], [True, 1]]
            assert told["least"] == [1, 1], "phones are void by the list now"
            assert told["conflicts"] == 0

    asyncio.run(story())
