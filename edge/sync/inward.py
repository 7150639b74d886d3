"""The whitelist from central: asks the list core, fetches, verifies, hands to the store."""

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from typing import assert_never

from edge.core import list_doubts
from edge.core import list_update as core
from edge.core.heartbeat import Heartbeats, hear
from edge.core.list_terms import (
    AnyCommand,
    AnySignal,
    Apply,
    Arrived,
    Beat,
    Chained,
    Command,
    Confirm,
    Doing,
    Failed,
    FetchDeltas,
    Fetched,
    FetchSnapshot,
    Held,
    Holding,
    ListUpdate,
    Renewed,
    Signal,
)
from edge.drivers.interfaces import DriverError, Fetch
from edge.runtime.clock import Clock
from edge.runtime.intercom import Heard
from edge.runtime.workers import SingleThread
from edge.store.changes import ListDamaged
from edge.store.list_writer import ChainBroken, NotReady, WhitelistWriter
from edge.sync.deltas import UnusableDelta, answered, chained, path_after
from edge.sync.download import UnusableError
from edge.sync.essentials import EssentialsFollower
from edge.sync.inbox import Inbox
from edge.sync.new_list import Aside, NewList
from edge.sync.roles import RolesFollower
from edge.sync.suspects import Doors, Suspects
from wire.codec import WireError, decode
from wire.signed import Purpose, Untrusted
from wire.snapshot import Heartbeat

log = logging.getLogger("sync.inward")

UNDONE = (DriverError, WireError, ListDamaged, NotReady, OSError, sqlite3.Error)
"""What may come of a command that is not done, and is tried again."""


class Inward:
    """`writer` is used on `thread`, `aside` is for what takes long; of `clock` the uptime alone."""

    def __init__(
        self,
        fetch: Fetch,
        writer: WhitelistWriter,
        roles: RolesFollower,
        essentials: EssentialsFollower,
        doors: Doors,
        thread: SingleThread,
        aside: Aside,
        clock: Clock,
        draw: Callable[[], float],
    ) -> None:
        self._fetch = fetch
        self._writer = writer
        self._roles = roles
        self._essentials = essentials
        self._doors = doors
        self._suspects = Suspects(roles, doors, clock)
        self._unseal = roles.trust.unseal
        self._thread = thread
        self._new = NewList(writer, roles, self._suspects, thread, aside, clock)
        self._clock = clock
        self._draw = draw
        self._inbox = Inbox[AnySignal](clock)
        self._update = ListUpdate()
        self._heard = Heartbeats()
        self.confirmed: Confirm | None = None
        """What central last said is the newest list, while it was ours."""

    @property
    def sequence(self) -> int | None:
        """How far our list goes; None without one."""
        return self._update.has.sequence if self._update.has else None

    def heartbeat(self, sealed: bytes, live: bool) -> None:
        """A heartbeat as it came; raise WireError if it is none, Untrusted if not central's."""
        try:
            heartbeat = decode(self._unseal(sealed, Purpose.HEARTBEAT), Heartbeat)
            self._ours(heartbeat.venue)
        except WireError as error:
            self._suspects.doubt(f"heartbeat: {error}")
            raise
        if not live:
            self._inbox.put_foreign(Beat(heartbeat, live))
            return
        uptime = self._clock.now().uptime
        self._heard, said_at = hear(self._heard, heartbeat.wall, uptime)
        self._suspects.suspect(list_doubts.late(said_at, uptime))
        if said_at is None:
            return
        self._suspects.heard(heartbeat, self._update, uptime)
        self._roles.newest(heartbeat.roles)
        self._essentials.newest(heartbeat.essentials)
        self._doors.tell(Heard(sealed, uptime))
        self._inbox.put_foreign(Beat(heartbeat, live, said_at))

    def delta(self, sealed: bytes) -> None:
        """A delta by MQTT; raise WireError if it is none, Untrusted if not central's."""
        try:
            one = chained(sealed, self._unseal)
        except WireError as error:
            self._suspects.doubt(f"delta: {error}")
            raise
        self._suspects.arrived(one.delta, self._update.has)
        self._inbox.put_foreign(Arrived(one))

    def _ours(self, venue: str) -> None:
        if venue != self._roles.venue:
            raise Untrusted(f"meant for {venue[:40]!r}")

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._roles.run())
            tasks.create_task(self._suspects.run())
            await self._roles.present()
            tasks.create_task(self._new.run())
            holding = await self._holding()
            if holding.has is None:
                # A few kilobytes that open the doors, before the many of the list.
                await self._essentials.fetch(self._suspects)
            tasks.create_task(self._essentials.run(self._suspects))
            self._inbox.put(holding)
            believed = self._roles.trust.version
            while True:
                signal = await self._inbox.get(core.due(self._update))
                if self._update.doing is Doing.RESTING and believed != self._roles.trust.version:
                    # Ours may be signed by a key that signs no longer.
                    believed = self._roles.trust.version
                    await self._essentials.believe_anew()
                    self._step(await self._holding(), tasks)
                self._step(signal or Signal.DUE, tasks)

    def _step(self, signal: AnySignal, tasks: asyncio.TaskGroup) -> None:
        self._update, commands = core.step(self._update, signal, self._clock.now())
        for command in commands:
            if isinstance(command, Confirm):
                self.confirmed = command
            else:
                tasks.create_task(self._try(command))

    async def _try(self, command: AnyCommand) -> None:
        """Perform one command; whatever it meets becomes a signal."""
        try:
            answer = await self._perform(command)
        except ChainBroken as error:
            log.warning("list: %s", error)
            self._inbox.put(Signal.CHAIN_BROKEN)
        except (UnusableError, UnusableDelta, *UNDONE) as error:
            log.warning("list: %s", error)
            if isinstance(error, Untrusted):
                self._suspects.doubt(str(error))
            holding = await self._holding()
            self._inbox.put(Failed(self._draw(), isinstance(error, UnusableDelta)))
            self._inbox.put(holding)
        else:
            self._inbox.put(answer)

    async def _perform(self, command: AnyCommand) -> AnySignal:
        match command:
            case Command.FETCH_MANIFEST:
                return await self._new.announced()
            case Command.RENEW:
                await self._renew()
                holding = await self._holding()
                return Renewed(holding.overlay, holding.spread)
            case FetchSnapshot(manifest, sealed, foreign):
                await self._new.install(manifest, sealed, foreign)
                return await self._holding()
            case FetchDeltas(after):
                answer = await self._fetch.get(path_after(after))
                deltas = await self._thread.run(answered, answer, self._unseal)
                found = list_doubts.fetched((one.delta for one in deltas), after)
                self._suspects.suspect(found)
                return Fetched(deltas)
            case Apply(deltas):
                await self._thread.run(self._apply, deltas)
                return await self._holding()
            case Confirm():
                raise AssertionError("told by run")
            case _:
                assert_never(command)

    def _apply(self, deltas: tuple[Chained, ...]) -> None:
        for one in deltas:
            try:
                self._writer.apply(one.sealed)
            except ListDamaged as error:
                raise UnusableDelta(str(error)) from None

    async def _renew(self) -> None:
        """Try it once; if it fails, the list in use is as good as it was."""
        overlay = self._update.overlay
        try:
            await self._new.renew(overlay.after if overlay else 0)
        except (UnusableError, ChainBroken, *UNDONE) as error:
            log.warning("no newer list this time: %s", error)

    async def _holding(self) -> Holding:
        return await self._thread.run(self._held)

    def _held(self) -> Holding:
        held = self._writer.held()
        if held is None:
            return Holding(None, None, self._draw())
        about, overlay = held
        return Holding(Held(about.sequence, about.head), overlay, self._draw())
