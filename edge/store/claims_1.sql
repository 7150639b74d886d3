-- What a hub holds of the uses of rights, and how far it has heard each device.

CREATE TABLE term (one INTEGER PRIMARY KEY CHECK (one = 1), number INTEGER NOT NULL);

-- One use as it was claimed, or as its holder's journal says (rules/claim.py).
CREATE TABLE held (
    device BLOB NOT NULL,
    admission BLOB NOT NULL,
    person INTEGER NOT NULL,
    outcome INTEGER NOT NULL,
    committed INTEGER NOT NULL,
    cti BLOB NOT NULL,
    checkpoint TEXT NOT NULL,
    kind TEXT NOT NULL,
    lane TEXT NOT NULL,
    generation INTEGER NOT NULL,
    wall INTEGER NOT NULL,
    checksum INTEGER NOT NULL,
    PRIMARY KEY (device, admission, person)
) WITHOUT ROWID;
CREATE INDEX held_of_right ON held (cti);

-- Rows 1 to `upto` of an epoch are in `held`.
CREATE TABLE heard (
    device BLOB NOT NULL,
    epoch BLOB NOT NULL,
    upto INTEGER NOT NULL,
    PRIMARY KEY (device, epoch)
) WITHOUT ROWID;
