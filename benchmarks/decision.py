"""A decision: parse, verify, look up, judge, commit to disk. And how a list is built.

CPU time is what the store's thread spent; wall time is shown beside a control that writes and
syncs 4 KiB once, since the disk decides it.
"""

import os
import time
from datetime import UTC
from pathlib import Path
from typing import Any

from benchmarks import rig
from edge.core.lane import Judge
from edge.core.scan import Scan
from edge.gate.config import LaneConfig, ZoneConfig
from edge.gate.desk import Desk, Identity
from edge.runtime.clock import SystemClock
from edge.store.journal import Journal
from edge.store.whitelist import Whitelist
from wire.event import ClockQuality, Stamp

DEVICE, BOOT = b"\x01" * 8, b"\x02" * 8
DECISIONS = 1500
SIZES = (10_000, 100_000, 1_000_000)


class _Here:
    """Runs the store's work on this thread, so that its CPU time can be read."""

    async def run(self, work: Any, *args: Any) -> Any:
        return work(*args)

    def close(self) -> None:
        pass


def measure(folder: Path) -> dict[str, Any]:
    """Return figures for each size of list, the bare verification, and building the largest."""
    report: dict[str, Any] = {"bare_verify_us": bare_verify_us()}
    for size in SIZES:
        with rig.Stopwatch() as building:
            manifest = rig.make_list(folder, size)
        device = folder / f"device-{size}"
        rig.install(folder, manifest, device)
        report[f"list_{size}"] = {
            "build_cpu_s": round(building.cost.cpu_seconds, 2),
            "file_mb": round(manifest.file_bytes / 1e6, 1),
            "sent_mb": round(manifest.compressed_bytes / 1e6, 1),
            "bytes_a_ticket_sent": round(manifest.compressed_bytes / size, 1),
            "decision": _decisions(device, size),
        }
    report["control_fdatasync_ms"] = rig.spread(rig.fdatasync_ms(folder))
    bare = report["bare_verify_us"]["p50"]
    for size in SIZES:
        decision = report[f"list_{size}"]["decision"]
        decision["times_bare_verify"] = round(decision["cpu_us"]["p50"] / bare, 2)
    return report


def bare_verify_us() -> dict[str, float]:
    public = rig.KEY.public_key()
    message = os.urandom(150)
    signature = rig.KEY.sign(message)
    took = []
    for _ in range(DECISIONS):
        began = time.thread_time_ns()
        public.verify(signature, message)
        took.append((time.thread_time_ns() - began) / 1000)
    return rig.spread(took)


def _decisions(device: Path, size: int) -> dict[str, Any]:
    clock, lane = SystemClock(), LaneConfig(name="A1")
    journal = Journal(device, DEVICE, BOOT, os.urandom)
    now = clock.now()
    journal.open(Stamp(int(now.wall * 1000), int(now.uptime * 1000), BOOT, ClockQuality.SIGNED))
    identity = Identity(DEVICE, BOOT, os.urandom(32))
    zone = ZoneConfig(checkpoint=rig.CHECKPOINT)
    desk = Desk(Whitelist(device), journal, _Here(), clock, os.urandom, identity, zone, UTC)
    step = size // DECISIONS
    shown = [rig.text(number * step) for number in range(DECISIONS)]
    cpu, wall = [], []
    for number, code in enumerate(shown):
        scan = Scan(number.to_bytes(12, "big"), "reader", code, clock.now().uptime)
        began_cpu, began = time.thread_time_ns(), time.perf_counter()
        decision = _finished(desk.judge(Judge(scan, assume=False), lane))
        cpu.append((time.thread_time_ns() - began_cpu) / 1000)
        wall.append((time.perf_counter() - began) * 1000)
        assert decision.events, decision.answer
    journal.close()
    return {"cpu_us": rig.spread(cpu), "wall_ms": rig.spread(wall)}


def _finished(coroutine: Any) -> Any:
    """Run a coroutine that never waits."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("it waited")
