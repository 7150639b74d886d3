"""Central's ledger in memory: ingest's own SQL, readers and prefixes, without the web framework.

What is repeated here is only what `central.ledger.ingest` does between them; a test holds both
against the same messages. Django's queries alone would take longer than all gates together.
"""

import json
import sqlite3
from collections.abc import Callable
from typing import Any

from central.core.prefix import advance
from central.ledger import sql_sqlite
from central.ledger.reading import about, check_batch, check_hello, columns, read_row, short
from gatehouse.simulation.centrals.ledger_tables import SCHEMA
from gatehouse.simulation.centrals.ledger_terms import Came, Claiming, Group, Message
from rules.exchange import Use
from rules.use import OUTCOMES, Outcome
from wire import event
from wire.chain import link
from wire.codec import WireError, decode, encode
from wire.delivery import Ack, Batch, EpochTop, Hello, unpacked
from wire.entry import UseElsewhere
from wire.event import AnyEvent, Stamp
from wire.row import Unknown
from wire.topic import Topics, sender

ROWS, OTHERS = "ledger_row", "ledger_otherrow"
UPSERT_USE = sql_sqlite.upsert_uses(1).replace("%s", "?")
UNDONE_OR_ABANDONED = (int(Outcome.ABANDONED), int(Outcome.UNDONE))


class Ledger:
    def __init__(
        self,
        topics: Topics,
        devices: dict[str, int],
        note: Callable[[int, AnyEvent | Unknown, Stamp], set[bytes]],
    ) -> None:
        """`devices`: identity -> its number; others are nobody's. `note` hears of each new row."""
        self._note = note
        self._topics = topics
        self._devices = devices
        self._database = _in_memory()
        self._database.executescript(SCHEMA)
        self.unreadable = 0
        self.claims: Claiming | None = None
        """Who answers claims, where that is central."""

    def take(
        self, messages: list[Message], received_ms: int
    ) -> tuple[list[Message], set[bytes], set[bytes]]:
        """Commit what the messages hold.

        Return the answers, the ctis whose uses changed, and those that papers are out of.
        """
        group = Group()
        self._database.execute("BEGIN IMMEDIATE")
        for topic, payload in messages:
            try:
                self._take_one(topic, payload, received_ms, group)
            except WireError:
                self.unreadable += 1
        answers = group.answers
        for (device, identity, epoch), hello in sorted(group.asked.items(), key=_by_identity):
            ack = self._acknowledge(device, epoch, hello)
            answers.append((self._topics.ack(identity), encode(ack)))
            if self.claims:
                self.claims.reached(device, epoch, ack.upto)
        self._database.execute("COMMIT")
        return answers, group.used, group.papers

    def _take_one(self, topic: str, payload: bytes, received_ms: int, group: Group) -> None:
        found = sender(topic)
        device = self._devices.get(found[0]) if found else None
        if found is None or device is None:
            raise WireError("no device of ours")
        identity, kind = found
        plain = unpacked(payload)
        if self.claims and kind in ("hello", "live", "backlog"):
            self.claims.hears(device)
        if kind == "claim" and self.claims:
            group.answers += self.claims.take(device, plain)
        elif kind == "hello":
            hello = decode(plain, Hello)
            check_hello(hello)
            for epoch in hello.epochs:
                self._note_gap(device, epoch)
                group.asked[device, identity, epoch.epoch] = hello
            if self.claims:
                asked = "SELECT epoch, upto FROM ledger_prefix WHERE device_id = ?"
                self.claims.hello(device, hello, dict(self.query(asked, (device,))))
        elif kind in ("live", "backlog"):
            batch = decode(plain, Batch)
            check_batch(batch)
            self._insert(device, bytes.fromhex(identity), batch, received_ms, group)
            group.asked.setdefault((device, identity, batch.epoch), None)

    def _insert(
        self, device: int, identity: bytes, batch: Batch, received_ms: int, group: Group
    ) -> None:
        previous, came = batch.previous, dict[int, Came]()
        for seq, body in enumerate(batch.rows, batch.first):
            previous = link(previous, identity, batch.epoch, seq, body)
            came[seq] = Came(previous, body, *read_row(body, received_ms))
        new = self._write(device, batch.epoch, came, received_ms, ROWS)
        if len(new) < len(came):
            differing = {
                seq: one
                for seq, one in came.items()
                if seq not in new and self.row(device, batch.epoch, seq) != one.body
            }
            new |= self._write(device, batch.epoch, differing, received_ms, OTHERS)
            if differing:
                self._incident("forked", device, {"epoch": batch.epoch.hex()})
        for seq in sorted(new):
            self._project(device, came[seq].happened, came[seq].stamp)
            group.papers |= self._note(device, came[seq].happened, came[seq].stamp)
            group.used |= self._touched(device, came[seq].happened)

    def _write(
        self, device: int, epoch: bytes, came: dict[int, "Came"], received_ms: int, table: str
    ) -> set[int]:
        """Return the seqs of the rows that were written."""
        if not came:
            return set()
        values: list[object] = []
        for seq, one in came.items():
            values += (device, epoch, seq, one.hash, one.body, *columns(one.happened))
            values += (about(one.happened), one.stamp.wall_ms, received_ms)
        question = sql_sqlite.insert_rows(len(came), table).replace("%s", "?")
        return {seq for (seq,) in self._database.execute(question, values).fetchall()}

    def _project(self, device: int, happened: AnyEvent | Unknown, stamp: Stamp) -> None:
        execute = self._database.execute
        match happened:
            case event.Authorised():
                right = (
                    *(happened.cti, short(happened.checkpoint), happened.generation),
                    stamp.wall_ms,
                )
                for person in range(1, happened.quantity + 1):
                    execute(UPSERT_USE, (device, happened.admission, person, 0, *right))
            case event.Outcome():
                outcome = int(OUTCOMES[type(happened)])
                for person in range(happened.person, happened.person + happened.count):
                    name = (device, happened.admission, person)
                    execute(UPSERT_USE, (*name, outcome, None, None, None, stamp.wall_ms))
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

    def _acknowledge(self, device: int, epoch: bytes, hello: Hello | None) -> Ack:
        """As `central.ledger.epochs.acknowledge`."""
        upto, holes = self._advance(device, epoch)
        forked = self._others(device, epoch)
        told = hello and next((one for one in hello.epochs if one.epoch == epoch), None)
        if hello and told and told.top < upto:
            row = self._database.execute(
                "SELECT hash FROM ledger_row WHERE (device_id, epoch, seq) = (?, ?, ?)",
                (device, epoch, told.top),
            ).fetchone()
            same = row is None or row[0] == told.last
            if same and epoch != hello.epochs[-1].epoch:
                return Ack(epoch, told.top)
            if not same and not forked:
                return Ack(epoch, 0)
        if forked:
            end = forked[0]
            for seq in forked:
                end = seq if seq <= end + 1 else end
            return Ack(epoch, end)
        return Ack(epoch, upto, holes)

    def _others(self, device: int, epoch: bytes) -> list[int]:
        found = self._database.execute(
            "SELECT seq FROM ledger_otherrow WHERE (device_id, epoch) = (?, ?) ORDER BY seq",
            (device, epoch),
        )
        return [seq for (seq,) in found]

    def _advance(self, device: int, epoch: bytes) -> tuple[int, tuple[tuple[int, int], ...]]:
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
        return end, holes

    def uses(self, cti: bytes) -> tuple[tuple[UseElsewhere, ...], tuple[tuple[bytes, int], ...]]:
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
                named = (checkpoint or "", admission, person, wall_ms // 1000, f"gate {device}")
                counted.append(UseElsewhere(*named))
        return tuple(counted), tuple(undone)

    def told(self, cti: bytes) -> tuple[Use, ...]:
        """Return all that is known of a right's uses, whoever asks for a paper."""
        found = self._database.execute(
            "SELECT outcome, wall_ms, device_id FROM ledger_use WHERE cti = ? ORDER BY wall_ms, id",
            (cti,),
        )
        return tuple(Use(Outcome(one), ms / 1000, f"gate {device}") for one, ms, device in found)

    def used(self, cti: bytes) -> dict[tuple[int, bytes, int], float]:
        """Return when a right was used, Unix seconds, by (device, admission, person)."""
        found = self._database.execute(
            "SELECT device_id, admission, person, wall_ms FROM ledger_use WHERE cti = ?", (cti,)
        )
        return {(device, name, person): ms / 1000 for device, name, person, ms in found}

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

    def rows(self) -> dict[tuple[int, bytes, int], set[tuple[bytes, bytes]]]:
        """Return (hash, body) of every row by (device, epoch, seq), also of second ones."""
        found: dict[tuple[int, bytes, int], set[tuple[bytes, bytes]]] = {}
        for table in (ROWS, OTHERS):
            question = f"SELECT device_id, epoch, seq, hash, body FROM {table}"
            for device, epoch, seq, hashed, body in self._database.execute(question):
                found.setdefault((device, epoch, seq), set()).add((hashed, body))
        return found

    def row(self, device: int, epoch: bytes, seq: int) -> bytes | None:
        found = self._database.execute(
            "SELECT body FROM ledger_row WHERE (device_id, epoch, seq) = (?, ?, ?)",
            (device, epoch, seq),
        ).fetchone()
        return found[0] if found else None

    def incidents(self) -> dict[str, int]:
        """Return how often it found what, by kind."""
        question = "SELECT kind, count(*) FROM ledger_incident GROUP BY kind"
        return dict(self._database.execute(question).fetchall())

    def query(self, question: str, values: tuple[object, ...]) -> list[Any]:
        return self._database.execute(question, values).fetchall()

    def close(self) -> None:
        self._database.close()

    def picture(self) -> bytes:
        """Return a backup."""
        return self._database.serialize()

    def put_back(self, picture: bytes) -> None:
        """Restore a backup: what came since is gone."""
        self._database.close()
        self._database = _in_memory()
        self._database.deserialize(picture)


def _by_identity(asked: tuple[tuple[int, str, bytes], Hello | None]) -> tuple[str, bytes]:
    return asked[0][1:]


def _in_memory() -> sqlite3.Connection:
    return sqlite3.connect(":memory:", isolation_level=None)
