"""Gate, sync, broker and central as processes, on a machine whose clock is far off."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from paho.mqtt.publish import single

from edge.store.floor import FloorFile
from edge.store.outbox import JournalReader
from simulators.display import Display
from simulators.pty_line import PtyLine
from simulators.scanner import Scanner
from simulators.turnstile import Board
from tests.brokers import running_broker
from tests.enrolled import write_identity, write_link
from tests.system.conftest import DEVICE, ROOT, TOKEN
from tests.system.conftest import until as answering
from tests.system.test_gate_process import BAUD, CONFIGURATION
from tests.system.test_orders_from_an_admin import Admin
from tests.system.test_sync_with_central import Central
from wire import ticket as gh1
from wire.event import (
    Authorised,
    ClockQuality,
    CommandAnswered,
    Refused,
    Rung,
    RungChanged,
    Stamp,
)
from wire.reason import Reason
from wire.row import decode_row
from wire.ticket import Ticket
from wire.topic import Topics

DAY = 86_400.0
PATIENCE_SECONDS = 90.0

pytestmark = pytest.mark.timeout(400)


async def until(true: Callable[[], bool], what: str) -> None:
    """Wait; a machine under load has four processes to start, and sync's own patience to await."""
    for _ in range(int(PATIENCE_SECONDS / 0.1)):
        if true():
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"never: {what}")


@pytest.fixture
def central(tmp_path: Path) -> Iterator[Central]:
    with running_broker(tmp_path) as broker:
        central = Central(tmp_path, broker.port)
        central.start("web", "ingest", "publish")
        write_identity(tmp_path / "d", DEVICE, root=central.root)
        write_link(tmp_path / "d", broker.port, f"http://127.0.0.1:{central.port}", TOKEN)
        try:
            answering(central.answers, "central's pages")
            yield central
        finally:
            central.close()


def code(folder: Path, begins: float, ends: float) -> bytes:
    """A ticket sold this moment, good from and until so many seconds from now."""
    (path,) = (one for one in (folder / "central" / "keys").glob("*.pem") if len(one.stem) == 8)
    key = load_pem_private_key(path.read_bytes(), None)
    assert isinstance(key, Ed25519PrivateKey)
    now = int(time.time())
    ticket = Ticket(os.urandom(16), "SHOW", int(now + begins), int(now + ends), now, 1)
    return gh1.sign(ticket, bytes.fromhex(path.stem), key).encode()


def rows(folder: Path) -> list[tuple[object, Stamp]]:
    reader, found = JournalReader(folder, bytes.fromhex(DEVICE)), list[tuple[object, Stamp]]()
    for epoch in reader.epochs():
        batch = reader.batch(epoch.epoch, 1, 10_000)
        found += [decode_row(body) for body in batch.rows] if batch else []
    reader.close()
    return found


def rungs(folder: Path) -> list[Rung]:
    return [one.rung for one, _ in rows(folder) if isinstance(one, RungChanged)]


def decided(folder: Path) -> list[tuple[object, ClockQuality]]:
    """Return what became of each scan, and what the time was worth."""
    return [
        (one.reason if isinstance(one, Refused) else "in", at.clock)
        for one, at in rows(folder)
        if isinstance(one, Refused | Authorised)
    ]


@dataclass
class Machine:
    """A gate and its sync, and what hangs on it."""

    folder: Path
    scanner: Scanner
    board: Board
    display: Display


@asynccontextmanager
async def machine(folder: Path, off: float) -> AsyncIterator[Machine]:
    """Run a device, the wall clock of whose gate is `off`; needs one that is enrolled."""
    (folder / "config").mkdir()
    (folder / "config" / "zone.toml").write_text('checkpoint = "hall"\n')
    (folder / "gate.toml").write_text(CONFIGURATION.format(folder=folder))
    (folder / "sync.toml").write_text(
        f'directory = "{folder}"\n[intercom]\npath = "{folder}/sync.sock"\n'
    )
    lines = [PtyLine(folder / name) for name in ("scanner", "board", "display")]
    for line in lines:
        line.plug()
    board, display = Board(lines[1], window_seconds=1.0), Display(lines[2])
    playing = [asyncio.create_task(board.run()), asyncio.create_task(display.run())]
    commands = (
        ("edge.sync", "--config", str(folder / "sync.toml")),
        ("tests.system.off_clock", str(off), "gate", "--config", str(folder / "gate.toml")),
    )
    running = [
        await asyncio.create_subprocess_exec(sys.executable, "-m", *command, cwd=ROOT)
        for command in commands
    ]
    try:
        yield Machine(folder, Scanner(lines[0], BAUD), board, display)
    finally:
        for process in running:
            process.terminate()
            await process.wait()
        for task in playing:
            task.cancel()


@pytest.mark.parametrize("off", [-time.time(), 30 * DAY], ids=["1970", "ahead"])
@pytest.mark.usefixtures("central")
def test_a_clock_far_off_is_right_as_soon_as_central_has_spoken(tmp_path: Path, off: float) -> None:
    folder = tmp_path / "d"

    async def story() -> None:
        async with machine(folder, off) as device:
            await until(lambda: device.display.words[1] == "Show your ticket", "ready")
            # Whatever is shown: the row says what the time was worth.
            number = 0
            while not any(at.clock is ClockQuality.SIGNED for _, at in rows(folder)):
                number += 1
                assert number < 200, decided(folder)
                await device.scanner.present(f"is it time yet? {number}".encode())
                await asyncio.sleep(0.5)
            await until(lambda: Rung.FRESH in rungs(folder), "a fresh list")
            known = len(decided(folder))
            await device.scanner.present(code(tmp_path, -7200, -60))
            await until(lambda: len(decided(folder)) > known, "the old one refused")
            assert decided(folder)[-1] == (Reason.TOO_LATE, ClockQuality.SIGNED)
            await device.scanner.present(code(tmp_path, -60, 3600))
            await until(lambda: len(device.board.pulses) == 1, "the pulse")
            assert decided(folder)[-1] == ("in", ClockQuality.SIGNED)
            _, at = next(one for one in reversed(rows(folder)) if isinstance(one[0], Authorised))
            assert abs(at.wall_ms / 1000 - time.time()) < 60
            # Written every ten minutes of it, and at most ten behind: seldom, for the card's sake.
            await until(lambda: FloorFile(folder).read() > time.time() - 1800, "kept")

    asyncio.run(story())


def answers(folder: Path) -> list[tuple[int, str, bool]]:
    return [
        (one.counter, one.order, one.done)
        for one, _ in rows(folder)
        if isinstance(one, CommandAnswered)
    ]


GIVEN_LATE = """
import time
from central.orders.giving import give
from central.venue.models import Device
from wire.command import ResetClockFloor
device, long_ago = Device.objects.get(identity={device!r}), int(time.time()) - 300
for name, order in (
    ("late", give(device, ResetClockFloor(long_ago - 86400), "chief", long_ago)),
    ("obeyed", device.order_set.get(kind="reset-clock-floor", done=True)),
):
    open(f"{folder}/{{name}}", "wb").write(bytes(order.envelope))
"""


def test_an_admin_lowers_the_floor_of_a_gate_that_was_pulled_forward(
    tmp_path: Path, central: Central
) -> None:
    """And what was said once, or is said too late, lowers nothing."""
    folder, admin = tmp_path / "d", Admin(central)
    FloorFile(folder).keep(time.time() + 30 * DAY)

    async def refused(device: Machine, codes: list[str], what: object) -> None:
        for number in range(int(PATIENCE_SECONDS / 0.5)):
            await device.scanner.present(codes[number % len(codes)].encode())
            await asyncio.sleep(0.5)
            assert not device.board.pulses, decided(folder)
            if what in decided(folder):
                return
        raise AssertionError(decided(folder))

    async def carried(name: str) -> None:
        """Whoever is at the broker brings an order of before."""
        envelope, known = (tmp_path / name).read_bytes(), len(answers(folder))
        topic, port = Topics("venue").command(DEVICE), central.broker_port
        await asyncio.to_thread(single, topic, envelope, port=port, hostname="127.0.0.1")
        await until(lambda: len(answers(folder)) > known, f"{name}: recorded")

    async def story() -> None:
        async with machine(folder, 0.0) as device:
            await until(lambda: Rung.FRESH in rungs(folder), "a signed heartbeat")
            doubtful = (Reason.CLOCK_SUSPECT, ClockQuality.SUSPECT)
            await refused(device, central.tickets[1:], doubtful)
            await asyncio.to_thread(admin.order, "open-once", lane="A1", why="a visitor")
            await until(lambda: answers(folder) == [(1, "open-once", False)], "too old for it")
            assert FloorFile(folder).read() > time.time() + 29 * DAY

            shown = await asyncio.to_thread(admin.order, "reset-clock-floor")
            assert "重置时钟下限" in shown
            await until(lambda: FloorFile(folder).read() < time.time() + 60, "the floor")
            assert answers(folder)[1:] == [(2, "reset-clock-floor", True)]
            await until(lambda: "✓ 已执行 done" in admin.page("orders/order/"), "at central")

            junk = [os.urandom(8).hex() for _ in range(200)]
            await refused(device, junk, (Reason.NOT_A_TICKET, ClockQuality.SIGNED))
            await device.scanner.present(central.tickets[0].encode())
            await until(lambda: len(device.board.pulses) == 1, "the pulse")
            assert decided(folder)[-1] == ("in", ClockQuality.SIGNED)

            central.run(GIVEN_LATE.format(device=DEVICE, folder=tmp_path))
            await carried("obeyed")
            assert answers(folder)[2:] == [(0, "reset-clock-floor", False)]
            await carried("late")
            assert answers(folder)[3:] == [(3, "reset-clock-floor", False)]
            assert abs(FloorFile(folder).read() - time.time()) < 1800

    asyncio.run(story())
