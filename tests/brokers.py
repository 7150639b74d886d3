"""Brokers of the test's own: on a free port of 127.0.0.1, killed by their id, empty when started
again. Mosquitto, and nats-server, which speaks MQTT 3.1.1 as well and keeps its own files."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

MOSQUITTO = """
listener {port} 127.0.0.1
allow_anonymous true
max_queued_messages 1000000
max_inflight_messages 1000
persistence false
set_tcp_nodelay true
"""
NATS = """
listen: "127.0.0.1:{own_port}"
server_name: "test"
max_payload: 1MB
jetstream {{ store_dir: "{store}", max_memory_store: 64MB, max_file_store: 1GB }}
mqtt {{ listen: "127.0.0.1:{port}", max_ack_pending: 1000 }}
"""
KINDS = ("mosquitto", "nats")
"""Whatever needs no identity works on both."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class TestBroker:
    """A mosquitto; `start` and `kill` as often as the test likes, always on the same port."""

    __test__ = False
    program = "mosquitto"

    def __init__(self, directory: Path) -> None:
        self.port = free_port()
        self._directory = directory
        self._configuration = directory / f"{self.program}.conf"
        self._configuration.write_text(self.configuration())
        self._process: subprocess.Popen[bytes] | None = None

    def configuration(self) -> str:
        return MOSQUITTO.format(port=self.port)

    def start(self) -> None:
        """Start with nothing kept from before; return when connections are taken."""
        program = shutil.which(self.program, path="/usr/sbin:/usr/local/sbin:/usr/bin")
        if program is None:
            pytest.skip(f"{self.program} is not installed")
        self.forget()
        self._process = subprocess.Popen(
            [program, "-c", str(self._configuration)], stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            assert self._process.poll() is None, f"{self.program} ended at once"
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                time.sleep(0.05)
            else:
                return
        raise AssertionError(f"{self.program} did not start")

    def forget(self) -> None:
        """Delete what it would find when it is started again: mosquitto keeps nothing here."""

    def freeze(self) -> None:
        """SIGSTOP: it holds its connections and answers nobody, until it is killed."""
        self.signal(signal.SIGSTOP)

    def signal(self, number: signal.Signals) -> None:
        assert self._process
        self._process.send_signal(number)

    def reload(self) -> None:
        """Let it read access list, certificates and revocation list again."""
        self.signal(signal.SIGHUP)

    def cpu_seconds(self) -> float:
        """Return how much CPU time it has used since it was started."""
        assert self._process
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def kill(self) -> None:
        """SIGKILL: whatever it had taken and not passed on is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


class NatsBroker(TestBroker):
    """Debian's nats-server, with JetStream on a folder of the test's, which MQTT needs."""

    program = "nats-server"

    def configuration(self) -> str:
        return NATS.format(port=self.port, own_port=free_port(), store=self._store)

    def forget(self) -> None:
        shutil.rmtree(self._store, ignore_errors=True)

    @property
    def _store(self) -> Path:
        return self._directory / "jetstream"


def made_broker(kind: str, directory: Path) -> TestBroker:
    """Return a broker of one of KINDS, not started yet."""
    return NatsBroker(directory) if kind == "nats" else TestBroker(directory)


@contextmanager
def running(broker: TestBroker) -> Iterator[TestBroker]:
    broker.start()
    try:
        yield broker
    finally:
        broker.kill()


@contextmanager
def running_broker(directory: Path, kind: str = "mosquitto") -> Iterator[TestBroker]:
    with running(made_broker(kind, directory)) as broker:
        yield broker
