"""Opening the journal so that nothing damaged is believed, and nothing is forgotten in silence.

A journal that is not what was written is put aside under a name of its own; `salvage` then carries
over what still proves itself. Every step may be the last one before a power cut: a journal
without an epoch says that the start which made it was not finished.
"""

import fcntl
import os
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from edge.store import uses
from edge.store.database import connect, execute, open_durable, sound, sync_directory
from edge.store.list_files import write_durable
from edge.store.write_ahead import lost_commits
from wire.chain import GENESIS, link

ROWS_VERIFIED = 5000
"""Of the chain, newest, at every start; the rest was verified when it was newest."""
SUSPECT = "journal.suspect"
"""Left beside the journal by whoever met a damaged use: the next start reads all of them. Where
something stands in it, that is what was found to be wrong with the journal."""
LOST = "commits are lost in its write-ahead log"
ANOTHERS = "of another identity"
_TOP = "SELECT epoch, seq, hash FROM row ORDER BY epoch DESC, seq DESC LIMIT 1"


class Top(msgspec.Struct, frozen=True):
    """The last row, or what the next one hangs on: (epoch number, seq, hash)."""

    number: int
    seq: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Found:
    """The journal as it can be used, and what has to be said about it."""

    database: sqlite3.Connection
    why: str = ""
    """Why this device may have forgotten something; empty if it has not."""
    aside: Path | None = None
    """What is to be carried over, in the transaction that begins the epoch."""


@contextmanager
def alone(directory: Path) -> Iterator[None]:
    """Let one process at a time make, judge or mend the journal."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def open_sound(path: Path, device: bytes, lost: bool) -> Found:
    """Return the journal, a new one in place of a damaged one; to be called `alone`.

    `lost`: something else on this device knows that there has been a journal.
    """
    _finish_putting_aside(path)
    existed = path.exists()
    damage = _damage_of(path, device)
    if damage:
        aside = _put_aside(path)
        what = f"the journal was damaged ({damage})"
        if damage == ANOTHERS:
            what = "the journal is of another identity: this device was enrolled anew"
        why = f"{what}; it is kept as {aside.name}"
        return Found(open_durable(path, "journal"), why, _worth_carrying(path))
    database = open_durable(path, "journal")
    if database.execute("SELECT 1 FROM epoch LIMIT 1").fetchone():
        return Found(database)
    earlier = _worth_carrying(path)
    if earlier:
        why = f"the journal is gone or was being repaired; {earlier.name} is kept"
        return Found(database, why, earlier)
    why = "the journal was empty" if existed else "the journal is gone"
    return Found(database, why if existed or lost else "")


def owner_mark(device: bytes) -> int:
    """Return what says in a journal whose it is (SQLite's application_id); never 0."""
    return (zlib.crc32(device) & 0x7FFFFFFF) or 1


def of_another(database: sqlite3.Connection, device: bytes) -> bool:
    """Whether a journal says that it is another device's. An old one says nothing."""
    with suppress(sqlite3.Error):
        owner = database.execute("PRAGMA application_id").fetchone()[0]
        return bool(owner) and owner != owner_mark(device)
    return False


def top_of(database: sqlite3.Connection) -> Top:
    row = execute(database, _TOP).fetchone()
    row = row or database.execute("SELECT epoch, seq, hash FROM pruned").fetchone()
    return Top(*row) if row else Top(0, 0, GENESIS)


def _damage_of(path: Path, device: bytes) -> str:
    """Return what is wrong with the file; raise sqlite3.Error if that cannot be found out."""
    try:
        database = open_durable(path, "journal")
        try:
            suspect = path.parent / SUSPECT
            damage = _damage(database, device, suspect.exists())
            if not damage and lost_commits(path, database):
                # Whoever closes it last does away with the log; a cut then must not hide it.
                write_durable(suspect, LOST.encode())
                sync_directory(path.parent)
            return damage or (suspect.read_text() if suspect.exists() else "")
        finally:
            database.close()
    except sqlite3.DatabaseError as error:
        if not _is_damage(error):
            raise
        return str(error)


def _damage(database: sqlite3.Connection, device: bytes, suspect: bool) -> str:
    if not sound(database, "journal"):
        return "SQLite finds it malformed"
    if of_another(database, device):
        return ANOTHERS
    if not _chain_holds(database, device):
        return "the chain of rows is broken"
    if not _ends_in_its_epoch(database):
        return "every row of its newest epoch is gone"
    return "the table of uses is broken" if uses.damaged(database, every=suspect) else ""


def _chain_holds(database: sqlite3.Connection, device: bytes) -> bool:
    newest = database.execute(
        "SELECT e.epoch, r.epoch, r.seq, r.body, r.hash FROM row r"
        " LEFT JOIN epoch e ON e.number = r.epoch ORDER BY r.epoch DESC, r.seq DESC LIMIT ?",
        (ROWS_VERIFIED,),
    ).fetchall()
    whole = len(newest) < ROWS_VERIFIED
    pruned = database.execute("SELECT hash FROM pruned").fetchone()
    hangs = {row[:2]: row[2] for row in database.execute("SELECT epoch, seq, hash FROM hangs")}
    previous: bytes | None = (pruned[0] if pruned else GENESIS) if whole else None
    try:
        for epoch, number, seq, body, hashed in reversed(newest):
            previous = hangs.get((number, seq), previous)
            if previous is not None and link(previous, device, epoch, seq, body) != hashed:
                return False
            previous = hashed
    except (TypeError, OverflowError, AttributeError):
        return False
    return True


def _ends_in_its_epoch(database: sqlite3.Connection) -> bool:
    """An epoch and its first row are one commit: a disk that lied may keep one and lose the other.

    The rows before hang together, so that no chain shows it.
    """
    newest = database.execute("SELECT max(number) FROM epoch").fetchone()[0]
    return newest is None or top_of(database).number == newest


def _asides(path: Path) -> dict[int, Path]:
    """Return the journals put aside, by number; also one of which only the -wal is there yet."""
    numbered: dict[int, Path] = {}
    for found in path.parent.glob("journal.damaged-*.db*"):
        number = found.name.removeprefix("journal.damaged-").partition(".")[0]
        if number.isdecimal():
            numbered[int(number)] = _aside(path, int(number))
    return numbered


def _aside(path: Path, number: int) -> Path:
    return path.with_name(f"journal.damaged-{number}.db")


def _put_aside(path: Path) -> Path:
    """Rename the journal. Its -wal goes first: committed rows are in it, and a journal without

    it would look older and sound; `_finish_putting_aside` sees that the journal is to follow.
    """
    aside = _aside(path, max(_asides(path), default=0) + 1)
    wal = path.with_name(path.name + "-wal")
    if wal.exists():
        wal.rename(aside.with_name(aside.name + "-wal"))
        sync_directory(path.parent)
    _follow(path, aside)
    return aside


def _finish_putting_aside(path: Path) -> None:
    for aside in _asides(path).values():
        if not aside.exists() and path.exists():
            _follow(path, aside)


def _follow(path: Path, aside: Path) -> None:
    path.rename(aside)
    path.with_name(path.name + "-shm").unlink(missing_ok=True)
    sync_directory(path.parent)


def _worth_carrying(path: Path) -> Path | None:
    """Return the newest journal put aside that holds anything.

    One that was cut short while it was being made, and was then put aside itself, holds nothing.
    """
    for _, aside in sorted(_asides(path).items(), reverse=True):
        for table in ("epoch", "use"):
            with suppress(sqlite3.Error):
                source = connect(aside)
                try:
                    if source.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone():
                        return aside
                finally:
                    source.close()
    return None


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    """Tell a file that is broken from one that is busy, full or forbidden.

    SQLITE_ERROR to a statement of ours says that the tables are not those that we made.
    """
    broken = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF in broken
