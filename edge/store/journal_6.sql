-- What became of each paper of this kiosk, and the highest generation that a door here let in.
CREATE TABLE paper (
    paper BLOB PRIMARY KEY,
    sort TEXT NOT NULL,
    cti BLOB NOT NULL,
    generation INTEGER NOT NULL,
    step INTEGER NOT NULL,
    by TEXT NOT NULL,
    why TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX paper_open ON paper (step) WHERE step <= 2;
CREATE TABLE shown (
    cti BLOB PRIMARY KEY,
    generation INTEGER NOT NULL,
    checksum INTEGER NOT NULL
) WITHOUT ROWID;
