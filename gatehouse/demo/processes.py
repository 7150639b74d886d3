"""The processes of a demonstration: started in order, watched, ended in reverse.

Every child runs in a session of its own, so that Ctrl-C in the terminal reaches only the
demonstration, which then ends them one by one.
"""

import asyncio
import os
import shutil
import signal
import socket
import sys
from asyncio.subprocess import Process
from pathlib import Path

STOP_SECONDS = 8.0


class DemoError(Exception):
    """Something that a person must mend; the message says what and how."""


class Child:
    """One process and its log file."""

    def __init__(self, name: str, command: list[str], log: Path, env: dict[str, str]) -> None:
        self.name = name
        self._command = command
        self._log = log
        self._env = env
        self._process: Process | None = None

    async def start(self) -> None:
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **self._env},
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        assert self._process
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    def last_words(self) -> str:
        """Return the end of its log, for a person who asks why it ended."""
        text = self._log.read_text(errors="replace") if self._log.exists() else ""
        return "\n".join(text.splitlines()[-8:])

    async def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it and wait; a child that does not listen is killed."""
        if self._process is None or not self.running:
            return
        self._process.send_signal(how)
        try:
            await asyncio.wait_for(self._process.wait(), STOP_SECONDS)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()


class Children:
    """All of them, in the order they were started."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._children: list[Child] = []

    async def start(
        self, name: str, command: list[str], env: dict[str, str] | None = None
    ) -> Child:
        child = Child(name, command, self._logs / f"{name}.log", env or {})
        await child.start()
        self._children.append(child)
        return child

    def named(self, name: str) -> Child:
        """Return the one that was started under this name."""
        return next(child for child in self._children if child.name == name)

    def fallen(self) -> Child | None:
        """Return a child that has ended by itself, if any."""
        return next((child for child in self._children if not child.running), None)

    def forget(self, child: Child) -> None:
        self._children.remove(child)

    async def stop(self) -> None:
        for child in reversed(self._children):
            await child.stop()


def gatehouse(*arguments: str) -> list[str]:
    """Return the command line of a subcommand, run by this very interpreter."""
    return [sys.executable, "-m", "gatehouse", *arguments]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def listening(port: int, child: Child, seconds: float = 60.0) -> None:
    """Return when somebody listens on `port`; raise DemoError if `child` ends or time does."""
    for _ in range(int(seconds / 0.05)):
        if not child.running:
            raise DemoError(f"{child.name} ended at once:\n{child.last_words()}")
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            await asyncio.sleep(0.05)
            continue
        writer.close()
        return
    raise DemoError(f"{child.name} does not answer on port {port}:\n{child.last_words()}")


def mosquitto_command() -> str:
    """Return the path of mosquitto, which Debian keeps out of a user's PATH."""
    found = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if not found:
        raise DemoError("mosquitto is missing: run `make setup`, or install the Debian package")
    return found


BROKER_CONFIGURATION = """\
# A broker for one demonstration: loopback only, nothing kept on disk.
listener {port} 127.0.0.1
allow_anonymous true
persistence false
max_queued_messages 1000000
max_inflight_messages 1000
max_packet_size 4194304
set_tcp_nodelay true
"""


class Broker:
    """A private mosquitto that can be killed and started again with nothing in its memory."""

    def __init__(self, children: Children, directory: Path) -> None:
        self._children = children
        self._configuration = directory / "mosquitto.conf"
        self._child: Child | None = None
        self.port = free_port()

    async def start(self) -> None:
        self._configuration.write_text(BROKER_CONFIGURATION.format(port=self.port))
        command = [mosquitto_command(), "-c", str(self._configuration)]
        self._child = await self._children.start("broker", command)
        await listening(self.port, self._child)

    async def kill(self) -> None:
        """As by a power cut: no farewell, and with `persistence false` nothing kept."""
        assert self._child
        self._children.forget(self._child)
        await self._child.stop(signal.SIGKILL)
