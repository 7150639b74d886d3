"""A new list: fetched, made ready beside the one in use, and put in its place.

Two occasions. Where no change can help (no list, a damaged one, another chain) the snapshot is
brought to the head of the chain over HTTP first, so that no door goes by a list of an hour ago,
were it for a moment. In a renewal the list in use is at the head already, and what the snapshot
lacks is taken from there.
"""

import asyncio
import logging
import re
from dataclasses import dataclass
from pathlib import Path

from edge.core.list_doubts import Suspicion
from edge.core.list_terms import Announced
from edge.drivers.interfaces import Fetch
from edge.runtime.clock import Clock
from edge.runtime.workers import SingleThread
from edge.store.changes import ListDamaged
from edge.store.list_files import CURRENT, INCOMING
from edge.store.list_writer import ChainBroken, Replaces, WhitelistWriter
from edge.sync.deltas import UnusableDelta, answered, path_after
from edge.sync.download import UnusableError, download, unpack
from edge.sync.roles import RolesFollower
from edge.sync.suspects import Suspects
from wire.codec import decode
from wire.event import Distrust
from wire.signed import Purpose, Untrusted
from wire.snapshot import Manifest

log = logging.getLogger("sync.list")

MANIFEST_PATH = "/device/list/manifest"
FILE_BYTES_MAX = 1024 * 1024 * 1024
VERSION_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
TIDY_SECONDS = 60.0
"""After a swap: a door that was opening the list before has done so, or has looked again."""


@dataclass(frozen=True, slots=True)
class Aside:
    """Where the long part is done, so that it holds up no change of the list in use."""

    fetch: Fetch
    thread: SingleThread
    directory: Path

    @property
    def incoming(self) -> Path:
        """Where lies what is being fetched."""
        return self.directory / "list" / INCOMING


class NewList:
    """`writer` is used on `thread`; files are fetched, unpacked and verified aside."""

    def __init__(
        self,
        writer: WhitelistWriter,
        roles: RolesFollower,
        suspects: Suspects,
        thread: SingleThread,
        aside: Aside,
        clock: Clock,
    ) -> None:
        self._writer = writer
        self._roles = roles
        self._suspects = suspects
        self._thread = thread
        self._aside = aside
        self._clock = clock
        self._swapped = asyncio.Event()

    async def run(self) -> None:
        """Remove what is out of use: a while after a swap, and what an earlier life left."""
        while True:
            await self._aside.thread.run(self._writer.tidy)
            await self._swapped.wait()
            self._swapped.clear()
            await self._clock.wait(TIDY_SECONDS)

    async def announced(self) -> Announced:
        """Ask for central's newest manifest; raise DriverError, WireError or Untrusted."""
        sealed = await self._aside.fetch.get(MANIFEST_PATH)
        manifest = decode(self._roles.trust.unseal(sealed, Purpose.LIST), Manifest)
        if manifest.venue != self._roles.venue:
            raise Untrusted(f"a list of {manifest.venue[:40]!r}")
        return Announced(manifest, sealed)

    async def install(self, manifest: Manifest, sealed: bytes, foreign: bool) -> None:
        """Fetch that snapshot, bring it to the head of the chain, and put it in use.

        `foreign`: the list in use is not on central's chain. Raise whatever came of it; what was
        fetched stays for the next try, and the list in use is as it was.
        """
        await self._make_ready(manifest, sealed)
        await self._bring_to_head()
        await self._swap(Replaces.WHATEVER if foreign else Replaces.ALL, manifest)

    async def renew(self, after: int) -> None:
        """Put a snapshot of later than `after` in use, if there is one; raise as `install` does."""
        announced = await self.announced()
        if announced.manifest.sequence > after:
            await self._make_ready(announced.manifest, announced.sealed)
            await self._swap(Replaces.SAME, announced.manifest)

    async def _make_ready(self, manifest: Manifest, sealed: bytes) -> None:
        # The name becomes part of paths, here and at central.
        name = manifest.version
        if not VERSION_NAME.fullmatch(name) or name in (CURRENT, INCOMING):
            raise UnusableError(f"the manifest names no file: {name[:80]!r}")
        if not 0 < manifest.file_bytes <= FILE_BYTES_MAX:
            raise UnusableError(f"the manifest says {manifest.file_bytes} bytes")
        packed = self._aside.incoming / f"{name}.db.zst"
        await self._aside.thread.run(self._make_room, packed.name)
        path, thread = f"/device/list/{packed.name}", self._aside.thread
        try:
            await download(self._aside.fetch, path, packed, manifest, thread)
        except UnusableError as error:
            self._suspects.suspect(Suspicion(Distrust.FORGED, str(error)))
            raise
        made = await thread.run(self._unpacked, packed, manifest, sealed)
        await self._thread.run(self._writer.begin, made)

    def _make_room(self, name: str) -> None:
        """Keep what there is of `name`, and nothing else that was ever begun."""
        self._aside.incoming.mkdir(parents=True, exist_ok=True)
        for left in self._aside.incoming.iterdir():
            if left.name != name:
                left.unlink()

    def _unpacked(self, packed: Path, manifest: Manifest, sealed: bytes) -> str:
        snapshot = packed.with_suffix("")
        try:
            unpack(packed, snapshot, manifest)
            return self._writer.make_ready(manifest.version, snapshot, sealed)
        except (UnusableError, ListDamaged):
            packed.unlink(missing_ok=True)  # It would be as wrong the next time.
            raise
        finally:
            snapshot.unlink(missing_ok=True)

    async def _bring_to_head(self) -> None:
        """Add what changed since the snapshot, until central has no more."""
        about = await self._thread.run(self._writer.ready)
        while True:
            answer = await self._aside.fetch.get(path_after(about.sequence))
            try:
                deltas = await self._aside.thread.run(answered, answer, self._roles.trust.unseal)
                if not deltas:
                    return
                sealed = [one.sealed for one in deltas]
                about = await self._thread.run(self._writer.bring_forward, sealed)
            except (UnusableDelta, ListDamaged) as error:
                # As far as a door could go; the rest is for whoever follows the list in use.
                log.warning("list: %s", error)
                return
            except ChainBroken as error:
                raise UnusableError(f"what central gives is no chain: {error}") from None

    async def _swap(self, replaces: Replaces, manifest: Manifest) -> None:
        await self._thread.run(self._writer.swap, replaces)
        await self._aside.thread.run(self._make_room, "")
        self._swapped.set()
        log.info("list %s in use, built at change %d", manifest.version, manifest.sequence)
