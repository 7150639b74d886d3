"""A copied ticket at two gates: two real gates and their sync, a hub with its broker, central.

With the hub there, central or not, it is admitted exactly as often as it allows. Without the hub a
hybrid zone goes on: once at each gate at most, and central tells each double afterwards, by gate
and minute. A consistent zone lets nobody in.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from edge.store.outbox import JournalReader
from simulators.display import Display
from simulators.pty_line import PtyLine
from simulators.scanner import Scanner
from simulators.turnstile import Board
from tests.brokers import TestBroker, free_port
from tests.enrolled import write_identity, write_link
from wire.event import Authorised
from wire.row import decode_row

ROOT = Path(__file__).parents[2]
GATES = {"0102030405060701": "Gate 1", "0102030405060702": "Gate 2"}
HUB = "0102030405060709"
BAUD = 115200
PATIENCE_SECONDS = 240.0

GATE = """
directory = "{folder}"
intercom = "{folder}/sync.sock"
[[lane]]
name = "A1"
window_seconds = 4.0
reader = [{{ kind = "serial", path = "{folder}/scanner", baud = 115200, idle_gap_seconds = 1.0 }}]
relay = {{ kind = "modbus", path = "{folder}/board", baud = 115200, coil = 0 }}
pass_contact = {{ kind = "modbus", path = "{folder}/board", baud = 115200, input = 0 }}
panel = [{{ kind = "serial", path = "{folder}/display", columns = 40 }}]
"""


class Running:
    """Our own processes by name; each is ended by its id."""

    def __init__(self) -> None:
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, *command: str) -> None:
        told = [sys.executable, "-m", *command]
        quiet = subprocess.DEVNULL
        self._processes[name] = subprocess.Popen(told, cwd=ROOT, stdout=quiet, stderr=quiet)

    def kill(self, *names: str) -> None:
        for name in names:
            process = self._processes.pop(name)
            process.send_signal(signal.SIGKILL)
            process.wait(PATIENCE_SECONDS)

    def close(self) -> None:
        self.kill(*list(self._processes))


@dataclass
class Gate:
    device: str
    folder: Path
    scanner: Scanner
    board: Board
    display: Display

    @property
    def title(self) -> str:
        return self.display.words[1]

    def admitted(self) -> list[Authorised]:
        reader = JournalReader(self.folder, bytes.fromhex(self.device))
        found: list[Authorised] = []
        for epoch in reader.epochs():
            batch = reader.batch(epoch.epoch, 1, 10_000)
            assert batch
            rows = (decode_row(body)[0] for body in batch.rows)
            found += [row for row in rows if isinstance(row, Authorised)]
        reader.close()
        return found


@dataclass
class Venue:
    folder: Path
    broker: TestBroker
    near: TestBroker
    """The hub's own."""
    running: Running = field(default_factory=Running)
    key: str = ""
    """The hub's, that zones believe."""
    gates: list[Gate] = field(default_factory=list)
    tickets: list[str] = field(default_factory=list)

    def start_central(self) -> None:
        self.broker.start()
        for daemon in ("web", "ingest", "publish"):
            self.running.start(daemon, "central", "--config", str(self.folder / "c.toml"), daemon)

    def lose_central(self) -> None:
        self.running.kill("web", "ingest", "publish")
        self.broker.kill()

    def start_hub(self) -> None:
        self.near.start()
        self.running.start("hub", "gatehouse", "hub", "--config", str(self.folder / "hub.toml"))

    def lose_hub(self) -> None:
        self.running.kill("hub")
        self.near.kill()

    def start_gate(self, gate: Gate) -> None:
        told = str(gate.folder / "gate.toml")
        self.running.start(gate.device, "gatehouse", "gate", "--config", told)

    def inside_central(self, script: str) -> str:
        """Run Python within central, as a page of it would; return what it prints."""
        told = f"import django; django.setup()\n{script}"
        variables = {
            "DJANGO_SETTINGS_MODULE": "central.settings",
            "GATEHOUSE_CENTRAL_CONFIG": str(self.folder / "c.toml"),
        }
        command = [sys.executable, "-c", told]
        environment = {**os.environ, **variables}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout


async def until(true: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not true():
        assert time.monotonic() < deadline, f"never: {what}"
        await asyncio.sleep(0.05)


def describe(folder: Path, broker_port: int, web_port: int) -> list[str]:
    """Make central's folder; return the texts of its tickets."""
    now = int(time.time())
    kind = {"code": 1, "name": {"zh": "成人", "en": "Adult"}, "uses": {"hall": 1}}
    event = {
        "audience": "SHOW",
        "name": {"zh": "演出", "en": "Show"},
        "opens": now - 3600,
        "closes": now + 36000,
        "classes": [{**kind, "tickets": [{"count": 5}]}],
    }
    venue = {
        "code": "venue",
        "name": {"zh": "场馆", "en": "Venue"},
        "checkpoints": ["hall"],
        "devices": [{"id": one, "name": GATES[one], "token": f"t{one}"} for one in GATES],
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
    return [json.loads(line)["text"] for line in (folder / "tickets").read_text().splitlines()]


def write_hub(folder: Path, port: int) -> str:
    """Write what a hub is told; return its key."""
    devices = "".join(f'[[device]]\nid = "{one}"\nname = "{GATES[one]}"\n' for one in GATES)
    told = folder / "hub.toml"
    told.write_text(f'directory = "{folder / "hub"}"\n[broker]\nport = {port}\n{devices}')
    write_identity(folder / "hub", HUB)
    command = [sys.executable, "-m", "gatehouse", "hub", "--config", str(told), "--key"]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.strip()


def zone(policy: str, key: str) -> str:
    return f'checkpoint = "hall"\nclaims = "{policy}"\nclaims_key = "{key}"\ntime_zone = "UTC"\n'


@asynccontextmanager
async def gate(venue: Venue, device: str, web_port: int) -> AsyncIterator[Gate]:
    folder = venue.folder / device
    (folder / "config").mkdir(parents=True)
    (folder / "config" / "zone.toml").write_text(zone("hybrid", venue.key))
    (folder / "gate.toml").write_text(GATE.format(folder=folder))
    (folder / "sync.toml").write_text(
        f'directory = "{folder}"\n[intercom]\npath = "{folder}/sync.sock"\n'
        f"[hub.broker]\nport = {venue.near.port}\n"
    )
    write_identity(folder, device, root=(venue.folder / "root").read_text())
    write_link(folder, venue.broker.port, f"http://127.0.0.1:{web_port}", f"t{device}")
    lines = [PtyLine(folder / name) for name in ("scanner", "board", "display")]
    for line in lines:
        line.plug()
    board, display = Board(lines[1], window_seconds=4.0), Display(lines[2])
    playing = [asyncio.create_task(board.run()), asyncio.create_task(display.run())]
    made = Gate(device, folder, Scanner(lines[0], BAUD), board, display)
    venue.running.start(f"sync-{device}", "gatehouse", "sync", "--config", f"{folder}/sync.toml")
    venue.start_gate(made)
    try:
        yield made
    finally:
        for task in playing:
            task.cancel()


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
        venue.tickets = describe(folder, venue.broker.port, web_port)
        venue.key = write_hub(folder, venue.near.port)
        venue.start_central()
        venue.start_hub()
        for device in GATES:
            venue.gates.append(await stack.enter_async_context(gate(venue, device, web_port)))
        for one in venue.gates:
            await until(lambda one=one: one.title == "Show your ticket", "ready")  # type: ignore[misc]
        yield venue


def lists_are_there(venue: Venue) -> Callable[[], bool]:
    return lambda: all((one.folder / "list" / "current").exists() for one in venue.gates)


async def shown_at_both(venue: Venue, text: str) -> list[Authorised]:
    """Show a ticket to both gates at once; return who was let in, and has walked in."""
    before = [one.admitted() for one in venue.gates]
    said = [one.title for one in venue.gates]
    await asyncio.gather(*(one.scanner.present(text.encode()) for one in venue.gates))
    await asyncio.gather(*(walked_in(*one) for one in zip(venue.gates, said, strict=True)))
    for one in venue.gates:
        await until(lambda one=one: one.title == "Show your ticket", "at rest")  # type: ignore[misc]
    return [
        row
        for one, earlier in zip(venue.gates, before, strict=True)
        for row in one.admitted()[len(earlier) :]
    ]


async def walked_in(gate: Gate, words: str) -> None:
    """Wait until its panel says something else than `words`; whoever is let in walks in."""
    await until(lambda: gate.title != words, "an answer")
    if gate.title == "Please enter":
        await gate.board.walk_through()


async def until_told(gate: Gate, text: str, words: str) -> None:
    """Show a ticket again and again, as somebody would who was told to try again."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while gate.title != words:
        assert time.monotonic() < deadline, f"never: {words}"
        await gate.scanner.present(text.encode())
        for _ in range(60):
            if gate.title == words:
                return
            await asyncio.sleep(0.05)


@pytest.mark.nightly
@pytest.mark.timeout(900)
def test_a_copied_ticket_at_two_gates(tmp_path: Path) -> None:
    async def story() -> None:
        async with whole(tmp_path) as venue:
            await until(lists_are_there(venue), "lists")
            first, second = venue.gates
            # Everything there.
            (admitted,) = await shown_at_both(venue, venue.tickets[0])
            assert admitted.term
            assert not admitted.unanswered
            # The hub alone: somebody walks in, and is told of at the other gate.
            venue.lose_central()
            assert len(await shown_at_both(venue, venue.tickets[1])) == 1
            await first.scanner.present(venue.tickets[2].encode())
            await until(lambda: first.title == "Please enter", "let in")
            await first.board.walk_through()
            await until(lambda: first.title == "Show your ticket", "walked in")
            await asyncio.sleep(0.5)
            await second.scanner.present(venue.tickets[2].encode())
            await until(lambda: second.title.endswith("Gate 1"), "told where")
            assert second.title.startswith("Used ")
            await until(lambda: second.title == "Show your ticket", "at rest")
            # Nobody: once at each gate, and no more than that.
            venue.lose_hub()
            doubled = await shown_at_both(venue, venue.tickets[3])
            assert [one.unanswered for one in doubled] == [True, True]
            assert await shown_at_both(venue, venue.tickets[3]) == []
            # Who wants certainty lets nobody in, until the hub is back and has heard both gates.
            venue.running.kill(second.device)
            certain = zone("consistent", venue.key)
            (second.folder / "config" / "zone.toml").write_text(certain)
            venue.start_gate(second)
            before = len(second.admitted())
            await until_told(second, venue.tickets[4], "Cannot be checked right now")
            assert len(second.admitted()) == before
            venue.start_hub()
            await until_told(second, venue.tickets[4], "Please enter")
            assert second.admitted()[before].term > admitted.term
            # Back again: the double is found, and told by gate and minute.
            venue.start_central()
            told = await asyncio.to_thread(told_by_central, venue, doubled[0].cti)
            assert {name for name, _ in told} == {"Gate 1", "Gate 2"}
            assert all(abs(at - time.time()) < 300 for _, at in told)

    asyncio.run(story())


def told_by_central(venue: Venue, cti: bytes) -> list[tuple[str, float]]:
    """Return where and when central says that a right was used, from its one conflict."""
    found: list[Any] = json.loads(
        venue.inside_central(
            "import json, time\n"
            "from central.ledger.findings import CONFLICT, spending\n"
            "from central.ledger.models import Incident\n"
            f"until = time.monotonic() + {PATIENCE_SECONDS}\n"
            "while not Incident.objects.filter(kind=CONFLICT).exists():\n"
            "    assert time.monotonic() < until, 'never found'\n"
            "    time.sleep(0.1)\n"
            "(one,) = Incident.objects.filter(kind=CONFLICT)\n"
            "cti = bytes.fromhex(one.detail['cti'])\n"
            "uses = spending(cti, one.detail['checkpoint'])\n"
            "told = [(use.device.name, use.wall_ms / 1000) for use in uses]\n"
            "print(json.dumps([one.detail['cti'], told]))\n"
        )
    )
    assert found[0] == cti.hex()
    return [(name, at) for name, at in found[1]]
