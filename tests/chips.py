"""Pins made of software: what stands in for a GPIO chip below gpiod and below gpiozero.

Both can be unplugged. Time is the driver's own clock, so that what a line showed, and how long,
is exact.
"""

import errno
import os
from collections import deque
from dataclasses import dataclass
from typing import Any

import gpiod
from gpiod import EdgeEvent
from gpiod.line import Value
from gpiozero.pins.mock import MockFactory, MockPin

from edge.runtime.clock import Clock

Edges = list[tuple[float, bool]]
"""(uptime, level) of each change."""


class FakeChip:
    """Answers as `gpiod.request_lines` does, with one request per line, and ENODEV unplugged."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.there = True
        self.requests: dict[int, FakeRequest] = {}
        self.edges: Edges = []
        self.settings: list[gpiod.LineSettings] = []
        self._levels: dict[int, bool] = {}

    def request(
        self,
        path: str,
        consumer: str,
        config: dict[int, gpiod.LineSettings],
        event_buffer_size: int = 16,
    ) -> "FakeRequest":
        assert path == "/dev/gpiochip0"
        assert consumer == "gatehouse"
        self.obey()
        ((line, settings),) = config.items()
        if line > 27:
            raise ValueError("[Errno 22] Invalid argument")
        if line in self.requests:
            raise OSError(errno.EBUSY, "Device or resource busy")
        self.settings.append(settings)
        self.requests[line] = FakeRequest(self, line, event_buffer_size)
        if settings.direction is gpiod.line.Direction.OUTPUT:
            self.put(line, settings.output_value is Value.ACTIVE)
        return self.requests[line]

    def obey(self) -> None:
        if not self.there:
            raise OSError(errno.ENODEV, "No such device")

    def unplug(self) -> None:
        """Vanish; a line that was driven is so no longer, and who watches one is woken."""
        self.there = False
        for line, request in self.requests.items():
            self.put(line, False)
            request.wake()

    def plug(self) -> None:
        self.there = True

    def level(self, line: int) -> bool:
        return self._levels.get(line, False)

    def put(self, line: int, level: bool) -> None:
        if level is not self.level(line):
            self._levels[line] = level
            self.edges.append((self.clock.now().uptime, level))

    def drive(self, line: int, level: bool) -> None:
        """Set an input from outside."""
        if level is not self.level(line):
            self.put(line, level)
            if line in self.requests:
                self.requests[line].edge(level)


@dataclass
class FakeEdge:
    """What is used of `gpiod.EdgeEvent`."""

    event_type: EdgeEvent.Type
    timestamp_ns: int
    line_seqno: int


class FakeRequest:
    """What is used of `gpiod.LineRequest`; its descriptor is a pipe.

    As the kernel does, it keeps so many edges and drops the oldest.
    """

    def __init__(self, chip: FakeChip, line: int, edges_max: int) -> None:
        self._chip = chip
        self._line = line
        self._released = False
        self._edges = deque[FakeEdge](maxlen=edges_max)
        self._number = 0
        self.fd, self._other_end = os.pipe()

    def edge(self, level: bool) -> None:
        self._number += 1
        kind = EdgeEvent.Type.RISING_EDGE if level else EdgeEvent.Type.FALLING_EDGE
        at = round(self._chip.clock.now().uptime * 1e9)
        self._edges.append(FakeEdge(kind, at, self._number))
        self.wake()

    def wake(self) -> None:
        os.write(self._other_end, b"!")

    def wait_edge_events(self, timeout: float | None = None) -> bool:
        assert timeout == 0, "this would block the event loop"
        os.set_blocking(self.fd, False)
        try:
            return bool(os.read(self.fd, 1))
        except BlockingIOError:
            return False

    def read_edge_events(self) -> list[Any]:
        self._check()
        while self.wait_edge_events(0):
            pass
        edges = list(self._edges)
        self._edges.clear()
        return edges

    def get_value(self, line: int) -> Value:
        self._check()
        return Value.ACTIVE if self._chip.level(line) else Value.INACTIVE

    def set_value(self, line: int, value: Value) -> None:
        self._check()
        self._chip.put(line, value is Value.ACTIVE)

    def release(self) -> None:
        if self._released:
            raise gpiod.RequestReleasedError
        self._released = True
        del self._chip.requests[self._line]
        for end in (self.fd, self._other_end):
            os.close(end)

    def _check(self) -> None:
        if self._released:
            raise gpiod.RequestReleasedError
        self._chip.obey()


class MockPins(MockFactory):  # type: ignore[misc]
    """gpiozero's own mock pins, with a plug and a memory of what each change was and when."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(pin_class=MockPinWithPlug)
        self.clock = clock
        self.there = True
        self.edges: Edges = []

    def unplug(self) -> None:
        self.there = False
        for pin in self.pins.values():
            pin.fall()

    def plug(self) -> None:
        self.there = True

    def drive(self, number: int, level: bool) -> None:
        pin = self.pin(number)
        if level:
            pin.drive_high()
        else:
            pin.drive_low()


class MockPinWithPlug(MockPin):  # type: ignore[misc]
    def _obey(self) -> None:
        if not self.factory.there:
            raise OSError(errno.ENODEV, "No such device")

    def _get_state(self) -> bool:
        self._obey()
        return bool(super()._get_state())

    def _set_state(self, value: float) -> None:
        self._obey()
        super()._set_state(value)

    def _set_function(self, value: str) -> None:
        if value == "output":  # Letting go makes an input of it, and works without the chip.
            self._obey()
        super()._set_function(value)

    def _change_state(self, value: bool) -> bool:
        changed = bool(super()._change_state(value))
        if changed:
            self.factory.edges.append((self.factory.clock.now().uptime, bool(value)))
        return changed

    def fall(self) -> None:
        """Be driven no longer."""
        self._change_state(False)
