"""The highest counter of central's orders that was ever answered, in the answers' transactions.

It outlives the rows it came from. A row that is not what was written is read again from those
that are left; whatever is older has expired long ago.
"""

import sqlite3
from contextlib import suppress

from edge.store.database import checksum
from wire import event
from wire.codec import WireError
from wire.event import AnyEvent
from wire.row import decode_row

TOLD_BY = (event.CommandAnswered,)


def highest(database: sqlite3.Connection) -> int:
    """Return the highest counter answered; 0 before the first."""
    row = database.execute("SELECT counter, checksum FROM answered").fetchone()
    if row is None:
        return 0
    return int(row[0]) if row[1] == checksum(row[0]) else _read_again(database)


def project(database: sqlite3.Connection, happened: AnyEvent) -> None:
    """Bring the row up to date with one event, in the event's own transaction."""
    if isinstance(happened, event.CommandAnswered) and happened.counter > highest(database):
        _put(database, happened.counter)


def carry_over(source: sqlite3.Connection, target: sqlite3.Connection) -> None:
    """Copy what a damaged file still proves, or what the rows say that were copied."""
    counter = _read_again(target)
    with suppress(sqlite3.DatabaseError):
        row = source.execute("SELECT counter, checksum FROM answered").fetchone()
        if row and row[1] == checksum(row[0]):
            counter = max(counter, row[0])
    if counter:
        _put(target, counter)


def _read_again(database: sqlite3.Connection) -> int:
    counter = 0
    for (body,) in database.execute("SELECT body FROM row"):
        try:
            happened, _ = decode_row(body)
        except WireError:
            continue  # Of a newer program.
        if isinstance(happened, event.CommandAnswered):
            counter = max(counter, happened.counter)
    return counter


def _put(database: sqlite3.Connection, counter: int) -> None:
    values = (counter, checksum(counter))
    database.execute("INSERT OR REPLACE INTO answered VALUES (1, ?, ?)", values)
