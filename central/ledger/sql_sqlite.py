"""Ingest's SQL for SQLite: many rows in one statement."""

from collections.abc import Iterable, Sequence
from typing import Any

ROW_COLUMNS = (
    *("device_id", "epoch", "seq", "hash", "body", "kind", "lane", "reason", "persons", "about"),
    *("wall_ms", "received_ms"),
)
USE_COLUMNS = (
    *("device_id", "admission", "person", "outcome", "cti", "checkpoint", "generation"),
    "wall_ms",
)
ROWS_AT_ONCE_MAX = 500
"""Of its 32766 parameters, each takes twelve."""


def insert_rows(count: int, table: str = "ledger_row", came: str = "") -> str:
    """Write rows of new names; answers with the seqs of those that were written.

    `came` is where the rows come from, if not from a parameter for each value.
    """
    key = "device_id, epoch, seq" + (", hash" if table == "ledger_otherrow" else "")
    return (
        f"INSERT INTO {table} ({', '.join(ROW_COLUMNS)}) {came or _values(len(ROW_COLUMNS), count)}"
        f" ON CONFLICT ({key}) DO NOTHING RETURNING seq"
    )


def upsert_uses(count: int, highest: str = "max", lowest: str = "min", came: str = "") -> str:
    """Keep the highest outcome of each use; what the use was of and when, once known.

    When is what the admission's own row says: one that ended uncertain gets its outcome at the next
    start, which may be hours later, or by a clock that does not know yet how late it is.
    """
    mine = "ledger_use"
    return (
        f"INSERT INTO {mine} ({', '.join(USE_COLUMNS)}) {came or _values(len(USE_COLUMNS), count)}"
        " ON CONFLICT (device_id, admission, person) DO UPDATE SET"
        f" cti = coalesce({mine}.cti, excluded.cti),"
        f" checkpoint = coalesce({mine}.checkpoint, excluded.checkpoint),"
        f" generation = coalesce({mine}.generation, excluded.generation),"
        f" wall_ms = CASE WHEN {mine}.cti IS NULL AND excluded.cti IS NOT NULL"
        " THEN excluded.wall_ms"
        f" WHEN {mine}.cti IS NOT NULL AND excluded.cti IS NULL THEN {mine}.wall_ms"
        f" WHEN excluded.outcome > {mine}.outcome THEN excluded.wall_ms"
        f" WHEN excluded.outcome < {mine}.outcome THEN {mine}.wall_ms"
        f" ELSE {lowest}({mine}.wall_ms, excluded.wall_ms) END,"
        f" outcome = {highest}({mine}.outcome, excluded.outcome)"
    )


def parameters(_columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[Any]:
    """Return what one of these statements is executed with."""
    return [value for row in rows for value in row]


def _values(columns: int, count: int) -> str:
    return "VALUES " + ", ".join([f"({', '.join(['%s'] * columns)})"] * count)
