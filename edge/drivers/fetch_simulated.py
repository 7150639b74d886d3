"""Central's files without central: whoever holds it says what is there.

For daemons' tests and the simulated venue.
"""

from collections.abc import Callable, Mapping
from pathlib import Path

from edge.drivers.interfaces import Declined, DriverError


class SimulatedFetch:
    def __init__(self, files: dict[str, bytes] | None = None) -> None:
        self.files = files if files is not None else {}
        """Bytes by path, `?` and what follows included."""
        self.answers: dict[str, Callable[[bytes, Mapping[str, str]], bytes]] = {}
        """What answers to a POST, by path: body and headers in, the answer out, or Declined."""
        self.away = False
        self.cut_after_bytes: int | None = None
        """Cut the next download after so many bytes, once."""
        self.asked: list[str] = []

    async def get(self, path: str) -> bytes:
        return self._find(path)

    async def post(self, path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
        self.asked.append(path)
        if self.away:
            raise DriverError("simulated central cannot be reached")
        if path not in self.answers:
            raise Declined(f"simulated central has nothing at {path}", 404)
        return self.answers[path](body, headers)

    async def part(self, path: str, first: int, count: int) -> bytes:
        return self._find(path)[first : first + count]

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
            raise Declined(f"simulated central has nothing at {path}", 404)
        return self.files[path]
