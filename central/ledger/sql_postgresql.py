"""Ingest's SQL for PostgreSQL."""

from central.ledger import sql_sqlite

ROWS_AT_ONCE_MAX = sql_sqlite.ROWS_AT_ONCE_MAX
insert_rows = sql_sqlite.insert_rows


def upsert_uses(count: int) -> str:
    return sql_sqlite.upsert_uses(count, "greatest", "least")
