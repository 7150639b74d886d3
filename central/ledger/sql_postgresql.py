"""Ingest's SQL for PostgreSQL."""

from central.ledger import sql_sqlite

INSERT_ROW = sql_sqlite.INSERT_ROW

UPSERT_OUTCOME = """
INSERT INTO ledger_use (device_id, admission, person, outcome, wall_ms)
VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (device_id, admission, person) DO UPDATE SET
    wall_ms = CASE WHEN excluded.outcome > ledger_use.outcome
                   THEN excluded.wall_ms ELSE ledger_use.wall_ms END,
    outcome = greatest(ledger_use.outcome, excluded.outcome)
"""

UPSERT_RIGHT = sql_sqlite.UPSERT_RIGHT
