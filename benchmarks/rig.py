"""A device's folder with a list of any size, and the figures every measurement needs."""

import hashlib
import math
import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import zstandard
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from central.lists.build import Contents, build
from edge.store.list_writer import WhitelistWriter
from rules.ticket_class import EventRecord, TicketClass
from tests.trusted import sealed, trusting
from wire import entry
from wire import ticket as gh1
from wire.codec import encode
from wire.entry import Entry, key_of
from wire.key import KeyRecord
from wire.signed import Purpose
from wire.snapshot import About, Manifest
from wire.ticket import Ticket
from wire.words import Words

LIST_KEY = bytes(range(32))
KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))
KID, AUDIENCE, CHECKPOINT = b"k1", "BENCH", "hall"


@dataclass(frozen=True, slots=True)
class Row:
    """One thing measured n times: CPU and wall time in milliseconds, NaN where not measured."""

    name: str
    n: int
    cpu_ms_p50: float
    cpu_ms_p99: float
    wall_ms_p50: float
    wall_ms_p99: float


@dataclass(slots=True)
class Report:
    """Rows, and figures that are no durations; each with what a Raspberry Pi may make of it."""

    rows: list[Row] = field(default_factory=list)
    figures: dict[str, float] = field(default_factory=dict)
    on_a_pi: dict[str, str] = field(default_factory=dict)

    def add(self, row: Row, on_a_pi: str) -> Row:
        self.rows.append(row)
        self.on_a_pi[row.name] = on_a_pi
        return row

    def figure(self, name: str, value: float, on_a_pi: str = "the same") -> None:
        self.figures[name] = value
        self.on_a_pi[name] = on_a_pi


# No Pi was used: a core of a Pi 4 is taken to be 4 to 6 times slower than a server's.
SLOWER = "CPU × 4-6"
DISK = "sync 5-50 ms"


class Stopwatch:
    """CPU time of this thread beside wall time, in milliseconds, of one block after another."""

    def __init__(self) -> None:
        self.cpu: list[float] = []
        self.wall: list[float] = []

    def __enter__(self) -> None:
        self._cpu, self._wall = time.thread_time_ns(), time.perf_counter_ns()

    def __exit__(self, *_: object) -> None:
        self.cpu.append((time.thread_time_ns() - self._cpu) / 1e6)
        self.wall.append((time.perf_counter_ns() - self._wall) / 1e6)

    def row(self, name: str) -> Row:
        return row(name, self.cpu, self.wall)


def row(name: str, cpu: list[float], wall: list[float]) -> Row:
    """Sum up measurements, in milliseconds; an empty list was not measured."""
    spread = (percentile(values, share) for values in (cpu, wall) for share in (0.5, 0.99))
    return Row(name, max(len(cpu), len(wall)), *(round(value, 4) for value in spread))


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else math.nan


def pss_kb(pid: int) -> int:
    """Return a process's share of memory: what others use as well is divided among them."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    raise AssertionError("no Pss in smaps_rollup")


def cti(number: int) -> bytes:
    return hashlib.blake2b(number.to_bytes(8, "big"), digest_size=16).digest()


def text(number: int) -> bytes:
    """Return the GH1 of ticket `number`."""
    now = int(time.time())
    one = Ticket(cti(number), AUDIENCE, now - 3600, now + 36000, now - 7200, 1, serial=number)
    return gh1.sign(one, KID, KEY).encode()


def list_rows(ctis: Iterable[bytes]) -> Iterator[entry.Row]:
    plain = Entry(0)
    for one in ctis:
        yield entry.row(key_of(one, LIST_KEY), plain)


def make_list(folder: Path, count: int, ctis: Iterable[bytes] = ()) -> Manifest:
    """Build a list of `count` tickets as central does; return its manifest."""
    about = About(1, "bench", LIST_KEY, 0, bytes(32), int(time.time()))
    kind = TicketClass(AUDIENCE, 1, Words("成人票", "Adult"), {CHECKPOINT: 1})
    show = EventRecord(AUDIENCE, Words("演出", "Show"))
    record = KeyRecord(KID, KEY.public_key().public_bytes_raw())
    contents = Contents(
        about, ((0, encode(kind)),), ((AUDIENCE, encode(show)),), ((KID, encode(record)),)
    )
    return build(folder, f"bench-{count}", contents, list_rows(ctis or map(cti, range(count))))


def install(folder: Path, manifest: Manifest, device: Path) -> None:
    """Unpack a list and put it into a device's folder."""
    packed, plain = folder / f"{manifest.version}.db.zst", folder / "unpacked.db"
    with packed.open("rb") as source, plain.open("wb") as target:
        zstandard.ZstdDecompressor().copy_stream(source, target)
    sealed_manifest = sealed(encode(manifest), Purpose.LIST)
    WhitelistWriter(device, trusting(device, "bench")).install(
        manifest.version, plain, sealed_manifest
    )


def control(folder: Path, times: int = 300) -> Row:
    """4 KiB written and synced in a file of full length: what the disk alone takes."""
    stopwatch = Stopwatch()
    with (folder / "control").open("wb", buffering=0) as file:
        file.write(bytes(4096 * times))
        os.fsync(file.fileno())
        for place in range(times):
            file.seek(4096 * place)
            block = os.urandom(4096)
            with stopwatch:
                file.write(block)
                os.fdatasync(file.fileno())
    return stopwatch.row("control: one fdatasync")


def bare_verification(times: int = 2000) -> Row:
    """One Ed25519 verification with nothing around it, over and over."""
    stopwatch, verify = Stopwatch(), verification()
    for _ in range(times):
        with stopwatch:
            verify()
    return stopwatch.row("bare verification")


def verification() -> Callable[[], None]:
    """Return what verifies the signature of a message as long as a ticket, by `cryptography`."""
    public, message = KEY.public_key(), os.urandom(150)
    signature = KEY.sign(message)
    return lambda: public.verify(signature, message)
