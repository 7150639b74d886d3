"""Who may ask this hub: as somebody wrote it into hub.toml, or as central says it, signed.

What stands in hub.toml goes before: there a person has decided. Central's word comes with this
device's configuration, is kept by sync as it was sealed, and is verified here once more.
"""

import logging
from collections.abc import Mapping
from pathlib import Path

from edge.core import zone_text
from edge.core.strays import Stray
from edge.hub.config import DeviceConfig
from edge.runtime.workers import SingleThread
from edge.store import configuration
from edge.store.trust import TrustStore
from wire.codec import WireError
from wire.signed import Purpose

log = logging.getLogger("hub.roster")

Names = Mapping[bytes, str]
"""Devices by their id, with what people call them."""


class Roster:
    """`trust` is used on `thread` alone."""

    def __init__(
        self,
        device: bytes,
        told: tuple[DeviceConfig, ...],
        trust: TrustStore,
        thread: SingleThread,
    ) -> None:
        """`told`: what hub.toml says; none: central says it."""
        self._device = device
        self._told = {bytes.fromhex(one.id): one.name for one in told}
        self._trust, self._thread = trust, thread
        self._version = 0

    async def load(self, directory: Path) -> Names | None:
        """Return who may ask, as far as it is known by now; None: nobody has said."""
        if self._told:
            return self._told
        kept = await self._thread.run(configuration.desired, directory)
        return None if kept is None else await self.hear(kept)

    async def hear(self, envelope: bytes) -> Names | None:
        """Return whom a configuration of central's names, if it is one and says more than hub.toml.

        One that is none is left alone: sync has said what it was.
        """
        if self._told:
            return None
        try:
            payload = await self._thread.run(self._trust.unseal, envelope, Purpose.CONFIGURATION)
        except WireError as error:
            log.warning("a configuration that is not central's: %s", error)
            return None
        desired = zone_text.read(payload, self._device, self._version)
        if isinstance(desired, Stray) or desired.roster is None:
            return None
        self._version = desired.version
        return {one.device: one.name for one in desired.roster}
