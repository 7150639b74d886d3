"""What has arrived and is not committed yet: queues for each device, served in turn.

What is said live is taken first, and one transaction holds only so much of what is not: however
long a backlog, whoever is let in now is known within a moment. One that talks without end fills
its own queues and nobody else's. What finds no room is dropped: it is not acknowledged, so an
honest device sends it again.
"""

import logging
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator

from central.core.flood import Meter
from central.ledger.messages import Message
from wire.topic import sender

log = logging.getLogger("central.ingest")

DEVICE_MAX = 100
"""Messages of one device that wait; an honest one has a dozen on their way."""
ALL_MAX = 10_000
AT_ONCE_MAX = 1000
"""Messages of one transaction."""
BACKLOG_BYTES = 20_000
"""Of backlogs in one transaction: two of a device's messages, a thousand rows in the dense form."""
FIRST_SECONDS = 0.5
GATHER_SECONDS = 0.02
SETTLE_SECONDS = 0.002


class _Queues:
    """Messages by device; taken one of each device and then the next."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[str, deque[Message]] = OrderedDict()

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def of(self, device: str) -> int:
        return len(self._waiting.get(device, ()))

    def put(self, device: str, message: Message) -> None:
        self._waiting.setdefault(device, deque()).append(message)

    def next(self) -> Iterator[Message]:
        """Yield what would be taken now, one after another, without taking it."""
        for place in range(max(map(len, self._waiting.values()), default=0)):
            for queue in self._waiting.values():
                if place < len(queue):
                    yield queue[place]

    def pop(self) -> Message:
        device, queue = self._waiting.popitem(last=False)
        message = queue.popleft()
        if queue:
            self._waiting[device] = queue
        return message


def _some(messages: Iterable[Message]) -> Iterator[Message]:
    """Yield of backlogs what one transaction may hold: one at least, and so many bytes at most."""
    size = 0
    for message in messages:
        yield message
        size += len(message[1])
        if size >= BACKLOG_BYTES:
            return


class Arrivals:
    """Filled by the broker's thread, emptied by the one that commits."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._live, self._backlog = _Queues(), _Queues()
        self._count = 0
        self._dropped = 0
        self._meter = Meter()
        self._flooding: set[str] = set()

    def put(self, topic: str, payload: bytes) -> None:
        found = sender(topic)
        device, kind = found or ("", "")
        with self._changed:
            if self._meter.beyond(device, len(payload), time.monotonic()):
                self._flooding.add(device)
                return
            if self._count >= ALL_MAX or self._live.of(device) + self._backlog.of(device) >= (
                DEVICE_MAX
            ):
                self._drop()
                return
            # A hello does not overtake what was said before it: it tells what can come no more.
            behind = kind == "backlog" or (kind == "hello" and self._backlog.of(device))
            queues = self._backlog if behind else self._live
            queues.put(device, (topic, payload))
            self._count += 1
            self._changed.notify()

    def gather(self) -> list[Message]:
        """Return what arrived, a moment's worth at most, one of each device and then the next."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._count, FIRST_SECONDS):
                return []
            messages = self._take(AT_ONCE_MAX)
            until = time.monotonic() + GATHER_SECONDS
            # A lone live event is not kept waiting for company, nor for a backlog.
            while 1 < len(messages) < AT_ONCE_MAX and not self._backlog:
                if time.monotonic() >= until:
                    break
                self._changed.wait(SETTLE_SECONDS)
                messages += self._take(AT_ONCE_MAX - len(messages))
        return messages

    def coming(self) -> list[Message]:
        """Return which backlogs are next to be gathered, as things stand."""
        with self._changed:
            return list(_some(self._backlog.next()))

    def flooders(self) -> set[str]:
        """Return who has said more than any device would since this was last asked."""
        with self._changed:
            found, self._flooding = self._flooding, set()
        return found

    def _take(self, most: int) -> list[Message]:
        """Take what is live, then some of backlogs."""
        taken = list[Message]()
        while self._live and len(taken) < most - 1:
            taken.append(self._live.pop())
        for message in list(_some(self._backlog.next()))[: most - len(taken)]:
            self._backlog.pop()
            taken.append(message)
        self._count -= len(taken)
        return taken

    def _drop(self) -> None:
        self._dropped += 1
        if self._dropped & (self._dropped - 1) == 0:
            log.warning("busy: %d messages were left for later", self._dropped)
