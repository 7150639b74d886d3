"""An input on a GPIO line, by the kernel's character device (libgpiod 2).

[lane.pass_contact] kind = "gpiod", chip = "/dev/gpiochip0", line = 22, active_low = true

Both edges wake the driver, and it debounces by itself: kernel debouncing differs from chip to
chip. It goes by the times that the kernel gave them (since boot, as the Clock's uptime: a gate is
never suspended), so that a process that stood still misses no pulse. `active_low` also asks for
the pull-up that a dry contact to ground needs. Tried against a fake chip only, never a real one.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import suppress
from typing import Any

import gpiod
from gpiod import EdgeEvent
from gpiod.line import Bias, Direction, Edge, Value

from edge.core import debounce
from edge.core.debounce import Contact, Settling
from edge.drivers.hotplug import for_ever, read_until
from edge.drivers.interfaces import DriverError, Found, Level, Lost, Unwatched
from edge.runtime.clock import Clock

Request = Callable[..., Any]
LOOK_SECONDS = 1.0
"""How often a quiet line is read all the same: not every kernel wakes who watches a lost chip."""
EDGES_MAX = 256
"""As many as the kernel keeps for us; a contact that bounces makes some dozens."""
FAILURES = (OSError, ValueError, NotImplementedError, gpiod.RequestReleasedError)
"""gpiod makes a ValueError of EINVAL (no such line) and a NotImplementedError of EOPNOTSUPP."""


class GpiodSensor:
    def __init__(
        self,
        chip: str,
        line: int,
        clock: Clock,
        settling: Settling,
        active_low: bool = False,
        request: Request = gpiod.request_lines,
    ) -> None:
        """`request` stands in for `gpiod.request_lines` in tests."""
        self._chip = chip
        self._line = line
        self._clock = clock
        self._settling = settling
        self._active_low = active_low
        self._ask = request

    def changes(self) -> AsyncIterator[Level | Lost | Found | Unwatched]:
        return for_ever(self._connection, self._clock)

    async def _connection(self) -> AsyncGenerator[Level | Found | Unwatched, None]:
        try:
            held = self._requested()
        except FAILURES as error:
            raise self._gone(error) from None
        loop, moved = asyncio.get_running_loop(), asyncio.Event()
        # One watch for the whole connection: a cancelled wait must not end a later one's.
        loop.add_reader(held.fd, moved.set)
        try:
            contact, heard, read_at = Contact(), 0, self._clock.now().uptime
            while True:
                uptime, edges = self._clock.now().uptime, list[EdgeEvent]()
                if moved.is_set() and held.wait_edge_events(0):
                    edges = held.read_edge_events()
                moved.clear()
                level = held.get_value(self._line) is Value.ACTIVE
                yield Found()
                if edges and edges[-1].line_seqno - heard > len(edges):
                    yield Unwatched(uptime - read_at)  # More than the kernel could keep.
                heard, read_at = edges[-1].line_seqno if edges else heard, uptime
                contact, believed = debounce.replay(contact, map(_edge, edges), self._settling)
                for changed, at in believed:
                    yield Level(changed, at)
                contact = debounce.see(contact, level, uptime)
                contact, now_believed = debounce.settle(contact, self._settling, uptime)
                if now_believed is not None:
                    yield Level(now_believed, uptime)
                due = debounce.deadline(contact, self._settling) or uptime + LOOK_SECONDS
                await read_until(due, self._clock, moved.wait, moved.is_set)
        except FAILURES as error:
            raise self._gone(error) from None
        finally:
            loop.remove_reader(held.fd)
            with suppress(*FAILURES):
                held.release()

    def _requested(self) -> Any:
        settings = gpiod.LineSettings(
            direction=Direction.INPUT,
            edge_detection=Edge.BOTH,
            bias=Bias.PULL_UP if self._active_low else Bias.PULL_DOWN,
            active_low=self._active_low,
        )
        return self._ask(
            self._chip,
            consumer="gatehouse",
            config={self._line: settings},
            event_buffer_size=EDGES_MAX,
        )

    def _gone(self, error: Exception) -> DriverError:
        return DriverError(f"{self._chip} line {self._line}: {error}; check chip and line")


def _edge(event: EdgeEvent) -> tuple[bool, float]:
    return event.event_type is EdgeEvent.Type.RISING_EDGE, event.timestamp_ns / 1e9
