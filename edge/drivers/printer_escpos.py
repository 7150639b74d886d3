"""Ticket printers that speak ESC/POS, and BOCA's that speak FGL: over serial, network, USB.

[printer] kind = "network", host = "192.0.2.9", profile = "epson-80"
[printer] kind = "serial", path = "/dev/gatehouse/printer", baud = 115200, profile = "china-80"
[printer] kind = "file", path = "/dev/usb/lp0", profile = "custom-80"
[printer] kind = "usb", device = "04b8:0e28", profile = "epson-t88"

What is said, asked and concluded is `edge/core`'s: `escpos`, `escpos_talk`, `fgl`, `print_job`.
Here bytes are moved. A block is never interrupted: questions wait for its end. After a sheet that
broke off, the line is closed, opened anew, and begins with what makes the printer forget the rest.
Tried against the simulators only.
"""

import asyncio
from collections.abc import AsyncIterator, Callable

from edge.core import escpos, escpos_talk, fgl, print_job
from edge.core.escpos_talk import Ask, AskDrained, Due, Heard, Tell, Write
from edge.core.print_job import Gone, Job, Outcome, Result, Told, Unanswered
from edge.core.printer_profile import Profile, Proof
from edge.core.printer_status import NOT_CONNECTED, NOT_HEARD, Fault, Status
from edge.drivers.escpos_transport import Transport
from edge.drivers.interfaces import DriverError
from edge.runtime.clock import Clock
from edge.runtime.workers import SingleThread
from paper import glyphs
from paper.lines import lay_out
from paper.sheet import Sheet, separated

LOOK_SECONDS = 2.0
RETRY_SECONDS = 1.0
REOPEN_SECONDS = 0.2
REOPENINGS_MAX = 5
YIELDS = 3
MOUTH_SECONDS = 4.0
"""From the cut until the sheet stands in the printer's mouth, or is gone from it."""
CHUNK_BYTES = 1024


class EscposPrinter:
    def __init__(
        self,
        transport: Transport,
        profile: Profile,
        clock: Clock,
        thread: SingleThread,
        draw: Callable[[int], int],
    ) -> None:
        """`draw(n)` is a chance number below n; `thread` draws letters."""
        self.profile = profile
        self.why = ""
        """What the line last said when it was lost, for the log."""
        self._transport, self._clock, self._thread, self._draw = transport, clock, thread, draw
        self._fgl = profile.proof is Proof.ACK
        self._talk: escpos_talk.State | fgl.State = self._begun()
        self._status = NOT_CONNECTED
        self._changed = asyncio.Event()
        self._connected = asyncio.Event()
        self._settled = asyncio.Event()
        """Whether it is known how the printer is, or that it is away."""
        self._reopenings = 0
        """How often it may still fail to come back before it counts as away."""
        self._unfinished = False
        """Something of a sheet that broke off may hang out of the printer."""
        self._job: print_job.State | None = None
        self._ended: asyncio.Future[Result] | None = None
        self._to_ask: list[bytes] = []
        self._to_send: list[bytes] = []
        self._to_write = asyncio.Event()
        self._sooner = asyncio.Event()
        self._owed_bytes = 0
        self._running: asyncio.Task[None] | None = None
        self._one_sheet = asyncio.Lock()
        self._closed = False

    async def looks(self) -> AsyncIterator[Status]:
        self.start()
        seen: Status | None = None
        await self._settled.wait()
        while True:
            self._changed.clear()
            if self._status != seen:
                seen = self._status
                yield seen
            else:
                await self._changed.wait()

    async def print(self, sheet: Sheet) -> Result:
        async with self._one_sheet:
            self.start()
            try:
                job = await self._thread.run(self.encoded, sheet, self._unfinished)
            except glyphs.FontsMissing as missing:
                return Result(Outcome.NOT_PRINTED, 0, 0, None, str(missing))
            if not self._closed:
                await self._settled.wait()
            if not self._connected.is_set():
                return Result(Outcome.NOT_PRINTED, 0, job.bytes_total, Fault.GONE, self.why)
            ended: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
            self._ended = ended
            self._job, commands = print_job.begin(job, self._now())
            self._obey(commands)
            try:
                return await ended
            except asyncio.CancelledError:
                # Whatever was not sent shall not be, and what was sent shall not come out.
                _, commands = print_job.step(self._job, Gone("given up"), self._now())
                self._obey([one for one in commands if isinstance(one, print_job.Clear)])
                raise
            finally:
                self._job = self._ended = None

    def interrupted(self) -> None:
        self._unfinished = True

    async def taken(self, seconds: float) -> bool | None:
        if not self.profile.mouth:
            return None
        if not await self._mouth(True, MOUTH_SECONDS):
            return True if self._status.heard else None
        if await self._mouth(False, seconds):
            return True
        if self._status.paper_waiting:
            self._to_ask.append(escpos.RETRACT)
            self._to_write.set()
            await self._mouth(False, MOUTH_SECONDS)
            return False
        return None

    async def close(self) -> None:
        self._closed = True
        running, self._running = self._running, None
        if running is not None:
            running.cancel()
            await asyncio.wait({running})
        self._transport.close()
        self._settled.set()
        self._lost(DriverError(f"{self._transport.name} is closed"))

    # One connection after the other.

    def start(self) -> None:
        """Connect, and go on trying; nothing if it has begun."""
        if self._running is None and not self._closed:
            self._running = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while True:
            try:
                await self._transport.open()
                await self._serve()
            except DriverError as error:
                self._lost(error)
            self._transport.close()
            # One that was closed on purpose is opened anew sooner; few printers take the next
            # connection before they have noticed the end of the last.
            await self._clock.wait(RETRY_SECONDS if self._settled.is_set() else REOPEN_SECONDS)

    async def _serve(self) -> None:
        """Serve one connection; raise DriverError when it ends."""
        self._talk = self._begun()
        owed, self._owed_bytes = self._owed_bytes, 0
        opening = fgl.opening(owed) if self._fgl else escpos.opening(self.profile)
        self._to_ask, self._to_send = [opening], []
        self._set_status(NOT_HEARD)
        self._connected.set()
        tasks = {asyncio.create_task(part()) for part in (self._read, self._write, self._watch)}
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)

    async def _read(self) -> None:
        while True:
            self._hear(Heard(await self._transport.read()))

    async def _write(self) -> None:
        while True:
            if self._to_ask:
                message = self._to_ask.pop(0)
                while message:
                    message = message[await self._transport.write(message[:CHUNK_BYTES]) :]
            elif self._to_send:
                await self._send(self._to_send.pop(0))
            else:
                self._to_write.clear()
                await self._to_write.wait()

    async def _send(self, block: bytes) -> None:
        """Send one block of the job; each byte that was taken is told to it."""
        job = self._job
        while block and self._job is not None and job is not None:
            count = await self._transport.write(block[:CHUNK_BYTES])
            block = block[count:]
            self._tell(print_job.Taken(count))

    async def _watch(self) -> None:
        """Ask now and then, and keep the deadlines."""
        look = self._now()
        while True:
            now = self._now()
            if self._job is None and now >= look:
                self._hear(Ask())
                look = now + LOOK_SECONDS
            due = [look if self._job is None else None, self._talk.deadline, self._job_deadline()]
            self._sooner.clear()
            waits = {
                asyncio.create_task(self._sooner.wait()),
                asyncio.create_task(
                    self._clock.wait_until(min(at for at in due if at is not None))
                ),
            }
            try:
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for wait in waits:
                    wait.cancel()
            if self._talk.deadline is not None and self._now() >= self._talk.deadline:
                # What came while this process was busy is heard first: its pause is not the line's.
                for _ in range(YIELDS):
                    await self._clock.wait(0)
                self._hear(Due())
            self._tell(print_job.Due())

    def _job_deadline(self) -> float | None:
        return self._job.deadline if self._job is not None else None

    # What the core concludes, and what it wants.

    def _hear(self, signal: escpos_talk.Signal) -> None:
        now = self._now()
        if isinstance(self._talk, fgl.State):
            self._talk, commands = fgl.step(self._talk, signal, now)
        else:
            self._talk, commands = escpos_talk.step(self._talk, signal, now)
        for command in commands:
            match command:
                case Write(data):
                    self._to_ask.append(data)
                    self._to_write.set()
                case Tell(said):
                    self._told(said)
        self._sooner.set()

    def _told(self, said: print_job.Signal) -> None:
        if isinstance(said, Told):
            self._set_status(said.status)
        elif isinstance(said, Unanswered) and self._job is None:
            self._set_status(NOT_HEARD)
        if isinstance(said, Told | Unanswered):
            self._reopenings = 0
            self._settled.set()
        self._tell(said)

    def _tell(self, signal: print_job.Signal) -> None:
        if self._job is None or self._ended is None or self._ended.done():
            return
        self._job, commands = print_job.step(self._job, signal, self._now())
        self._obey(commands)

    def _obey(self, commands: list[print_job.Command]) -> None:
        for command in commands:
            match command:
                case print_job.Ask(fresh):
                    self._hear(Ask(fresh))
                case print_job.AskDrained():
                    self._hear(AskDrained())
                case print_job.Send(block):
                    self._to_send.append(block)
                    self._to_write.set()
                case print_job.Clear(owed_bytes):
                    self._break_off(owed_bytes)
                case print_job.End(result):
                    if result.outcome is Outcome.PRINTED:
                        self._unfinished = False
                    if self._ended is not None and not self._ended.done():
                        self._ended.set_result(result)
        self._sooner.set()

    def _break_off(self, owed_bytes: int) -> None:
        """Close the line with all that is on it; the next one begins by making it forget."""
        self._to_send = []
        self._owed_bytes = owed_bytes
        self._unfinished = True
        self._connected.clear()
        self._settled.clear()
        self._reopenings = REOPENINGS_MAX
        self._transport.close()

    def _lost(self, error: DriverError) -> None:
        self.why = str(error)
        self._connected.clear()
        self._set_status(NOT_CONNECTED)
        self._tell(Gone(self.why))
        if self._reopenings and not self._closed:
            self._reopenings -= 1
        else:
            self._settled.set()

    def _set_status(self, status: Status) -> None:
        if status != self._status:
            self._status = status
            self._changed.set()

    def encoded(self, sheet: Sheet, unfinished: bool = False) -> Job:
        """Return what would be sent for a sheet; raise FontsMissing."""
        if self._fgl:
            return fgl.encode(sheet, self.profile, glyphs.draw)
        process = bytes(0x21 + self._draw(0x5E) for _ in range(4))
        lines = lay_out(separated(sheet) if unfinished else sheet, self.profile.paper)
        return escpos.encode(lines, self.profile, process, glyphs.draw)

    async def _mouth(self, holds: bool, seconds: float) -> bool:
        """Wait until the mouth holds a sheet, or does not; return whether it came to that."""
        until = self._now() + seconds
        while self._status.paper_waiting is not holds and self._status.heard:
            if self._now() >= until:
                return False
            self._hear(Ask())
            await self._clock.wait(0.2)
        return self._status.paper_waiting is holds

    def _begun(self) -> escpos_talk.State | fgl.State:
        return fgl.State() if self._fgl else escpos_talk.begin(self.profile.mouth)

    def _now(self) -> float:
        return self._clock.now().uptime
