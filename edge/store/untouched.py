"""Opening a device's files for a person who looks: no byte beside or in them changes.

A read-only connection of SQLite still makes a -wal and a -shm where there are none, under the
name of whoever looks. Here the index in -shm is only read (`readonly_shm`, see SQLite's
"Read-Only WAL-Mode Databases"); where nobody has the file open it is read as it lies; and where a
power cut left a -wal alone, a copy is read.
"""

import errno
import os
import shutil
import sqlite3
import tempfile
from pathlib import Path

from edge.store.database import connect, quoted

ATTEMPTS = 5
"""A daemon that starts or ends meanwhile makes or removes the -wal between look and opening."""


def open_untouched(path: Path) -> sqlite3.Connection:
    """Open a SQLite file to be read, and leave no trace.

    Raise OSError if it is not there or not ours to read, sqlite3.Error if it is damaged.
    """
    # SQLite would say of everything: "unable to open database file". Not opened to find out:
    # closing it again would take away the locks of this process's connections.
    path.stat()
    if not os.access(path, os.R_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
    wal, index = (path.with_name(f"{path.name}-{end}") for end in ("wal", "shm"))
    for _ in range(ATTEMPTS):
        try:
            if index.exists():
                return _connect(path, "readonly_shm=1")
            if not wal.exists():
                return _connect(path, "immutable=1")
            break
        except sqlite3.OperationalError:
            continue
    return _copy(path, wal)


def _copy(path: Path, wal: Path) -> sqlite3.Connection:
    """Read a copy, which is gone from its folder as soon as SQLite has it open."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, path.name)
        shutil.copyfile(path, copy)
        if wal.exists():
            shutil.copyfile(wal, copy.with_name(f"{copy.name}-wal"))
        return _connect(copy, "")


def _connect(path: Path, how: str) -> sqlite3.Connection:
    name = f"file:{quoted(path)}?mode=ro&{how}"
    database = connect(name)
    try:
        database.execute("PRAGMA query_only = ON")
        database.execute("SELECT 1 FROM sqlite_master").fetchone()
    except BaseException:
        database.close()
        raise
    return database
