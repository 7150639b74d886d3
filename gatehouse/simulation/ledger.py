"""Central's ledger in memory: ingest's own SQL, readers and prefixes, without the web framework.

What is repeated here is only what `central.ledger.ingest` does between them; a test holds both
against the same messages. Django's queries alone would take longer than all gates together.
"""

import json
import sqlite3
from dataclasses import dataclass, field

import zstandard

from central.core.prefix import advance
from central.ledger import sql_sqlite
from central.ledger.reading import check_batch, check_hello, columns, read_row, short
from rules.use import Outcome
from wire import event
from wire.chain import link
from wire.codec import MESSAGE_BYTES_MAX, WireError, decode, encode
from wire.delivery import Ack, Batch, EpochTop, Hello
from wire.entry import UseElsewhere
from wire.event import AnyEvent, Stamp
from wire.row import Unknown
from wire.topic import Topics, sender

Message = tuple[str, bytes]
ZSTD = bytes.fromhex("28B52FFD")
OUTCOMES: dict[type[event.Outcome], Outcome] = {
    event.Abandoned: Outcome.ABANDONED,
    event.Uncertain: Outcome.UNCERTAIN,
    event.Passed: Outcome.PASSED,
    event.PassedLate: Outcome.PASSED_LATE,
    event.Undone: Outcome.UNDONE,
}

SCHEMA = """
CREATE TABLE ledger_row (
    id INTEGER PRIMARY KEY, device_id INTEGER NOT NULL, epoch BLOB NOT NULL, seq INTEGER NOT NULL,
    hash BLOB NOT NULL, body BLOB NOT NULL, kind TEXT NOT NULL, lane TEXT NOT NULL,
    reason TEXT NOT NULL, persons INTEGER NOT NULL, wall_ms INTEGER NOT NULL,
    received_ms INTEGER NOT NULL, UNIQUE (device_id, epoch, seq)
);
CREATE TABLE ledger_use (
    id INTEGER PRIMARY KEY, device_id INTEGER NOT NULL, admission BLOB NOT NULL,
    person INTEGER NOT NULL, outcome INTEGER NOT NULL, cti BLOB, checkpoint TEXT,
    wall_ms INTEGER NOT NULL, UNIQUE (device_id, admission, person)
);
CREATE INDEX use_cti ON ledger_use (cti);
CREATE TABLE ledger_prefix (
    device_id INTEGER NOT NULL, epoch BLOB NOT NULL, upto INTEGER NOT NULL DEFAULT 0,
    told INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (device_id, epoch)
);
CREATE TABLE ledger_incident (
    kind TEXT NOT NULL, device_id INTEGER NOT NULL, detail TEXT NOT NULL,
    UNIQUE (kind, device_id, detail)
);
CREATE TABLE undone (cti BLOB NOT NULL, admission BLOB NOT NULL, person INTEGER NOT NULL);
"""
INSERT_ROW, UPSERT_RIGHT, UPSERT_OUTCOME = (
    text.replace("%s", "?")
    for text in (sql_sqlite.INSERT_ROW, sql_sqlite.UPSERT_RIGHT, sql_sqlite.UPSERT_OUTCOME)
)


@dataclass(slots=True)
class Group:
    """What one transaction holds, and whom to answer once it is committed."""

    asked: set[tuple[int, str, bytes]] = field(default_factory=set)
    used: set[bytes] = field(default_factory=set)


class Ledger:
    def __init__(self, topics: Topics, devices: dict[str, int]) -> None:
        """`devices`: identity -> its number; others are nobody's."""
        self._topics = topics
        self._devices = devices
        self._database = _in_memory()
        self._database.executescript(SCHEMA)
        self.unreadable = 0

    def take(self, messages: list[Message], received_ms: int) -> tuple[list[Message], set[bytes]]:
        """Commit what the messages hold; return the answers, and the ctis whose uses changed."""
        group = Group()
        self._database.execute("BEGIN IMMEDIATE")
        for topic, payload in messages:
            try:
                self._take_one(topic, payload, received_ms, group)
            except WireError:
                self.unreadable += 1
        answers = [
            (self._topics.ack(identity), encode(self._advance(device, epoch)))
            for device, identity, epoch in sorted(group.asked)
        ]
        self._database.execute("COMMIT")
        return answers, group.used

    def _take_one(self, topic: str, payload: bytes, received_ms: int, group: Group) -> None:
        found = sender(topic)
        device = self._devices.get(found[0]) if found else None
        if found is None or device is None:
            raise WireError("no device of ours")
        identity, kind = found
        plain = payload
        if payload.startswith(ZSTD):
            plain = zstandard.ZstdDecompressor().decompress(
                payload, max_output_size=MESSAGE_BYTES_MAX
            )
        if kind == "hello":
            hello = decode(plain, Hello)
            check_hello(hello)
            for epoch in hello.epochs:
                self._note_gap(device, epoch)
                group.asked.add((device, identity, epoch.epoch))
        elif kind in ("live", "backlog"):
            batch = decode(plain, Batch)
            check_batch(batch)
            self._insert(device, bytes.fromhex(identity), batch, received_ms, group)
            group.asked.add((device, identity, batch.epoch))

    def _insert(
        self, device: int, identity: bytes, batch: Batch, received_ms: int, group: Group
    ) -> None:
        previous, execute = batch.previous, self._database.execute
        for seq, body in enumerate(batch.rows, batch.first):
            previous = link(previous, identity, batch.epoch, seq, body)
            name = (device, batch.epoch, seq)
            happened, stamp = read_row(body, received_ms)
            kind, lane, reason, persons = columns(happened)
            values = (previous, body, kind, lane, reason, persons, stamp.wall_ms, received_ms)
            if execute(INSERT_ROW, (*name, *values)).rowcount == 0:
                self._compare(device, batch.epoch, seq, body)
                continue
            self._project(device, happened, stamp)
            group.used |= self._touched(device, happened)

    def _project(self, device: int, happened: AnyEvent | Unknown, stamp: Stamp) -> None:
        execute = self._database.execute
        match happened:
            case event.Authorised():
                right = (happened.cti, short(happened.checkpoint), stamp.wall_ms)
                for person in range(1, happened.quantity + 1):
                    execute(UPSERT_RIGHT, (device, happened.admission, person, *right))
            case event.Outcome():
                outcome = int(OUTCOMES[type(happened)])
                for person in range(happened.person, happened.person + happened.count):
                    name = (device, happened.admission, person)
                    execute(UPSERT_OUTCOME, (*name, outcome, stamp.wall_ms))
            case event.EpochBegan(previous_epoch=before, previous_top=top) if before:
                self._told(device, before, top)
            case _:
                pass

    def _touched(self, device: int, happened: AnyEvent | Unknown) -> set[bytes]:
        match happened:
            case event.Authorised():
                return {happened.cti}
            case event.Abandoned() | event.PassedLate() | event.Undone():
                found = self._database.execute(
                    "SELECT cti FROM ledger_use WHERE device_id = ? AND admission = ?"
                    " AND cti IS NOT NULL LIMIT 1",
                    (device, happened.admission),
                )
                return {cti for (cti,) in found}
            case _:
                return set()

    def _compare(self, device: int, epoch: bytes, seq: int, body: bytes) -> None:
        (held,) = self._database.execute(
            "SELECT body FROM ledger_row WHERE (device_id, epoch, seq) = (?, ?, ?)",
            (device, epoch, seq),
        ).fetchone()
        if held != body:
            self._incident("conflict", device, {"epoch": epoch.hex(), "seq": seq})

    def _incident(self, kind: str, device: int, detail: dict[str, object]) -> None:
        values = (kind, device, json.dumps(detail, sort_keys=True))
        self._database.execute("INSERT OR IGNORE INTO ledger_incident VALUES (?, ?, ?)", values)

    def _told(self, device: int, epoch: bytes, top: int) -> int:
        """Remember how many rows of an epoch there are; return how many are here without a hole."""
        row = self._database.execute(
            "INSERT INTO ledger_prefix VALUES (?, ?, 0, ?) ON CONFLICT (device_id, epoch)"
            " DO UPDATE SET told = max(told, excluded.told) RETURNING upto",
            (device, epoch, top),
        ).fetchone()
        return int(row[0])

    def _note_gap(self, device: int, epoch: EpochTop) -> None:
        upto = self._told(device, epoch.epoch, epoch.top)
        if epoch.first > upto + 1:
            detail = {"epoch": epoch.epoch.hex(), "first": upto + 1, "last": epoch.first - 1}
            self._incident("gap", device, detail)
            self._database.execute(
                "UPDATE ledger_prefix SET upto = ? WHERE (device_id, epoch) = (?, ?)",
                (epoch.first - 1, device, epoch.epoch),
            )

    def _advance(self, device: int, epoch: bytes) -> Ack:
        name = (device, epoch)
        upto = self._told(device, epoch, 0)
        found = self._database.execute(
            "SELECT seq FROM ledger_row WHERE (device_id, epoch) = (?, ?) AND seq > ? ORDER BY seq",
            (*name, upto),
        )
        held = [seq for (seq,) in found]
        end, holes = advance(upto, held)
        told = max(held, default=end)
        self._database.execute(
            "UPDATE ledger_prefix SET upto = ?, told = max(told, ?)"
            " WHERE (device_id, epoch) = (?, ?)",
            (end, told, *name),
        )
        return Ack(epoch, end, holes)

    def uses(
        self, cti: bytes, names: dict[int, str]
    ) -> tuple[tuple[UseElsewhere, ...], tuple[tuple[bytes, int], ...]]:
        """Return the uses of a right that count, oldest first, and those undone."""
        found = self._database.execute(
            "SELECT device_id, admission, person, outcome, checkpoint, wall_ms FROM ledger_use"
            " WHERE cti = ? AND outcome != ? ORDER BY wall_ms, id",
            (cti, int(Outcome.ABANDONED)),
        )
        counted: list[UseElsewhere] = []
        undone: list[tuple[bytes, int]] = []
        for device, admission, person, outcome, checkpoint, wall_ms in found:
            if outcome == Outcome.UNDONE:
                undone.append((admission, person))
            else:
                place = names.get(device, "")
                wall = wall_ms // 1000
                counted.append(UseElsewhere(checkpoint or "", admission, person, wall, place))
        return tuple(counted), tuple(undone)

    def undo(self, cti: bytes) -> bool:
        """Withdraw the newest use of a right; False if there is none."""
        row = self._database.execute(
            "UPDATE ledger_use SET outcome = ? WHERE id = (SELECT max(id) FROM ledger_use"
            " WHERE cti = ? AND outcome NOT IN (?, ?)) RETURNING id",
            (int(Outcome.UNDONE), cti, int(Outcome.ABANDONED), int(Outcome.UNDONE)),
        ).fetchall()
        return bool(row)

    def spending(self) -> dict[tuple[bytes, str], int]:
        """Return how often each (right, checkpoint) is used, where it is used at all."""
        found = self._database.execute(
            "SELECT cti, checkpoint, count(*) FROM ledger_use WHERE cti IS NOT NULL"
            " AND outcome NOT IN (?, ?) GROUP BY cti, checkpoint",
            (int(Outcome.ABANDONED), int(Outcome.UNDONE)),
        )
        return {(cti, checkpoint): times for cti, checkpoint, times in found}

    def rows(self) -> dict[tuple[int, bytes, int], tuple[bytes, bytes]]:
        """Return (hash, body) of every row by (device, epoch, seq)."""
        found = self._database.execute("SELECT device_id, epoch, seq, hash, body FROM ledger_row")
        return {tuple(row[:3]): (row[3], row[4]) for row in found}

    def row(self, device: int, epoch: bytes, seq: int) -> bytes | None:
        found = self._database.execute(
            "SELECT body FROM ledger_row WHERE (device_id, epoch, seq) = (?, ?, ?)",
            (device, epoch, seq),
        ).fetchone()
        return found[0] if found else None

    def incidents(self) -> list[tuple[str, int, str]]:
        return self._database.execute(
            "SELECT kind, device_id, detail FROM ledger_incident"
        ).fetchall()

    def picture(self) -> bytes:
        """Return a backup."""
        return self._database.serialize()

    def put_back(self, picture: bytes) -> None:
        """Restore a backup: what came since is gone."""
        self._database.close()
        self._database = _in_memory()
        self._database.deserialize(picture)


def _in_memory() -> sqlite3.Connection:
    return sqlite3.connect(":memory:", isolation_level=None)
