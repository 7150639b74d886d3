"""The contract of every printer, and what is particular to each line and kind.

What came out is asked of the simulated hardware: what is on its paper, read by zxing-cpp.
"""

import asyncio
import itertools
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
import zxingcpp

from edge.core.print_job import Outcome, Result
from edge.core.printer_status import NOT_CONNECTED, READY, Fault, Roll, Status
from edge.drivers.catalog import Catalog
from edge.drivers.escpos_transport import FileTransport, SerialTransport, Transport
from edge.drivers.interfaces import DriverError, Printer
from edge.drivers.printer_config import (
    FilePrinterConfig,
    LinePrinterConfig,
    NetworkPrinterConfig,
    SerialPrinterConfig,
    UsbPrinterConfig,
)
from edge.drivers.printer_simulated import SimulatedPrinter
from edge.runtime.clock import SystemClock
from edge.runtime.workers import Workers
from paper.default import TEMPLATE
from paper.sheet import Code, Kind, Sheet
from paper.template import Language, read
from simulators.printer import CHINA_58, CHINA_80, CUSTOM_80, EPSON_58, EPSON_80, EscposPrinter
from simulators.printer_boca import BocaPrinter
from simulators.printer_body import Mishap, PrinterBody
from simulators.printer_line import PrinterLine, TcpLine, pty_line
from simulators.usb_line import PRODUCT, SERIAL, VENDOR, UsbLine

PATIENCE_SECONDS = 60.0
KINDS = {
    "epson-80": EPSON_80,
    "epson-58": EPSON_58,
    "china-80": CHINA_80,
    "china-58": CHINA_58,
    "custom-80": CUSTOM_80,
    "boca-300": None,
}
LINES = ("network", "serial", "file")
DRIVERS = ["simulated", *(f"{line} {kind}" for line in LINES for kind in ("epson-80", "china-58"))]
DRIVERS += ["usb epson-80", "usb custom-80"]
DRIVERS += ["network boca-300", "file custom-80", "network epson-58", "serial china-80"]
NAME = "\x1b@欧阳𠮷子\x1dV\x00 😀 Zoë \u202e" + "A" * 40


def ticket(number: int) -> Sheet:
    told = {
        "title": "国家大剧院：天鹅湖 Swan Lake",
        "row": "7",
        "seat": str(number),
        "holder": NAME,
        "number": f"HALL7-0000-00{number:02d}",
        "code": code_of(number),
    }
    return read(TEMPLATE).sheet(Kind.TICKET, told, Language.BOTH)


def code_of(number: int) -> str:
    return f"GH1TICKET{number:04d}" + "ABCDEFGHJKMNPQRSTVWXYZ234567" * 8


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():  # noqa: ASYNC110 - the condition is made of plain lists
            await asyncio.sleep(0.01)


@dataclass
class Rig:
    """A printer as its driver and as the thing that stands there."""

    printer: Printer
    plug: Callable[[], None]
    unplug: Callable[[], None]
    codes: Callable[[], list[str]]
    """What can be read on the paper that was cut off, from the first piece on."""
    run_out: Callable[[], None]
    load: Callable[[], None]
    hardware: PrinterBody | None
    close: Callable[[], Awaitable[None]]


def codes_on(paper: PrinterBody) -> list[str]:
    return [
        "".join(found.text for found in zxingcpp.read_barcodes(piece))
        for piece in paper.paper.pieces
    ]


def simulated_rig() -> Rig:
    printer = SimulatedPrinter(SystemClock())

    def set_status(status: Status) -> None:
        printer.status = status

    return Rig(
        printer,
        lambda: set_status(READY),
        lambda: set_status(NOT_CONNECTED),
        lambda: [
            part.text for sheet in printer.printed for part in sheet.parts if isinstance(part, Code)
        ],
        lambda: set_status(Status(heard=True, online=True, roll=Roll.END)),
        lambda: set_status(READY),
        None,
        printer.close,
    )


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port: int = held.getsockname()[1]
        return port


@asynccontextmanager
async def rig(
    driver: str, directory: Path, plugged: bool = True, taken: bool = True
) -> AsyncIterator[Rig]:
    """`taken`: somebody takes each ticket out of a printer's mouth at once."""
    if driver == "simulated":
        made = simulated_rig()
        if not plugged:
            made.unplug()
        yield made
        await made.close()
        return
    line, told = line_of(driver, directory)
    model = KINDS[told.profile]
    hardware = EscposPrinter(model, line) if model else BocaPrinter(line)
    thread = Workers().single("printer")
    numbers = itertools.count()
    devices = line.backend if isinstance(line, UsbLine) else None
    catalog = Catalog(SystemClock(), devices)
    printer = catalog.printer(told, thread, lambda n: next(numbers) % n)
    if plugged:
        hardware.plug()
    if taken:
        hardware.changed = partial(take, hardware)
    running = asyncio.create_task(hardware.run())
    try:
        yield Rig(
            printer,
            hardware.plug,
            hardware.unplug,
            partial(codes_on, hardware),
            partial(hardware.happens, Mishap.PAPER_END),
            hardware.load,
            hardware,
            printer.close,
        )
        assert not running.done(), running.exception()
        unknown = hardware.reader.unknown if isinstance(hardware, EscposPrinter) else []
        assert unknown == []
    finally:
        await printer.close()
        hardware.unplug()
        running.cancel()
        await asyncio.wait({running})
        thread.close()


def line_of(driver: str, directory: Path) -> tuple[PrinterLine, LinePrinterConfig]:
    kind, profile = driver.split()
    if kind == "usb":
        device = f"{VENDOR:04x}:{PRODUCT:04x}:{SERIAL}"
        return UsbLine(), UsbPrinterConfig(profile=profile, device=device)
    if kind == "network":
        port = free_port()
        return TcpLine(port), NetworkPrinterConfig(profile=profile, host="127.0.0.1", port=port)
    path = directory / "printer"
    if kind == "serial":
        told = SerialPrinterConfig(profile=profile, path=str(path), flow="none")
        return pty_line(path), told
    return pty_line(path), FilePrinterConfig(profile=profile, path=str(path))


def take(hardware: PrinterBody) -> None:
    if hardware.in_mouth:
        hardware.in_mouth = False
        hardware.look()


class Looks:
    """Keeps what a printer's looks yield."""

    def __init__(self, printer: Printer) -> None:
        self.seen: list[Status] = []
        self._task = asyncio.create_task(self._keep(printer))

    async def _keep(self, printer: Printer) -> None:
        async for status in printer.looks():
            self.seen.append(status)

    @property
    def fault(self) -> Fault | str | None:
        return self.seen[-1].fault if self.seen else "nothing seen"

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.wait({self._task})


@pytest.mark.parametrize("driver", DRIVERS)
def test_what_is_printed_is_on_paper_once(driver: str, tmp_path: Path) -> None:
    async def play() -> None:
        async with rig(driver, tmp_path) as it:
            results = [await it.printer.print(ticket(number)) for number in (1, 2)]
            for result in results:
                assert result.outcome is Outcome.PRINTED, result
                assert result.byte == result.bytes_total
            assert it.codes() == [code_of(1), code_of(2)]

    asyncio.run(play())


@pytest.mark.parametrize("driver", DRIVERS)
def test_without_paper_nothing_is_sent_and_the_rest_goes_on_with_new_paper(
    driver: str, tmp_path: Path
) -> None:
    async def play() -> None:
        async with rig(driver, tmp_path) as it:
            looks = Looks(it.printer)
            assert (await it.printer.print(ticket(1))).outcome is Outcome.PRINTED
            it.run_out()
            result = await it.printer.print(ticket(2))
            assert (result.outcome, result.byte) == (Outcome.NOT_PRINTED, 0)
            assert result.fault is Fault.PAPER_END
            await until(lambda: looks.fault is Fault.PAPER_END)
            it.load()
            await until(lambda: looks.fault is None)
            for number in (2, 3):
                assert (await it.printer.print(ticket(number))).outcome is Outcome.PRINTED
            assert it.codes() == [code_of(1), code_of(2), code_of(3)]
            await looks.stop()

    asyncio.run(play())


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_printer_that_is_not_there_is_waited_for(driver: str, tmp_path: Path) -> None:
    async def play() -> None:
        async with rig(driver, tmp_path, plugged=False) as it:
            looks = Looks(it.printer)
            result = await it.printer.print(ticket(1))
            assert (result.outcome, result.byte) == (Outcome.NOT_PRINTED, 0)
            assert result.fault is Fault.GONE
            await until(lambda: looks.fault is Fault.GONE)
            it.plug()
            await until(lambda: looks.fault is None)
            assert (await it.printer.print(ticket(2))).outcome is Outcome.PRINTED
            it.unplug()
            await until(lambda: looks.fault is Fault.GONE)
            it.plug()
            await until(lambda: looks.fault is None)
            assert (await it.printer.print(ticket(3))).outcome is Outcome.PRINTED
            assert it.codes() == [code_of(2), code_of(3)]
            await looks.stop()

    asyncio.run(play())


@pytest.mark.parametrize("driver", DRIVERS)
def test_one_sheet_at_a_time(driver: str, tmp_path: Path) -> None:
    async def play() -> None:
        async with rig(driver, tmp_path) as it:
            prints = [it.printer.print(ticket(number)) for number in range(3)]
            results: list[Result] = await asyncio.gather(*prints)
            assert {result.outcome for result in results} == {Outcome.PRINTED}
            assert it.codes() == [code_of(number) for number in range(3)]

    asyncio.run(play())


@pytest.mark.parametrize("driver", DRIVERS)
def test_closed_twice_it_prints_nothing(driver: str, tmp_path: Path) -> None:
    async def play() -> None:
        async with rig(driver, tmp_path) as it:
            assert (await it.printer.print(ticket(1))).outcome is Outcome.PRINTED
            await it.printer.close()
            await it.printer.close()
            result = await it.printer.print(ticket(2))
            assert (result.outcome, result.byte) == (Outcome.NOT_PRINTED, 0)
            assert it.codes() == [code_of(1)]

    asyncio.run(play())


@pytest.mark.parametrize(
    "driver", ["network epson-80", "serial china-80", "usb epson-80", "network boca-300"]
)
def test_a_loop_is_never_blocked_by_a_printer_that_takes_nothing(
    driver: str, tmp_path: Path
) -> None:
    """The line is full and stays so; meanwhile the loop turns, and closing does not wait."""

    async def play() -> None:
        async with rig(driver, tmp_path) as it:
            assert it.hardware
            assert (await it.printer.print(ticket(1))).outcome is Outcome.PRINTED
            it.hardware.breaks[it.hardware.counted.bytes_read + 2000] = Mishap.JAM
            printing = asyncio.create_task(it.printer.print(ticket(2)))
            await until(lambda: it.hardware is not None and it.hardware.health.jammed)
            turns = 0
            for _ in range(50):
                await asyncio.sleep(0.001)
                turns += 1
            assert turns == 50
            await it.printer.close()
            result = await printing
            assert result.outcome is not Outcome.PRINTED
            assert len(it.codes()) == 1

    asyncio.run(play())


def test_cancelled_it_is_not_finished_behind_ones_back(tmp_path: Path) -> None:
    async def play() -> None:
        async with rig("network epson-80", tmp_path) as it:
            assert it.hardware
            assert (await it.printer.print(ticket(1))).outcome is Outcome.PRINTED
            it.hardware.breaks[it.hardware.counted.bytes_read + 4000] = Mishap.COVER
            printing = asyncio.create_task(it.printer.print(ticket(2)))
            await until(lambda: it.hardware is not None and it.hardware.health.cover_open)
            printing.cancel()
            await asyncio.wait({printing})
            # Answered by the line that was opened anew, and by then it has forgotten the rest.
            assert (await it.printer.print(ticket(3))).byte == 0
            looks = Looks(it.printer)
            it.hardware.close_cover()
            await until(lambda: looks.fault is None)
            await looks.stop()
            assert (await it.printer.print(ticket(3))).outcome is Outcome.PRINTED
            assert it.hardware.counted.cuts == 2, "what hung out was not cut off on its own"
            assert it.codes()[0] == code_of(1)
            assert it.codes()[1].endswith(code_of(3))

    asyncio.run(play())


def test_a_ticket_not_taken_is_drawn_back(tmp_path: Path) -> None:
    async def play() -> None:
        async with rig("file custom-80", tmp_path, taken=False) as it:
            assert it.hardware
            assert (await it.printer.print(ticket(1))).outcome is Outcome.PRINTED
            taking = asyncio.create_task(it.printer.taken(60.0))
            await asyncio.sleep(0.3)
            it.hardware.take()
            assert await taking is True
            assert (await it.printer.print(ticket(2))).outcome is Outcome.PRINTED
            assert await it.printer.taken(0.5) is False
            assert it.hardware.counted.retracted == 1
            assert (await it.printer.print(ticket(3))).outcome is Outcome.PRINTED
            result = await it.printer.print(ticket(4))
            assert (result.outcome, result.byte) == (Outcome.NOT_PRINTED, 0)
            assert result.fault is Fault.PAPER_WAITING

    asyncio.run(play())


def test_a_printer_without_a_mouth_cannot_say_whether_it_was_taken(tmp_path: Path) -> None:
    async def play() -> None:
        async with rig("network epson-80", tmp_path) as it:
            assert (await it.printer.print(ticket(1))).outcome is Outcome.PRINTED
            assert await it.printer.taken(1.0) is None

    asyncio.run(play())


def test_the_simulated_one_breaks_where_it_is_told_to() -> None:
    async def play() -> None:
        printer = SimulatedPrinter(SystemClock(), mouth=True)
        for byte, outcome in ((500, Outcome.NOT_PRINTED), (501, Outcome.UNKNOWN)):
            printer.break_at = (byte, Fault.JAM)
            result = await printer.print(ticket(1))
            assert (result.outcome, result.byte, result.fault) == (outcome, byte, Fault.JAM)
        printer.confirms = False
        assert (await printer.print(ticket(2))).outcome is Outcome.UNKNOWN
        printer.confirms = True
        assert (await printer.print(ticket(3))).outcome is Outcome.PRINTED
        assert await printer.taken(0.01) is False
        printer.take()
        assert await printer.taken(0.01) is True
        assert (printer.retracted, printer.cuts, len(printer.printed)) == (1, 2, 2)

    asyncio.run(play())


@pytest.mark.parametrize(
    ("told", "said"),
    [
        (FilePrinterConfig(profile="china-80", path="{}/absent"), "is not there"),
        (SerialPrinterConfig(profile="china-80", path="{}/absent"), "is not there"),
        (SerialPrinterConfig(profile="china-80", path="{}/file"), "could not be opened"),
        (NetworkPrinterConfig(profile="china-80", host="127.0.0.1", port=1), "refuses"),
    ],
)
def test_why_it_cannot_be_opened_says_what_to_do(
    told: NetworkPrinterConfig | SerialPrinterConfig | FilePrinterConfig, said: str, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"")
    if isinstance(told, FilePrinterConfig | SerialPrinterConfig):
        told = type(told)(profile=told.profile, path=told.path.format(tmp_path))

    async def play() -> None:
        thread = Workers().single("printer")
        printer = Catalog(SystemClock()).printer(told, thread, lambda n: n - 1)
        result = await printer.print(ticket(1))
        assert (result.outcome, result.fault) == (Outcome.NOT_PRINTED, Fault.GONE)
        assert said in result.why
        await printer.close()
        thread.close()

    asyncio.run(play())


def test_a_device_in_use_is_not_shared(tmp_path: Path) -> None:
    async def play() -> None:
        line = pty_line(tmp_path / "printer")
        line.plug()
        thread, path = Workers().single("printer"), str(tmp_path / "printer")
        first = SerialTransport(path, 9600, "none", thread)
        await first.open()
        for second in (
            SerialTransport(path, 9600, "none", thread),
            FileTransport(path, thread, SystemClock()),
        ):
            with pytest.raises(DriverError, match="in use by another program"):
                await second.open()
        first.close()
        await second.open()
        second.close()
        thread.close()
        line.unplug()

    asyncio.run(play())


def test_a_full_line_gives_up_its_bytes_when_it_is_closed(tmp_path: Path) -> None:
    """python-escpos waits on closing until a printer without paper has taken everything."""

    async def play() -> None:
        master, slave = os.openpty()
        thread = Workers().single("printer")
        transport = SerialTransport(os.ttyname(slave), 9600, "none", thread)
        await transport.open()
        sending = asyncio.create_task(_pour(transport))
        await asyncio.sleep(0.2)
        transport.close()
        with pytest.raises(DriverError):
            await sending
        os.close(master)
        os.close(slave)
        thread.close()

    assert tmp_path.exists()
    asyncio.run(play())


async def _pour(transport: Transport) -> None:
    while True:
        await transport.write(b"\0" * 4096)
