"""Central's files without central: whoever holds it says what is there.

For daemons' tests and the simulated venue.
"""

from pathlib import Path

from edge.drivers.interfaces import DriverError


class SimulatedFetch:
    def __init__(self, files: dict[str, bytes] | None = None) -> None:
        self.files = files if files is not None else {}
        """Bytes by path, `?` and what follows included."""
        self.away = False
        self.cut_after_bytes: int | None = None
        """Cut the next download after so many bytes, once."""
        self.asked: list[str] = []

    async def get(self, path: str) -> bytes:
        return self._find(path)

    async def download(self, path: str, target: Path, size_bytes: int) -> None:
        self._download(path, target, size_bytes)

    def close(self) -> None:
        self.away = True

    def _download(self, path: str, target: Path, size_bytes: int) -> None:
        body = self._find(path)
        had = target.read_bytes() if target.exists() else b""
        had = had if len(had) <= size_bytes else b""
        cut, self.cut_after_bytes = self.cut_after_bytes, None
        rest = body[len(had) :]
        target.write_bytes(had + (rest if cut is None else rest[:cut]))
        if target.stat().st_size != size_bytes:
            raise DriverError(f"simulated central: {path} was cut")

    def _find(self, path: str) -> bytes:
        self.asked.append(path)
        if self.away:
            raise DriverError("simulated central cannot be reached")
        if path not in self.files:
            raise DriverError(f"simulated central has nothing at {path}")
        return self.files[path]
