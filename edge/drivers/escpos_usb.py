"""A printer on USB without the kernel's usblp, by libusb: `[printer] kind = "usb"`.

python-escpos finds the device and takes it from the kernel's driver; its reading and writing are
not used: they know no end of waiting, sixteen bytes at a time, and fixed endpoints. A USB printer
class interface has one bulk endpoint out and one in (USB Printer Class 1.1, 4.1).

libusb can only block, so all is done on the printer's thread, in turns: a write waits at most for
one look whether something has come. Tried against a simulated device only.
"""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

import usb.core
import usb.util
from escpos import printer
from escpos.exceptions import Error as EscposError

from edge.drivers.interfaces import DriverError
from edge.runtime.clock import Clock
from edge.runtime.workers import SingleThread

P = ParamSpec("P")
T = TypeVar("T")

PRINTER_CLASS = 7
READ_BYTES_MAX = 4096
LOOK_MS = 10
PAUSE_SECONDS = 0.02
"""Between two looks whether something has come."""
WRITE_MS = 100
"""Within which the printer takes bytes, or is asked again: it may be busy, or without paper."""


@dataclass(frozen=True, slots=True)
class _Opened:
    line: Any
    """python-escpos's: it closes the device when nobody holds it any more."""
    device: Any
    interface: int
    out: Any
    into: Any


class UsbTransport:
    """`vendor` and `product` as `lsusb` shows them; `serial` where there are two of a kind."""

    def __init__(
        self,
        vendor: int,
        product: int,
        serial: str,
        thread: SingleThread,
        clock: Clock,
        backend: Any = None,
    ) -> None:
        """`backend`: pyusb's way to devices; None: libusb."""
        self.name = f"USB {vendor:04x}:{product:04x}{f':{serial}' if serial else ''}"
        self._wanted = {"idVendor": vendor, "idProduct": product, "backend": backend}
        self._serial = serial
        self._thread, self._clock = thread, clock
        self._opened: _Opened | None = None
        self._ended = asyncio.Event()
        self._closing: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Connect; raise DriverError with what to do."""
        try:
            self._opened = await self._thread.run(self._open)
        except (EscposError, usb.core.USBError, usb.core.NoBackendError, ValueError) as error:
            raise DriverError(self._why_not_open(error)) from error
        self._ended = asyncio.Event()

    async def read(self) -> bytes:
        """Wait for bytes, b"" now and then for none; raise DriverError if the line is lost."""
        opened = self._still_open()
        arrived = await self._turn(_read, opened)
        if not arrived:
            await self._pause()
        return arrived

    async def write(self, data: bytes) -> int:
        """Wait until the line takes bytes; return how many of `data` it took."""
        while True:
            taken = await self._turn(_write, self._still_open(), data)
            if taken:
                return taken

    def close(self) -> None:
        """Let go at once of the line and of what is still on its way. Never raises."""
        opened, self._opened = self._opened, None
        if opened is not None:
            self._ended.set()
            self._closing = asyncio.ensure_future(self._thread.run(_release, opened))

    async def _turn(self, work: Callable[P, T], *told: P.args, **more: P.kwargs) -> T:
        try:
            done = await self._thread.run(work, *told, **more)
        except usb.core.USBError as error:
            why = error.strerror or str(error)
            raise DriverError(
                f"{self.name} is lost ({why}); check its power and its cable"
            ) from error
        self._still_open()
        return done

    async def _pause(self) -> None:
        waiting = {
            asyncio.ensure_future(self._clock.wait(PAUSE_SECONDS)),
            asyncio.ensure_future(self._ended.wait()),
        }
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waiting:
                one.cancel()

    def _still_open(self) -> _Opened:
        if self._opened is None:
            raise DriverError(f"{self.name} is closed")
        return self._opened

    # On the thread.

    def _open(self) -> _Opened:
        wanted = {name: value for name, value in self._wanted.items() if value is not None}
        if self._serial:
            wanted["custom_match"] = self._has_serial
        line = printer.Usb(usb_args=wanted)
        line.open()
        device = line.device
        try:
            return _claimed(line, device)
        except (usb.core.USBError, ValueError):
            usb.util.dispose_resources(device)
            raise

    def _has_serial(self, device: Any) -> bool:
        try:
            return bool(device.serial_number == self._serial)
        except (usb.core.USBError, ValueError):
            return False  # It may not be read: of another user, or it has none.

    def _why_not_open(self, error: Exception) -> str:
        told: BaseException | None = error
        while told is not None and not isinstance(told, usb.core.USBError):
            told = told.__cause__ or told.__context__
        number = told.errno if isinstance(told, usb.core.USBError) else None
        if isinstance(error, usb.core.NoBackendError):
            return "libusb is not installed; apt-get install libusb-1.0-0"
        match number:
            case 13 | 1:  # EACCES, EPERM
                return f"{self.name} may not be opened; give this user its group (udev: lp)"
            case 16:  # EBUSY
                return f"{self.name} is in use by another program; stop that program (CUPS?)"
            case _ if "not found" in str(error):
                return f"{self.name} is not there; switch the printer on, or correct its numbers"
            case _:
                return f"{self.name} could not be opened: {' '.join(str(error).split())}"


def _claimed(line: Any, device: Any) -> _Opened:
    """Take the printer's interface; raise ValueError where it has none."""
    for interface in device.get_active_configuration():
        out, into = (
            _endpoint(interface, usb.util.ENDPOINT_OUT),
            _endpoint(interface, usb.util.ENDPOINT_IN),
        )
        if interface.bInterfaceClass in (PRINTER_CLASS, 0xFF) and out and into:
            usb.util.claim_interface(device, interface.bInterfaceNumber)
            return _Opened(line, device, interface.bInterfaceNumber, out, into)
    raise ValueError("it has no printer interface that answers")


def _endpoint(interface: Any, direction: int) -> Any:
    return next(
        (
            one
            for one in interface
            if usb.util.endpoint_direction(one.bEndpointAddress) == direction
            and usb.util.endpoint_type(one.bmAttributes) == usb.util.ENDPOINT_TYPE_BULK
        ),
        None,
    )


def _read(opened: _Opened) -> bytes:
    try:
        return bytes(opened.into.read(READ_BYTES_MAX, LOOK_MS))
    except usb.core.USBTimeoutError:
        return b""


def _write(opened: _Opened, data: bytes) -> int:
    try:
        return int(opened.out.write(data, WRITE_MS))
    except usb.core.USBTimeoutError:
        return 0


def _release(opened: _Opened) -> None:
    with contextlib.suppress(usb.core.USBError):
        usb.util.dispose_resources(opened.device)
