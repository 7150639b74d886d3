"""One lane's simulated hardware: scanner, board, display, and the people before it."""

import asyncio
import time
from typing import Any

from gatehouse.demo.venue import BAUD, COLUMNS, ENTRY, Venue
from simulators.camera import Camera, Held, Scene
from simulators.display import Display
from simulators.pty_line import PtyLine
from simulators.scanner import Scanner
from simulators.turnstile import Board, Coil, Walked

SAID = {
    Walked.IN: "走进去了 · Walked in",
    Walked.OUT: "走出去了 · Walked out",
    Walked.STOPPED: "闸臂关着，过不去 · The arm is closed",
    Walked.JUMPED: "跳过去了 · Jumped over",
    Walked.FOLLOWED: "跟进去了 · Slipped in",
    Walked.TURNED_BACK: "折返了 · Turned back",
}


HELD_SECONDS = 2.0
"""So long a ticket is held before the camera."""
LEFT_SECONDS = 20.0
"""So long the crowd keeps away from a lane that somebody uses by the page."""


class LaneStand:
    """Keeps for each answer how long it took: from the code's last byte to the relay."""

    def __init__(self, venue: Venue, name: str, pace: float) -> None:
        self.name = name
        self.entry = name == ENTRY
        self._lines = [PtyLine(venue.line(name, end)) for end in ("board", "display", "scanner")]
        board, display, scanner = self._lines
        self.board = Board(
            board, window_seconds=venue.window_seconds, pace=pace, plain_exit=not self.entry
        )
        self.display = Display(display, COLUMNS)
        self.scanner = Scanner(scanner, BAUD)
        self.camera = Camera(venue.film) if venue.camera and self.entry else None
        self.board.on_pulse = self._pulsed
        self.answer_ms: list[float] = []
        self.shown = 0
        self._shown_at: float | None = None
        self._left_until = 0.0
        self._way = Coil.ENTRY if self.entry else Coil.EXIT

    async def run(self) -> None:
        for line in self._lines:
            line.plug()
        if self.camera:
            self.camera.plug()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.board.run())
            tasks.create_task(self.display.run())

    async def present(self, code: bytes) -> None:
        """Somebody at the page shows a code."""
        self._left_until = time.monotonic() + LEFT_SECONDS
        await self.scan(code)

    async def film(self, held: Held) -> None:
        """Somebody at the page holds something before the camera for a while."""
        self._left_until = time.monotonic() + LEFT_SECONDS
        if self.camera:
            self.shown += 1
            self.camera.show(Scene([held]))
            await asyncio.sleep(HELD_SECONDS)
            self.camera.show()

    async def left(self) -> None:
        """Return once nobody at the page is at this lane."""
        # Each touch puts the moment off.
        while (seconds := self._left_until - time.monotonic()) > 0:  # noqa: ASYNC110
            await asyncio.sleep(seconds)

    async def scan(self, code: bytes) -> None:
        self.shown += 1
        self._shown_at = None
        # Behind somebody who is still walking, the wait would be theirs and not the gate's.
        free = self.board.at_rest
        await self.scanner.present(code)
        self._shown_at = time.monotonic() if free else None

    async def walk(self) -> str:
        return SAID[await self.board.walk_through(self._way)]

    async def jump(self) -> str:
        return SAID[await self.board.jump()]

    def picture(self) -> dict[str, Any]:
        picture = self.board.picture()
        picture["counters"] = {"scans": self.shown, **picture["counters"]}
        direction = "entry" if self.entry else "exit"
        return {
            **picture,
            "name": self.name,
            "direction": direction,
            "words": self.display.words,
            "reader": self.entry,
            "camera": self.camera is not None,
        }

    def _pulsed(self, _: Coil) -> None:
        if self._shown_at is not None:
            self.answer_ms.append((time.monotonic() - self._shown_at) * 1000)
            self._shown_at = None
