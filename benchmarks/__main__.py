"""`make bench`: measures, prints a table and writes JSON.

python -m benchmarks [--only decision|gate] [--json FILE]
"""

import argparse
import asyncio
import json
import platform
import sys
import tempfile
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks import decision, gate

PI_FACTOR = "a Raspberry Pi 4 or 5 is expected to take 4 to 6 times the CPU; not measured"


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--only", choices=["decision", "gate"])
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    report: dict[str, Any] = {
        "machine": f"{platform.machine()}, Python {platform.python_version()}",
        "expected_on_a_pi": PI_FACTOR,
    }
    console = Console(stderr=True)
    with tempfile.TemporaryDirectory(prefix="gatehouse-bench-") as folder:
        if asked.only != "gate":
            with console.status("decision: lists of 10 000, 100 000 and 1 000 000"):
                report["decision"] = decision.measure(Path(folder))
        if asked.only != "decision":
            with console.status("gate: a million tickets, four lanes, a minute of crowd"):
                report["gate"] = asyncio.run(gate.measure(Path(folder)))
    Console().print(_table(report))
    if asked.json:
        asked.json.write_text(json.dumps(report, indent=2) + "\n")
    return 0


def _table(report: dict[str, Any]) -> Table:
    table = Table(title=f"Gatehouse on {report['machine']}", caption=report["expected_on_a_pi"])
    table.add_column("what")
    table.add_column("figure", justify="right")
    for name, value in _flat(report):
        table.add_row(name, str(value))
    return table


def _flat(value: dict[str, Any], before: str = "") -> list[tuple[str, Any]]:
    lines: list[tuple[str, Any]] = []
    for name, one in value.items():
        if name in ("machine", "expected_on_a_pi"):
            continue
        if isinstance(one, dict) and set(one) == {"p50", "p90", "p99", "max", "mean"}:
            lines.append((before + name, "  ".join(f"{k} {v:g}" for k, v in one.items())))
        elif isinstance(one, dict):
            lines += _flat(one, f"{before}{name} ")
        else:
            lines.append((before + name, one))
    return lines


if __name__ == "__main__":
    sys.exit(main())
