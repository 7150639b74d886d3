"""Which database central works on, and what it does while that one is away.

SQLite is a file of central's folder and opened anew for every piece of work, so that a file that
was put back is the one that is read. PostgreSQL is asked over one connection until that breaks.
"""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from central import life

log = logging.getLogger("central.database")

T = TypeVar("T")

RETRY_SECONDS = 1.0
CONNECT_SECONDS = 10

_NAMES = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}


def settings_of(told: str, directory: Path) -> dict[str, Any]:
    """Return Django's settings of the database that central.toml names.

    `told` is "sqlite" or a URL of PostgreSQL, whose further parameters (sslmode, …) reach libpq.
    Raise ValueError for a URL that libpq cannot read.
    """
    if told == "sqlite":
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": str(directory / "central.db"),
            "OPTIONS": {
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
            },
        }
    from psycopg import Error
    from psycopg.conninfo import conninfo_to_dict

    try:
        parts = {key: str(value) for key, value in conninfo_to_dict(told).items()}
    except Error as error:
        raise ValueError(str(error).strip()) from None
    named = {django: parts.pop(libpq, "") for libpq, django in _NAMES.items()}
    options = {"connect_timeout": CONNECT_SECONDS, **parts}
    return {"ENGINE": "django.db.backends.postgresql", **named, "OPTIONS": options}


def kept_trying(work: Callable[[], T], stopping: threading.Event) -> T | None:
    """Return what `work`, one transaction, returns once the database takes it; None if stopped.

    A database that is being restarted, is full or cannot be reached is waited for: what was not
    committed was not acknowledged either. The first new try is made at once, since a connection
    may have died while nothing was asked of it.
    """
    from django.db import InterfaceError, InternalError, OperationalError, connection

    patience = 0.0
    while True:
        try:
            done = work()
        except (OperationalError, InterfaceError, InternalError) as error:
            connection.close()
            if patience:
                log.error("the database does not answer, trying again: %s", first_line(error))
            life.alive()
            if stopping.wait(patience):
                return None
            patience = RETRY_SECONDS
        else:
            if connection.vendor == "sqlite":
                connection.close()
            return done


@contextmanager
def one_moment() -> Iterator[None]:
    """A transaction whose questions are all answered from the same moment.

    SQLite's are so by nature; PostgreSQL otherwise answers each with what is committed by then.
    """
    from django.db import connection, transaction

    with transaction.atomic(durable=True):
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        yield


def first_line(error: Exception) -> str:
    """Return what an error says, without the database's hints."""
    return next(iter(str(error).splitlines()), type(error).__name__)
