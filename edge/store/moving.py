"""The newest moving code of each right that was let in here, so that an older one is known.

A clock that nobody trusts cannot say whether a code is fresh; that a newer one was here, can. A
row that is not what was written counts as none: what a right may do is bounded by its uses.
"""

import sqlite3

from edge.store.database import checksum, until_broken
from wire import event
from wire.codec import WireError
from wire.event import AnyEvent
from wire.row import decode_row

TOLD_BY = (event.Authorised,)


def last(database: sqlite3.Connection, cti: bytes) -> int | None:
    """Return the time of the newest code of a right that was let in, Unix seconds."""
    row = database.execute(
        "SELECT code_time, checksum FROM moving WHERE cti = ?", (cti,)
    ).fetchone()
    return int(row[0]) if row and row[1] == checksum(cti, row[0]) else None


def project(database: sqlite3.Connection, happened: AnyEvent) -> None:
    """Bring the table up to date with one event, in the event's own transaction."""
    if isinstance(happened, event.Authorised) and happened.code_time is not None:
        cti, code_time = happened.cti, happened.code_time
        database.execute(
            "INSERT OR REPLACE INTO moving VALUES (?, ?, ?)",
            (cti, code_time, checksum(cti, code_time)),
        )


def carry_over(source: sqlite3.Connection, target: sqlite3.Connection) -> None:
    """Copy what a damaged file still proves; where that is not all, go through the rows again."""
    (every,) = next(until_broken(source, "moving", "count(*)", "1"), (-1,))
    copied = 0
    for row in until_broken(source, "moving", "cti, code_time, checksum", "cti"):
        if row[2] == checksum(*row[:2]):
            target.execute("INSERT OR REPLACE INTO moving VALUES (?, ?, ?)", row)
            copied += 1
    if copied == every:
        return
    for (body,) in target.execute("SELECT body FROM row ORDER BY epoch, seq").fetchall():
        try:
            happened, _ = decode_row(body)
        except WireError:
            continue  # Of a newer program.
        if isinstance(happened, event.Authorised):
            project(target, happened)
