"""A mosquitto of the test's own: on a free port of 127.0.0.1, killed by its id, empty when it is
started again."""

import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

CONFIGURATION = """
listener {port} 127.0.0.1
allow_anonymous true
max_queued_messages 1000000
max_inflight_messages 1000
persistence false
set_tcp_nodelay true
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class TestBroker:
    """One broker; `start` and `kill` as often as the test likes, always on the same port."""

    __test__ = False

    def __init__(self, directory: Path, more: str = "") -> None:
        """`more`: lines of its configuration beyond the usual."""
        self.port = free_port()
        self._program = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin")
        self._configuration = directory / "mosquitto.conf"
        self._configuration.write_text(CONFIGURATION.format(port=self.port) + more)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start with nothing kept from before; return when connections are taken."""
        if self._program is None:
            pytest.skip("mosquitto is not installed")
        self._process = subprocess.Popen(
            [self._program, "-c", str(self._configuration)], stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                time.sleep(0.05)
            else:
                return
        raise AssertionError("mosquitto did not start")

    def freeze(self) -> None:
        """SIGSTOP: it holds its connections and answers nobody, until it is killed."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)

    def kill(self) -> None:
        """SIGKILL: whatever it had taken and not passed on is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@contextmanager
def running_broker(directory: Path, more: str = "") -> Iterator[TestBroker]:
    broker = TestBroker(directory, more)
    broker.start()
    try:
        yield broker
    finally:
        broker.kill()
