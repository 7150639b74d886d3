"""Wakes the publisher as soon as something was committed, so that a refund is at the doors at once.

PostgreSQL says so itself (NOTIFY, sent with the commit); SQLite's `data_version` changes with
another connection's commit and costs microseconds to read. What is missed is seen when the time is
up, as before.
"""

import logging
import sqlite3
import threading
import time
from contextlib import suppress
from typing import Any, Protocol

from django.db import connection

log = logging.getLogger("central.waking")

CHANNEL = "gatehouse_change"
POLL_SECONDS, CALM_SECONDS = 0.005, 0.02
RETRY_SECONDS = 5.0


def announce() -> None:
    """Say, with the transaction under way, that there is something to publish."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(f"NOTIFY {CHANNEL}")


class Waking(Protocol):
    def wait(self, stopping: threading.Event, seconds: float) -> bool:
        """Return at a commit or when time is up; True when stopping."""
        ...


def waking() -> Waking:
    """Return what watches the database that is configured."""
    if connection.vendor == "postgresql":
        return _Notified()
    return _Polled(str(connection.settings_dict["NAME"]))


class _Notified:
    def __init__(self) -> None:
        self._wrapper: Any = None
        self._again_at = 0.0

    def wait(self, stopping: threading.Event, seconds: float) -> bool:
        import psycopg
        from django.db import Error

        try:
            listening = self._listening()
        except (Error, psycopg.Error) as error:
            log.warning("not told of changes: %s", error)
            self._end()
            listening = None
        if listening is None:
            return stopping.wait(seconds)
        try:
            for _ in listening.notifies(timeout=seconds, stop_after=1):
                break
        except psycopg.Error:
            self._end()
        return stopping.is_set()

    def _listening(self) -> Any:
        if self._wrapper is None and time.monotonic() >= self._again_at:
            self._wrapper = connection.copy()
            self._wrapper.ensure_connection()
            self._wrapper.connection.execute(f"LISTEN {CHANNEL}")
        return self._wrapper.connection if self._wrapper else None

    def _end(self) -> None:
        if self._wrapper is not None:
            with suppress(Exception):
                self._wrapper.close()
        self._wrapper, self._again_at = None, time.monotonic() + RETRY_SECONDS


class _Polled:
    def __init__(self, path: str) -> None:
        self._path = path
        self._database: sqlite3.Connection | None = None
        self._seen = -1

    def wait(self, stopping: threading.Event, seconds: float) -> bool:
        until = time.monotonic() + seconds
        # Ingest commits too: not every time is worth a look of its own.
        if stopping.wait(CALM_SECONDS):
            return True
        while time.monotonic() < until:
            if stopping.wait(POLL_SECONDS):
                return True
            try:
                if self._moved():
                    return False
            except sqlite3.Error:
                self._database = None
                return stopping.wait(max(0.0, until - time.monotonic()))
        return stopping.is_set()

    def _moved(self) -> bool:
        if self._database is None:
            self._database = sqlite3.connect(f"file:{self._path}?mode=ro", uri=True)
        (version,) = self._database.execute("PRAGMA data_version").fetchone()
        moved = bool(version != self._seen)
        self._seen = version
        return moved
