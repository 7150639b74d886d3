"""The zone's settings while the gate works: verified, checked whole, applied between passages.

One that cannot be used is refused with its sentence, and the last good one goes on, also after a
restart: `zone.toml` is only ever replaced by what was found good. It is replaced after the row
that says so is committed, and taken into use at once, or as soon as every lane is closed.
"""

import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

from edge.core import strays, zone_text
from edge.core.lane import State
from edge.core.strays import Stray, TurnedAway
from edge.gate.config import habits, settings_of, zone_path
from edge.gate.desk import Desk
from edge.gate.lane import LaneShell
from edge.runtime.config import ConfigError
from edge.runtime.intercom import Configured, NotConfigured
from edge.runtime.workers import SingleThread
from edge.store import configuration
from edge.store.journal import JournalUnwritable
from rules.zone import Settings
from wire.codec import WireError
from wire.configuration import Desired
from wire.event import ConfigurationApplied, ConfigurationRefused
from wire.signed import Purpose, Untrusted

log = logging.getLogger("gate.configuring")


class Configuring:
    """`thread` is the store's."""

    def __init__(
        self,
        device: bytes,
        directory: Path,
        desk: Desk,
        lanes: tuple[LaneShell, ...],
        thread: SingleThread,
        note: Callable[[Stray, TurnedAway], Awaitable[None]],
    ) -> None:
        """`note` writes down what was turned away, or counts it with its like."""
        self._device = device
        self._directory = directory
        self._desk = desk
        self._lanes = lanes
        self._thread = thread
        self._note = note
        self._version = 0
        self._refused = 0
        self._wanted: tuple[Desired, Settings] | None = None
        """Found good, to be written down when every lane is closed."""
        self._written: Settings | None = None
        """Written down, to be taken into use when every lane is closed."""

    def begin(self) -> None:
        """Look up which version the gate was started with."""
        self._version = zone_text.version(self._content())

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
            settings = settings_of(desired.zone.encode(), f"zone.toml {desired.version}")
        except ConfigError as error:
            log.error("configuration %d refused: %s", desired.version, error)
            self._refused = desired.version
            row = ConfigurationRefused(version=desired.version, why=str(error))
            await self._desk.record((row,))
            return
        self._wanted = desired, settings
        await self.look_after()

    async def look_after(self) -> None:
        """Apply what waits, if nobody is at a lane."""
        if self._wanted and self._at_rest:
            await self._write(*self._wanted)
        if self._written and self._at_rest:
            self._use(self._written)

    def fault(self) -> str:
        """Return what is wrong with zone.toml as it lies there, or nothing."""
        try:
            settings_of(self._content().encode(), "zone.toml")
        except ConfigError as error:
            return str(error)
        return ""

    async def reload(self) -> None:
        """Take zone.toml as it lies there, when every lane is closed."""
        content = self._content()
        try:
            self._written = settings_of(content.encode(), "zone.toml")
        except ConfigError as error:
            log.error("not reloaded: %s", error)
            return
        self._version = zone_text.version(content)
        await self.look_after()

    @property
    def _at_rest(self) -> bool:
        return all(lane.state is State.CLOSED for lane in self._lanes)

    def _content(self) -> str:
        try:
            return zone_path(self._directory).read_text(encoding="utf-8-sig")
        except (OSError, ValueError):
            return ""

    async def _read(self, envelope: bytes) -> Desired | Stray:
        if len(envelope) > zone_text.CONFIGURATION_BYTES_MAX:
            return Stray.UNREADABLE
        try:
            payload = await self._desk.unseal(envelope, Purpose.CONFIGURATION)
        except Untrusted:
            return Stray.FORGED
        except WireError:
            return Stray.UNREADABLE
        return zone_text.read(payload, self._device, self._version)

    async def _turn_away(self, stray: Stray) -> None:
        why = strays.said(stray.value)
        await self._note(stray, ConfigurationRefused(version=0, why=why))

    async def _write(self, desired: Desired, settings: Settings) -> None:
        content = zone_text.text(desired).encode()
        applied = ConfigurationApplied(version=desired.version)
        try:
            fresh = await self._thread.run(
                configuration.prepared, self._directory, configuration.ZONE, content
            )
            await self._desk.commit(lambda journal, stamp: journal.append(applied, stamp))
            await self._thread.run(configuration.replace, fresh)
        except (OSError, JournalUnwritable) as error:
            log.error("configuration %d waits: %s", desired.version, error)
            return
        self._version, self._wanted, self._written = desired.version, None, settings

    def _use(self, settings: Settings) -> None:
        """Between two signals of every lane: none is judging, none is open."""
        self._desk.configure(settings.zone, settings.time_zone)
        for lane in self._lanes:
            lane.configure(habits(lane.config, settings.zone))
        self._written = None
        log.info("configuration %d in use", self._version)
