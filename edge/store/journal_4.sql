-- What was drawn from the offline budget since the list was last fresh.

CREATE TABLE budget (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    admissions INTEGER NOT NULL,
    said INTEGER NOT NULL,
    age_ms INTEGER NOT NULL,
    noted_ms INTEGER,
    checksum INTEGER NOT NULL
);
