"""The whitelist from central: asks the list core, fetches, verifies, hands to the store."""

import asyncio
import hashlib
import logging
import re
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Protocol, assert_never

import zstandard

from edge.core import list_doubts
from edge.core import list_update as core
from edge.core.heartbeat import Heartbeats, hear
from edge.core.list_doubts import Suspicion
from edge.core.list_terms import (
    Announced,
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
    Signal,
)
from edge.drivers.interfaces import DriverError, Fetch
from edge.runtime.clock import Clock
from edge.runtime.intercom import Heard
from edge.runtime.workers import SingleThread
from edge.store.changes import ListDamaged, Unseal
from edge.store.whitelist import ChainBroken
from edge.sync.download import UnusableError, download
from edge.sync.essentials import EssentialsFollower
from edge.sync.inbox import Inbox
from edge.sync.roles import RolesFollower
from edge.sync.suspects import Doors, Suspects
from wire.codec import WireError, decode
from wire.event import Distrust
from wire.signed import Purpose, Untrusted
from wire.snapshot import About, Delta, Heartbeat, Manifest

log = logging.getLogger("sync.inward")

CHUNK_BYTES = 256 * 1024
FILE_BYTES_MAX = 1024 * 1024 * 1024
UNDONE = (DriverError, WireError, ListDamaged, OSError, sqlite3.Error)
"""What may come of a command that is not done, and is tried again."""
VERSION_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")


class UnusableDelta(Exception):
    """The next change of the list is not one that can be applied; the message says why."""


class Writer(Protocol):
    """The list on disk (edge.store.whitelist.WhitelistWriter)."""

    @property
    def current(self) -> About | None: ...

    def install(self, version: str, snapshot: Path, sealed: bytes) -> None: ...

    def apply(self, sealed: bytes) -> About: ...


class Inward:
    """`writer` is used on `thread` alone; what is being fetched lies in `incoming`."""

    def __init__(
        self,
        fetch: Fetch,
        writer: Writer,
        roles: RolesFollower,
        essentials: EssentialsFollower,
        doors: Doors,
        incoming: Path,
        thread: SingleThread,
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
        self._incoming = incoming
        self._thread = thread
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
            held = await self._thread.run(self._held)
            if held is None:
                # A few kilobytes that open the doors, before the many of the list.
                await self._essentials.fetch(self._suspects)
            tasks.create_task(self._essentials.run(self._suspects))
            self._inbox.put(Holding(held))
            believed = self._roles.trust.version
            while True:
                signal = await self._inbox.get(core.due(self._update))
                if self._update.doing is Doing.RESTING and believed != self._roles.trust.version:
                    # Ours may be signed by a key that signs no longer.
                    believed = self._roles.trust.version
                    await self._essentials.believe_anew()
                    self._step(Holding(await self._thread.run(self._held)), tasks)
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
            held = Holding(await self._thread.run(self._held))
            self._inbox.put(Failed(self._draw(), isinstance(error, UnusableDelta)))
            self._inbox.put(held)
        else:
            self._inbox.put(answer)

    async def _perform(self, command: AnyCommand) -> AnySignal:
        match command:
            case Command.FETCH_MANIFEST:
                sealed = await self._fetch.get("/device/list/manifest")
                manifest = decode(self._unseal(sealed, Purpose.LIST), Manifest)
                self._ours(manifest.venue)
                return Announced(manifest, sealed)
            case FetchSnapshot(manifest, sealed):
                await self._install(manifest, sealed)
                return Holding(await self._thread.run(self._held))
            case FetchDeltas(after):
                answer = await self._fetch.get(f"/device/list/deltas?after={after}")
                bodies = decode(answer, list[bytes])
                deltas = await self._thread.run(readable, bodies, self._unseal)
                found = list_doubts.fetched((one.delta for one in deltas), after)
                self._suspects.suspect(found)
                return Fetched(deltas)
            case Apply(deltas):
                await self._thread.run(self._apply, deltas)
                return Holding(await self._thread.run(self._held))
            case Confirm():
                raise AssertionError("told by run")
            case _:
                assert_never(command)

    async def _install(self, manifest: Manifest, sealed: bytes) -> None:
        # The name becomes part of paths, here and at central.
        if not VERSION_NAME.fullmatch(manifest.version):
            raise UnusableError(f"the manifest names no file: {manifest.version[:80]!r}")
        if not 0 < manifest.file_bytes <= FILE_BYTES_MAX:
            raise UnusableError(f"the manifest says {manifest.file_bytes} bytes")
        name = f"{manifest.version}.db.zst"
        compressed = self._incoming / name
        await self._thread.run(self._make_room, name)
        path = f"/device/list/{name}"
        try:
            await download(self._fetch, path, compressed, manifest, self._thread)
        except UnusableError as error:
            self._suspects.suspect(Suspicion(Distrust.FORGED, str(error)))
            raise
        await self._thread.run(self._unpack_and_install, compressed, manifest, sealed)
        log.info("list %s installed, sequence %d", manifest.version, manifest.sequence)

    def _make_room(self, name: str) -> None:
        """Keep what there is of `name`, and nothing else that was ever begun."""
        self._incoming.mkdir(parents=True, exist_ok=True)
        for left in self._incoming.iterdir():
            if left.name != name:
                left.unlink()

    def _unpack_and_install(self, compressed: Path, manifest: Manifest, sealed: bytes) -> None:
        snapshot = compressed.with_suffix("")
        name, again = manifest.version, 1
        while (self._incoming.parent / name).exists():
            # The same snapshot once more, because ours left its chain: doors may be reading it.
            again += 1
            name = f"{manifest.version}.{again}"
        try:
            unpack(compressed, snapshot, manifest)
            self._writer.install(name, snapshot, sealed)
        finally:
            # Right or wrong, it is not fetched further.
            compressed.unlink(missing_ok=True)
            snapshot.unlink(missing_ok=True)

    def _apply(self, deltas: tuple[Chained, ...]) -> None:
        for one in deltas:
            try:
                self._writer.apply(one.sealed)
            except ListDamaged as error:
                raise UnusableDelta(str(error)) from None

    def _held(self) -> Held | None:
        about = self._writer.current
        return None if about is None else Held(about.sequence, about.head)


def chained(sealed: bytes, unseal: Unseal) -> Chained:
    """Read a delta; raise WireError if it is none, Untrusted if not central's.

    Its head is the hash of the bytes as they came, for a newer central may say more in them than
    this reader knows.
    """
    body = unseal(sealed, Purpose.LIST)
    return Chained(decode(body, Delta), hashlib.sha256(body).digest(), sealed)


def readable(bodies: list[bytes], unseal: Unseal) -> tuple[Chained, ...]:
    """Read deltas up to the first that is none; raise UnusableDelta if that is the very first."""
    deltas: list[Chained] = []
    for body in bodies:
        try:
            deltas.append(chained(body, unseal))
        except Untrusted:
            if not deltas:
                raise
            break
        except WireError as error:
            if not deltas:
                raise UnusableDelta(f"the next delta cannot be read: {error}") from None
            break
    return tuple(deltas)


def unpack(compressed: Path, snapshot: Path, manifest: Manifest) -> None:
    """Decompress to `snapshot`; raise UnusableError if either is not what the manifest says."""
    said, written = hashlib.sha256(), 0
    try:
        with compressed.open("rb") as packed:
            while chunk := packed.read(CHUNK_BYTES):
                said.update(chunk)
        if said.digest() != manifest.compressed_sha256:
            raise UnusableError(f"{compressed.name} is not the file that the manifest names")
        with compressed.open("rb") as packed, snapshot.open("wb") as file:
            for chunk in zstandard.ZstdDecompressor().read_to_iter(packed, CHUNK_BYTES):
                written += len(chunk)
                if written > manifest.file_bytes:
                    raise UnusableError(f"{compressed.name} is longer than the manifest says")
                file.write(chunk)
    except zstandard.ZstdError as error:
        raise UnusableError(f"{compressed.name} cannot be unpacked: {error}") from error
