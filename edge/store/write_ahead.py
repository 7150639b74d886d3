"""Commits that lie in a write-ahead log, and that SQLite does not read any more.

SQLite reads such a log up to the first frame whose checksum is wrong: there, it takes it, the power
went. One bit that rots in the midst of it so takes away every commit behind it, without a word.
But each commit is on disk before the next begins, so a power cut leaves at most one unfinished:
a commit behind the end, with more behind it, was read before and is lost.

Of the last commit of all nothing can tell whether it was ever finished.

Format: https://www.sqlite.org/walformat.html and fileformat2.html, 4.1.
"""

from pathlib import Path

HEADER_BYTES, FRAME_HEADER_BYTES = 32, 24
ATTEMPTS = 3
"""Another daemon may begin the log anew meanwhile."""
_SALTS = slice(16, 24)


def lost_commits(path: Path, page_bytes: int) -> bool:
    """Whether commits are lost in the log beside a database, of which a connection has read.

    Raise OSError.
    """
    log, index = (path.with_name(f"{path.name}-{end}") for end in ("wal", "shm"))
    for _ in range(ATTEMPTS):
        try:
            content = log.read_bytes()
            with index.open("rb") as file:
                read = int.from_bytes(file.read(20)[16:], byteorder="little")
            with log.open("rb") as file:
                salts = file.read(HEADER_BYTES)[_SALTS]
        except FileNotFoundError:
            return False
        if salts == content[_SALTS]:
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
