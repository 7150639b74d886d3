"""The journal as sync reads it: how far it goes, and batches of its rows. Never writes."""

import os
import sqlite3
from pathlib import Path
from typing import Any

from edge.store.database import open_readonly
from edge.store.journal import FILE
from wire.chain import GENESIS
from wire.delivery import Batch, EpochTop


class JournalReader:
    """Finds the journal when it appears, and again when it was replaced."""

    def __init__(self, directory: Path, device: bytes) -> None:
        self._path = str(directory / FILE)
        self._device = device
        self._database: sqlite3.Connection | None = None
        self._inode = 0
        self._version = -1

    def epochs(self) -> tuple[EpochTop, ...]:
        """Return every epoch that has rows, oldest first."""
        found = self._ask(
            # Asked at each event: by the ends of each epoch, so that it does not matter how
            # many rows lie between them.
            "SELECT e.epoch, r.seq, r.hash, (SELECT min(seq) FROM row WHERE epoch = e.number)"
            " FROM epoch e JOIN row r ON r.epoch = e.number"
            " AND r.seq = (SELECT max(seq) FROM row WHERE epoch = e.number) ORDER BY e.number"
        )
        return tuple(EpochTop(*row) for row in found)

    def batch(
        self, epoch: bytes, first: int, rows_max: int, bytes_max: int = 200_000
    ) -> Batch | None:
        """Return rows of an epoch from `first` on; None if it has none there."""
        found = self._ask(
            "SELECT r.epoch, r.seq, r.body, r.hash FROM row r JOIN epoch e ON e.number = r.epoch"
            " WHERE e.epoch = ? AND r.seq >= ? ORDER BY r.seq LIMIT ?",
            (epoch, first - 1, rows_max + 1),
        )
        # A row hangs on the one before it; where that is not there, on what was noted instead.
        before = found.pop(0)[3] if found and found[0][1] == first - 1 else None
        if not found or found[0][1] != first:
            return None
        rows: list[bytes] = []
        size = 0
        for seq, (_, found_seq, body, _) in enumerate(found[:rows_max], first):
            size += len(body)
            if seq != found_seq or (rows and size > bytes_max):
                break
            rows.append(body)
        previous = before or self._hash_before(found[0][0], first)
        return Batch(epoch, first, bytes(previous), tuple(rows))

    def changed(self) -> bool:
        """Whether anything was committed since this was asked last."""
        if not self._connected():
            return False
        version = self._ask("PRAGMA data_version")
        moved = bool(version) and version[0][0] != self._version
        self._version = version[0][0] if version else -1
        return moved

    def close(self) -> None:
        if self._database:
            self._database.close()
        self._database = None

    def _hash_before(self, number: int, seq: int) -> bytes:
        before = self._ask(
            "SELECT coalesce((SELECT hash FROM hangs WHERE (epoch, seq) = (?1, ?2)),"
            " (SELECT hash FROM row WHERE (epoch, seq) < (?1, ?2)"
            " ORDER BY epoch DESC, seq DESC LIMIT 1), (SELECT hash FROM pruned))",
            (number, seq),
        )
        return bytes(before[0][0]) if before and before[0][0] is not None else GENESIS

    def _ask(self, question: str, values: tuple[object, ...] = ()) -> list[Any]:
        database = self._connected()
        if database is None:
            return []
        try:
            return database.execute(question, values).fetchall()
        except sqlite3.Error:
            # Damaged, or replaced this moment: the door daemon mends it, and we look again.
            self.close()
            return []

    def _connected(self) -> sqlite3.Connection | None:
        try:
            inode = os.stat(self._path).st_ino  # noqa: PTH116  # pathlib: at each question.
        except OSError:
            self.close()
            return None
        if self._database is None or inode != self._inode:
            self.close()
            try:
                self._database = open_readonly(Path(self._path))
            except sqlite3.Error:
                return None
            self._inode, self._version = inode, -1
        return self._database
