"""A long outage ends: 100 000 rows of a gate drain into central, while people go on coming in.

Everything is real: journal, `gatehouse sync`, mosquitto, `gatehouse central ingest` and its
database; all of them share this machine's cores. Half of the rows admit a ticket of the venue, so
that each of them is put on the list as well. Meanwhile the gate writes a row four times a second.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from benchmarks import rig
from benchmarks.broker import running
from benchmarks.refund import prepare, started, until, write_device
from edge.store.journal import Journal
from gatehouse.demo.processes import free_port
from tests.clusters import running_cluster
from wire.event import Authorised, ClockQuality, Direction, Left, Passed, Rung, Stamp

ROWS = 100_000
AT_ONCE = 2000
"""Rows of a transaction of the journal, while it is made."""
LIVE_SECONDS = 0.25
PATIENCE_SECONDS = 600.0
DATABASES = ("sqlite", "postgresql")
BOOT = b"bench---"

ASK = """
import json, sys
import django; django.setup()
from django.db import connection
from django.db.models import Max
from central.ledger.models import Prefix, Row
from central.venue.models import Ticket
for line in sys.stdin:
    word, _, number = line.strip().partition(" ")
    if word == "upto":
        answer = Prefix.objects.aggregate(Max("upto"))["upto__max"] or 0
    elif word == "there":
        # By its whole name: to look through all rows each time would cost as much as what is timed.
        prefix = Prefix.objects.get()
        named = Row.objects.filter(device=prefix.device_id, epoch=prefix.epoch, seq=int(number))
        answer = named.exists()
    else:
        answer = [bytes(cti).hex() for cti in Ticket.objects.values_list("cti", flat=True)]
    print(json.dumps(answer), flush=True)
    if connection.vendor == "sqlite":
        connection.close()
"""


def measure(folder: Path) -> rig.Report:
    """Drain a backlog into SQLite, and one into PostgreSQL."""
    report = rig.Report()
    for database in DATABASES:
        place = folder / f"drain-{database}"
        place.mkdir()
        with ExitStack() as stack:
            url = "sqlite"
            if database == "postgresql":
                url = stack.enter_context(running_cluster()).url("postgres")
                _made_durable(url)
            _measure(report, database, place, url, stack)
    return report


def _made_durable(url: str) -> None:
    """Have it write to the disk as it does at a venue; the tests' own need not."""
    with psycopg.connect(url, autocommit=True) as cluster:
        for name in ("fsync", "synchronous_commit", "full_page_writes"):
            cluster.execute(f"ALTER SYSTEM SET {name} = on")
        cluster.execute("SELECT pg_reload_conf()")


def _measure(report: rig.Report, database: str, folder: Path, url: str, stack: ExitStack) -> None:
    broker = stack.enter_context(running(folder, secure=False))
    gate, port = (os.urandom(8).hex(), os.urandom(16).hex()), free_port()
    told = prepare(folder, broker.port, port, [gate], ROWS // 2, database=url)
    root = (folder / "root-pin").read_text()
    device = write_device(folder, "gate", gate, root, "127.0.0.1", broker.port, port)
    ask = stack.enter_context(_asking(told))
    journal = Journal(device, bytes.fromhex(gate[0]), BOOT, os.urandom)
    journal.open(_stamp())
    _fill(journal, [bytes.fromhex(cti) for cti in ask("rights")])
    ingest = stack.enter_context(_running("central", "--config", str(told), "ingest"))
    began_cpu, began = _cpu_ms(ingest.pid), time.perf_counter()
    stack.enter_context(started("sync", "--config", str(device / "sync.toml")))
    until(lambda: ask("upto") > 0, "the first rows")
    first, at = ask("upto"), time.perf_counter()
    lived = list(_live(journal, ask))
    took = time.perf_counter() - at
    name = f"backlog of {ROWS} rows into {database}"
    report.figure(f"{name}: rows a second", round((ROWS - first) / took), "CPU × 4-6")
    whole = time.perf_counter() - began
    report.figure(f"{name}: seconds from the start of sync", round(whole, 1), "CPU × 4-6")
    spent = (_cpu_ms(ingest.pid) - began_cpu) * 1000 / ROWS
    report.figure(f"{name}: ingest's CPU, microseconds a row", round(spent), "CPU × 4-6")
    report.add(rig.row(f"live row at central meanwhile, {database}", [], lived), "the same")
    journal.close()


def _fill(journal: Journal, rights: list[bytes]) -> None:
    """Write admissions of these rights, two rows each."""
    for start in range(0, len(rights), AT_ONCE // 2):
        some, stamp = rights[start : start + AT_ONCE // 2], _stamp()

        def write(inside, some=some, stamp=stamp) -> None:  # type: ignore[no-untyped-def]
            for cti in some:
                admission = os.urandom(12)
                inside.append(_authorised(cti, admission), stamp)
                inside.append(Passed(lane="A1", admission=admission, person=1), stamp)

        journal.transact(write)


def _authorised(cti: bytes, admission: bytes) -> Authorised:
    return Authorised(
        lane="A1",
        admission=admission,
        scan=os.urandom(12),
        cti=cti,
        checkpoint="hall",
        quantity=1,
        direction=Direction.ENTRY,
        generation=0,
        rung=Rung.STALE,
        list_sequence=1,
    )


def _stamp() -> Stamp:
    uptime = round(time.clock_gettime(time.CLOCK_BOOTTIME) * 1000)
    return Stamp(round(time.time() * 1000), uptime, BOOT, ClockQuality.SIGNED)


def _live(journal: Journal, ask: "Asked") -> Iterator[float]:
    """Write a row, and another, until the backlog is there; give how long each took, in ms."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while ask("upto") < ROWS:
        assert time.monotonic() < deadline, "the backlog never drained"
        written = time.perf_counter()
        seq = journal.transact(lambda inside: inside.append(Left(lane="A2"), _stamp()))
        while not ask(f"there {seq}"):
            assert time.monotonic() < deadline, "a live row never came"
            time.sleep(0.01)
        took = time.perf_counter() - written
        yield took * 1000
        time.sleep(max(LIVE_SECONDS - took, 0.0))


@dataclass
class Asked:
    """A process that asks central's database; Django is of one database in a process."""

    process: "subprocess.Popen[str]"

    def __call__(self, question: str) -> Any:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(question + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())


@contextmanager
def _asking(told: Path) -> Iterator[Asked]:
    variables = {
        "GATEHOUSE_CENTRAL_CONFIG": str(told),
        "DJANGO_SETTINGS_MODULE": "central.settings",
    }
    process = subprocess.Popen(
        [sys.executable, "-c", ASK],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **variables},
    )
    try:
        yield Asked(process)
    finally:
        process.terminate()
        process.wait()


@contextmanager
def _running(*arguments: str) -> Iterator["subprocess.Popen[bytes]"]:
    command = [sys.executable, "-m", "gatehouse", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(30)


def _cpu_ms(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")
