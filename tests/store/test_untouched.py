"""Looking at a device's files: everything is seen, and nothing of it changes."""

import hashlib
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from edge.store.database import open_durable
from edge.store.untouched import open_untouched

ROOT = Path(__file__).parent.parent.parent


def remains(folder: Path) -> dict[str, bytes]:
    """Return every file of a folder by name, as a hash."""
    return {one.name: hashlib.sha256(one.read_bytes()).digest() for one in folder.iterdir()}


LOOK = """
import sys, pathlib
from edge.store.untouched import open_untouched
database = open_untouched(pathlib.Path(sys.argv[1]))
print(*database.execute("SELECT count(*) FROM epoch").fetchone())
"""


def rows(path: Path) -> int:
    """Look as a person does: from another process than the one that writes."""
    command = [sys.executable, "-c", LOOK, str(path)]
    return int(subprocess.run(command, capture_output=True, check=True, cwd=ROOT).stdout)


@pytest.fixture
def written(tmp_path: Path) -> sqlite3.Connection:
    (tmp_path / "state").mkdir()
    database = open_durable(tmp_path / "state/journal.db", "journal")
    database.execute("INSERT INTO epoch VALUES (1, x'01', x'02')")
    return database


def test_while_a_daemon_writes_its_newest_row_is_seen(
    tmp_path: Path, written: sqlite3.Connection
) -> None:
    before = remains(tmp_path / "state")
    assert rows(tmp_path / "state/journal.db") == 1
    assert remains(tmp_path / "state") == before
    written.execute("INSERT INTO epoch VALUES (2, x'03', x'04')")
    assert rows(tmp_path / "state/journal.db") == 2


def test_where_nobody_has_it_open_no_file_appears(
    tmp_path: Path, written: sqlite3.Connection
) -> None:
    written.close()
    before = remains(tmp_path / "state")
    assert set(before) == {"journal.db"}
    assert rows(tmp_path / "state/journal.db") == 1
    assert remains(tmp_path / "state") == before


@pytest.mark.parametrize("lost", ["", "journal.db-shm"])
def test_after_a_power_cut_what_was_committed_is_seen(
    tmp_path: Path, written: sqlite3.Connection, lost: str
) -> None:
    cut = tmp_path / "cut"
    shutil.copytree(tmp_path / "state", cut)
    written.close()
    if lost:
        (cut / lost).unlink()
    before = remains(cut)
    assert rows(cut / "journal.db") == 1
    assert remains(cut) == before


def test_what_is_not_there_and_what_is_no_database_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        open_untouched(tmp_path / "journal.db")
    (tmp_path / "journal.db").write_bytes(b"not a database, only text" * 100)
    with pytest.raises(sqlite3.DatabaseError):
        open_untouched(tmp_path / "journal.db")
