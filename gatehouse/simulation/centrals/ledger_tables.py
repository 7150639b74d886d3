"""The tables of the light central's ledger, as Django makes them of central's models."""

SCHEMA = """
CREATE TABLE ledger_row (
    id INTEGER PRIMARY KEY, device_id INTEGER NOT NULL, epoch BLOB NOT NULL, seq INTEGER NOT NULL,
    hash BLOB NOT NULL, body BLOB NOT NULL, kind TEXT NOT NULL, lane TEXT NOT NULL,
    reason TEXT NOT NULL, persons INTEGER NOT NULL, about BLOB, wall_ms INTEGER NOT NULL,
    received_ms INTEGER NOT NULL, UNIQUE (device_id, epoch, seq)
);
CREATE TABLE ledger_otherrow (
    id INTEGER PRIMARY KEY, device_id INTEGER NOT NULL, epoch BLOB NOT NULL, seq INTEGER NOT NULL,
    hash BLOB NOT NULL, body BLOB NOT NULL, kind TEXT NOT NULL, lane TEXT NOT NULL,
    reason TEXT NOT NULL, persons INTEGER NOT NULL, about BLOB, wall_ms INTEGER NOT NULL,
    received_ms INTEGER NOT NULL, UNIQUE (device_id, epoch, seq, hash)
);
CREATE TABLE ledger_use (
    id INTEGER PRIMARY KEY, device_id INTEGER NOT NULL, admission BLOB NOT NULL,
    person INTEGER NOT NULL, outcome INTEGER NOT NULL, cti BLOB, checkpoint TEXT,
    generation INTEGER, wall_ms INTEGER NOT NULL, UNIQUE (device_id, admission, person)
);
CREATE INDEX use_cti ON ledger_use (cti);
CREATE TABLE ledger_prefix (
    device_id INTEGER NOT NULL, epoch BLOB NOT NULL, upto INTEGER NOT NULL DEFAULT 0,
    told INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (device_id, epoch)
);
CREATE TABLE ledger_incident (
    kind TEXT NOT NULL, device_id INTEGER NOT NULL, detail TEXT NOT NULL,
    UNIQUE (kind, device_id, detail)
);
"""
