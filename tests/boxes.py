"""A device as a box: its folder, its daemons as processes, and its hardware at the ends of ptys."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from edge.runtime import identity
from simulators.display import Display
from simulators.pty_line import PtyLine
from simulators.scanner import Scanner
from simulators.turnstile import Board

BAUD = 115200
SHOW_AGAIN_SECONDS = 2.0
"""Longer than a code that is held counts as one scan."""
PATIENCE_SECONDS = 120.0
GATE = """
directory = "{folder}"
intercom = "{folder}/sync.sock"
service_contact = {{ kind = "modbus", path = "{folder}/board", baud = 115200, input = 8 }}
[[lane]]
name = "B1"
window_seconds = 2.0
reader = [{{ kind = "serial", path = "{folder}/scanner", baud = 115200, idle_gap_seconds = 1.0 }}]
relay = {{ kind = "modbus", path = "{folder}/board", baud = 115200, coil = 0 }}
pass_contact = {{ kind = "modbus", path = "{folder}/board", baud = 115200, input = 0 }}
panel = [{{ kind = "serial", path = "{folder}/display", columns = 32 }}]
"""


class Box:
    """One device: its folder, its daemons, and what hangs on them."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        (folder / "gate.toml").write_text(GATE.format(folder=folder))
        self.told = folder / "sync.toml"
        self.told.write_text(f'directory = "{folder}"\n[intercom]\npath = "{folder}/sync.sock"\n')
        self.lines = [PtyLine(folder / name) for name in ("scanner", "board", "display")]
        for line in self.lines:
            line.plug()
        self.scanner, self.board = (
            Scanner(self.lines[0], BAUD),
            Board(self.lines[1], window_seconds=2),
        )
        self.display = Display(self.lines[2])
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def said(self) -> str:
        return " ".join(self.display.words)

    @property
    def enrolled(self) -> bool:
        return identity.enrolled(self.folder)

    def start(self, *daemons: str) -> None:
        for daemon in daemons:
            command = [sys.executable, "-m", "gatehouse", daemon, "--config"]
            told = self.folder / f"{daemon}.toml"
            self._running[daemon] = subprocess.Popen([*command, str(told)])

    def end(self, daemon: str, number: signal.Signals) -> int:
        process = self._running.pop(daemon)
        process.send_signal(number)
        return process.wait(60)

    def close(self) -> None:
        for daemon in list(self._running):
            self.end(daemon, signal.SIGKILL)

    async def show(self, text: str, true: Callable[[], bool], what: str) -> None:
        """Show a code again and again, as somebody who waits for something would."""
        for _ in range(int(PATIENCE_SECONDS / SHOW_AGAIN_SECONDS)):
            await self.scanner.present(text.encode())
            for _ in range(int(SHOW_AGAIN_SECONDS / 0.05)):
                if true():
                    return
                await asyncio.sleep(0.05)
        raise AssertionError(f"never: {what}; the panel says: {self.said}")

    async def until(self, true: Callable[[], bool], what: str) -> None:
        for _ in range(int(PATIENCE_SECONDS / 0.05)):
            if true():
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"never: {what}; the panel says: {self.said}")


@asynccontextmanager
async def box(folder: Path) -> AsyncIterator[Box]:
    made = Box(folder)
    playing = [asyncio.create_task(made.board.run()), asyncio.create_task(made.display.run())]
    made.start("sync", "gate")
    try:
        yield made
    finally:
        made.close()
        for task in playing:
            task.cancel()


def typed(told: Path, text: str, *more: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "gatehouse", "enrol", "--config", str(told), *more, text]
    return subprocess.run(command, capture_output=True, text=True, timeout=180)
