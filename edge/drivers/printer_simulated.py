"""A printer without paper: remembers each sheet, and breaks when it is told to.

`break_at` says after how many bytes of an imagined thousand the next sheet breaks, and with what;
a code stands on it from byte 500. `status` is set to open its cover or use up its paper.
"""

import asyncio
from collections.abc import AsyncIterator

from edge.core.print_job import Outcome, Result
from edge.core.printer_status import NOT_CONNECTED, READY, Fault, Status
from edge.runtime.clock import Clock
from paper.sheet import Sheet

SHEET_BYTES = 1000
CODE_AT_BYTE = 500


class SimulatedPrinter:
    def __init__(self, clock: Clock, sheet_seconds: float = 0.0, mouth: bool = False) -> None:
        """`mouth`: it presents sheets, and knows whether they were taken."""
        self.printed: list[Sheet] = []
        """What came out whole, confirmed or not."""
        self.retracted = 0
        self.cuts = 0
        self.break_at: tuple[int, Fault] | None = None
        self.confirms = True
        """False: it prints, but the word that it did so is lost."""
        self.closed = False
        self.unfinished = False
        """An earlier life broke off in a sheet."""
        self._clock = clock
        self._seconds = sheet_seconds
        self._mouth = mouth
        self._taken = asyncio.Event()
        self._status = READY
        self._changed = asyncio.Event()
        self._one_sheet = asyncio.Lock()

    @property
    def status(self) -> Status:
        return self._status

    @status.setter
    def status(self, status: Status) -> None:
        self._status = status
        self._changed.set()

    async def looks(self) -> AsyncIterator[Status]:
        seen: Status | None = None
        while True:
            self._changed.clear()
            if self._status != seen:
                seen = self._status
                yield seen
            else:
                await self._changed.wait()

    async def print(self, sheet: Sheet) -> Result:
        async with self._one_sheet:
            if self._status.fault is not None:
                return Result(Outcome.NOT_PRINTED, 0, SHEET_BYTES, self._status.fault)
            await self._clock.wait(self._seconds)
            if self.break_at is not None:
                (byte, fault), self.break_at = self.break_at, None
                safe = byte <= CODE_AT_BYTE
                outcome = Outcome.NOT_PRINTED if safe else Outcome.UNKNOWN
                return Result(outcome, byte, SHEET_BYTES, fault)
            self.printed.append(sheet)
            self.cuts += 1
            if not self.confirms:
                why = "it did not say that it has printed"
                return Result(Outcome.UNKNOWN, SHEET_BYTES, SHEET_BYTES, None, why)
            if self._mouth:
                self._taken.clear()
            return Result(Outcome.PRINTED, SHEET_BYTES, SHEET_BYTES)

    def take(self) -> None:
        """Take the sheet out of its mouth."""
        self._taken.set()

    def interrupted(self) -> None:
        self.unfinished = True

    async def taken(self, seconds: float) -> bool | None:
        if not self._mouth:
            return None
        waiting = asyncio.create_task(self._taken.wait())
        late = asyncio.create_task(self._clock.wait(seconds))
        try:
            await asyncio.wait({waiting, late}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
            late.cancel()
        if self._taken.is_set():
            return True
        self.retracted += 1
        return False

    async def close(self) -> None:
        self.closed = True
        self.status = NOT_CONNECTED
