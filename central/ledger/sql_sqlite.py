"""Ingest's SQL for SQLite."""

INSERT_ROW = """
INSERT INTO ledger_row (device_id, epoch, seq, hash, body, kind, lane, reason, persons, wall_ms,
                        received_ms)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (device_id, epoch, seq) DO NOTHING
"""

UPSERT_OUTCOME = """
INSERT INTO ledger_use (device_id, admission, person, outcome, wall_ms)
VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (device_id, admission, person) DO UPDATE SET
    wall_ms = CASE WHEN excluded.outcome > outcome THEN excluded.wall_ms ELSE wall_ms END,
    outcome = max(outcome, excluded.outcome)
"""

UPSERT_RIGHT = """
INSERT INTO ledger_use (device_id, admission, person, outcome, cti, checkpoint, wall_ms)
VALUES (%s, %s, %s, 0, %s, %s, %s)
ON CONFLICT (device_id, admission, person) DO UPDATE SET
    cti = excluded.cti, checkpoint = excluded.checkpoint
"""
