"""The life of a process: readiness, watchdog, stopping, log, and how it ends.

systemd is told by datagrams on the socket it names (sd_notify(3)); without systemd nothing is
sent. A configuration that cannot be used ends the process with 78 (EX_CONFIG, sysexits.h) and
one sentence; systemd does not start it again until somebody has mended it.
"""

import asyncio
import logging
import os
import signal
import socket
import sys
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from edge.runtime.config import ConfigError

EXIT_CONFIG = 78
LOG_FORMAT = "%(levelname)s %(name)s %(message)s"
LOG_LINES_KEPT = 2000
LOG_LINE_CHARACTERS = 500
LOG_LINES_MAX = 500
LOG_BYTES_MAX = 48 * 1024
"""Of what is sent at once: a word of the intercom holds it."""

log = logging.getLogger("service")


class LogRing(logging.Handler):
    """The end of this process's log, for whoever asks from afar."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: deque[str] = deque(maxlen=LOG_LINES_KEPT)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = f"{time_of(record)} {self.format(record)}"
        except (TypeError, ValueError, KeyError):  # Words and values that do not fit together.
            line = f"{time_of(record)} {record.name} {record.msg}"
        self.lines.append(line[:LOG_LINE_CHARACTERS])


RING = LogRing()


def log_tail(lines: int) -> tuple[str, ...]:
    """Return the newest lines of the log, oldest first, as many as one message holds."""
    lines = min(max(lines, 1), LOG_LINES_MAX)
    kept: list[str] = []
    room = LOG_BYTES_MAX
    for line in reversed(RING.lines):
        room -= len(line.encode()) + 5
        if len(kept) == lines or room < 0:
            break
        kept.append(line)
    return tuple(reversed(kept))


def time_of(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Life:
    """What a daemon tells its supervisor, and is told."""

    def __init__(self) -> None:
        self.stopping = asyncio.Event()
        self.again = False
        """Whether to begin anew, in the same process, once it has stopped."""
        self._socket = os.environ.get("NOTIFY_SOCKET", "")

    def ready(self, status: str) -> None:
        self._notify(f"READY=1\nSTATUS={status}")
        log.info("ready: %s", status)

    def alive(self) -> None:
        """Feed the watchdog. To be called by the work itself, never by a timer beside it."""
        self._notify("WATCHDOG=1")

    def status(self, text: str) -> None:
        self._notify(f"STATUS={text}")

    def stop(self, why: str) -> None:
        log.info("stopping: %s", why)
        self._notify("STOPPING=1")
        self.stopping.set()

    def begin_again(self, why: str) -> None:
        """Stop, and assemble everything anew: who this device is has changed."""
        log.info("beginning again: %s", why)
        self.again = True
        self.stopping.set()

    def _notify(self, message: str) -> None:
        if not self._socket:
            return
        # A name that begins with @ is in the abstract namespace.
        address = "\0" + self._socket[1:] if self._socket[0] == "@" else self._socket
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as out:
            try:
                out.sendto(message.encode(), address)
            except OSError as error:
                log.debug("not notified: %s", error)


Work = Callable[[Life], Awaitable[None]]


def run(work: Work) -> int:
    """Run a daemon until it ends or is told to stop; return the process's exit status."""
    return run_assembled(lambda: work)


def run_assembled(assemble: Callable[[], Work]) -> int:
    """As `run`; `assemble()` reads what the daemon is told, and again when it begins anew."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format=LOG_FORMAT)
    RING.setFormatter(logging.Formatter(LOG_FORMAT))
    logging.getLogger().addHandler(RING)

    async def live(work: Work) -> bool:
        life = Life()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, life.stop, number.name)
        await work(life)
        return life.again

    try:
        while asyncio.run(live(assemble())):
            pass
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_CONFIG
    return 0
