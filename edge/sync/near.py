"""Files of the list from a hub's cache where it has them, from central where not.

Whatever comes is checked chunk by chunk against what central signed, and a chunk that is wrong is
fetched from central itself: a hub can be of no help, and no more than that.
"""

import logging
from collections.abc import Mapping
from pathlib import Path

from edge.drivers.interfaces import DriverError, Fetch

log = logging.getLogger("sync.near")


class NearFirst:
    """A Fetch: whole files are looked for at `near`, everything else is asked of `central`."""

    def __init__(self, central: Fetch, near: Fetch) -> None:
        self._central = central
        self._near = near

    async def get(self, path: str) -> bytes:
        return await self._central.get(path)

    async def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
        return await self._central.post(path, body, headers)

    async def part(self, path: str, first: int, count: int) -> bytes:
        return await self._central.part(path, first, count)

    async def download(self, path: str, target: Path, size_bytes: int) -> None:
        try:
            await self._near.download(path, target, size_bytes)
        except DriverError as error:
            log.info("not from the hub: %s", error)
            await self._central.download(path, target, size_bytes)

    def close(self) -> None:
        self._near.close()
        self._central.close()
