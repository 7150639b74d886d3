"""What has arrived and is not committed yet: a queue for each device, served in turn.

One that talks without end fills its own and nobody else's. What finds no room is dropped: it is not
acknowledged, so an honest device sends it again.
"""

import logging
import threading
import time
from collections import OrderedDict, deque

from central.core.flood import Meter
from wire.topic import sender

log = logging.getLogger("central.ingest")

DEVICE_MAX = 100
"""Messages of one device that wait; an honest one has ten on their way."""
ALL_MAX = 10_000
ROWS_MAX = 1000
FIRST_SECONDS = 0.5
GATHER_SECONDS = 0.02
SETTLE_SECONDS = 0.002

Message = tuple[str, bytes]


class Arrivals:
    """Filled by the broker's thread, emptied by the one that commits."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: OrderedDict[str, deque[Message]] = OrderedDict()
        self._count = 0
        self._dropped = 0
        self._meter = Meter()
        self._flooding: set[str] = set()

    def put(self, topic: str, payload: bytes) -> None:
        found = sender(topic)
        device = found[0] if found else ""
        with self._changed:
            if self._meter.beyond(device, len(payload), time.monotonic()):
                self._flooding.add(device)
                return
            queue = self._waiting.get(device)
            if self._count >= ALL_MAX or (queue is not None and len(queue) >= DEVICE_MAX):
                self._drop()
                return
            self._waiting.setdefault(device, deque()).append((topic, payload))
            self._count += 1
            self._changed.notify()

    def gather(self) -> list[Message]:
        """Return what arrived, a moment's worth at most, one of each device and then the next."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._count, FIRST_SECONDS):
                return []
            messages = self._take(ROWS_MAX)
            until = time.monotonic() + GATHER_SECONDS
            # A lone live event is not kept waiting for company.
            while 1 < len(messages) < ROWS_MAX and time.monotonic() < until:
                self._changed.wait(SETTLE_SECONDS)
                messages += self._take(ROWS_MAX - len(messages))
        return messages

    def flooders(self) -> set[str]:
        """Return who has said more than any device would since this was last asked."""
        with self._changed:
            found, self._flooding = self._flooding, set()
        return found

    def _take(self, most: int) -> list[Message]:
        taken = list[Message]()
        while self._waiting and len(taken) < most:
            device, queue = self._waiting.popitem(last=False)
            taken.append(queue.popleft())
            if queue:
                self._waiting[device] = queue
        self._count -= len(taken)
        return taken

    def _drop(self) -> None:
        self._dropped += 1
        if self._dropped & (self._dropped - 1) == 0:
            log.warning("busy: %d messages were left for later", self._dropped)
