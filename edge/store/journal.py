"""What happened here, in one sequence, and the uses of each ticket: the truth of this device.

Whoever first opens it under a new boot id begins an epoch; `seq` starts at 1 in each, the hash
chain runs through all. A damaged file is never started empty in silence: it is put aside, what
proves itself is carried over, and the new epoch says `without_memory`. Everything here runs on the
one thread that opened it.
"""

import errno
import fcntl
import os
import sqlite3
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TypeVar

from edge.store import salvage
from edge.store.database import (
    FILE_MODE,
    TooNew,
    execute,
    make_directory,
    open_durable,
    open_readonly,
)
from edge.store.repair import SUSPECT, Found, Top, alone, open_sound, owner_mark, top_of
from edge.store.transaction import Transaction as Transaction
from edge.store.uses import UseDamaged
from wire.chain import EPOCH_BYTES
from wire.codec import WireError
from wire.event import EpochBegan, Stamp
from wire.row import decode_row

T = TypeVar("T")

FILE, LOCK = "journal.db", "journal.lock"
KEPT_MS = 30 * 24 * 3600 * 1000
PRUNED_ROWS_MAX = 200


class JournalUnwritable(Exception):
    """Nothing can be recorded, so nothing may be opened; the message says why."""


@dataclass(frozen=True, slots=True)
class Opened:
    epoch: bytes
    began: bool
    without_memory: bool
    why: str


class Journal:
    """Written by every door daemon of the device; `draw(n)` gives n random bytes."""

    def __init__(
        self, directory: Path, device: bytes, boot: bytes, draw: Callable[[int], bytes]
    ) -> None:
        self._directory = directory
        self._device = device
        self._boot = boot
        self._draw = draw
        self._database: sqlite3.Connection | None = None
        self._number = 0
        self._epoch = b""
        self._top: Top | None = None
        """The last row, as far as this process has heard."""
        self.without_memory = False
        """Whether the epoch that goes on began with something forgotten."""
        self._lock: IO[bytes] | None = None
        self._inode = 0
        self._path = str(directory / FILE)

    def open(self, stamp: Stamp) -> Opened:
        """Open or make the journal; begin an epoch where that is due.

        Raise JournalUnwritable if it can be neither read nor replaced.
        """
        path = self._directory / FILE
        try:
            make_directory(self._directory)
            with alone(self._directory):
                found = open_sound(path, self._device, self._has_traces())
                self._database, self._inode = found.database, path.stat().st_ino
                opened = self._enter(stamp, found)
                self.without_memory = opened.without_memory or self._began_without()
                (self._directory / SUSPECT).unlink(missing_ok=True)
        except TooNew as error:
            raise JournalUnwritable(str(error)) from error
        except (OSError, sqlite3.Error) as error:
            self._disconnect()
            raise JournalUnwritable(f"{path}: {error}") from error
        return opened

    def transact(self, decide: Callable[[Transaction], T]) -> T:
        """Run `decide` in a transaction and commit; on disk when this returns.

        Raise what `decide` raises, having undone everything; JournalUnwritable if it cannot be
        written or a row it needs is damaged.
        """
        try:
            database = self._connected()
            execute(database, "BEGIN IMMEDIATE")
            try:
                inside = Transaction(
                    database, self._device, self._number, self._epoch, self._free_bytes, self._top
                )
                answer = decide(inside)
                execute(database, "COMMIT")
                self._top = inside.top
            except BaseException:
                if database.in_transaction:
                    database.execute("ROLLBACK")
                raise
        except UseDamaged as error:
            with suppress(OSError):
                (self._directory / SUSPECT).touch()
            raise JournalUnwritable(f"{error}; restart the gate to repair the journal") from error
        except (sqlite3.Error, OSError, UnicodeDecodeError) as error:
            self._disconnect()
            raise JournalUnwritable(f"{self._directory / FILE}: {error}") from error
        return answer

    def prune(self, stamp: Stamp) -> int:
        """Delete acknowledged rows older than 30 days, a few at a time; return how many.

        Only the process that holds `journal.lock` does; uses outlive their rows.
        """
        try:
            upto = self._prunable(stamp) if self._holds_lock() else []
        except (OSError, sqlite3.Error) as error:
            self._disconnect()
            raise JournalUnwritable(f"{self._directory / FILE}: {error}") from error
        if not upto:
            return 0

        def delete(_: Transaction) -> int:
            database = self._connected()
            number, seq, hashed = upto[-1]
            database.execute(
                "INSERT INTO pruned VALUES (1, ?, ?, ?) ON CONFLICT (one) DO UPDATE SET"
                " epoch = excluded.epoch, seq = excluded.seq, hash = excluded.hash",
                (number, seq, hashed),
            )
            gone = database.execute("DELETE FROM row WHERE (epoch, seq) <= (?, ?)", (number, seq))
            return gone.rowcount

        return self.transact(delete)

    def close(self) -> None:
        self._disconnect()
        if self._lock:
            self._lock.close()
            self._lock = None

    def _enter(self, stamp: Stamp, found: Found) -> Opened:
        """Go on in the epoch of this boot, or begin one; what is carried over comes with it."""
        last = self._newest_epoch()
        if last and last[2] == self._boot and not found.why:
            self._number, self._epoch = last[0], last[1]
            return Opened(self._epoch, began=False, without_memory=False, why="")

        def begin(_: Transaction) -> tuple[int, bytes]:
            database, epoch = found.database, self._draw(EPOCH_BYTES)
            if found.aside:
                top = salvage.carry_over(found.aside, database, self._device)
            else:
                top = top_of(database)
            database.execute(f"PRAGMA application_id = {owner_mark(self._device)}")
            last = self._newest_epoch()
            number = last[0] + 1 if last else 1
            database.execute("INSERT INTO epoch VALUES (?, ?, ?)", (number, epoch, self._boot))
            if top != top_of(database):
                database.execute("INSERT INTO hangs VALUES (?, 1, ?)", (number, top.hash))
            began = EpochBegan(
                previous_epoch=last[1] if last else b"",
                # Of that epoch; where its rows are lost, what is left is of one before it.
                previous_top=top.seq if last and top.number == last[0] else 0,
                previous_last=top.hash if last else b"",
                why=found.why,
                without_memory=bool(found.why),
            )
            inside = Transaction(
                database, self._device, number, epoch, self._free_bytes, top, sure=True
            )
            inside.append(began, stamp)
            return number, epoch

        self._number, self._epoch = self.transact(begin)
        return Opened(self._epoch, True, bool(found.why), found.why)

    def _began_without(self) -> bool:
        """What the first row of this epoch says; it may have been written by an earlier start."""
        first = "SELECT body FROM row WHERE epoch = ? AND seq = 1"
        row = self._connected().execute(first, (self._number,)).fetchone()
        try:
            began = decode_row(row[0])[0] if row else None
        except WireError:
            return False
        return isinstance(began, EpochBegan) and began.without_memory

    def _newest_epoch(self) -> tuple[int, bytes, bytes] | None:
        row: tuple[int, bytes, bytes] | None = (
            self._connected()
            .execute("SELECT number, epoch, boot FROM epoch ORDER BY number DESC LIMIT 1")
            .fetchone()
        )
        return row

    def _prunable(self, stamp: Stamp) -> list[tuple[int, int, bytes]]:
        """Return the oldest rows that central has and that are old, at most a few."""
        first = "SELECT wall_ms FROM row ORDER BY epoch, seq LIMIT 1"
        (wall_ms,) = self._connected().execute(first).fetchone() or (stamp.wall_ms,)
        if wall_ms > stamp.wall_ms - KEPT_MS:
            return []  # Asked every second, and nearly always so.
        oldest = self._connected().execute(
            "SELECT r.epoch, r.seq, r.hash, r.wall_ms, r.body, e.epoch FROM row r"
            " JOIN epoch e ON e.number = r.epoch ORDER BY r.epoch, r.seq LIMIT ?",
            (PRUNED_ROWS_MAX,),
        )
        acknowledged = self._acknowledged()
        prunable: list[tuple[int, int, bytes]] = []
        for number, seq, hashed, wall_ms, body, epoch in oldest:
            # Of this life the uptime knows: the wall clock may have been set by years since.
            age_ms = stamp.uptime_ms - _uptime_ms(body) if number == self._number else KEPT_MS
            old = age_ms >= KEPT_MS and wall_ms <= stamp.wall_ms - KEPT_MS
            if not old or seq > acknowledged.get(epoch, 0):
                break
            prunable.append((number, seq, hashed))
        return prunable

    def _acknowledged(self) -> dict[bytes, int]:
        try:
            database = open_readonly(self._directory / "delivery.db")
        except sqlite3.Error:
            return {}
        try:
            return dict(database.execute("SELECT epoch, upto FROM acknowledged").fetchall())
        except sqlite3.Error:
            return {}
        finally:
            database.close()

    def _has_traces(self) -> bool:
        """Whether anything else here knows of a journal. A list does not: it may come first."""
        return (self._directory / LOCK).exists() or any(self._acknowledged().values())

    def _holds_lock(self) -> bool:
        if self._lock is None:
            handle = os.open(self._directory / LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC)
            lock = os.fdopen(handle, "rb")
            with suppress(PermissionError):  # Another daemon made it, and set it right.
                os.fchmod(handle, FILE_MODE)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                lock.close()
                return False
            self._lock = lock
        return True

    def _free_bytes(self) -> int:
        disk = os.statvfs(self._directory)
        return disk.f_bavail * disk.f_frsize

    def _connected(self) -> sqlite3.Connection:
        """Return the connection; raise OSError if the file it was opened on is not there.

        SQLite would go on writing into a file that somebody has deleted, and nothing of it
        would be left after the next start.
        """
        path = self._path
        if self._inode and os.stat(path).st_ino != self._inode:  # noqa: PTH116
            raise OSError(errno.ESTALE, "the journal was replaced; restart the gate")
        if self._database is None:
            self._database = open_durable(Path(path), "journal")
            self._inode = Path(path).stat().st_ino
        return self._database

    def _disconnect(self) -> None:
        database, self._database = self._database, None
        if database:
            database.close()


def _uptime_ms(body: bytes) -> int:
    """Return when a row of this life was written; one that cannot be read is as new as can be."""
    try:
        return decode_row(body)[1].uptime_ms
    except WireError:
        return sys.maxsize
