"""Opening the journal so that nothing damaged is believed, and nothing is forgotten in silence.

A journal that is not what was written is put aside under a name of its own. The uses that still
prove themselves are carried over, and where the chain had come to; its rows stay in the old file:
central sees by the chain which of them it lacks.
"""

import sqlite3
from dataclasses import dataclass
from pathlib import Path

from edge.store import uses
from edge.store.database import open_durable, sound
from wire.chain import GENESIS, HASH_BYTES, link

ROWS_VERIFIED = 5000
"""Of the chain, newest, at every start; the rest was verified when it was newest."""


@dataclass(frozen=True, slots=True)
class Top:
    """The last row, or what the next one hangs on: (epoch number, seq, hash)."""

    number: int
    seq: int
    hash: bytes


def open_sound(path: Path, device: bytes) -> tuple[sqlite3.Connection, str]:
    """Return the journal, and why it is a new one in place of a damaged one, if it is."""
    damage = ""
    try:
        database = open_durable(path, "journal")
        damage = _damage(database, device)
        if not damage:
            return database, ""
        database.close()
    except sqlite3.DatabaseError as error:
        if not _is_damage(error):
            raise
        damage = str(error)
    aside = _put_aside(path)
    database = open_durable(path, "journal")
    _carry_over(aside, database)
    return database, f"the journal was damaged ({damage}); it is kept as {aside.name}"


def _damage(database: sqlite3.Connection, device: bytes) -> str:
    if not sound(database):
        return "SQLite finds it malformed"
    if not _chain_holds(database, device):
        return "the chain of rows is broken"
    return "the table of uses is broken" if uses.damaged(database) else ""


def _chain_holds(database: sqlite3.Connection, device: bytes) -> bool:
    newest = database.execute(
        "SELECT e.epoch, r.seq, r.body, r.hash FROM row r JOIN epoch e ON e.number = r.epoch"
        " ORDER BY r.epoch DESC, r.seq DESC LIMIT ?",
        (ROWS_VERIFIED,),
    ).fetchall()
    whole = len(newest) < ROWS_VERIFIED
    pruned = database.execute("SELECT hash FROM pruned").fetchone()
    previous: bytes | None = (pruned[0] if pruned else GENESIS) if whole else None
    for epoch, seq, body, hashed in reversed(newest):
        if previous is not None and link(previous, device, epoch, seq, body) != hashed:
            return False
        previous = hashed
    return True


def _put_aside(path: Path) -> Path:
    number = 1
    while (aside := path.with_name(f"journal.damaged-{number}.db")).exists():
        number += 1
    for suffix in ("-wal", "-shm", ""):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(aside.with_name(aside.name + suffix))
    return aside


def _carry_over(aside: Path, database: sqlite3.Connection) -> None:
    """Copy the uses that still prove themselves, and where the chain had come to.

    The rows are left in the old file: central sees by the chain which of them it lacks.
    """
    source = sqlite3.connect(aside, isolation_level=None)
    database.execute("BEGIN IMMEDIATE")
    uses.copy_sound(source, database)
    try:
        epochs = source.execute("SELECT number, epoch, boot FROM epoch").fetchall()
        top = top_of(source)
    except (sqlite3.Error, TypeError):
        epochs, top = [], Top(0, 0, GENESIS)
    if epochs and len(top.hash) == HASH_BYTES:
        database.executemany("INSERT OR IGNORE INTO epoch VALUES (?, ?, ?)", epochs)
        values = (top.number, top.seq, top.hash)
        database.execute("INSERT INTO pruned VALUES (1, ?, ?, ?)", values)
    database.execute("COMMIT")
    source.close()


def top_of(database: sqlite3.Connection) -> Top:
    row = database.execute(
        "SELECT epoch, seq, hash FROM row ORDER BY epoch DESC, seq DESC LIMIT 1"
    ).fetchone()
    row = row or database.execute("SELECT epoch, seq, hash FROM pruned").fetchone()
    return Top(*row) if row else Top(0, 0, GENESIS)


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    """Tell a file that is broken from one that is busy, full or forbidden."""
    return error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
