"""What happened here, in one sequence, and the uses of each ticket: the truth of this device."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from rules.use import Outcome, Use
from wire import event
from wire.chain import GENESIS, link
from wire.delivery import Batch, EpochTop
from wire.event import AnyEvent, Stamp, encode_row

T = TypeVar("T")

SCHEMA = """
CREATE TABLE IF NOT EXISTS epoch (
    number INTEGER PRIMARY KEY, epoch BLOB NOT NULL UNIQUE, boot BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS row (
    epoch INTEGER NOT NULL, seq INTEGER NOT NULL, body BLOB NOT NULL, hash BLOB NOT NULL,
    PRIMARY KEY (epoch, seq)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS use (
    number INTEGER PRIMARY KEY, admission BLOB NOT NULL, person INTEGER NOT NULL,
    cti BLOB NOT NULL, checkpoint TEXT NOT NULL, lane TEXT NOT NULL, outcome INTEGER NOT NULL,
    boot BLOB NOT NULL, uptime_ms INTEGER NOT NULL, wall_ms INTEGER NOT NULL,
    reopened INTEGER NOT NULL DEFAULT 0, open INTEGER NOT NULL DEFAULT 1,
    UNIQUE (admission, person));
CREATE INDEX IF NOT EXISTS use_of_ticket ON use (cti, checkpoint);
CREATE INDEX IF NOT EXISTS use_open ON use (lane) WHERE open = 1;
"""

OUTCOMES = {
    event.Passed: Outcome.PASSED,
    event.PassedLate: Outcome.PASSED_LATE,
    event.Abandoned: Outcome.ABANDONED,
    event.Uncertain: Outcome.UNCERTAIN,
    event.Undone: Outcome.UNDONE,
}


class JournalUnwritable(Exception):
    pass


@dataclass(frozen=True, slots=True)
class Opened:
    epoch: bytes
    began: bool
    without_memory: bool
    why: str


@dataclass(frozen=True, slots=True)
class OpenPerson:
    admission: bytes
    person: int
    cti: bytes
    checkpoint: str
    lane: str


class Transaction:
    room_for_refusals = True

    def __init__(self, database: sqlite3.Connection, device: bytes, number: int, epoch: bytes):
        self._database, self._device, self._number, self._epoch = database, device, number, epoch

    def uses(self, cti: bytes, checkpoint: str) -> tuple[Use, ...]:
        rows = self._database.execute(
            "SELECT admission, person, outcome, lane, boot, uptime_ms, wall_ms, reopened FROM use"
            " WHERE cti = ? AND checkpoint = ? ORDER BY number",
            (cti, checkpoint),
        )
        return tuple(
            Use(a, p, Outcome(o), l, b, u / 1000, w / 1000, bool(r))
            for a, p, o, l, b, u, w, r in rows
        )

    def open_persons(self, lane: str) -> tuple[OpenPerson, ...]:
        rows = self._database.execute(
            "SELECT admission, person, cti, checkpoint, lane FROM use WHERE lane = ? AND open = 1 ORDER BY number",
            (lane,),
        )
        return tuple(OpenPerson(*row) for row in rows)

    def append(self, happened: AnyEvent, stamp: Stamp) -> int:
        last = self._database.execute(
            "SELECT epoch, seq, hash FROM row ORDER BY epoch DESC, seq DESC LIMIT 1"
        ).fetchone()
        previous = last[2] if last else GENESIS
        seq = last[1] + 1 if last and last[0] == self._number else 1
        body = encode_row(happened, stamp)
        hashed = link(previous, self._device, self._epoch, seq, body)
        self._database.execute(
            "INSERT INTO row VALUES (?, ?, ?, ?)", (self._number, seq, body, hashed)
        )
        self._project(happened, stamp)
        return seq

    def _project(self, happened: AnyEvent, stamp: Stamp) -> None:
        at = (stamp.boot, stamp.uptime_ms, stamp.wall_ms)
        match happened:
            case event.Authorised():
                for person in range(1, happened.quantity + 1):
                    self._database.execute(
                        "INSERT INTO use (admission, person, cti, checkpoint, lane, outcome, boot, uptime_ms, wall_ms)"
                        " VALUES (?, ?, ?, ?, ?, 0, ?, ?, ?)",
                        (
                            happened.admission,
                            person,
                            happened.cti,
                            happened.checkpoint,
                            happened.lane,
                            *at,
                        ),
                    )
            case event.Reopened():
                self._database.execute(
                    "UPDATE use SET reopened = 1, open = 1 WHERE admission = ? AND person = ?",
                    (happened.admission, happened.person),
                )
            case event.Outcome():
                outcome = OUTCOMES[type(happened)]
                for person in range(happened.person, happened.person + happened.count):
                    self._database.execute(
                        "UPDATE use SET open = 0, boot = CASE WHEN ?1 > outcome THEN ?2 ELSE boot END,"
                        " uptime_ms = CASE WHEN ?1 > outcome THEN ?3 ELSE uptime_ms END,"
                        " wall_ms = CASE WHEN ?1 > outcome THEN ?4 ELSE wall_ms END, outcome = max(outcome, ?1)"
                        " WHERE admission = ?5 AND person = ?6",
                        (int(outcome), *at, happened.admission, person),
                    )
            case _:
                pass


class Journal:
    def __init__(
        self, directory: Path, device: bytes, boot: bytes, draw: Callable[[int], bytes]
    ) -> None:
        self._directory, self._device, self._boot, self._draw = directory, device, boot, draw

    def open(self, stamp: Stamp) -> Opened:
        self._directory.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(
            self._directory / "journal.db", isolation_level=None, timeout=5
        )
        self._database.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;" + SCHEMA)
        last = self._database.execute(
            "SELECT number, epoch, boot FROM epoch ORDER BY number DESC LIMIT 1"
        ).fetchone()
        if last and last[2] == self._boot:
            self._number, self._epoch = last[0], last[1]
            return Opened(self._epoch, False, False, "")
        self._number, self._epoch = (last[0] + 1 if last else 1), self._draw(8)
        top = self._database.execute(
            "SELECT seq, hash FROM row ORDER BY epoch DESC, seq DESC LIMIT 1"
        ).fetchone()

        def begin(transaction: Transaction) -> None:
            self._database.execute(
                "INSERT INTO epoch VALUES (?, ?, ?)", (self._number, self._epoch, self._boot)
            )
            began = event.EpochBegan(
                previous_epoch=last[1] if last else b"",
                previous_top=top[0] if top else 0,
                previous_last=top[1] if top else b"",
            )
            transaction.append(began, stamp)

        self.transact(begin)
        return Opened(self._epoch, True, False, "")

    def transact(self, decide: Callable[[Transaction], T]) -> T:
        try:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                answer = decide(
                    Transaction(self._database, self._device, self._number, self._epoch)
                )
                self._database.execute("COMMIT")
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise JournalUnwritable(str(error)) from error
        return answer

    def prune(self, stamp: Stamp) -> int:
        return 0

    def close(self) -> None:
        self._database.close()


class JournalReader:
    def __init__(self, directory: Path, device: bytes) -> None:
        self._database = sqlite3.connect(
            f"file:{directory / 'journal.db'}?mode=ro", uri=True, isolation_level=None
        )
        self._version = 0

    def epochs(self) -> tuple[EpochTop, ...]:
        rows = self._database.execute(
            "SELECT e.epoch, r.seq, r.hash FROM epoch e JOIN row r ON r.epoch = e.number"
            " WHERE r.seq = (SELECT max(seq) FROM row WHERE epoch = e.number) ORDER BY e.number"
        )
        return tuple(EpochTop(*row) for row in rows)

    def batch(
        self, epoch: bytes, first: int, rows_max: int, bytes_max: int = 200_000
    ) -> Batch | None:
        number = self._database.execute(
            "SELECT number FROM epoch WHERE epoch = ?", (epoch,)
        ).fetchone()
        if not number:
            return None
        rows = self._database.execute(
            "SELECT body FROM row WHERE epoch = ? AND seq >= ? ORDER BY seq LIMIT ?",
            (number[0], first, rows_max),
        ).fetchall()
        before = self._database.execute(
            "SELECT hash FROM row WHERE (epoch, seq) < (?, ?) ORDER BY epoch DESC, seq DESC LIMIT 1",
            (number[0], first),
        ).fetchone()
        return (
            Batch(epoch, first, before[0] if before else GENESIS, tuple(row[0] for row in rows))
            if rows
            else None
        )

    def changed(self) -> bool:
        version = self._database.execute("PRAGMA data_version").fetchone()[0]
        moved, self._version = version != self._version, version
        return moved
