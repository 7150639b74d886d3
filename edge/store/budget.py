"""What was drawn from the offline budget, in the journal's own transactions.

One row with a checksum, kept up to date by the events themselves; it outlives the rows it was
counted from. One that is not what was written is counted again from the rows that are left.
"""

import sqlite3
from contextlib import suppress
from functools import lru_cache

from msgspec import structs

from edge.core.budget import Drawn
from edge.store.database import checksum, execute
from wire import event
from wire.codec import WireError
from wire.event import AnyEvent, Rung
from wire.row import decode_row

TOLD_BY = (event.Authorised, event.BudgetUsedUp, event.RungChanged)
COLUMNS = "admissions, said, age_ms, noted_ms"
_KEPT = f"SELECT {COLUMNS}, checksum FROM budget"


def drawn(database: sqlite3.Connection) -> Drawn:
    """Return what has been drawn since the list was last fresh."""
    known = _kept(database)
    return _counted(database) if known is None else known


def project(database: sqlite3.Connection, happened: AnyEvent) -> None:
    """Bring the row up to date with one event, in the event's own transaction."""
    match happened:
        case event.Authorised(confirmed=False) | event.BudgetUsedUp():
            pass
        case event.RungChanged(rung=Rung.FRESH):
            pass
        case _:
            return
    known = _kept(database)
    if known is None:
        put(database, _counted(database))  # Which counts this event as well.
    elif isinstance(happened, event.Authorised):
        put(database, structs.replace(known, admissions=known.admissions + happened.quantity))
    elif isinstance(happened, event.BudgetUsedUp):
        put(database, structs.replace(known, said=True))
    else:
        put(database, structs.replace(known, admissions=0, said=False, age_seconds=0.0))


def put(database: sqlite3.Connection, known: Drawn) -> None:
    noted_ms = None if known.noted_wall is None else round(known.noted_wall * 1000)
    values = (known.admissions, int(known.said), round(known.age_seconds * 1000), noted_ms)
    database.execute(
        f"INSERT OR REPLACE INTO budget (one, {COLUMNS}, checksum) VALUES (1, ?, ?, ?, ?, ?)",
        (*values, checksum(*values)),
    )


def carry_over(source: sqlite3.Connection, target: sqlite3.Connection) -> None:
    """Take over what a damaged journal still proves: the more of its own count and its rows'."""
    kept = None
    with suppress(sqlite3.DatabaseError):
        kept = _kept(source)
    counted = _counted(target)
    if kept is None:
        put(target, counted)
    else:
        put(target, structs.replace(kept, admissions=max(kept.admissions, counted.admissions)))


def _kept(database: sqlite3.Connection) -> Drawn | None:
    row = execute(database, _KEPT).fetchone()
    return Drawn() if row is None else _read(*row)


@lru_cache(maxsize=4, typed=True)
def _read(
    admissions: int, said: int, age_ms: int, noted_ms: int | None, written: int
) -> Drawn | None:
    # Asked at each decision, and the same for minutes.
    if written != checksum(admissions, said, age_ms, noted_ms):
        return None
    noted = None if noted_ms is None else noted_ms / 1000
    return Drawn(admissions, bool(said), age_ms / 1000, noted)


def _counted(database: sqlite3.Connection) -> Drawn:
    """Count anew, from the newest row back to where the list was last fresh."""
    admissions, said = 0, False
    for (body,) in database.execute("SELECT body FROM row ORDER BY epoch DESC, seq DESC"):
        try:
            happened, _ = decode_row(body)
        except WireError:
            continue  # Of a newer program.
        match happened:
            case event.Authorised(confirmed=False, quantity=quantity):
                admissions += quantity
            case event.BudgetUsedUp():
                said = True
            case event.RungChanged(rung=Rung.FRESH):
                break
            case _:
                pass
    return Drawn(admissions, said)
