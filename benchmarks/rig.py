"""A device's folder with a list of any size, and the figures every measurement needs."""

import hashlib
import os
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import zstandard
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from central.lists.build import Contents, build
from edge.store.whitelist import WhitelistWriter
from rules.ticket_class import EventRecord, TicketClass
from wire import ticket as gh1
from wire.codec import encode
from wire.entry import Entry, Row, key_of, row
from wire.key import KeyRecord
from wire.snapshot import About, Manifest
from wire.ticket import Ticket
from wire.words import Words

LIST_KEY = bytes(range(32))
KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
KID, AUDIENCE, CHECKPOINT = b"k1", "BENCH", "hall"


@dataclass(frozen=True, slots=True)
class Cost:
    """What one measurement took."""

    cpu_seconds: float
    wall_seconds: float


class Stopwatch:
    """CPU time of this process beside wall time."""

    def __enter__(self) -> "Stopwatch":
        self._cpu, self._wall = time.process_time(), time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self.cost = Cost(time.process_time() - self._cpu, time.perf_counter() - self._wall)


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def spread(values: list[float]) -> dict[str, float]:
    """Return p50, p90, p99 and the largest."""
    shares = {"p50": 0.5, "p90": 0.9, "p99": 0.99}
    found = {name: round(percentile(values, share), 4) for name, share in shares.items()}
    return {**found, "max": round(max(values), 4), "mean": round(statistics.fmean(values), 4)}


def cti(number: int) -> bytes:
    return hashlib.blake2b(number.to_bytes(8, "big"), digest_size=16).digest()


def text(number: int) -> bytes:
    """Return the GH1 of ticket `number`."""
    now = int(time.time())
    one = Ticket(cti(number), AUDIENCE, now - 3600, now + 36000, now - 7200, 1, serial=number)
    return gh1.sign(one, KID, KEY).encode()


def rows(count: int) -> Iterator[Row]:
    plain = Entry(0)
    for number in range(count):
        yield row(key_of(cti(number), LIST_KEY), plain)


def make_list(folder: Path, count: int) -> Manifest:
    """Build a list of `count` tickets as central does; return its manifest."""
    about = About(1, "bench", LIST_KEY, 0, bytes(32), int(time.time()))
    kind = TicketClass(AUDIENCE, 1, Words("成人票", "Adult"), {CHECKPOINT: 1})
    show = EventRecord(AUDIENCE, Words("演出", "Show"))
    record = KeyRecord(KID, KEY.public_key().public_bytes_raw())
    contents = Contents(
        about, ((0, encode(kind)),), ((AUDIENCE, encode(show)),), ((KID, encode(record)),)
    )
    return build(folder, f"bench-{count}", contents, rows(count))


def install(folder: Path, manifest: Manifest, device: Path) -> None:
    """Unpack a list and put it into a device's folder."""
    packed, plain = folder / f"{manifest.version}.db.zst", folder / "unpacked.db"
    with packed.open("rb") as source, plain.open("wb") as target:
        zstandard.ZstdDecompressor().copy_stream(source, target)
    WhitelistWriter(device).install(manifest.version, plain, manifest)


def fdatasync_ms(folder: Path, times: int = 300) -> list[float]:
    """Return how long this disk takes for 4 KiB written and synced: the control."""
    took = []
    with (folder / "control").open("wb", buffering=0) as file:
        for _ in range(times):
            began = time.perf_counter()
            file.write(os.urandom(4096))
            os.fdatasync(file.fileno())
            took.append((time.perf_counter() - began) * 1000)
    return took
