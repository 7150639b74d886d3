"""Whether central's ledger is the union of the journals, row for row and byte for byte."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from edge.store.outbox import JournalReader

Rows = dict[tuple[str, str], list[bytes]]
"""(device, epoch), in hex -> its rows, from the first."""

READ = """
import json, pathlib
from central.ledger.models import Incident, Row
told = {{}}
for row in Row.objects.select_related("device").order_by("device", "epoch", "seq"):
    name = row.device.identity + " " + bytes(row.epoch).hex()
    told.setdefault(name, []).append([row.seq, bytes(row.body).hex()])
wrong = [f"{{one.kind}} {{one.detail}}" for one in Incident.objects.all()]
pathlib.Path({path!r}).write_text(json.dumps([told, wrong]))
"""


class Runs(Protocol):
    """A central that can be asked by a script."""

    def run(self, script: str) -> None: ...


def ledger(central: Runs, folder: Path) -> tuple[Rows, list[str]]:
    """Return central's rows, and what it says is wrong with them."""
    path = folder / "ledger.json"
    central.run(READ.format(path=str(path)))
    told, wrong = json.loads(path.read_text())
    rows: Rows = {}
    for name, held in told.items():
        assert [seq for seq, _ in held] == list(range(1, len(held) + 1)), f"a hole in {name}"
        device, epoch = name.split()
        rows[device, epoch] = [bytes.fromhex(body) for _, body in held]
    return rows, wrong


def journal(directory: Path, device: str) -> Rows:
    """Return every row that a device has."""
    reader, rows = JournalReader(directory, bytes.fromhex(device)), Rows()
    for top in reader.epochs():
        assert top.first == 1
        held = rows.setdefault((device, top.epoch.hex()), [])
        while batch := reader.batch(top.epoch, len(held) + 1, 500):
            held += batch.rows
        assert len(held) == top.top
    reader.close()
    return rows


def agree(central: Runs, folder: Path, devices: Iterable[tuple[Path, str]]) -> int:
    """Fail unless central has exactly what the devices have; return how many rows that is."""
    held, wrong = ledger(central, folder)
    union: Rows = {}
    for directory, device in devices:
        union |= journal(directory, device)
    assert held.keys() == union.keys()
    for name, rows in union.items():
        assert held[name] == rows, f"{name} differs"
    assert not wrong, wrong
    return sum(map(len, union.values()))
