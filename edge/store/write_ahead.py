"""Commits that lie in a write-ahead log, and that SQLite does not read any more.

SQLite reads such a log up to the first frame whose checksum is wrong: there, it takes it, the power
went. One bit that rots in the midst of it so takes away every commit behind it, without a word.
But each commit is on disk before the next begins, so a power cut leaves at most one unfinished:
a commit behind the end, with more behind it, was read before and is lost.

Of the last commit of all nothing can tell whether it was ever finished.

Format: https://www.sqlite.org/walformat.html and fileformat2.html, 4.1.
"""

import sqlite3
from pathlib import Path

HEADER_BYTES, FRAME_HEADER_BYTES = 32, 24
ATTEMPTS = 3
"""Another daemon may begin the log anew meanwhile."""
_SALTS = slice(16, 24)


def lost_commits(path: Path, database: sqlite3.Connection) -> bool:
    """Whether commits are lost in the log beside a file, which `database` has open.

    Raise OSError or sqlite3.Error.
    """
    log = path.with_name(f"{path.name}-wal")
    (page_bytes,) = database.execute("PRAGMA page_size").fetchone()
    for _ in range(ATTEMPTS):
        try:
            content = log.read_bytes()
            # How many frames SQLite reads. It stands in the -shm too; whoever closed that again
            # would take away the locks of this process's connections.
            _, read, _ = database.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            salts = log.read_bytes()[_SALTS]
        except FileNotFoundError:
            return False
        if salts == content[_SALTS] and read >= 0:  # Below: another one is tidying up just now.
            return _lost(content, read, page_bytes)
    return False


def _lost(content: bytes, read: int, page_bytes: int) -> bool:
    """`read`: how many frames SQLite reads."""
    step = FRAME_HEADER_BYTES + page_bytes
    heads = [
        content[at : at + FRAME_HEADER_BYTES] for at in range(HEADER_BYTES, len(content), step)
    ]
    told = content[_SALTS]
    ours = {told}
    if heads and (int.from_bytes(heads[0][8:16]) ^ int.from_bytes(told)).bit_count() == 1:
        ours.add(heads[0][8:16])  # The bit that went is one of these.
    committed = False
    for head in heads[read:]:
        if head[8:16] not in ours:
            continue
        if committed:
            return True
        committed = any(head[4:8])
    return False
