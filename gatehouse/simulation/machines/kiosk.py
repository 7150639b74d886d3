"""A kiosk of the venue: the daemon's own assembly, and what stands in the hall for people to use.

There is no browser: whoever stands there sees the visit that the page would be a picture of, and
touches what the page would show.
"""

import asyncio
import random
from collections.abc import Callable, Iterable
from pathlib import Path

from edge.core.print_job import Job, Result
from edge.core.visit_terms import Page, Receipts, Visit
from edge.drivers.catalog import Catalog, PrinterConfig, ReaderConfig
from edge.drivers.interfaces import Printer, Reader
from edge.drivers.printer_escpos import EscposPrinter
from edge.drivers.reader_simulated import SimulatedReader
from edge.kiosk.__main__ import assembled as assembled_kiosk
from edge.kiosk.config import KioskConfig
from edge.kiosk.daemon import KioskDaemon
from edge.kiosk.page import changes
from edge.kiosk.picture import Pictures
from edge.runtime.clock import Clock
from edge.runtime.service import Work
from edge.runtime.workers import SingleThread
from gatehouse.simulation.centrals.central import Central
from gatehouse.simulation.machines.enrolled import Enrolled, LineCatalog
from gatehouse.simulation.machines.hub import PUBLIC, Hub
from gatehouse.simulation.machines.loop import Scheduler
from gatehouse.simulation.machines.machine import Process
from gatehouse.simulation.machines.printer import MODELS, Piece, VenuePrinter
from gatehouse.simulation.machines.printer_cable import CableEnd
from paper.sheet import Code, Sheet
from rules.zone import Policy
from wire import staff_card

STAFF_CARD = b"staff-card-of-the-simulation"
TAKE_SECONDS = 10.0
KIOSK_TOML = """name = "{name}"
directory = "{folder}"
receipts = "{receipts}"
take_seconds = {take}
reader = [{{kind = "simulated"}}]
printer = {{kind = "file", path = "/dev/simulated", profile = "{profile}"}}
staff = [{{name = "Li", digest = "{staff}"}}]
"""
ALONE = '[kiosk]\nwhen_offline = "exchange"\n'


class Stand:
    """What people find there: a screen, a scanner, and a tray under the printer."""

    def __init__(self, scheduler: Scheduler, profile: str) -> None:
        self.scheduler = scheduler
        self.printer = VenuePrinter(scheduler, profile)
        self.printer.on_piece = self._falls
        self.tray: list[Piece] = []
        self.pieces: list[Piece] = []
        """All that ever came off the roll."""
        self.on_piece: Callable[[Piece], None] = lambda _piece: None
        self.on_print: Callable[[Sheet], None] = lambda _sheet: None
        self.on_muddle: Callable[[], None] = lambda: None
        """Is told when a sheet is to be printed below a code of another, and does not say so."""
        self.on_show: Callable[[Visit], None] = lambda _visit: None
        self._daemon: tuple[KioskDaemon, Process] | None = None
        self._reader: tuple[SimulatedReader, Process] | None = None
        self._waiting: list[asyncio.Future[None]] = []

    @property
    def visit(self) -> Visit | None:
        """What is on its screen; None: it is dark."""
        return self._daemon[0].visit if self._daemon and self._daemon[1].alive else None

    @property
    def page(self) -> Page | None:
        visit = self.visit
        return visit.page if visit else None

    def light(self, daemon: KioskDaemon, process: Process) -> None:
        self._daemon = daemon, process

    def hang(self, reader: SimulatedReader, process: Process) -> SimulatedReader:
        self._reader = reader, process
        return reader

    def present(self, code: bytes) -> None:
        """Hold a code before its scanner."""
        if self._reader is not None and self._reader[1].alive:
            self._reader[0].present(code)

    def plug(self, there: bool) -> None:
        """Pull out the scanner, or put it back."""
        if self._reader is not None and self._reader[1].alive:
            (self._reader[0].find if there else self._reader[0].lose)()

    def touch(self, what: str, value: str = "") -> None:
        """Touch what is shown at this moment."""
        if self._daemon is not None and self._daemon[1].alive:
            daemon, process = self._daemon
            process.loop.create_task(daemon.touch(what, value, daemon.number))

    def type(self, *touches: tuple[str, str]) -> None:
        """Touch one after the other, each on what the one before has made of the page."""
        if self._daemon is not None and self._daemon[1].alive:
            daemon, process = self._daemon
            process.loop.create_task(_typed(daemon, touches))

    def take(self) -> list[Piece]:
        """Take what lies in the tray, and what stands in the mouth."""
        if self.printer.held is not None:
            self.printer.take()
        taken, self.tray = self.tray, []
        return taken

    async def change(self, seconds: float) -> bool:
        """Wait until something is to be seen; False: nothing was."""
        world = self.scheduler.world
        woken = world.create_future()
        self._waiting.append(woken)
        timer = world.call_later(seconds, _give_up, woken)
        try:
            return bool(await woken)
        finally:
            timer.cancel()

    def changed(self) -> None:
        if self.visit is not None:
            self.on_show(self.visit)
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            if not one.done():
                one.set_result(True)  # type: ignore[arg-type]

    def _falls(self, piece: Piece) -> None:
        self.pieces.append(piece)
        self.on_piece(piece)
        if piece.cut or piece.codes:
            self.tray.append(piece)
        self.changed()


class Kiosk(Enrolled):
    door = "kiosk"

    def __init__(
        self,
        name: str,
        number: int,
        id: str,
        central: Central,
        folder: Path,
        scheduler: Scheduler,
        chance: random.Random,
        claims: Policy = Policy.AVAILABLE,
        hub: Hub | None = None,
        alone: bool = False,
    ) -> None:
        """`hub`: where it claims what it prints, if it has a line there.

        `alone`: the venue has it exchange while central is away.
        """
        super().__init__(name, number, id, central, folder, scheduler, chance)
        self.side = hub.line(id, name) if hub else None
        self._claims, self._alone = claims, alone
        self.stand = Stand(scheduler, chance.choice(list(MODELS)))
        self.daemons["kiosk"] = self._kiosk
        self._receipts = chance.choice(list(Receipts))

    def plug(self, there: bool) -> None:
        self.stand.plug(there)

    def install(self) -> None:
        """Make its card: it was enrolled, and has nothing else."""
        hub = f'claims = "{self._claims}"\nclaims_key = "{PUBLIC}"\n'
        zone = "" if self.side is None else hub
        self.enrol(zone + (ALONE if self._alone else ""))

    def configure(self) -> None:
        folder = self.machine.folder
        self.write_sync()
        told = KIOSK_TOML.format(
            name=self.name,
            folder=folder,
            receipts=self._receipts.value,
            take=TAKE_SECONDS,
            profile=self.stand.printer.profile.name,
            staff=staff_card.digest(STAFF_CARD),
        )
        self.toml("kiosk").write_text(told)

    def catalog(self, clock: Clock, process: Process) -> Catalog:
        return KioskCatalog(clock, self, process)

    def _kiosk(self, process: Process) -> Work:
        def shows(
            told: KioskConfig,
            daemon: KioskDaemon,
            pictures: Pictures,
            draw: Callable[[int], bytes],
        ) -> _Screen:
            del told, pictures, draw
            return _Screen(self.stand, daemon, process)

        return assembled_kiosk(
            self.toml("kiosk"),
            self.machine.boot,
            self.around(process),
            lambda clock: self.catalog(clock, process),
            shows,
        )


class _Screen:
    """In the page's place: it is told of what changes as the browser is."""

    def __init__(self, stand: Stand, daemon: KioskDaemon, process: Process) -> None:
        self._stand, self._daemon, self._process = stand, daemon, process

    async def serve(self) -> None:
        self._stand.light(self._daemon, self._process)
        async for _ in changes(self._daemon):
            self._stand.changed()


class _Printer(EscposPrinter):
    """The driver; whoever watches it knows which sheet it was given."""

    stand: Stand

    def encoded(self, sheet: Sheet, unfinished: bool = False) -> Job:
        if self.stand.printer.hanging and not unfinished:
            self.stand.on_muddle()
        return super().encoded(sheet, unfinished)

    async def print(self, sheet: Sheet) -> Result:
        for part in sheet.parts:
            if isinstance(part, Code):
                self.stand.printer.is_sent(part.text)
        self.stand.on_print(sheet)
        return await super().print(sheet)


class KioskCatalog(LineCatalog):
    def __init__(self, clock: Clock, kiosk: Kiosk, process: Process) -> None:
        super().__init__(clock, kiosk, process)
        self._stand = kiosk.stand

    def reader(self, told: ReaderConfig) -> Reader:
        del told
        return self._stand.hang(SimulatedReader(self._clock), self._process)

    def printer(
        self, told: PrinterConfig, thread: SingleThread, draw: Callable[[int], int]
    ) -> Printer:
        del told
        end = CableEnd(self._stand.printer.cable, self._process)
        made = _Printer(end, self._stand.printer.profile, self._clock, thread, draw)
        made.stand = self._stand
        return made


async def _typed(daemon: KioskDaemon, touches: Iterable[tuple[str, str]]) -> None:
    for what, value in touches:
        await daemon.touch(what, value, daemon.number)


def _give_up(woken: "asyncio.Future[object]") -> None:
    if not woken.done():
        woken.set_result(False)
