"""The gate as a process, on a list of a million: ready, memory, code to relay, a crowd.

Its devices are the simulated ones, on ptys, in this process; so what is measured includes their
share of the same cores.
"""

import asyncio
import random
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import rig
from edge.runtime import identity
from edge.runtime.identity import DeviceIdentity
from edge.store.outbox import JournalReader
from simulators.display import Display
from simulators.pty_line import PtyLine
from simulators.scanner import Scanner
from simulators.turnstile import Board, Coil, Walked
from tests.trusted import roles
from wire.event import Abandoned, Forced, Passed, PassedLate, Tailgated
from wire.row import decode_row
from wire.signed import pin

LANES = 4
SHOWN = 200
PATIENCE_SECONDS = 30.0
FIRST_SHOWN, FIRST_OF_CROWD = 100, 10_000
CROWD_SECONDS = 60.0
PER_MINUTE = 40.0


@dataclass
class Lane:
    name: str
    scanner: Scanner
    board: Board
    display: Display
    pulsed_at: float = 0.0

    def pulsed(self, _: Coil) -> None:
        self.pulsed_at = time.perf_counter()


@dataclass
class Gate:
    lanes: list[Lane]
    process: asyncio.subprocess.Process
    ready_seconds: float


async def measure_gate(folder: Path) -> rig.Report:
    """How soon a gate of four lanes is ready, and its share of memory."""
    report = rig.Report()
    async with running(_device(folder)) as gate:
        report.add(rig.row("gate ready", [], [gate.ready_seconds * 1000]), f"{rig.SLOWER}, a card")
        report.figure("gate: memory (PSS), MB", round(rig.pss_kb(gate.process.pid) / 1024, 1))
    return report


async def measure_relay(folder: Path) -> rig.Report:
    """From a code's last byte on its line to the relay command on the board's."""
    report = rig.Report()
    control = report.add(rig.control(folder), rig.DISK)
    async with running(_device(folder)) as gate:
        row = report.add(await _relay(gate), f"{rig.SLOWER}, {rig.DISK}")
    report.figure("relay: beyond the control, ms", round(row.wall_ms_p50 - control.wall_ms_p50, 3))
    return report


async def measure_lane(folder: Path) -> rig.Report:
    """A crowd of 40 people a minute on each of four lanes, against what really happened."""
    report = rig.Report()
    device = _device(folder)
    async with running(device) as gate:
        await _crowd(gate, device, report)
        report.figure("lane: memory (PSS) after, MB", round(rig.pss_kb(gate.process.pid) / 1024, 1))
    return report


def _device(folder: Path, size: int = 1_000_000) -> Path:
    device = folder / f"device-{size}"
    if not (device / "list" / "current").exists():
        rig.install(folder, rig.make_list(folder, size), device)
    return device


@asynccontextmanager
async def running(device: Path) -> AsyncIterator[Gate]:
    """Start a gate of four lanes on `device`; end it with the block."""
    lines = device / "lines"
    lines.mkdir(parents=True, exist_ok=True)
    (device / "config").mkdir(exist_ok=True)
    (device / "config" / "zone.toml").write_text(f'checkpoint = "{rig.CHECKPOINT}"\n')
    (device / "gate.toml").write_text(_configuration(device, lines))
    (device / identity.FOLDER).mkdir(exist_ok=True)
    # Of those roles that sealed the list: any others would leave the gate without one.
    who = DeviceIdentity("00" * 8, "bench", pin(roles("bench")).hex())
    (device / identity.FOLDER / identity.FILE).write_text(identity.text(who))
    lanes = [_lane(lines, f"A{number}") for number in range(1, LANES + 1)]
    playing = [asyncio.create_task(lane.board.run()) for lane in lanes]
    playing += [asyncio.create_task(lane.display.run()) for lane in lanes]
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gatehouse", "gate", "--config", str(device / "gate.toml")),
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        while not all(lane.display.words[1] for lane in lanes):
            await asyncio.sleep(0.005)
        yield Gate(lanes, process, time.perf_counter() - began)
    finally:
        process.terminate()
        await process.wait()
        for task in playing:
            task.cancel()


def _lane(lines: Path, name: str) -> Lane:
    scanner, board, display = (
        PtyLine(lines / f"{name}-{end}") for end in ("scanner", "board", "display")
    )
    for line in (scanner, board, display):
        line.plug()
    # Unpaced: what a wire of 115200 baud would add is arithmetic, 18 ms for a ticket.
    lane = Lane(name, Scanner(scanner, 115200, paced=False), Board(board), Display(display))
    lane.board.on_pulse = lane.pulsed
    return lane


async def _relay(gate: Gate) -> rig.Row:
    lane = gate.lanes[0]
    cpu, wall = list[float](), list[float]()
    for number in range(SHOWN):
        lane.pulsed_at = 0.0
        before = _cpu_ms(gate.process.pid)
        await lane.scanner.present(rig.text(FIRST_SHOWN + number))
        shown = time.perf_counter()
        while not lane.pulsed_at:
            if time.perf_counter() - shown > PATIENCE_SECONDS:
                raise RuntimeError(f"a good ticket opens nothing; {lane.display.words[1]!r}")
            await asyncio.sleep(0.0002)
        cpu.append(_cpu_ms(gate.process.pid) - before)
        wall.append((lane.pulsed_at - shown) * 1000)
        await lane.board.walk_through(seconds=0.05)
        while lane.display.words[1] != "Show your ticket":
            await asyncio.sleep(0.005)
        await asyncio.sleep(0.55)
    return rig.row("last byte of a code to relay", cpu, wall)


async def _crowd(gate: Gate, device: Path, report: rig.Report) -> None:
    before = _counted(device)
    chance = random.Random(1)
    answers = await asyncio.gather(
        *(
            _people(lane, random.Random(chance.random()), FIRST_OF_CROWD + 1000 * place)
            for place, lane in enumerate(gate.lanes)
        )
    )
    await asyncio.sleep(7.0)
    after = _counted(device)
    change = {name: after[name] - before[name] for name in after}
    followed = sum(lane.board.counted(Walked.FOLLOWED) for lane in gate.lanes)
    took = [value for one in answers for value in one]
    report.add(rig.row("lane: added to a person", [], took), f"{rig.SLOWER}, {rig.DISK}")
    walked_in = sum(lane.board.counted(Walked.IN) for lane in gate.lanes)
    report.figure("lane: people", len(took))
    report.figure("lane: walked in, by the boards", walked_in)
    report.figure("lane: passed, by the journal", change["passed"])
    report.figure("lane: false abandons", change["abandoned"])
    report.figure("lane: followed somebody, by the boards", followed)
    report.figure("lane: false tailgates", change["tailgated"] - followed)


async def _people(lane: Lane, chance: random.Random, first: int) -> list[float]:
    took: list[float] = []
    until = time.perf_counter() + CROWD_SECONDS
    number = first
    while time.perf_counter() < until:
        began = time.perf_counter()
        lane.pulsed_at = 0.0
        number += 1
        await lane.scanner.present(rig.text(number))
        shown = time.perf_counter()
        while not lane.pulsed_at:
            await asyncio.sleep(0.0005)
        took.append((lane.pulsed_at - shown) * 1000)
        if chance.random() < 0.05:
            await lane.board.walk_two(seconds=chance.uniform(0.6, 0.9))
        else:
            await lane.board.walk_through(seconds=chance.uniform(0.6, 1.0))
        rest = 60.0 / PER_MINUTE - (time.perf_counter() - began)
        await asyncio.sleep(max(rest, 0.05))
    return took


def _counted(device: Path) -> dict[str, int]:
    counts = {"passed": 0, "abandoned": 0, "tailgated": 0}
    reader = JournalReader(device, bytes(8))
    for epoch in reader.epochs():
        first = 1
        while batch := reader.batch(epoch.epoch, first, 1000):
            first += len(batch.rows)
            for body in batch.rows:
                happened, _ = decode_row(body)
                counts["passed"] += isinstance(happened, Passed | PassedLate)
                counts["abandoned"] += isinstance(happened, Abandoned)
                counts["tailgated"] += isinstance(happened, Tailgated | Forced)
    reader.close()
    return counts


def _cpu_ms(pid: int) -> float:
    """Return the CPU time of all threads of a process."""
    spent = (path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/schedstat"))
    return sum(int(line.split()[0]) for line in spent) / 1e6


def _configuration(device: Path, lines: Path) -> str:
    lanes = "".join(
        f"""
[[lane]]
name = "A{number}"
reader = [{{ kind = "serial", path = "{lines}/A{number}-scanner", baud = 115200 }}]
relay = {{ kind = "modbus", path = "{lines}/A{number}-board", baud = 115200, coil = 0 }}
pass_contact = {{ kind = "modbus", path = "{lines}/A{number}-board", baud = 115200, input = 0 }}
panel = [{{ kind = "serial", path = "{lines}/A{number}-display", columns = 32 }}]
"""
        for number in range(1, LANES + 1)
    )
    return f"""\
directory = "{device}"
intercom = "{device}/sync.sock"
{lanes}"""
