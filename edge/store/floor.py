"""The time that it cannot be earlier than, kept through a power cut: `clock.floor`.

A line of text: Unix seconds, and the CRC-32 of them, since a flipped bit could put every ticket
out of date. One that is not what was written is no floor at all.
"""

import zlib
from contextlib import suppress
from pathlib import Path

from edge.store.database import make_directory, sync_directory
from edge.store.list_files import write_durable

FILE = "clock.floor"


class FloorFile:
    """Written seldom, by the daemons of the doors."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def read(self) -> float:
        """Return the floor in Unix seconds; 0 where there is none."""
        with suppress(OSError, ValueError, OverflowError):
            seconds, checksum = (self._directory / FILE).read_text().split()
            if int(checksum, 16) == zlib.crc32(seconds.encode()):
                return float(int(seconds))
        return 0.0

    def keep(self, floor: float) -> None:
        """Replace the floor; raise OSError if that cannot be."""
        seconds = str(int(floor))
        make_directory(self._directory)
        fresh = self._directory / f".{FILE}"
        write_durable(fresh, f"{seconds} {zlib.crc32(seconds.encode()):08x}\n".encode())
        fresh.replace(self._directory / FILE)
        sync_directory(self._directory)
