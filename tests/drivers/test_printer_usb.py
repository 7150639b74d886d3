"""A printer by libusb, drawn out and plugged in again; libusb and device are made of software."""

import asyncio
import gc
import re
from pathlib import Path

import pytest
import usb.core

from edge.core.print_job import Outcome
from edge.core.printer_status import Fault
from edge.drivers.escpos_usb import UsbTransport
from edge.drivers.interfaces import DriverError
from edge.runtime.clock import SystemClock
from edge.runtime.workers import Workers
from simulators.usb_line import HELD_MAX, PRODUCT, SERIAL, VENDOR, UsbBackend, UsbLine
from tests.drivers.test_printers import Looks, code_of, rig, ticket, until


def test_drawn_in_the_midst_of_a_ticket_and_plugged_in_again(tmp_path: Path) -> None:
    async def play() -> None:
        async with rig("usb epson-80", tmp_path) as it:
            looks = Looks(it.printer)
            assert it.hardware
            printing = asyncio.create_task(it.printer.print(ticket(1)))
            await until(lambda: it.hardware is not None and it.hardware.counted.bytes_read > 4000)
            it.unplug()
            result = await printing
            assert result.outcome is not Outcome.PRINTED
            await until(lambda: looks.fault is Fault.GONE)
            it.plug()
            await until(lambda: looks.fault is None)
            assert (await it.printer.print(ticket(2))).outcome is Outcome.PRINTED
            assert it.codes()[-1].endswith(code_of(2)), "what hangs above it is not cut off"
            await looks.stop()

    asyncio.run(play())


async def opened(line: UsbLine, serial: str = SERIAL, product: int = PRODUCT) -> UsbTransport:
    thread = Workers().single("printer")
    transport = UsbTransport(VENDOR, product, serial, thread, SystemClock(), line.backend)
    try:
        await transport.open()
    except DriverError:
        thread.close()
        raise
    return transport


@pytest.mark.parametrize(
    ("plugged", "serial", "product", "said"),
    [
        (False, SERIAL, PRODUCT, "is not there; switch the printer on"),
        (True, "ANOTHER", PRODUCT, "is not there; switch the printer on"),
        (True, "", 0x0001, "is not there; switch the printer on"),
    ],
)
def test_why_it_cannot_be_opened_says_what_to_do(
    plugged: bool, serial: str, product: int, said: str
) -> None:
    async def play() -> None:
        line = UsbLine()
        if plugged:
            line.plug()
        with pytest.raises(DriverError, match=said):
            await opened(line, serial, product)

    asyncio.run(play())


def test_it_is_taken_from_the_kernel_and_not_shared() -> None:
    async def play() -> None:
        line = UsbLine()
        line.plug()
        first = await opened(line, "")
        assert not line.kernel_driver
        gc.collect()  # python-escpos closes what it has opened when it is forgotten.
        with pytest.raises(DriverError, match="in use by another program"):
            await opened(line)
        first.close()
        await until(lambda: line.claimed_by is None)
        (await opened(line)).close()

    asyncio.run(play())


def test_closed_or_drawn_whoever_waits_is_told() -> None:
    async def play() -> None:
        line = UsbLine()
        line.plug()
        for end, said in ((UsbTransport.close, "is closed"), (lambda _: line.unplug(), "is lost")):
            transport = await opened(line)
            assert await transport.write(bytes(HELD_MAX)) == HELD_MAX  # Full: nobody reads it.
            waiting = [asyncio.create_task(transport.write(b"more"))]
            reading = asyncio.create_task(_read_on(transport))
            await asyncio.sleep(0.05)
            assert not waiting[0].done()
            end(transport)
            for one in (*waiting, reading):
                with pytest.raises(DriverError, match=said):
                    await one
            transport.close()
            line.unplug()
            line.plug()

    asyncio.run(play())


async def _read_on(transport: UsbTransport) -> None:
    while True:
        await transport.read()


class NoLibrary(UsbBackend):
    def enumerate_devices(self) -> None:
        raise usb.core.NoBackendError("No backend available")


def test_without_libusb_it_says_what_to_install() -> None:
    async def play() -> None:
        line = UsbLine()
        line.backend = NoLibrary(line)
        with pytest.raises(DriverError, match=re.escape("apt-get install libusb-1.0-0")):
            await opened(line)

    asyncio.run(play())
