-- How far central has acknowledged each epoch of the journal.
CREATE TABLE acknowledged (epoch BLOB PRIMARY KEY, upto INTEGER NOT NULL) WITHOUT ROWID;
