"""A message of a device, read: all of it that needs no database, so that one can write meanwhile.

What cannot be read is a WireError, here as later: whoever takes the message in puts it aside.
"""

import time
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from central.ledger.reading import check_batch, check_hello, check_status, read_row
from wire.chain import link
from wire.codec import WireError, decode
from wire.delivery import Batch, Hello, Status, unpacked
from wire.event import AnyEvent, Stamp
from wire.row import Unknown
from wire.topic import sender

Message = tuple[str, bytes]
"""(topic, payload)"""


@dataclass(frozen=True, slots=True)
class SaidRow:
    """A row of a batch, with the hash that it has behind the row before it."""

    seq: int
    previous: bytes
    hash: bytes
    body: bytes
    happened: AnyEvent | Unknown
    stamp: Stamp
    received_ms: int


@dataclass(frozen=True, slots=True)
class Rows:
    """A batch, and its rows read one by one."""

    batch: Batch
    rows: list[SaidRow]


@dataclass(frozen=True, slots=True)
class Said:
    """Who says what: `what` is plain bytes where only the kind's own part of central reads them."""

    identity: str
    kind: str
    what: Rows | Hello | Status | bytes


def read(topic: str, payload: bytes) -> Said:
    """Return what a message says; raise WireError if it is none."""
    found = sender(topic)
    if found is None or "\0" in topic:
        raise WireError("no topic of ours")
    identity, kind = found
    plain = unpacked(payload)
    match kind:
        case "hello":
            hello = decode(plain, Hello)
            check_hello(hello)
            return Said(identity, kind, hello)
        case "status":
            status = decode(plain, Status)
            check_status(status)
            return Said(identity, kind, status)
        case "live" | "backlog":
            batch = decode(plain, Batch)
            check_batch(batch)
            return Said(identity, kind, Rows(batch, _rows(identity, batch)))
        case "claim" | "log":
            return Said(identity, kind, plain)
        case _:
            raise WireError(f"no message is called {kind}")


def _rows(identity: str, batch: Batch) -> list[SaidRow]:
    received_ms = round(time.time() * 1000)
    try:
        device = bytes.fromhex(identity)
    except ValueError:
        raise WireError("no device of ours") from None
    previous = batch.previous
    rows = []
    for seq, body in enumerate(batch.rows, batch.first):
        happened, stamp = read_row(body, received_ms)
        hashed = link(previous, device, batch.epoch, seq, body)
        rows.append(SaidRow(seq, previous, hashed, body, happened, stamp, received_ms))
        previous = hashed
    return rows


class Reader:
    """Reads messages, and ahead of time those that will be asked for next."""

    def __init__(self) -> None:
        self._worker = ThreadPoolExecutor(1, "reader")
        self._ahead: dict[Message, Future[Said]] = {}

    def expect(self, coming: Iterable[Message]) -> None:
        """Begin to read these; what was expected before and never asked for is forgotten."""
        was = self._ahead
        self._ahead = {one: was.get(one) or self._worker.submit(read, *one) for one in coming}

    def __call__(self, topic: str, payload: bytes) -> Said:
        """Return what a message says, waiting if it is being read; raise WireError."""
        begun = self._ahead.get((topic, payload))
        return read(topic, payload) if begun is None else begun.result()

    def stop(self) -> None:
        self._worker.shutdown(cancel_futures=True)
