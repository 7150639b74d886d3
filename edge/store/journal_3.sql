-- The highest counter of central's orders that was ever answered here: none is answered again.
CREATE TABLE answered (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    counter INTEGER NOT NULL,
    checksum INTEGER NOT NULL
);
