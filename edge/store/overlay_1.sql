-- What changed since the snapshot: the same tables (wire/snapshot.py), and the chain of changes.
-- No hash covers a file that grows, so every row has a checksum.

CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE class (idx INTEGER PRIMARY KEY, body BLOB NOT NULL, checksum INTEGER NOT NULL);
CREATE TABLE event (
    audience TEXT PRIMARY KEY,
    body BLOB NOT NULL,
    checksum INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE signing_key (
    kid BLOB PRIMARY KEY,
    body BLOB NOT NULL,
    checksum INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE ticket (
    key INTEGER PRIMARY KEY,
    class INTEGER NOT NULL,
    detail BLOB,
    checksum INTEGER NOT NULL
);
CREATE TABLE applied (sequence INTEGER PRIMARY KEY, previous BLOB NOT NULL, head BLOB NOT NULL);
