-- The newest moving code of each right that was let in here: an older one is a picture of it.
CREATE TABLE moving (
    cti BLOB PRIMARY KEY,
    code_time INTEGER NOT NULL,
    checksum INTEGER NOT NULL
) WITHOUT ROWID;
