"""How a device opens its SQLite files: modes, pragmas, numbered schemas, and damage told apart.

Connections are opened and used on one thread, the store's. The store sets the files' modes
itself: a umask alone would give 0640, and several daemons of one group write here.
"""

import os
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing, suppress
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec

FILE_MODE, DIRECTORY_MODE = 0o660, 0o2770
BUSY_SECONDS = 5.0


class TooNew(Exception):
    """A file written by a newer Gatehouse; the message says what to do."""


_Shape = dict[str, tuple[Any, ...]]
"""Tables by name: whether without rowid, their columns, their indexes."""

execute = sqlite3.Connection.execute
"""Without what `Connection` puts around it: for statements of a decision, whose caller takes a
UnicodeDecodeError for damage by itself."""


class Connection(sqlite3.Connection):
    """Where a file is broken SQLite quotes its bytes; that these are no text is damage as well."""

    def execute(self, statement: str, values: Any = ()) -> sqlite3.Cursor:
        try:
            return execute(self, statement, values)
        except UnicodeDecodeError:
            raise sqlite3.DatabaseError("malformed, and what is wrong is no text") from None


def connect(path: Path | str) -> sqlite3.Connection:
    """Open a file, or a URI, as every part of the store does; nothing is read of it yet."""
    return sqlite3.connect(
        path,
        uri=isinstance(path, str),
        timeout=BUSY_SECONDS,
        isolation_level=None,
        factory=Connection,
    )


def make_directory(path: Path) -> None:
    path.mkdir(parents=True, exist_ok=True)
    with suppress(PermissionError):  # Somebody else's, and right already.
        path.chmod(DIRECTORY_MODE)


def open_durable(path: Path, schema: str, every_commit: bool = True) -> sqlite3.Connection:
    """Open or create a file in which every commit is on disk when it returns.

    Not `every_commit`: a power cut may take the last commits, and leaves the file whole. So for
    what can be fetched again.
    `schema` names numbered scripts beside this module: `journal` → `journal_1.sql`, … Each is
    applied once, in one transaction. Raise sqlite3.Error if the file is damaged or cannot be
    written, TooNew if its schema is newer than this program.
    """
    fresh = not path.exists()
    if fresh:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, FILE_MODE))
        path.chmod(FILE_MODE)
    database = connect(path)
    try:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute(f"PRAGMA synchronous = {'FULL' if every_commit else 'NORMAL'}")
        _migrate(database, path, schema)
    except BaseException:
        database.close()
        raise
    if fresh:
        sync_directory(path.parent)
    return database


def open_readonly(path: Path, immutable: bool = False) -> sqlite3.Connection:
    """Open a file that this process only reads; raise sqlite3.Error if it is not there."""
    how = "mode=ro&immutable=1" if immutable else "mode=ro"
    database = connect(_uri(path, how))
    database.execute("PRAGMA query_only = ON")
    return database


def quoted(path: Path) -> str:
    """Return a path as SQLite's URIs spell it."""
    return str(path).replace("%", "%25").replace("?", "%3f").replace("#", "%23")


def _uri(path: Path, how: str) -> str:
    return f"file:{quoted(path)}?{how}"


def sync_directory(path: Path) -> None:
    """Make renames and new names in a directory durable."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def checksum(*values: object) -> int:
    """CRC-32 over the values of a row: a flipped bit on a card passes SQLite's own check."""
    # Every value is spelled unlike every other, and this is made at each decision.
    return zlib.crc32(msgspec.msgpack.encode(values))


def sound(database: sqlite3.Connection, schema: str = "") -> bool:
    """Whether SQLite finds file and indexes in order; the rows' own checksums find the rest.

    With `schema`, also whether its tables are those of the scripts: one letter that has become
    another can make a key a plain column, under which nothing is found any more.
    """
    try:
        if database.execute("PRAGMA main.integrity_check(1)").fetchone() != ("ok",):
            return False
        (version,) = database.execute("PRAGMA user_version").fetchone()
        return not schema or _shape(database) == _intended(schema, version)
    except sqlite3.Error:
        return False


@lru_cache
def _intended(schema: str, version: int) -> _Shape:
    """Return what the first `version` scripts make."""
    with closing(sqlite3.connect(":memory:")) as made:
        for script in _scripts(schema)[:version]:
            made.executescript(script)
        return _shape(made)


def _shape(database: sqlite3.Connection) -> _Shape:
    """Return every table with its columns, and every index with what it is over."""
    asked = (
        "SELECT name, wr FROM pragma_table_list WHERE schema = 'main' AND name NOT LIKE 'sqlite_%'"
    )
    return {
        name: (
            without_rowid,
            tuple(database.execute("SELECT * FROM pragma_table_xinfo(?)", (name,))),
            tuple(
                (index, *database.execute("SELECT * FROM pragma_index_xinfo(?)", (index[1],)))
                for index in database.execute("SELECT * FROM pragma_index_list(?)", (name,))
            ),
        )
        for name, without_rowid in database.execute(asked).fetchall()
    }


def until_broken(
    database: sqlite3.Connection, table: str, columns: str, key: str, backwards: bool = False
) -> Iterator[tuple[Any, ...]]:
    """Yield a table's rows in the order of its key, up to the first that cannot be read.

    `columns` begin with those of `key`. Python steps to the next row before it hands out one,
    so the last one before a page that is broken has to be asked for by itself.
    """
    width, sign, order = key.count(",") + 1, ">", key
    if backwards:
        sign, order = "<", key.replace(",", " DESC,") + " DESC"
    everything = f"SELECT {columns} FROM {table}"
    last: tuple[Any, ...] | None = None
    try:
        for row in database.execute(f"{everything} ORDER BY {order}"):
            last = row[:width]
            yield row
    except sqlite3.DatabaseError:
        where = f"WHERE ({key}) {sign} ({', '.join('?' * width)})" if last else ""
        with suppress(sqlite3.DatabaseError):
            one = f"{everything} {where} ORDER BY {order} LIMIT 1"
            yield from database.execute(one, last or ()).fetchmany(1)


def _migrate(database: sqlite3.Connection, path: Path, schema: str) -> None:
    (version,) = database.execute("PRAGMA user_version").fetchone()
    scripts = _scripts(schema)
    if version > len(scripts):
        raise TooNew(f"{path}: written by a newer Gatehouse (schema {version}); update this one")
    for number in range(version + 1, len(scripts) + 1):
        database.executescript(
            f"BEGIN IMMEDIATE; {scripts[number - 1]} PRAGMA user_version = {number}; COMMIT;"
        )


def _scripts(schema: str) -> list[str]:
    scripts: list[str] = []
    folder = resources.files("edge.store")
    while (script := folder / f"{schema}_{len(scripts) + 1}.sql").is_file():
        scripts.append(script.read_text())
    return scripts
