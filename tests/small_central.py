"""A central for tests that knows rows and a list, and nothing of what they mean."""

import hashlib
import sqlite3
import time
from pathlib import Path

import zstandard
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from rules.ticket_class import EventRecord
from tests.trusted import inside, roles, sealed
from wire.codec import decode, encode
from wire.delivery import Ack, Batch, Hello, Status
from wire.essentials import Essentials, pack
from wire.signed import Purpose, seal
from wire.snapshot import SCHEMA, SCHEMA_VERSION, About, Delta, Heartbeat, Manifest
from wire.topic import Topics, sender
from wire.words import Words

CHUNK_BYTES = 16 * 1024
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"


class RowKeeper:
    """Central's ingest: one of each row, an Ack after each message."""

    def __init__(self, venue: str = "venue") -> None:
        self.topics = Topics(venue)
        self.rows: dict[tuple[str, bytes], dict[int, bytes]] = {}
        self.conflicts = 0
        self.statuses: list[tuple[str, Status]] = []
        """What devices said of their lists, in order of arrival."""
        self.messages: list[tuple[str, int]] = []
        """(kind, rows) of each message, in order of arrival."""

    def receive(self, topic: str, payload: bytes) -> list[tuple[str, bytes]]:
        """Return what is to be published in answer."""
        found = sender(topic)
        if found is None:
            return []
        device, kind = found
        if payload.startswith(ZSTD_MAGIC):
            payload = zstandard.ZstdDecompressor().decompress(payload, max_output_size=1 << 22)
        if kind == "hello":
            hello = decode(payload, Hello)
            self.messages.append((kind, 0))
            return [self._ack(device, one.epoch) for one in hello.epochs]
        if kind == "status":
            self.statuses.append((device, decode(payload, Status)))
            return []
        batch = decode(payload, Batch)
        self.messages.append((kind, len(batch.rows)))
        held = self.rows.setdefault((device, batch.epoch), {})
        for seq, row in enumerate(batch.rows, batch.first):
            self.conflicts += held.setdefault(seq, row) != row
        return [self._ack(device, batch.epoch)]

    def count(self, device: str) -> int:
        return sum(len(rows) for (whose, _), rows in self.rows.items() if whose == device)

    def _ack(self, device: str, epoch: bytes) -> tuple[str, bytes]:
        held = self.rows.get((device, epoch), {})
        upto = 0
        while upto + 1 in held:
            upto += 1
        want, first = list[tuple[int, int]](), None
        for seq in range(upto + 1, max(held, default=0) + 1):
            if seq not in held:
                first = seq if first is None else first
            elif first is not None:
                want.append((first, seq - 1))
                first = None
        return self.topics.ack(device), encode(Ack(epoch, upto, tuple(want)))


class ListKeeper:
    """Central's publisher: snapshots, and the chain of deltas after them."""

    def __init__(self, directory: Path, name: str = "a") -> None:
        self._directory = directory
        self._name = name
        self.sequence, self.head = 0, bytes(32)
        self.essentials = 1
        """Their number."""
        self.answers: dict[str, bytes] = {}
        """What is said in place of what is true, by path."""
        self.revoked: list[int] = []
        """Serials of SHOW."""
        self.deltas: list[bytes] = []
        """Sealed, as everything here is."""
        self.roles = [roles()]
        self.says_roles: int | None = None
        """Another version than there is, if that is to be said."""
        self._wall = 1_780_000_000.0
        self.forgotten = 0
        """How many deltas, from the first, are no longer given out."""
        self.files: dict[str, bytes] = {}
        self.answer_max = 1000
        """How many deltas are given in one answer."""
        self.newest = self.forget = 0
        """How far the newest snapshot goes; before which change there is something to forget."""
        self.snapshot()

    def change(self, count: int = 1, filler: int = 0) -> bytes:
        """Add deltas, each longer by `filler` bytes; return the last one's bytes."""
        for _ in range(count):
            self.sequence += 1
            code = f"E{self.sequence % 7}"
            words = Words(f"第{self.sequence}版", f"edition {self.sequence}" + "." * filler)
            event = (code, encode(EventRecord(code, words)))
            body = encode(Delta(self.sequence, self.head, events=(event,)))
            self.head = hashlib.sha256(body).digest()
            self.deltas.append(sealed(body, Purpose.LIST))
        return self.deltas[-1]

    def reseal(self, key: Ed25519PrivateKey) -> None:
        """Sign all that there is by another key, as central does when it changes its own."""
        self.deltas = [seal(inside(one), Purpose.LIST, key) for one in self.deltas]
        manifest = self.files["/device/list/manifest"]
        self.files["/device/list/manifest"] = seal(inside(manifest), Purpose.LIST, key)

    def snapshot(self) -> Manifest:
        """Build a snapshot of what there is, and give it out."""
        path = self._directory / f"{self._name}{self.sequence}.db"
        database = sqlite3.connect(path)
        database.executescript(SCHEMA)
        about = About(SCHEMA_VERSION, "venue", bytes(32), self.sequence, self.head, 1_780_000_000)
        database.execute("INSERT INTO meta VALUES ('about', ?)", (encode(about),))
        # Enough that does not compress for a download to be cut in its middle.
        filler = b"".join(hashlib.sha256(n.to_bytes(4)).digest() for n in range(2000))
        database.execute("INSERT INTO meta VALUES ('filler', ?)", (filler,))
        database.commit()
        database.close()
        raw = path.read_bytes()
        path.unlink()
        packed = zstandard.ZstdCompressor(level=1).compress(raw)
        pieces = [packed[at : at + CHUNK_BYTES] for at in range(0, len(packed), CHUNK_BYTES)]
        version = f"{self._name}-{self.sequence}"
        manifest = Manifest(
            "venue",
            version,
            self.sequence,
            self.head,
            len(packed),
            hashlib.sha256(packed).digest(),
            len(raw),
            hashlib.sha256(raw).digest(),
            0,
            1_780_000_000,
            CHUNK_BYTES,
            b"".join(hashlib.sha256(chunk).digest() for chunk in pieces),
        )
        self.files["/device/list/manifest"] = sealed(encode(manifest), Purpose.LIST)
        self.files[f"/device/list/{version}.db.zst"] = packed
        self.newest = self.sequence
        return manifest

    def answer(self, path: str) -> bytes | None:
        """Return what a GET of `path` gives."""
        if path in self.answers:
            return self.answers[path]
        if path.startswith("/device/list/deltas?after="):
            after = int(path.partition("=")[2])
            return encode(self.deltas[max(after, self.forgotten) :][: self.answer_max])
        if path.startswith("/device/trust?after="):
            return encode(self.roles[int(path.partition("=")[2]) :])
        if path == "/device/essentials":
            return self.sealed_essentials()
        return self.files.get(path)

    def sealed_essentials(self) -> bytes:
        show = (("SHOW", encode(EventRecord("SHOW", Words("演出", "Show")))),)
        gone = (pack("SHOW", self.revoked),) if self.revoked else ()
        said = Essentials("venue", self.essentials, self.sequence, 0, (), show, (), gone)
        return sealed(encode(said), Purpose.ESSENTIALS)

    def heartbeat(self, wall: float | None = None) -> bytes:
        self._wall = max(self._wall + 0.001, time.time() if wall is None else wall)
        version = len(self.roles) if self.says_roles is None else self.says_roles
        said = Heartbeat(
            *("venue", self.sequence, self.head, self._wall, self.essentials, version),
            *(self.newest, self.forget),
        )
        return sealed(encode(said), Purpose.HEARTBEAT)
