"""A hub's machine: its broker on the file that a hub gets, sync and hub as processes.

What systemd does there is done here: the broker is started once its files are there, and told to
read them again when one of them changes (systemd/hub/gatehouse-broker-reload.path).
"""

import asyncio
import contextlib
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from edge.store import broker_folder
from tests.brokers import TestBroker

CONFIGURATION = Path(__file__).parent.parent / "provisioning/mosquitto-hub.conf"
WATCHED = ("ca.pem", "crl.pem", "hub.pem", "broker.acl")
"""As the path unit says."""
TOLD = """
directory = "{folder}"
intercom = "{folder}/sync.sock"
[broker]
port = {port}
[broker.tls]
authority = "{folder}/identity/ca.pem"
certificate = "{folder}/identity/device.pem"
"""


class HubBroker(TestBroker):
    """mosquitto on provisioning/mosquitto-hub.conf; only paths and address differ."""

    def __init__(self, directory: Path, public: Path, port: int | None = None) -> None:
        self._public, self._fixed = public, port
        super().__init__(directory)

    def configuration(self) -> str:
        self.port = self._fixed or self.port
        text = CONFIGURATION.read_text()
        for there, here in (
            ("listener 8883\n", f"listener {self.port} 127.0.0.1\n"),
            ("/run/gatehouse-broker/", f"{self._public}/"),
            ("/run/credentials/mosquitto.service/broker.key", f"{self._public}/hub.key"),
        ):
            assert there in text
            text = text.replace(there, here)
        return f"user root\n{text}"


class HubMachine:
    def __init__(self, folder: Path, port: int) -> None:
        folder.mkdir()
        self.folder = folder
        self.told = folder / "sync.toml"
        self.told.write_text(f'directory = "{folder}"\n[intercom]\npath = "{folder}/sync.sock"\n')
        self.hub_told = folder / "hub.toml"
        self.hub_told.write_text(TOLD.format(folder=folder, port=port))
        self.files = folder / broker_folder.FOLDER
        (folder / "mosquitto").mkdir()
        self.broker = HubBroker(folder / "mosquitto", self.files, port)
        self.reloads = 0
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, daemon: str) -> None:
        told = self.told if daemon == "sync" else self.hub_told
        command = [sys.executable, "-m", "gatehouse", daemon, "--config", str(told)]
        self._running[daemon] = subprocess.Popen(command)

    def key(self) -> str:
        """Return what the machine itself says that its key is."""
        command = [sys.executable, "-m", "gatehouse", "hub", "--config", str(self.hub_told)]
        done = subprocess.run([*command, "--key"], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def close(self) -> None:
        for process in self._running.values():
            process.send_signal(signal.SIGKILL)
            process.wait(60)
        self._running.clear()
        self.broker.kill()

    async def watch(self) -> None:
        """Start the broker once it can be, and let it read again what has changed."""
        seen: list[int] = []
        while True:
            await asyncio.sleep(0.1)
            if not self._complete() or (now := self._stamps()) == seen:
                continue
            if seen:
                self.broker.reload()
                self.reloads += 1
            else:
                await asyncio.to_thread(self.broker.start)
            seen = now

    def _complete(self) -> bool:
        return all((self.files / name).exists() for name in (*WATCHED, "hub.key"))

    def _stamps(self) -> list[int]:
        return [(self.files / name).stat().st_ino for name in WATCHED]


@asynccontextmanager
async def hub_machine(folder: Path, port: int) -> AsyncIterator[HubMachine]:
    """A machine as `provisioning/install hub` leaves it: nobody yet, and running."""
    made = HubMachine(folder, port)
    watching = asyncio.create_task(made.watch())
    made.start("sync")
    made.start("hub")
    try:
        yield made
    finally:
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching
        made.close()
