"""A decision: parse, verify, look up, judge, commit to disk. And how a list is built.

CPU time is what the store's thread spent. Wall time is shown beside a control that writes and
syncs 4 KiB once, since the disk decides it. A bare verification is measured before each decision,
so that both meet the machine alike: its cores clock up and down, and others use them. It is also
measured in a loop of nothing else, where every cache is warm and which no gate ever runs.
"""

import os
import time
from collections.abc import Callable
from datetime import UTC
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from benchmarks import rig
from edge.core.lane import Judge
from edge.core.scan import Scan
from edge.gate.config import LaneConfig, ZoneConfig
from edge.gate.desk import Desk, Identity
from edge.runtime.clock import SystemClock
from edge.store.journal import Journal
from edge.store.whitelist import Whitelist
from tests.trusted import trusting
from wire.event import ClockQuality, Stamp

P = ParamSpec("P")
T = TypeVar("T")

DEVICE, BOOT = b"\x01" * 8, b"\x02" * 8
DECISIONS = 1500
SIZES = (10_000, 100_000, 1_000_000)


class _Here:
    """Runs the store's work on this thread, so that its CPU time can be read."""

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return work(*args, **kwargs)

    def close(self) -> None:
        pass


def measure(folder: Path) -> rig.Report:
    """Decide with lists of each size, and compare with one bare verification."""
    report = rig.Report()
    looped = report.add(rig.bare_verification(), rig.SLOWER)
    report.add(rig.control(folder), rig.DISK)
    ratios = []
    for size in SIZES:
        device = folder / f"device-{size}"
        rig.install(folder, rig.make_list(folder, size), device)
        decision, bare = _decisions(device, size)
        report.add(bare, rig.SLOWER)
        report.add(decision, f"{rig.SLOWER}, {rig.DISK}")
        ratios.append(decision.cpu_ms_p50 / bare.cpu_ms_p50)
        name = f"{decision.name}: bare verifications"
        report.figure(name, round(ratios[-1], 2))
        report.figure(f"{name} in a loop", round(decision.cpu_ms_p50 / looped.cpu_ms_p50, 2))
    report.figure("decision: slowest list over fastest", round(max(ratios) / min(ratios), 2))
    return report


def measure_list(folder: Path, size: int = SIZES[-1]) -> rig.Report:
    """Build a list as central does, of rights that are there already."""
    report = rig.Report()
    ctis = [rig.cti(number) for number in range(size)]
    began_cpu, began = time.process_time(), time.perf_counter()
    manifest = rig.make_list(folder, size, ctis)
    cpu, wall = time.process_time() - began_cpu, time.perf_counter() - began
    report.add(rig.row(f"list of {size} built", [cpu * 1000], [wall * 1000]), "built at central")
    report.figure("list: file, MB", round(manifest.file_bytes / 1e6, 1))
    report.figure("list: sent, bytes a ticket", round(manifest.compressed_bytes / size, 1))
    return report


def _decisions(device: Path, size: int) -> tuple[rig.Row, rig.Row]:
    """Return what decisions took, and what the bare verification before each of them took."""
    clock, lane = SystemClock(), LaneConfig(name="A1")
    journal = Journal(device, DEVICE, BOOT, os.urandom)
    now = clock.now()
    journal.open(Stamp(int(now.wall * 1000), int(now.uptime * 1000), BOOT, ClockQuality.SIGNED))
    identity = Identity(DEVICE, BOOT, os.urandom(32))
    zone = ZoneConfig(checkpoint=rig.CHECKPOINT)
    trust = trusting(device, "bench")
    whitelist = Whitelist(device, trust)
    desk = Desk(trust, whitelist, journal, _Here(), clock, os.urandom, identity, zone, UTC)
    step = size // DECISIONS
    shown = [rig.text(number * step) for number in range(DECISIONS)]
    stopwatch, bare, verify = rig.Stopwatch(), rig.Stopwatch(), rig.verification()
    for number, code in enumerate(shown):
        with bare:
            verify()
        scan = Scan(number.to_bytes(12, "big"), "reader", code, clock.now().uptime)
        with stopwatch:
            decision = _finished(desk.judge(Judge(scan, assume=False), lane, lambda: True))
        assert decision.events, decision.answer
    journal.close()
    name = f"decision, list of {size}"
    return stopwatch.row(name), bare.row(f"bare verification beside {name}")


def _finished(coroutine: Any) -> Any:
    """Run a coroutine that never waits."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("it waited")
