"""What a hub knows of the uses of rights, on disk before it is answered for.

Used on one thread. A file that cannot be read, or a row that is not what was written, is put aside
and said: the hub then is one that was replaced, and not sure before it has heard everybody anew.
"""

import logging
import sqlite3
import zlib
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from edge.store.database import TooNew, connect, make_directory, open_durable, sound
from rules.claim import Held, merged
from rules.use import Outcome
from wire.claim import Kind

log = logging.getLogger("hub.store")

T = TypeVar("T")

FILE = "claims.db"
COLUMNS = (
    "device, admission, person, outcome, committed, cti, checkpoint, kind, lane, generation, wall"
)
LOG_BYTES_MAX = 64 * 1024 * 1024
"""Beyond, whoever writes waits until it is shorter."""
KEPT_SECONDS = 90 * 86_400
"""How long a use is kept that was settled; by then it is on every list."""


class ClaimsUnwritable(Exception):
    """Nothing can be recorded, so nothing may be granted; the message says why."""


class ClaimsDamaged(Exception):
    """A row is not what was written."""


class Books:
    """The store inside one transaction."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def own(self, device: bytes, admission: bytes) -> tuple[Held, ...]:
        """Return what is known of a device's claim of that name."""
        return self._select("device = ? AND admission = ?", (device, admission))

    def right(self, cti: bytes) -> tuple[Held, ...]:
        """Return every use that is known of a right."""
        return self._select("cti = ?", (cti,))

    def open(self) -> tuple[Held, ...]:
        """Return what was granted and not heard of since."""
        return self._select("outcome = 0 AND committed = 0", ())

    def put(self, records: Iterable[Held]) -> None:
        """Merge records into what is known."""
        for one in records:
            name = (one.device, one.admission, one.person)
            for known in self._select("device = ? AND admission = ? AND person = ?", name):
                one = merged(known, one)
            values = _values(one)
            self._database.execute(
                f"INSERT OR REPLACE INTO held ({COLUMNS}, checksum)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*values, _checksum(values)),
            )

    def heard(self, device: bytes) -> dict[bytes, int]:
        """Return how far each epoch of a device is here without a hole."""
        asked = "SELECT epoch, upto FROM heard WHERE device = ?"
        return dict(self._database.execute(asked, (device,)).fetchall())

    def hear(self, device: bytes, epoch: bytes, upto: int) -> None:
        """Note that rows 1 to `upto` of an epoch are here."""
        self._database.execute(
            "INSERT INTO heard VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET upto = excluded.upto",
            (device, epoch, upto),
        )

    def devices(self) -> frozenset[bytes]:
        """Return every device that was ever heard."""
        found = self._database.execute("SELECT DISTINCT device FROM heard")
        return frozenset(row[0] for row in found)

    def begin(self, number: Callable[[int], int], wall: float) -> int:
        """Begin a term: `number(previous)`; forget what has been settled for long."""
        row = self._database.execute("SELECT number FROM term").fetchone()
        made = number(int(row[0]) if row else 0)
        self._database.execute("INSERT OR REPLACE INTO term VALUES (1, ?)", (made,))
        old = (int(wall) - KEPT_SECONDS,)
        self._database.execute("DELETE FROM held WHERE wall < ? AND outcome != 0", old)
        return made

    def _select(self, where: str, values: tuple[object, ...]) -> tuple[Held, ...]:
        found = self._database.execute(
            f"SELECT {COLUMNS}, checksum FROM held WHERE {where}", values
        )
        return tuple(_read(row) for row in found)


class ClaimStore:
    def __init__(self, directory: Path) -> None:
        """Open or make the file; raise OSError, sqlite3.Error or TooNew if that fails."""
        make_directory(directory)
        self._path = directory / FILE
        self._database = self._opened()

    def transact(self, work: Callable[[Books], T]) -> T:
        """Run `work` in a transaction and commit; on disk when this returns.

        Raise what `work` raises, having undone everything; ClaimsUnwritable if it cannot be
        written; ClaimsDamaged if a row it needs is damaged: begin anew then.
        """
        database = self._database
        try:
            database.execute("BEGIN IMMEDIATE")
            try:
                answer = work(Books(database))
                database.execute("COMMIT")
            except BaseException:
                if database.in_transaction:
                    database.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise ClaimsUnwritable(f"{self._path}: {error}") from error
        return answer

    def put_aside(self) -> None:
        """Begin anew, beside what was there."""
        self.close()
        _put_aside(self._path)
        self._database = _open(self._path)

    def checkpoint(self) -> None:
        """Move what was committed from the log into the file; on a thread of its own.

        A commit that did this on its way would make eight gates wait for it.
        """
        how = "PASSIVE" if self._log_bytes() < LOG_BYTES_MAX else "RESTART"
        try:
            database = connect(self._path)
            try:
                database.execute(f"PRAGMA wal_checkpoint({how})")
            finally:
                database.close()
        except sqlite3.Error as error:
            log.warning("%s: not checkpointed: %s", self._path, error)

    def _log_bytes(self) -> int:
        with suppress(FileNotFoundError):
            return self._path.with_name(self._path.name + "-wal").stat().st_size
        return 0

    def close(self) -> None:
        self._database.close()

    def _opened(self) -> sqlite3.Connection:
        try:
            database = _open(self._path)
        except (TooNew, sqlite3.OperationalError):
            raise
        except sqlite3.DatabaseError:
            database = None
        if database is not None and sound(database, "claims"):
            return database
        if database is not None:
            database.close()
        log.error("%s is damaged; it is put aside and begun again", self._path)
        _put_aside(self._path)
        return _open(self._path)


def _open(path: Path) -> sqlite3.Connection:
    database = open_durable(path, "claims")
    database.execute("PRAGMA wal_autocheckpoint = 0")
    return database


def _put_aside(path: Path) -> None:
    for end in ("-wal", "-shm"):
        path.with_name(path.name + end).unlink(missing_ok=True)
    with suppress(FileNotFoundError):
        path.replace(path.with_name(path.name + ".damaged"))


def _values(held: Held) -> tuple[object, ...]:
    return (
        *(held.device, held.admission, held.person, int(held.outcome), int(held.committed)),
        *(held.cti, held.checkpoint, held.kind.value, held.lane, held.generation, held.wall),
    )


def _read(row: tuple[Any, ...]) -> Held:
    *values, checksum = row
    if _checksum(tuple(values)) != checksum:
        raise ClaimsDamaged("a row of the claims is damaged")
    device, admission, person, outcome, committed, cti, checkpoint, kind, *rest = values
    about = (cti, checkpoint, Kind(kind), *rest)
    return Held(device, admission, person, Outcome(outcome), bool(committed), *about)


def _checksum(values: tuple[object, ...]) -> int:
    return zlib.crc32(ascii(values).encode())
