"""The table of uses: the journal's events, projected, so that a decision asks one index.

Every row has a checksum, because a flipped bit here would spend or give back a right.
"""

import sqlite3
import zlib
from dataclasses import dataclass, replace

from rules.use import Outcome, Use
from wire import event
from wire.event import AnyEvent, Stamp

COLUMNS = (
    "admission, person, cti, checkpoint, lane, outcome, boot, uptime_ms, wall_ms, reopened, open"
)

OUTCOMES: dict[type[event.Outcome], Outcome] = {
    event.Abandoned: Outcome.ABANDONED,
    event.Uncertain: Outcome.UNCERTAIN,
    event.Passed: Outcome.PASSED,
    event.PassedLate: Outcome.PASSED_LATE,
    event.Undone: Outcome.UNDONE,
}


class UseDamaged(Exception):
    """A row of the table is not what was written."""


@dataclass(frozen=True, slots=True)
class OpenPerson:
    """A person authorised, or reopened for, without an outcome since."""

    admission: bytes
    person: int
    cti: bytes
    checkpoint: str
    lane: str


@dataclass(frozen=True, slots=True)
class _Row:
    admission: bytes
    person: int
    cti: bytes
    checkpoint: str
    lane: str
    outcome: int
    boot: bytes
    uptime_ms: int
    wall_ms: int
    reopened: int = 0
    open: int = 1

    def values(self) -> tuple[object, ...]:
        return (
            *(self.admission, self.person, self.cti, self.checkpoint, self.lane, self.outcome),
            *(self.boot, self.uptime_ms, self.wall_ms, self.reopened, self.open),
        )

    def checksum(self) -> int:
        # Every value prints unlike every other, and this is made at each decision.
        return zlib.crc32(repr(self.values()).encode())


def of_right(database: sqlite3.Connection, cti: bytes, checkpoint: str) -> tuple[Use, ...]:
    """Return the uses of a right at a checkpoint, in the order they were first reserved."""
    found = database.execute(
        f"SELECT {COLUMNS}, checksum FROM use WHERE cti = ? AND checkpoint = ? ORDER BY number",
        (cti, checkpoint),
    )
    return tuple(_as_use(_checked(row)) for row in found)


def open_persons(database: sqlite3.Connection, lane: str) -> tuple[OpenPerson, ...]:
    found = database.execute(
        f"SELECT {COLUMNS}, checksum FROM use WHERE lane = ? AND open = 1 ORDER BY number", (lane,)
    )
    rows = [_checked(row) for row in found]
    return tuple(
        OpenPerson(row.admission, row.person, row.cti, row.checkpoint, row.lane) for row in rows
    )


def damaged(database: sqlite3.Connection) -> bool:
    """Whether any row of the table is damaged; reads all of it."""
    try:
        for row in database.execute(f"SELECT {COLUMNS}, checksum FROM use"):
            _checked(row)
    except (UseDamaged, sqlite3.Error):
        return True
    return False


def project(database: sqlite3.Connection, happened: AnyEvent, stamp: Stamp) -> None:
    """Bring the table up to date with one event, in the event's own transaction."""
    at = (stamp.boot, stamp.uptime_ms, stamp.wall_ms)
    match happened:
        case event.Authorised():
            for person in range(1, happened.quantity + 1):
                right = (happened.cti, happened.checkpoint, happened.lane)
                row = _Row(happened.admission, person, *right, int(Outcome.RESERVED), *at)
                _put(database, row)
        case event.Reopened():
            found = _find(database, happened.admission, happened.person)
            if found:
                _put(database, replace(found, reopened=1, open=1))
        case event.Outcome():
            for person in range(happened.person, happened.person + happened.count):
                found = _find(database, happened.admission, person)
                if found:
                    _put(database, _ended(found, OUTCOMES[type(happened)], stamp))
        case _:
            pass


def copy_sound(source: sqlite3.Connection, target: sqlite3.Connection) -> int:
    """Copy every row whose checksum holds from a damaged file; return how many."""
    copied, number = 0, 0
    while True:
        try:
            row = source.execute(
                f"SELECT number, {COLUMNS}, checksum FROM use WHERE number > ? ORDER BY number",
                (number,),
            ).fetchone()
        except sqlite3.Error:
            return copied
        if row is None:
            return copied
        number = row[0]
        try:
            _put(target, _checked(row[1:]))
        except UseDamaged:
            continue
        copied += 1


def _ended(row: _Row, outcome: Outcome, stamp: Stamp) -> _Row:
    if outcome <= row.outcome:
        return replace(row, open=0)
    return replace(
        row,
        outcome=int(outcome),
        open=0,
        boot=stamp.boot,
        uptime_ms=stamp.uptime_ms,
        wall_ms=stamp.wall_ms,
    )


def _find(database: sqlite3.Connection, admission: bytes, person: int) -> _Row | None:
    row = database.execute(
        f"SELECT {COLUMNS}, checksum FROM use WHERE admission = ? AND person = ?",
        (admission, person),
    ).fetchone()
    return _checked(row) if row else None


def _put(database: sqlite3.Connection, row: _Row) -> None:
    database.execute(
        f"INSERT INTO use ({COLUMNS}, checksum) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (admission, person) DO UPDATE SET outcome = excluded.outcome,"
        " boot = excluded.boot, uptime_ms = excluded.uptime_ms, wall_ms = excluded.wall_ms,"
        " reopened = excluded.reopened, open = excluded.open, checksum = excluded.checksum",
        (*row.values(), row.checksum()),
    )


def _checked(stored: tuple[object, ...]) -> _Row:
    row = _Row(*stored[:-1])  # type: ignore[arg-type]
    try:
        if row.checksum() == stored[-1] and row.outcome in set(Outcome):
            return row
    except (TypeError, ValueError):
        pass
    raise UseDamaged("a row of the table of uses is damaged")


def _as_use(row: _Row) -> Use:
    return Use(
        row.admission,
        row.person,
        Outcome(row.outcome),
        row.lane,
        row.boot,
        row.uptime_ms / 1000,
        row.wall_ms / 1000,
        bool(row.reopened),
    )
