-- The journal of a device: what happened here, and the uses of each right.

CREATE TABLE epoch (
    number INTEGER PRIMARY KEY,
    epoch BLOB NOT NULL UNIQUE,
    boot BLOB NOT NULL
);

-- One row for each event, as it is sent. `hash` covers the row before, whatever its epoch.
CREATE TABLE row (
    epoch INTEGER NOT NULL REFERENCES epoch (number),
    seq INTEGER NOT NULL,
    body BLOB NOT NULL,
    hash BLOB NOT NULL,
    wall_ms INTEGER NOT NULL,
    PRIMARY KEY (epoch, seq)
) WITHOUT ROWID;

-- The last row that was pruned: what is left hangs on it.
CREATE TABLE pruned (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    epoch INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    hash BLOB NOT NULL
);

-- Rows whose predecessor was lost to damage, and the hash that they hang on.
CREATE TABLE hangs (
    epoch INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    hash BLOB NOT NULL,
    PRIMARY KEY (epoch, seq)
) WITHOUT ROWID;

-- One use of a right: a person of an admission. Outlives the rows it came from.
CREATE TABLE use (
    number INTEGER PRIMARY KEY,
    admission BLOB NOT NULL,
    person INTEGER NOT NULL,
    cti BLOB NOT NULL,
    checkpoint TEXT NOT NULL,
    lane TEXT NOT NULL,
    outcome INTEGER NOT NULL,
    boot BLOB NOT NULL,
    uptime_ms INTEGER NOT NULL,
    wall_ms INTEGER NOT NULL,
    reopened INTEGER NOT NULL,
    open INTEGER NOT NULL,
    checksum INTEGER NOT NULL,
    UNIQUE (admission, person)
);
CREATE INDEX use_of_right ON use (cti, checkpoint);
CREATE INDEX use_open ON use (lane) WHERE open = 1;
