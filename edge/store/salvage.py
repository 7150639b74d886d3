"""What a damaged journal still proves is carried over to the one that takes its place.

A row is believed if its hash follows from the row before it: a body that was changed takes only
itself along. Where a row is missing, `hangs` keeps the hash that the next one hangs on, so that
the chain can go on being verified. A use is believed by its own checksum; what the rows say beyond
that is read again from them.
"""

import sqlite3
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeGuard

from edge.store import answers, budget, locks, moving, papers, shown, uses
from edge.store.database import connect, until_broken
from edge.store.repair import Top, of_another
from wire.chain import GENESIS, HASH_BYTES, link

Key = tuple[int, int]
"""(epoch number, seq)."""
KEY, COLUMNS = "epoch, seq", "epoch, seq, body, hash, wall_ms"


def carry_over(aside: Path, target: sqlite3.Connection, device: bytes) -> Top:
    """Copy epochs, rows and uses that prove themselves, in the transaction that is open.

    Return the newest row that the damaged journal knew of, copied or not.
    """
    source = connect(aside)
    try:
        # Of another identity what was used here is remembered; what it reported is not ours.
        top = Top(0, 0, GENESIS) if of_another(source, device) else _rows(source, target, device)
        uses.copy_sound(source, target)
        # Always: a page of uses that is older than its rows looks as sound as any other.
        uses.read_again(target)
        moving.carry_over(source, target)
        answers.carry_over(source, target)
        locks.carry_over(source, target)
        budget.carry_over(source, target)
        shown.carry_over(source, target)
        papers.carry_over(source, target)
    finally:
        source.close()
    return top


def _rows(source: sqlite3.Connection, target: sqlite3.Connection, device: bytes) -> Top:
    found = until_broken(source, "epoch", "number, epoch, boot", "number")
    epochs = [one for one in found if isinstance(one[0], int)]
    target.executemany("INSERT OR IGNORE INTO epoch VALUES (?, ?, ?)", epochs)
    copy = _Copy(target, device, {number: epoch for number, epoch, _ in epochs})
    copy.run(source)
    return copy.top


@dataclass(slots=True)
class _Copy:
    target: sqlite3.Connection
    device: bytes
    epochs: dict[int, bytes]
    hangs: dict[Key, bytes] = field(default_factory=dict)
    top: Top = field(default_factory=lambda: Top(0, 0, GENESIS))

    def run(self, source: sqlite3.Connection) -> None:
        hangs = until_broken(source, "hangs", "epoch, seq, hash", "epoch, seq")
        self.hangs = {(number, seq): hashed for number, seq, hashed in hangs}
        pruned = list(until_broken(source, "pruned", "epoch, seq, hash", "epoch"))
        if pruned and _is_key(*pruned[0][:2]) and _is_hash(pruned[0][2]):
            self.top = Top(*pruned[0])
            self.target.execute("INSERT OR REPLACE INTO pruned VALUES (1, ?, ?, ?)", pruned[0])
        reached = self._forward(until_broken(source, "row", COLUMNS, KEY), self.top.hash)
        # Beyond a page that cannot be read: its rows are gone, those after it are not.
        behind: deque[Key] = deque(maxlen=2)
        for number, seq in until_broken(source, "row", KEY, KEY, backwards=True):
            if not _is_key(number, seq):
                continue
            if reached is not None and (number, seq) <= reached:
                break
            behind.appendleft((number, seq))
        rest = f"SELECT {COLUMNS} FROM row WHERE ({KEY}) >= (?, ?) ORDER BY {KEY}"
        for first in behind:
            # SQLite finds the very first by way of the broken page, if at all; then the second.
            with suppress(sqlite3.DatabaseError):
                if self._forward(source.execute(rest, first), None):
                    break

    def _forward(self, rows: Iterator[tuple[Any, ...]], before: bytes | None) -> Key | None:
        """Copy the rows that follow from those before them; return the last key that was read."""
        reached: Key | None = None
        held = True
        for row in rows:
            number, seq, body, hashed, _ = row
            if not (_is_key(number, seq) and _is_hash(hashed)):
                before, held = None, False
                continue
            reached = (number, seq)
            known = self.hangs.get(reached)
            before = known or before
            if before is not None and self._follows(before, number, seq, body, hashed):
                self.target.execute("INSERT OR IGNORE INTO row VALUES (?, ?, ?, ?, ?)", row)
                if known or not held:
                    values = (number, seq, before)
                    self.target.execute("INSERT OR IGNORE INTO hangs VALUES (?, ?, ?)", values)
                self.top, held = Top(number, seq, hashed), True
            else:
                held = False
                if reached == (self.top.number, self.top.seq + 1):
                    self.top = Top(number, seq, hashed)
            before = hashed
        return reached

    def _follows(self, before: bytes, number: int, seq: int, body: object, hashed: bytes) -> bool:
        epoch = self.epochs.get(number)
        if not (isinstance(epoch, bytes) and isinstance(body, bytes)):
            return False
        try:
            return link(before, self.device, epoch, seq, body) == hashed
        except OverflowError:
            return False


def _is_key(number: object, seq: object) -> bool:
    return isinstance(number, int) and isinstance(seq, int)


def _is_hash(value: object) -> TypeGuard[bytes]:
    return isinstance(value, bytes) and len(value) == HASH_BYTES
