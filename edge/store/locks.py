"""Lanes that are locked, by the rows that say so, so that a restart or a pulled plug opens none.

Every other mode ends with the process: what stays open, or out of service, is for somebody on the
spot to say again.
"""

import sqlite3

from edge.store.database import until_broken
from wire import event
from wire.codec import WireError
from wire.event import AnyEvent, Mode
from wire.row import decode_row

TOLD_BY = (event.ModeChanged,)


def of(database: sqlite3.Connection) -> frozenset[str]:
    """Return the names of the lanes that are locked."""
    return frozenset(lane for (lane,) in database.execute("SELECT lane FROM locked"))


def project(database: sqlite3.Connection, happened: AnyEvent) -> None:
    """Bring the table up to date with one event, in the event's own transaction."""
    if not isinstance(happened, event.ModeChanged):
        return
    if happened.mode is Mode.LOCKED:
        database.execute("INSERT OR IGNORE INTO locked VALUES (?)", (happened.lane,))
    else:
        database.execute("DELETE FROM locked WHERE lane = ?", (happened.lane,))


def carry_over(source: sqlite3.Connection, target: sqlite3.Connection) -> None:
    """Copy what a damaged file still has, and go through the rows that were copied."""
    for (lane,) in until_broken(source, "locked", "lane", "lane"):
        target.execute("INSERT OR IGNORE INTO locked VALUES (?)", (lane,))
    for (body,) in target.execute("SELECT body FROM row ORDER BY epoch, seq").fetchall():
        try:
            happened, _ = decode_row(body)
        except WireError:
            continue  # Of a newer program.
        if isinstance(happened, event.ModeChanged):
            project(target, happened)
