"""The settings that central wants, while the device works: verified, checked whole, applied.

One that cannot be used is refused with its sentence, and the last good one goes on, also after a
restart: `zone.toml` is only ever replaced by what was found good. It is replaced after the row
that says so is committed, and taken into use at once, or as soon as nobody is at the device.
"""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from edge.core import strays, zone_text
from edge.core.strays import Stray, TurnedAway
from edge.runtime.config import ConfigError
from edge.runtime.intercom import Configured, NotConfigured
from edge.runtime.workers import SingleThread
from edge.store import configuration
from edge.store.journal import JournalUnwritable, Transaction
from edge.store.obedience import Unseal
from wire.codec import WireError
from wire.configuration import Desired
from wire.event import ConfigurationApplied, ConfigurationRefused, Stamp
from wire.signed import Purpose, Untrusted

log = logging.getLogger("configuring")

S = TypeVar("S")
T = TypeVar("T")


class Desk(Protocol):
    async def commit(self, work: Callable[[Transaction, Stamp], T]) -> T:
        """Run `work` in a transaction of its own, stamped now; raise JournalUnwritable."""
        ...


@dataclass(frozen=True, slots=True)
class Habitat(Generic[S]):
    """What settings mean to one kind of device."""

    check: Callable[[str, str, str], S]
    """Reads (zone.toml's text, template of papers, what to call it); raises ConfigError."""
    at_rest: Callable[[], bool]
    """Whether nobody is at the device, so that it may change."""
    use: Callable[[S], None]
    """Goes by these settings from now on."""
    papers: bool = False
    """Whether the template of papers is kept."""


class Configuring(Generic[S]):
    """`thread` is the store's."""

    def __init__(
        self,
        device: bytes,
        directory: Path,
        desk: Desk,
        unseal: Unseal,
        habitat: Habitat[S],
        thread: SingleThread,
        note: Callable[[Stray, TurnedAway], Awaitable[None]],
        record: Callable[[ConfigurationRefused], Awaitable[None]],
    ) -> None:
        """`note` writes down what was turned away, or counts it with its like."""
        self._device = device
        self._directory = directory
        self._desk = desk
        self._unseal = unseal
        self._habitat = habitat
        self._thread = thread
        self._note = note
        self._record = record
        self._version = 0
        self._refused = 0
        self._wanted: tuple[Desired, S] | None = None
        """Found good, to be written down when nobody is there."""
        self._written: S | None = None
        """Written down, to be taken into use when nobody is there."""

    def begin(self) -> None:
        """Look up which version the device was started with."""
        self._version = zone_text.version(configuration.zone(self._directory))

    async def hear(self, word: Configured | NotConfigured) -> None:
        """Check what central wants, whoever brings it, and apply it if it is good and new.

        What sync did not even bring here is written down.
        """
        if isinstance(word, NotConfigured):
            # A newer sync's word for what is wrong with it may be unknown here.
            await self._turn_away(Stray.__members__.get(word.stray, Stray.UNREADABLE))
            return
        desired = await self._read(word.envelope)
        if isinstance(desired, Stray):
            await self._turn_away(desired)
            return
        wanted = self._wanted[0].version if self._wanted else 0
        if desired.version in (self._version, self._refused, wanted):
            return
        try:
            settings = self._checked(desired.zone, desired.paper, f"zone.toml {desired.version}")
        except ConfigError as error:
            log.error("configuration %d refused: %s", desired.version, error)
            self._refused = desired.version
            await self._record(ConfigurationRefused(version=desired.version, why=str(error)))
            return
        self._wanted = desired, settings
        await self.look_after()

    async def look_after(self) -> None:
        """Apply what waits, if nobody is there."""
        if self._wanted and self._habitat.at_rest():
            await self._write(*self._wanted)
        if self._written is not None and self._habitat.at_rest():
            self._use(self._written)

    def fault(self) -> str:
        """Return what is wrong with zone.toml as it lies there, or nothing."""
        try:
            self._lying()
        except ConfigError as error:
            return str(error)
        return ""

    async def reload(self) -> None:
        """Take zone.toml as it lies there, when nobody is there."""
        try:
            self._written = self._lying()
        except ConfigError as error:
            log.error("not reloaded: %s", error)
            return
        self.begin()
        await self.look_after()

    def _lying(self) -> S:
        zone = configuration.zone(self._directory)
        return self._checked(zone, configuration.template(self._directory), "zone.toml")

    def _checked(self, zone: str, paper: str, name: str) -> S:
        return self._habitat.check(zone, paper, name)

    async def _read(self, envelope: bytes) -> Desired | Stray:
        if len(envelope) > zone_text.CONFIGURATION_BYTES_MAX:
            return Stray.UNREADABLE
        try:
            payload = await self._unseal(envelope, Purpose.CONFIGURATION)
        except Untrusted:
            return Stray.FORGED
        except WireError:
            return Stray.UNREADABLE
        return zone_text.read(payload, self._device, self._version)

    async def _turn_away(self, stray: Stray) -> None:
        why = strays.said(stray.value)
        await self._note(stray, ConfigurationRefused(version=0, why=why))

    async def _write(self, desired: Desired, settings: S) -> None:
        applied = ConfigurationApplied(version=desired.version)
        papers = self._habitat.papers
        try:
            fresh = await self._thread.run(configuration.prepare, self._directory, desired, papers)
            await self._desk.commit(lambda journal, stamp: journal.append(applied, stamp))
            await self._thread.run(configuration.take, fresh, desired.version)
        except (OSError, JournalUnwritable) as error:
            log.error("configuration %d waits: %s", desired.version, error)
            return
        self._version, self._wanted, self._written = desired.version, None, settings

    def _use(self, settings: S) -> None:
        self._habitat.use(settings)
        self._written = None
        log.info("configuration %d in use", self._version)
