"""Ingest's SQL for PostgreSQL: many rows in one parameter.

Of thousands of parameters, half of ingest's time went into finding their places in the statement
(psycopg's client-side cursor, 20 µs a row); JSON is taken apart by the server, in one pass.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from central.ledger import sql_sqlite

_BYTES = {"epoch", "hash", "body", "about", "admission", "cti"}
_TEXT = {"kind", "lane", "reason", "checkpoint"}


def insert_rows(count: int, table: str = "ledger_row") -> str:
    """As sql_sqlite's, of any count."""
    return sql_sqlite.insert_rows(count, table, _came(sql_sqlite.ROW_COLUMNS))


def upsert_uses(count: int) -> str:
    """As sql_sqlite's, of any count."""
    return sql_sqlite.upsert_uses(count, "greatest", "least", _came(sql_sqlite.USE_COLUMNS))


def parameters(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[Any]:
    """Return what one of these statements is executed with; bytes become Base64."""
    named = [dict(zip(columns, row, strict=True)) for row in rows]
    return [msgspec.json.encode(named).decode()]


def _came(columns: Sequence[str]) -> str:
    """Return a SELECT of the columns out of the one parameter."""
    read = (f"decode({name}, 'base64')" if name in _BYTES else name for name in columns)
    types = (f"{name} {'text' if name in _BYTES | _TEXT else 'bigint'}" for name in columns)
    return f"SELECT {', '.join(read)} FROM json_to_recordset(%s) AS came({', '.join(types)})"
