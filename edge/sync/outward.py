"""Journal rows to central: asks the delivery core, reads the journal, publishes."""

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from typing import Protocol, assert_never

from edge.core import delivery as core
from edge.core.delivery_terms import (
    Acked,
    AnySignal,
    Command,
    Delivery,
    Failed,
    Flight,
    Known,
    Lane,
    Save,
    Say,
    SayHello,
    Send,
    Sent,
    Signal,
    Tops,
)
from edge.drivers.interfaces import DriverError, Link
from edge.runtime.bell import Bell
from edge.runtime.clock import Clock
from edge.runtime.workers import SingleThread
from edge.sync.inbox import Inbox
from wire.codec import encode
from wire.delivery import Ack, Batch, EpochTop, Hello, packed
from wire.topic import Topics

log = logging.getLogger("sync.outward")

POLL_SECONDS = 0.05
"""For a daemon that does not say `Grew`."""


class Rows(Protocol):
    """The journal, as sync reads it (edge.store.outbox.JournalReader)."""

    def epochs(self) -> tuple[EpochTop, ...]: ...

    def batch(self, epoch: bytes, first: int, rows_max: int) -> Batch | None: ...

    def changed(self) -> bool: ...


class Saved(Protocol):
    """What central has acknowledged, kept on disk (edge.store.delivery)."""

    def acknowledged(self, epoch: bytes) -> int: ...

    def acknowledge(self, epoch: bytes, upto: int) -> None: ...


class Outward:
    """`rows` and `saved` are used on `thread` alone; of `clock` nothing but the uptime."""

    def __init__(
        self,
        link: Link,
        rows: Rows,
        saved: Saved,
        thread: SingleThread,
        clock: Clock,
        topics: Topics,
        device: str,
        version: str = "",
        configuration: Callable[[], int] = lambda: 0,
    ) -> None:
        """`configuration()`: the version of the newest configuration that central has sent."""
        self._link = link
        self._rows = rows
        self._saved = saved
        self._thread = thread
        self._clock = clock
        self._topics = topics
        self._device = device
        self._version = version
        self._configuration = configuration
        self._inbox = Inbox[AnySignal](clock)
        self._grew = Bell(clock)
        self._delivery = Delivery()
        self._tasks: asyncio.TaskGroup | None = None

    def unacknowledged(self) -> int:
        """How many rows central has not acknowledged."""
        return core.unacknowledged(self._delivery)

    def connection(self, connected: bool) -> None:
        self._inbox.put(Signal.CONNECTED if connected else Signal.DISCONNECTED)

    def acked(self, ack: Ack) -> None:
        self._inbox.put_foreign(Acked(ack))

    def grew(self) -> None:
        """The journal has new rows."""
        self._grew.ring()

    async def look_after(self) -> None:
        """Return when the store has answered."""
        await self._thread.run(self._rows.epochs)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            tasks.create_task(self._watch_journal())
            while True:
                signal = await self._inbox.get(core.due(self._delivery))
                self._delivery, commands = core.step(
                    self._delivery, signal or Signal.DUE, self._clock.now()
                )
                for command in commands:
                    await self._perform(command, tasks)

    async def _watch_journal(self) -> None:
        self._inbox.put(await self._thread.run(self._tops))
        while True:
            deadline = self._clock.now().uptime + POLL_SECONDS
            said = await self._grew.rings(deadline)
            self._grew.clear()
            if said or await self._thread.run(self._rows.changed):
                self._inbox.put(await self._thread.run(self._tops))

    def _tops(self) -> Tops:
        epochs = self._rows.epochs()
        return Tops(tuple(Known(one.epoch, one.top, self._kept(one.epoch)) for one in epochs))

    def _kept(self, epoch: bytes) -> int:
        try:
            return self._saved.acknowledged(epoch)
        except sqlite3.Error as error:
            log.error("what central has is not known, and will be asked: %s", error)
            return 0

    def _save(self, epoch: bytes, upto: int) -> None:
        try:
            self._saved.acknowledge(epoch, upto)
        except sqlite3.Error as error:
            # A full disk: the next connection asks central again.
            log.error("what central has is not kept: %s", error)

    async def _perform(self, command: Command, tasks: asyncio.TaskGroup) -> None:
        match command:
            case SayHello():
                tasks.create_task(self._say_hello())
            case Send(flight):
                tasks.create_task(self._send(flight))
            case Save(epoch, upto):
                await self._thread.run(self._save, epoch, upto)
            case Say(sentence):
                log.warning("%s; ignored", sentence)
            case _:
                assert_never(command)

    async def _say_hello(self) -> None:
        epochs = await self._thread.run(self._rows.epochs)
        hello = Hello(epochs, self._version, self._configuration())
        try:
            await self._link.publish(self._topics.hello(self._device), encode(hello))
        except DriverError as error:
            log.info("hello not sent: %s", error)

    async def _send(self, flight: Flight) -> None:
        packed = await self._thread.run(self._pack, flight)
        if packed is None:
            log.error(
                "central lacks rows %d to %d of epoch %s, and the journal no longer has them",
                flight.first,
                flight.last,
                flight.epoch.hex(),
            )
            self._inbox.put(Failed(flight.number))
            return
        payload, through = packed
        live = flight.lane is Lane.LIVE
        topic = self._topics.live if live else self._topics.backlog
        try:
            await self._link.publish(topic(self._device), payload)
        except DriverError as error:
            log.info("rows from %d not sent: %s", flight.first, error)
            self._inbox.put(Failed(flight.number))
        else:
            self._inbox.put(Sent(flight.number, through))

    def _pack(self, flight: Flight) -> tuple[bytes, int] | None:
        """Return the flight's rows as a payload and the last row it holds; None: rows are gone."""
        batch = self._rows.batch(flight.epoch, flight.first, flight.last - flight.first + 1)
        if batch is None or not batch.rows or batch.first != flight.first:
            return None
        return packed(encode(batch)), batch.first + len(batch.rows) - 1
