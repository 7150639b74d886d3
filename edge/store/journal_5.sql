-- Lanes that were locked and not set to anything else since: a restart opens none of them.
CREATE TABLE locked (lane TEXT PRIMARY KEY) WITHOUT ROWID;
