"""What all simulated printers have in common: a cable, a buffer, paper, power, and mishaps.

`breaks` says what happens when so many bytes have been read (`counted.bytes_read`). Bytes wait in
the buffer while the printer is stopped, and the line takes no more of them than fit.
"""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from simulators.printer_line import PrinterLine
from simulators.printer_paper import Paper


class Mishap(StrEnum):
    """What can happen to a printer in the middle of a job."""

    PAPER_END = "paper-end"
    COVER = "cover"
    JAM = "jam"
    CUTTER = "cutter"  # The blade gets stuck at the next cut.
    POWER = "power"  # It loses power, and stays off.
    UNPLUGGED = "unplugged"
    MUTE = "mute"  # It prints on and answers no more.
    GARBAGE = "garbage"  # It sends noise, and prints on.
    CHATTER = "chatter"  # It answers what nobody asked: healthy, ended, confirmed.
    HOT = "hot"  # The head cools down, for as long as a test lets it.


GARBAGE = bytes(range(256))
LOOK_SECONDS = 0.05


@dataclass
class Health:
    cover_open: bool = False
    jammed: bool = False
    cutter_stuck: bool = False
    cutter_error: bool = False
    hot: bool = False

    @property
    def stopped(self) -> bool:
        return self.cover_open or self.jammed or self.cutter_error or self.hot


@dataclass
class Counted:
    """The truth, for the books."""

    cuts: int = 0
    retracted: int = 0
    bytes_read: int = 0
    """In all, or since a test set it."""
    confirmed: list[bytes] = field(default_factory=list)


class PrinterBody:
    chatter = b""
    """Healthy answers that nobody asked for."""

    def __init__(
        self, line: PrinterLine, paper: Paper, buffer_bytes: int, late_seconds: float
    ) -> None:
        self.line, self.paper = line, paper
        self.health, self.counted = Health(), Counted()
        self.breaks: dict[int, Mishap] = {}
        self.mute = False
        self.late_seconds = late_seconds
        self.in_mouth = False
        self.on = True
        self._lives = 0
        """How often it was switched off: what it had in its hands by then is lost."""
        self.changed: Callable[[], None] = lambda: None
        """Called after each cut and each mishap, for whoever shows the paper."""
        self.going = asyncio.Event()
        self.buffer = bytearray()
        self._buffer_bytes = buffer_bytes
        self._filled, self._emptied = asyncio.Event(), asyncio.Event()
        self._answering: set[asyncio.Task[None]] = set()
        self._reading: asyncio.Task[None] | None = None
        self.look()

    def plug(self) -> None:
        self.line.plug()

    def unplug(self) -> None:
        self.line.unplug()

    async def run(self) -> None:
        """Take bytes and print, for ever."""
        self._reading = asyncio.create_task(self.reading())
        try:
            while True:
                arrived = await self.line.read()
                if self.on:
                    await self._hold(self.hear(arrived))
                if self._reading.done() and not self._reading.cancelled():
                    self._reading.result()
        finally:
            self._reading.cancel()

    # What each kind does in its own way.

    def reading(self) -> Coroutine[Any, Any, None]:
        """Begin to read the stream."""
        raise NotImplementedError

    def hear(self, arrived: bytes) -> bytes:
        """Obey what is to be obeyed at once; return what is left to be read in its turn."""
        return arrived

    def says_changed(self) -> None:
        """Report a change unasked, where that kind does."""

    # What people do to it.

    def open_cover(self) -> None:
        self.now(cover_open=True)

    def close_cover(self) -> None:
        self.now(cover_open=False)

    def load(self, mm: float = 80_000.0) -> None:
        self.paper.load(mm)
        self.now()

    def take(self) -> None:
        """Take the ticket out of its mouth."""
        self.in_mouth = False
        self.now()

    def power_off(self) -> None:
        self.on = False
        self._lives += 1
        self.paper.tear()
        self.forget()
        self.health.cutter_error = False
        self.look()

    def power_on(self) -> None:
        self.on = True
        self.mute = False
        self.look()

    def mend(self) -> None:
        """Do all that staff can do, and switch it off and on."""
        self.power_off()
        self.health = Health()
        if self.paper.empty:
            self.paper.load(80_000.0)
        self.in_mouth = False
        self.breaks.clear()
        self.plug()
        self.power_on()

    def happens(self, mishap: Mishap) -> None:
        match mishap:
            case Mishap.PAPER_END:
                self.paper.mm_left = 0.0
            case Mishap.COVER:
                self.health.cover_open = True
            case Mishap.JAM:
                self.health.jammed = True
            case Mishap.CUTTER:
                self.health.cutter_stuck = True
            case Mishap.HOT:
                self.health.hot = True
            case Mishap.POWER:
                self.power_off()
            case Mishap.UNPLUGGED:
                self.unplug()
            case Mishap.MUTE:
                self.mute = True
            case Mishap.GARBAGE:
                self.line.send(GARBAGE)
            case Mishap.CHATTER:
                self.line.send(self.chatter)
        self.now()

    def now(self, **health: bool) -> None:
        """Let something have changed."""
        for name, value in health.items():
            setattr(self.health, name, value)
        self.look()
        self.says_changed()
        self.changed()

    def look(self) -> None:
        if self.on and not self.health.stopped and not self.paper.empty:
            self.going.set()
        else:
            self.going.clear()

    def forget(self) -> None:
        """Lose what is in the buffer, and where in it the reading was."""
        self.buffer.clear()
        self._emptied.set()
        if self._reading is not None:
            self._reading.cancel()
            self._reading = asyncio.create_task(self.reading())

    def answer(self, said: bytes) -> None:
        if not said or self.mute or not self.on:
            return
        if self.late_seconds:
            task = asyncio.create_task(self._later(said))
            self._answering.add(task)
            task.add_done_callback(self._answering.discard)
        else:
            self.line.send(said)

    async def next_bytes(self, count: int) -> bytes:
        """Wait for so many bytes, through whatever happens meanwhile."""
        taken = bytearray()
        while len(taken) < count:
            await self.going.wait()
            mishap = self.breaks.pop(self.counted.bytes_read, None)
            if mishap is not None:
                self.happens(mishap)
            elif not self.buffer:
                self._filled.clear()
                await self._filled.wait()
            else:
                ahead = [at - self.counted.bytes_read for at in self.breaks]
                until = min((at for at in ahead if at > 0), default=count)
                some = self.buffer[: min(count - len(taken), until)]
                del self.buffer[: len(some)]
                self._emptied.set()
                self.counted.bytes_read += len(some)
                taken += some
        return bytes(taken)

    def cut_off(self) -> None:
        """Cut the paper, and count it."""
        self.paper.cut()
        self.counted.cuts += 1
        self.changed()

    async def _hold(self, arrived: bytes) -> None:
        """Take bytes into the buffer, as room for them comes."""
        session, life = self.line.session, self._lives
        while arrived and self._lives == life and self.line.session == session:
            room = self._buffer_bytes - len(self.buffer)
            self.buffer += arrived[:room]
            arrived = arrived[room:]
            self._filled.set()
            if arrived:
                self._emptied.clear()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._emptied.wait(), LOOK_SECONDS)

    async def _later(self, said: bytes) -> None:
        await asyncio.sleep(self.late_seconds)
        if not self.mute and self.on:
            self.line.send(said)
