"""Sync and the real central, a broker between them; each is killed, nothing is lost."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from central.config import VARIABLE
from edge.store.list_writer import WhitelistWriter
from edge.store.trust import TrustStore
from tests.brokers import TestBroker, free_port
from tests.enrolled import write_identity
from tests.system.conftest import DEVICE, ROOT, TOKEN, Device, until

OTHER_DEVICE = "00112233445566bb"


class Central:
    """Central's three daemons, each a process of its own that can be killed."""

    def __init__(
        self, directory: Path, broker_port: int, tls: str = "", database: str = "sqlite"
    ) -> None:
        """`tls` is the value of `[broker] tls`, in TOML; `database` as central.toml has it."""
        self.port, self.broker_port = free_port(), broker_port
        self._told = directory / "central.toml"
        self._told.write_text(
            f'venue = "venue"\ndirectory = "{directory / "central"}"\n'
            f'database = "{database}"\n'
            f"[web]\nport = {self.port}\n[broker]\nport = {broker_port}\n"
            f"{f'tls = {tls}' if tls else ''}\n"
            "[devices]\ntokens = true\n"
        )
        venue = directory / "venue.json"
        now = int(time.time())
        kind = {"code": 1, "name": {"zh": "成人", "en": "Adult"}, "uses": {"hall": 1}}
        event = {
            "audience": "SHOW",
            "name": {"zh": "演出", "en": "Show"},
            "opens": now - 3600,
            "closes": now + 36000,
            "classes": [{**kind, "tickets": [{"count": 5}]}],
        }
        venue.write_text(
            json.dumps(
                {
                    "code": "venue",
                    "name": {"zh": "场馆", "en": "Venue"},
                    "checkpoints": ["hall"],
                    "devices": [
                        {"id": DEVICE, "name": "gate", "token": TOKEN},
                        {"id": OTHER_DEVICE, "name": "gate 2", "token": f"{TOKEN}-2"},
                    ],
                    "events": [event],
                }
            )
        )
        root, tickets = directory / "root-pin", directory / "tickets"
        out = ("--root-out", str(root), "--tickets-out", str(tickets))
        self.ask("prepare", "--file", str(venue), *out)
        self.root = root.read_text()
        self.tickets = [json.loads(line)["text"] for line in tickets.read_text().splitlines()]
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def ask(self, *command: str) -> str:
        told = [*self._command(), *command]
        return subprocess.run(told, cwd=ROOT, capture_output=True, text=True, check=True).stdout

    def run(self, script: str) -> None:
        """Run Python within central, as a page of it would."""
        told = f"import django; django.setup()\n{script}"
        variables = {"DJANGO_SETTINGS_MODULE": "central.settings", VARIABLE: str(self._told)}
        command = [sys.executable, "-c", told]
        subprocess.run(command, cwd=ROOT, env={**os.environ, **variables}, check=True)

    def start(self, *daemons: str, environment: dict[str, str] | None = None) -> None:
        for daemon in daemons:
            told = environment or {**os.environ}
            self._running[daemon] = subprocess.Popen([*self._command(), daemon], cwd=ROOT, env=told)

    def lives(self, daemon: str) -> bool:
        return self._running[daemon].poll() is None

    def kill(self, *daemons: str) -> None:
        for daemon in daemons:
            process = self._running.pop(daemon)
            process.kill()
            process.wait()

    def close(self) -> None:
        self.kill(*list(self._running))

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=5) as told:
                return bool(told.status == 200)
        except OSError:
            return False

    def rows(self, epoch: bytes) -> int:
        told = json.loads(self.ask("totals", "--json"))
        return int(told["rows"].get(DEVICE, {}).get(epoch.hex(), 0))

    def _command(self) -> list[str]:
        return [sys.executable, "-m", "central", "--config", str(self._told)]


@pytest.fixture
def central(tmp_path: Path, broker: TestBroker) -> Iterator[Central]:
    central = Central(tmp_path, broker.port)
    central.start("web", "ingest", "publish")
    try:
        until(central.answers, "central's pages")
        yield central
    finally:
        central.close()


@pytest.fixture
def device(tmp_path: Path, broker: TestBroker, central: Central) -> Iterator[Device]:
    device = Device(tmp_path, broker.port, f"http://127.0.0.1:{central.port}")
    write_identity(device.directory, DEVICE, root=central.root)
    yield device
    device.close()


def test_broker_and_central_are_killed_and_nothing_is_lost(
    device: Device, central: Central, broker: TestBroker
) -> None:
    device.grow(3000)
    device.start()
    until(lambda: device.acknowledged() > 0, "the first rows")
    pinned = bytes.fromhex(central.root)

    def listed() -> bool:
        trust = TrustStore(device.directory, pinned, "venue")
        return WhitelistWriter(device.directory, trust).current is not None

    until(listed, "the list")
    central.kill("ingest")
    device.grow(2000)
    broker.kill()
    device.grow(10)
    broker.start()
    central.start("ingest")
    device.grow(1)
    rows = len(device.rows())
    until(lambda: device.acknowledged() == rows, "everything acknowledged")
    assert central.rows(device.epoch) == rows
    assert device.stop() == 0
