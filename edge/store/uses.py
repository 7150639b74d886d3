"""The table of uses: the journal's events, projected, so that a decision asks one index.

Every row has a checksum, because a flipped bit here would spend or give back a right.
"""

import sqlite3
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import structs

from edge.store.database import checksum, execute, until_broken
from rules.use import OUTCOMES, Name, Outcome, Use
from wire import event
from wire.codec import WireError
from wire.event import AnyEvent, Stamp
from wire.row import Unknown, decode_row

COLUMNS = (
    "admission, person, cti, checkpoint, lane, outcome, boot, uptime_ms, wall_ms, reopened, open"
)

_OF_RIGHT = f"SELECT {COLUMNS}, checksum FROM use WHERE cti = ? AND checkpoint = ? ORDER BY number"
_NAMED = f"SELECT {COLUMNS}, checksum FROM use WHERE admission = ? AND person = ?"
_PUT = (
    f"INSERT INTO use ({COLUMNS}, checksum) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    " ON CONFLICT (admission, person) DO UPDATE SET outcome = excluded.outcome,"
    " boot = excluded.boot, uptime_ms = excluded.uptime_ms, wall_ms = excluded.wall_ms,"
    " reopened = excluded.reopened, open = excluded.open, checksum = excluded.checksum"
)

USES_VERIFIED = 20_000
"""Newest, at every start."""


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


class _Row(msgspec.Struct, frozen=True):
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

    @property
    def name(self) -> Name:
        return self.admission, self.person


def of_right(database: sqlite3.Connection, cti: bytes, checkpoint: str) -> tuple[Use, ...]:
    """Return the uses of a right at a checkpoint, in the order they were first reserved."""
    found = execute(database, _OF_RIGHT, (cti, checkpoint)).fetchall()
    return tuple(_as_use(_checked(row)) for row in found) if found else ()


def open_persons(database: sqlite3.Connection, lane: str) -> tuple[OpenPerson, ...]:
    found = database.execute(
        f"SELECT {COLUMNS}, checksum FROM use WHERE lane = ? AND open = 1 ORDER BY number", (lane,)
    )
    rows = [_checked(row) for row in found]
    return tuple(
        OpenPerson(row.admission, row.person, row.cti, row.checkpoint, row.lane) for row in rows
    )


def knows(database: sqlite3.Connection, admission: bytes) -> bool:
    """Whether a use of that admission was ever reserved."""
    asked = "SELECT 1 FROM use WHERE admission = ? LIMIT 1"
    return database.execute(asked, (admission,)).fetchone() is not None


def damaged(database: sqlite3.Connection, every: bool) -> bool:
    """Whether any of the newest rows is damaged, or any at all.

    Those that are not read here are checked when they are asked for, like all others.
    """
    limit = -1 if every else USES_VERIFIED
    newest = f"SELECT {COLUMNS}, checksum FROM use ORDER BY number DESC LIMIT {limit}"
    try:
        return any(checksum(*row[:-1]) != row[-1] for row in database.execute(newest))
    except sqlite3.Error:
        return True


def project(
    database: sqlite3.Connection, happened: AnyEvent, stamp: Stamp, only: set[Name] | None = None
) -> None:
    """Bring the table up to date with one event, in the event's own transaction.

    `only`: leave all other uses as they are.
    """
    match happened:
        case event.Authorised():
            right = (happened.cti, happened.checkpoint, happened.lane)
            at = (stamp.boot, stamp.uptime_ms, stamp.wall_ms)
            for person in range(1, happened.quantity + 1):
                if only is None or (happened.admission, person) in only:
                    reserved = int(Outcome.RESERVED)
                    _put(database, _Row(happened.admission, person, *right, reserved, *at))
        case event.Reopened():
            found = _find(database, happened.admission, happened.person)
            if found and (only is None or found.name in only):
                _put(database, structs.replace(found, reopened=1, open=1))
        case event.Outcome():
            for person in range(happened.person, happened.person + happened.count):
                found = _find(database, happened.admission, person)
                if found and (only is None or found.name in only):
                    _put(database, _ended(found, OUTCOMES[type(happened)], stamp))
        case _:
            pass


def copy_sound(source: sqlite3.Connection, target: sqlite3.Connection) -> None:
    """Copy every row whose checksum holds from a damaged file."""
    last = 0
    for backwards in (False, True):
        # Backwards, too: of a page that cannot be read, only its own rows are lost.
        rows = until_broken(source, "use", f"number, {COLUMNS}, checksum", "number", backwards)
        for number, *values, written in rows:
            if not isinstance(number, int):
                continue
            if backwards and number <= last:
                break
            last = last if backwards else number
            if checksum(*values) == written:
                _copy(target, (number, *values, written))


def _copy(target: sqlite3.Connection, row: tuple[object, ...]) -> None:
    places = ", ".join("?" * len(row))
    target.execute(
        f"INSERT OR IGNORE INTO use (number, {COLUMNS}, checksum) VALUES ({places})", row
    )


def read_again(database: sqlite3.Connection) -> None:
    """Bring the table up to what the rows say: uses that it lacks, and outcomes it did not hear."""
    for (body,) in database.execute("SELECT body FROM row ORDER BY epoch, seq"):
        try:
            happened, stamp = decode_row(body)
        except WireError:
            continue  # Of a newer program; its own bytes prove it nevertheless.
        match happened:
            case event.Authorised():
                names = ((happened.admission, one) for one in range(1, happened.quantity + 1))
                lost = {name for name in names if _find(database, *name) is None}
                project(database, happened, stamp, lost)
            case Unknown():
                pass
            case _:
                project(database, happened, stamp)


def _ended(row: _Row, outcome: Outcome, stamp: Stamp) -> _Row:
    if outcome <= row.outcome:
        return structs.replace(row, open=0)
    return structs.replace(
        row,
        outcome=int(outcome),
        open=0,
        boot=stamp.boot,
        uptime_ms=stamp.uptime_ms,
        wall_ms=stamp.wall_ms,
    )


def _find(database: sqlite3.Connection, admission: bytes, person: int) -> _Row | None:
    row = database.execute(_NAMED, (admission, person)).fetchone()
    return _checked(row) if row else None


def _put(database: sqlite3.Connection, row: _Row) -> None:
    values = structs.astuple(row)
    execute(database, _PUT, (*values, checksum(*values)))


def _checked(stored: tuple[Any, ...]) -> _Row:
    if checksum(*stored[:-1]) != stored[-1]:
        raise UseDamaged("a row of the table of uses is damaged")
    return _Row(*stored[:-1])


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
