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
from typing import Any

from benchmarks import rig
from edge.store.outbox import JournalReader
from simulators.display import Display
from simulators.pty_line import PtyLine
from simulators.scanner import Scanner
from simulators.turnstile import Board, Coil, Walked
from wire.event import Abandoned, Forced, Passed, PassedLate, Tailgated, decode_row

LANES = 4
SHOWN = 200
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


async def measure(folder: Path, size: int = 1_000_000) -> dict[str, Any]:
    """Return ready, memory, relay and lane figures."""
    device = folder / "gate"
    if not (device / "list" / "current").exists():
        rig.install(folder, rig.make_list(folder, size), device)
    async with running(device) as gate:
        report: dict[str, Any] = {
            "ready_s": round(gate.ready_seconds, 3),
            "pss_mb": round(_pss_kb(gate.process.pid) / 1024, 1),
            "relay_ms": rig.spread(await _relay(gate.lanes[0])),
            "control_fdatasync_ms": rig.spread(rig.fdatasync_ms(folder)),
        }
        report["lane"] = await _crowd(gate, device)
        report["pss_after_mb"] = round(_pss_kb(gate.process.pid) / 1024, 1)
    report["relay_beyond_control_p50_ms"] = round(
        report["relay_ms"]["p50"] - report["control_fdatasync_ms"]["p50"], 3
    )
    return report


@asynccontextmanager
async def running(device: Path) -> AsyncIterator[Gate]:
    """Start a gate of four lanes on `device`; end it with the block."""
    lines = device / "lines"
    lines.mkdir(parents=True, exist_ok=True)
    (device / "config").mkdir(exist_ok=True)
    (device / "config" / "zone.toml").write_text(f'checkpoint = "{rig.CHECKPOINT}"\n')
    (device / "gate.toml").write_text(_configuration(device, lines))
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


async def _relay(lane: Lane) -> list[float]:
    """From a code's last byte on its pty to the relay command's arrival on the board's."""
    took = []
    for number in range(SHOWN):
        lane.pulsed_at = 0.0
        await lane.scanner.present(rig.text(number))
        shown = time.perf_counter()
        while not lane.pulsed_at:
            await asyncio.sleep(0.0002)
        took.append((lane.pulsed_at - shown) * 1000)
        await lane.board.walk_through(seconds=0.05)
        while lane.display.words[1] != "Show your ticket":
            await asyncio.sleep(0.005)
        await asyncio.sleep(0.55)
    return took


async def _crowd(gate: Gate, device: Path) -> dict[str, Any]:
    """Forty people a minute on each lane, at a natural pace."""
    before = _counted(device)
    chance = random.Random(1)
    answers = await asyncio.gather(
        *(
            _people(lane, random.Random(chance.random()), SHOWN + 1000 * place)
            for place, lane in enumerate(gate.lanes)
        )
    )
    await asyncio.sleep(7.0)
    after = _counted(device)
    walked = sum(lane.board.counted(Walked.IN) for lane in gate.lanes) - SHOWN
    followed = sum(lane.board.counted(Walked.FOLLOWED) for lane in gate.lanes)
    change = {name: after[name] - before[name] for name in after}
    return {
        "lanes": LANES,
        "people": sum(len(one) for one in answers),
        "code_to_relay_ms": rig.spread([value for one in answers for value in one]),
        "walked_in": walked,
        "passed": change["passed"],
        "false_abandons": change["abandoned"],
        "followed": followed,
        "false_tailgates": change["tailgated"] - followed,
    }


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


def _pss_kb(pid: int) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    raise AssertionError("no Pss in smaps_rollup")


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
[device]
id = "{"00" * 8}"
name = "bench"
{lanes}"""
