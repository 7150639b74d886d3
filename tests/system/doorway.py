"""A whole device, gate and sync as processes, at a simulated turnstile; people who come to it.

The device believes the tests' own keys; its broker takes what it reports to whoever listens.
"""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from edge.store.delivery import DeliveryStore
from edge.store.outbox import JournalReader
from simulators.display import Display
from simulators.pty_line import PtyLine
from simulators.scanner import Scanner
from simulators.turnstile import Board, Coil
from tests.device import KEY, ListMaker, ticket, writing
from tests.enrolled import write_identity, write_link
from tests.system.conftest import DEVICE, ROOT, TOKEN
from tests.system.test_gate_process import BAUD
from wire import ticket as gh1
from wire.event import AnyEvent
from wire.row import Unknown, decode_row

PATIENCE_SECONDS = 120.0
TICKETS = 600
READY = "Show your ticket"

GATE = """
directory = "{folder}"
intercom = "{sockets}/sync.sock"
[[lane]]
name = "A1"
window_seconds = 1.0
reader = [{{ kind = "serial", path = "{sockets}/scanner", baud = 115200, idle_gap_seconds = 1.0 }}]
relay = {{ kind = "modbus", path = "{sockets}/board", baud = 115200, coil = 0 }}
pass_contact = {{ kind = "modbus", path = "{sockets}/board", baud = 115200, input = 0 }}
panel = [{{ kind = "serial", path = "{sockets}/display", columns = 32 }}]
"""


async def until(
    true: Callable[[], bool], what: str, patience_seconds: float = PATIENCE_SECONDS
) -> None:
    for _ in range(int(patience_seconds / 0.05)):
        if true():
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"never: {what}")


@dataclass
class Doorway:
    folder: Path
    """The device's."""
    told: Path
    """The folder of its configuration files."""
    scanner: Scanner
    board: Board
    display: Display
    processes: dict[str, asyncio.subprocess.Process] = field(default_factory=dict)
    steps: Path | None = None
    """Where the wall clock of both is told by how much it is off; None: it is the machine's."""

    @property
    def title(self) -> str:
        return self.display.words[1]

    @property
    def pulses(self) -> int:
        return sum(coil is Coil.ENTRY for coil, _ in self.board.pulses)

    def events(self) -> list[AnyEvent | Unknown]:
        """Return what the journal holds, oldest first."""
        reader, found = JournalReader(self.folder, bytes.fromhex(DEVICE)), list[bytes]()
        for top in reader.epochs():
            first = 1
            while batch := reader.batch(top.epoch, first, 500):
                found += batch.rows
                first += len(batch.rows)
        reader.close()
        return [decode_row(body)[0] for body in found]

    def kinds(self) -> list[str]:
        return [str(event.__struct_config__.tag) for event in self.events()]

    def delivered(self) -> bool:
        """Whether central has acknowledged every row."""
        reader, store = JournalReader(self.folder, bytes.fromhex(DEVICE)), None
        try:
            store = DeliveryStore(self.folder)
            tops = reader.epochs()
            return bool(tops) and all(store.acknowledged(one.epoch) == one.top for one in tops)
        finally:
            reader.close()
            if store:
                store.close()

    async def show(self, number: int) -> None:
        await self.scanner.present(gh1.sign(ticket(number), b"k1", KEY).encode())

    async def start(self, daemon: str, environment: dict[str, str] | None = None) -> None:
        """Start `gate` or `sync`."""
        command = ["gatehouse", daemon]
        if self.steps:
            command = ["tests.system.off_clock", str(self.steps), daemon]
        told = ("--config", str(self.told / f"{daemon}.toml"))
        self.processes[daemon] = await asyncio.create_subprocess_exec(
            sys.executable, "-m", *command, *told, cwd=ROOT, env=environment
        )

    async def kill(self, daemon: str) -> bool:
        """SIGKILL; return whether it was still alive."""
        process = self.processes[daemon]
        alive = process.returncode is None
        if alive:
            process.kill()
        await process.wait()
        return alive

    async def stop(self, daemon: str) -> int:
        process = self.processes[daemon]
        process.terminate()
        return await process.wait()

    async def close(self) -> None:
        for daemon in self.processes:
            await self.kill(daemon)


@asynccontextmanager
async def doorway(
    folder: Path, broker_port: int, steps: Path | None = None
) -> AsyncIterator[Doorway]:
    """Run a device in `folder`; what hangs on it has its places beside that."""
    sockets = _prepare(folder, broker_port)
    lines = [PtyLine(sockets / name) for name in ("scanner", "board", "display")]
    for line in lines:
        line.plug()
    board, display = Board(lines[1], window_seconds=1.0), Display(lines[2])
    playing = [asyncio.create_task(board.run()), asyncio.create_task(display.run())]
    device = Doorway(folder, sockets, Scanner(lines[0], BAUD), board, display, steps=steps)
    try:
        for daemon in ("sync", "gate"):
            await device.start(daemon)
        await until(lambda: device.title == READY, "ready")
        yield device
    finally:
        await device.close()
        for task in playing:
            task.cancel()


def _prepare(folder: Path, broker_port: int) -> Path:
    """Write what enrolment and sync leave on a device; return where its lines are to be."""
    made, sockets = folder.parent / "made", folder.parent / "lines"
    for one in (made, sockets):
        one.mkdir()
    (folder / "config").mkdir(parents=True)
    (folder / "config" / "zone.toml").write_text('checkpoint = "hall"\n')
    (sockets / "gate.toml").write_text(GATE.format(folder=folder, sockets=sockets))
    (sockets / "sync.toml").write_text(
        f'directory = "{folder}"\n[intercom]\npath = "{sockets}/sync.sock"\n'
    )
    write_identity(folder, DEVICE)
    write_link(folder, broker_port, "http://127.0.0.1:1", TOKEN)
    list_made = ListMaker(made).make("v1", range(TICKETS))
    carried = folder / "carried.db"
    carried.write_bytes(list_made.path.read_bytes())
    writer = writing(folder)
    writer.install("v1", carried, list_made.sealed)
    writer.close()
    # As enrolment and sync would have left it: on the disk.
    subprocess.run(["sync", "--file-system", str(folder)], check=True)
    return sockets
