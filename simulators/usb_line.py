"""A simulated printer's USB cable, as pyusb sees it: a backend with one printer class device.

It stands in the place of libusb and the device behind it. What a device does not take in time is a
time-out, one that is unplugged is gone (ENODEV), and one that is plugged in again is another one:
what was on its way by the earlier one is lost.
"""

import array
import asyncio
import errno
import itertools
import threading
import time
from collections import deque
from types import SimpleNamespace
from typing import Any

import usb.backend
import usb.core
import usb.util

VENDOR, PRODUCT, SERIAL = 0x04B8, 0x0E28, "X5MA000001"
OUT, INTO = 0x01, 0x82
PACKET_BYTES = 64
HELD_MAX = 4096
"""What the device takes before the printer has read it."""


class UsbLine:
    """`PrinterLine` at one end, `backend` at the other."""

    def __init__(self) -> None:
        self.session = 0
        self.there = False
        self.kernel_driver = True
        """Whether usblp holds it, as it does when a printer is plugged in."""
        self.held = 0
        self.claimed_by: object = None
        self.answers: deque[int] = deque()
        self.changed = threading.Condition()
        self.backend = UsbBackend(self)
        self._received: asyncio.Queue[tuple[int, bytes]] = asyncio.Queue()
        self._loop: asyncio.AbstractEventLoop | None = None

    def plug(self) -> None:
        self._loop = asyncio.get_running_loop()
        with self.changed:
            if not self.there:
                self.session += 1
                self.there, self.kernel_driver, self.held = True, True, 0
                self.claimed_by = None
                self.answers.clear()
                self.changed.notify_all()

    def unplug(self) -> None:
        with self.changed:
            self.there, self.claimed_by = False, None
            self.session += 1
            self.changed.notify_all()

    async def read(self) -> bytes:
        while True:
            session, arrived = await self._received.get()
            with self.changed:
                if session == self.session:
                    self.held -= len(arrived)
                    self.changed.notify_all()
                    return arrived

    def send(self, message: bytes) -> None:
        with self.changed:
            if self.there:
                self.answers.extend(message)
                self.changed.notify_all()

    def take(self, data: bytes) -> None:
        """The device has taken bytes from the host; in the lock."""
        assert self._loop
        self.held += len(data)
        self._loop.call_soon_threadsafe(self._received.put_nowait, (self.session, data))


class UsbBackend(usb.backend.IBackend):  # type: ignore[misc]
    """What pyusb asks of libusb, answered by the line."""

    def __init__(self, line: UsbLine) -> None:
        self._line = line
        self._handles = itertools.count(1)

    def enumerate_devices(self) -> Any:
        return iter([self._line.session] if self._line.there else [])

    def get_device_descriptor(self, dev: Any) -> Any:
        del dev
        numbers = {"idVendor": VENDOR, "idProduct": PRODUCT, "bcdUSB": 0x200, "bcdDevice": 0x100}
        texts = {"iManufacturer": 0, "iProduct": 0, "iSerialNumber": 3}
        more = {"bNumConfigurations": 1, "bMaxPacketSize0": 64, "bDeviceClass": 0}
        last = {"bDeviceSubClass": 0, "bDeviceProtocol": 0, "bLength": 18, "bDescriptorType": 1}
        where = {"address": 1, "bus": 1, "port_number": 1, "port_numbers": (1,), "speed": 3}
        return SimpleNamespace(**numbers, **texts, **more, **last, **where)

    def get_configuration_descriptor(self, dev: Any, config: int) -> Any:
        del dev, config
        told = {"bLength": 9, "bDescriptorType": 2, "wTotalLength": 32, "bNumInterfaces": 1}
        more = {"bConfigurationValue": 1, "iConfiguration": 0, "bmAttributes": 0xC0}
        return SimpleNamespace(**told, **more, bMaxPower=0, extra_descriptors=[])

    def get_interface_descriptor(self, dev: Any, intf: int, alt: int, config: int) -> Any:
        del dev, config
        if intf or alt:
            raise IndexError
        told = {"bLength": 9, "bDescriptorType": 4, "bInterfaceNumber": 0, "bAlternateSetting": 0}
        more = {"bNumEndpoints": 2, "bInterfaceClass": 7, "bInterfaceSubClass": 1}
        return SimpleNamespace(
            **told, **more, bInterfaceProtocol=2, iInterface=0, extra_descriptors=[]
        )

    def get_endpoint_descriptor(self, dev: Any, ep: int, intf: int, alt: int, config: int) -> Any:
        del dev, intf, alt, config
        told = {"bLength": 7, "bDescriptorType": 5, "bEndpointAddress": (OUT, INTO)[ep]}
        more = {"bmAttributes": 2, "wMaxPacketSize": PACKET_BYTES, "bInterval": 0}
        return SimpleNamespace(**told, **more, bRefresh=0, bSynchAddress=0, extra_descriptors=[])

    def open_device(self, dev: Any) -> Any:
        self._there((dev, 0))
        return dev, next(self._handles)

    def close_device(self, dev_handle: Any) -> None:
        with self._line.changed:
            if dev_handle == self._line.claimed_by:
                self._line.claimed_by = None

    def set_configuration(self, dev_handle: Any, config_value: int) -> None:
        del config_value
        self._there(dev_handle)

    def get_configuration(self, dev_handle: Any) -> int:
        self._there(dev_handle)
        return 1

    def claim_interface(self, dev_handle: Any, intf: int) -> None:
        del intf
        self._there(dev_handle)
        if self._line.kernel_driver or self._line.claimed_by is not None:
            raise usb.core.USBError("Resource busy", -6, errno.EBUSY)
        self._line.claimed_by = dev_handle

    def release_interface(self, dev_handle: Any, intf: int) -> None:
        del intf
        self.close_device(dev_handle)

    def reset_device(self, dev_handle: Any) -> None:
        self._there(dev_handle)

    def is_kernel_driver_active(self, dev_handle: Any, intf: int) -> bool:
        del intf
        self._there(dev_handle)
        return self._line.kernel_driver

    def detach_kernel_driver(self, dev_handle: Any, intf: int) -> None:
        del intf
        self._there(dev_handle)
        self._line.kernel_driver = False

    def ctrl_transfer(
        self,
        dev_handle: Any,
        bmRequestType: int,  # noqa: N803 - pyusb's names
        bRequest: int,  # noqa: N803
        wValue: int,  # noqa: N803
        wIndex: int,  # noqa: N803
        data: Any,
        timeout: int,
    ) -> int:
        """GET_DESCRIPTOR of strings, which is all that is asked."""
        del bmRequestType, bRequest, wIndex, timeout
        self._there(dev_handle)
        text = SERIAL.encode("utf-16-le") if wValue & 0xFF else b"\x09\x04"
        answer = bytes([len(text) + 2, 3]) + text
        data[: len(answer)] = array.array("B", answer)
        return len(answer)

    def bulk_write(self, dev_handle: Any, ep: int, intf: int, data: Any, timeout: int) -> int:
        del ep, intf
        line, ends = self._line, time.monotonic() + timeout / 1000
        with line.changed:
            while True:
                self._there(dev_handle)
                room = HELD_MAX - line.held
                if room > 0:
                    taken = bytes(data)[:room]
                    line.take(taken)
                    return len(taken)
                self._wait(ends)

    def bulk_read(self, dev_handle: Any, ep: int, intf: int, buff: Any, timeout: int) -> int:
        del ep, intf
        line, ends = self._line, time.monotonic() + timeout / 1000
        with line.changed:
            while True:
                self._there(dev_handle)
                if line.answers:
                    count = min(len(line.answers), len(buff), PACKET_BYTES)
                    for place in range(count):
                        buff[place] = line.answers.popleft()
                    return count
                self._wait(ends)

    def _there(self, dev_handle: Any) -> None:
        if not self._line.there or dev_handle[0] != self._line.session:
            raise usb.core.USBError("No such device (it may have been disconnected)", -4, 19)

    def _wait(self, ends: float) -> None:
        left = ends - time.monotonic()
        if left <= 0 or not self._line.changed.wait(left):
            raise usb.core.USBTimeoutError("Operation timed out", -7, errno.ETIMEDOUT)


# python-escpos takes a device from the kernel only where this is libusb's own backend.
UsbBackend.__module__ = f"{__name__}.libusb1"
