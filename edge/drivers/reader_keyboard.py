"""A scanner that pretends to be a USB keyboard, read as input events and kept to ourselves.

The path should name the port, /dev/input/by-path/…-event-kbd. The device is opened read-only and
grabbed: without the grab every code would also be typed into whatever console or browser has the
focus, and a printed code could type commands there. It is looked for by its path once a second,
so that neither udev's socket nor a network namespace is needed.

Tried so far only with a pipe of input events in the place of the device: reading, decoding, and
the device going away (the pipe's end of file; a real one says ENODEV). Not tried with a device:
the grab, its refusal (EBUSY), permissions, and the path that comes back after a re-plug.
"""

import asyncio
import errno
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from pathlib import Path
from typing import Any

import evdev

from edge.core import keyboard
from edge.core.keyboard import Event, Typing
from edge.drivers.hotplug import for_ever, read_until
from edge.drivers.interfaces import Code, DriverError, Found, Lost
from edge.runtime.clock import Clock

InputDevice = Any
"""evdev.InputDevice, which is without types."""


def open_grabbed(path: Path) -> InputDevice:
    """Open the input device at `path` for this process alone; raise DriverError if impossible."""
    try:
        device = evdev.InputDevice(str(path), readonly=True)
    except OSError as error:
        raise DriverError(_why_not_open(path, error)) from error
    try:
        device.grab()
    except OSError as error:
        device.close()
        raise DriverError(_why_not_open(path, error)) from error
    return device


class KeyboardReader:
    """Reads codes typed by the input device at `path`."""

    def __init__(
        self,
        path: Path,
        typing: Typing,
        clock: Clock,
        open_device: Callable[[Path], InputDevice] = open_grabbed,
    ) -> None:
        self._path = path
        self._typing = typing
        self._clock = clock
        self._open_device = open_device

    def codes(self) -> AsyncIterator[Code | Lost | Found]:
        return for_ever(self._connection, self._clock)

    async def _connection(self) -> AsyncGenerator[Code | Found, None]:
        keys = _Keys(self._open_device(self._path), self._path)
        try:
            yield Found()
            state = keyboard.begin(self._typing)
            while True:
                events = await read_until(state.deadline, self._clock, keys.read, keys.read_waiting)
                state, codes = keyboard.step(state, events, self._clock.now().uptime)
                for code in codes:
                    yield Code(code.data, code.first_byte_uptime, code.last_byte_uptime)
        finally:
            keys.close()


class _Keys:
    """The events of one open device."""

    def __init__(self, device: InputDevice, path: Path) -> None:
        self._device = device
        self._path = path
        self._waiting: asyncio.Future[None] | None = None

    async def read(self) -> list[Event]:
        """Wait for events; raise DriverError if the device has gone."""
        while not (events := self.read_waiting()):
            await self._readable()
        return events

    def read_waiting(self) -> list[Event]:
        """Return the events that have arrived, [] if none; raise DriverError if it has gone."""
        try:
            events = [Event(event.type, event.code, event.value) for event in self._device.read()]
        except BlockingIOError:
            return []
        except OSError as error:
            raise DriverError(f"{self._path} was unplugged; plug it in again") from error
        if not events:
            raise DriverError(f"{self._path} has ended; plug it in again")
        return events

    def close(self) -> None:
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._device.fd)
        self._waiting = None
        self._device.close()

    async def _readable(self) -> None:
        loop = asyncio.get_running_loop()
        waiting: asyncio.Future[None] = loop.create_future()
        self._waiting = waiting
        loop.add_reader(self._device.fd, _wake, waiting)
        try:
            await waiting
        finally:
            # A cancelled read that ends late must not take the watch from the one after it.
            if self._waiting is waiting:
                loop.remove_reader(self._device.fd)
                self._waiting = None


def _wake(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)


def _why_not_open(path: Path, error: OSError) -> str:
    match error.errno:
        case errno.ENOENT | errno.ENODEV | errno.ENXIO:
            return f"{path} is not there; plug the scanner in, or correct its path"
        case errno.EACCES | errno.EPERM:
            return f"{path} may not be opened; give this user the group that owns it"
        case errno.EBUSY:
            return f"{path} is grabbed by another program; stop that program"
        case errno.ENOTTY | errno.EINVAL | errno.EISDIR:
            return f"{path} is no input device; correct its path"
        case _:
            return f"{path} could not be opened: {error.strerror}"
