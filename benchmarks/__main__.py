"""Measure how fast it is here: prints a table, writes JSON.

`gatehouse bench [NAME] [--json FILE]`; without a name everything is measured. JSON: `rows` of
{name, n, cpu_ms_p50, cpu_ms_p99, wall_ms_p50, wall_ms_p99}, and `figures` that are no durations.
"""

import argparse
import asyncio
import json
import math
import platform
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import broker, camera, claim, decision, drain, gate, kiosk, newcomer, refund, rig

MEASUREMENTS: dict[str, tuple[Callable[[Path], rig.Report], str]] = {
    "decision": (decision.measure, "lists of 10 000, 100 000 and 1 000 000 tickets"),
    "list": (decision.measure_list, "a list of 1 000 000 tickets is built"),
    "refund": (refund.measure, "a refund at central to its refusal at gates"),
    "newcomer": (newcomer.measure, "a new gate on a line of 20 Mbit/s; root, some minutes"),
    "claim": (claim.measure, "a claim answered by the hub, 8 gates at once, 1 min"),
    "broker": (broker.measure, "a change of the list to 200 and 2 000 gates, with TLS and without"),
    "drain": (drain.measure, "100 000 rows of a gate into central, SQLite and PostgreSQL"),
    "gate": (lambda folder: asyncio.run(gate.measure_gate(folder)), "a gate starts"),
    "relay": (lambda folder: asyncio.run(gate.measure_relay(folder)), "codes and pulses, 4 min"),
    "lane": (lambda folder: asyncio.run(gate.measure_lane(folder)), "a crowd, 1 min"),
    "camera": (camera.measure, "pictures looked at, a camera watched, 1 min"),
    "kiosk": (kiosk.measure, "touched to paper, at a printer's real speed, 2 min"),
}


def main(argv: list[str] | None = None) -> int:
    """Measure what is named, or everything; return the exit status."""
    parser = argparse.ArgumentParser(prog="gatehouse bench", description=__doc__.splitlines()[0])
    parser.add_argument("name", nargs="?", choices=MEASUREMENTS, help="default: everything")
    parser.add_argument("--json", type=Path, metavar="FILE")
    asked = parser.parse_args(argv)
    machine = f"{platform.machine()}, Python {platform.python_version()}"
    whole = rig.Report()
    with tempfile.TemporaryDirectory(prefix="gatehouse-bench-") as folder:
        for name in [asked.name] if asked.name else MEASUREMENTS:
            measure, words = MEASUREMENTS[name]
            with Console(stderr=True).status(f"{name}: {words}"):
                report = measure(Path(folder))
            whole.rows += report.rows
            whole.figures |= report.figures
            whole.on_a_pi |= report.on_a_pi
    console = Console()
    console.print(f"Gatehouse on {machine}. No Raspberry Pi was used: its figures are expected.")
    console.print(_durations(whole), _figures(whole), sep="\n")
    if asked.json:
        report_of = {"machine": machine, **asdict(whole)}
        asked.json.write_text(json.dumps(_known(report_of), indent=2, ensure_ascii=False) + "\n")
    return 0


def _durations(report: rig.Report) -> Table:
    table = Table(title="milliseconds")
    table.add_column("what")
    for column in ("n", "CPU p50", "CPU p99", "wall p50", "wall p99"):
        table.add_column(column, justify="right")
    table.add_column("on a Raspberry Pi 4")
    for row in report.rows:
        times = (row.cpu_ms_p50, row.cpu_ms_p99, row.wall_ms_p50, row.wall_ms_p99)
        shown = ("" if math.isnan(value) else f"{value:.3f}" for value in times)
        table.add_row(row.name, str(row.n), *shown, report.on_a_pi[row.name])
    return table


def _figures(report: rig.Report) -> Table:
    table = Table()
    table.add_column("what")
    table.add_column("figure", justify="right")
    table.add_column("on a Raspberry Pi 4")
    for name, value in report.figures.items():
        table.add_row(name, f"{value:g}", report.on_a_pi[name])
    return table


def _known(value: object) -> object:
    """JSON has no NaN: what was not measured is null."""
    if isinstance(value, dict):
        return {name: _known(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_known(one) for one in value]
    return None if isinstance(value, float) and math.isnan(value) else value


if __name__ == "__main__":
    sys.exit(main())
