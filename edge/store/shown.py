"""The highest generation of each right that a door here let in: a lower one is void since then.

Generation 0 is what most tickets have, and is not kept. A row that is not what was written counts
as none: what a right may do is bounded by its uses.
"""

import sqlite3
import zlib

from edge.store.database import execute, until_broken
from wire import event
from wire.event import AnyEvent

_OF_RIGHT = "SELECT generation, checksum FROM shown WHERE cti = ?"

TOLD_BY = (event.Authorised,)


def highest(database: sqlite3.Connection, cti: bytes) -> int:
    """Return the highest generation of a right that was let in here; 0 where none was."""
    row = execute(database, _OF_RIGHT, (cti,)).fetchone()
    return int(row[0]) if row and row[1] == _checksum(cti, row[0]) else 0


def project(database: sqlite3.Connection, happened: AnyEvent) -> None:
    """Bring the table up to date with one event, in the event's own transaction."""
    if isinstance(happened, event.Authorised) and happened.generation:
        cti, generation = happened.cti, happened.generation
        if generation > highest(database, cti):
            database.execute(
                "INSERT OR REPLACE INTO shown VALUES (?, ?, ?)",
                (cti, generation, _checksum(cti, generation)),
            )


def carry_over(source: sqlite3.Connection, target: sqlite3.Connection) -> None:
    """Copy what a damaged file still proves."""
    for row in until_broken(source, "shown", "cti, generation, checksum", "cti"):
        if row[2] == _checksum(*row[:2]):
            target.execute("INSERT OR REPLACE INTO shown VALUES (?, ?, ?)", row)


def _checksum(cti: object, generation: object) -> int:
    return zlib.crc32(ascii((cti, generation)).encode())
