"""The one setting that chooses the database, and what a person is told when it does not work."""

import subprocess
import sys
from pathlib import Path

import pytest

from central import config
from central.database import settings_of

# Nothing here works on a database.
pytestmark = pytest.mark.parametrize("central", ["sqlite"], indirect=True)

AWAY = "postgresql://nobody:secret@127.0.0.1:1/none"


def test_the_url_says_all_that_libpq_is_to_know() -> None:
    url = "postgresql://clerk:open%20door@db.local:5433/venue?sslmode=verify-full"
    told = settings_of(url, Path("/nowhere"))
    assert (told["NAME"], told["USER"], told["PASSWORD"]) == ("venue", "clerk", "open door")
    assert (told["HOST"], told["PORT"]) == ("db.local", "5433")
    assert told["OPTIONS"]["sslmode"] == "verify-full"


@pytest.mark.parametrize(
    "url", ["postgresql://h/n?colour=red", "postgresql://[::1/n", "postgresql://h:p%zz@h/n"]
)
def test_a_url_that_cannot_be_read_is_said(tmp_path: Path, url: str) -> None:
    told = tmp_path / "central.toml"
    told.write_text(f'database = "{url}"')
    with pytest.raises(config.ConfigError, match=r"central\.toml: database: "):
        config.load(told)


@pytest.mark.parametrize("command", [[], ["migrate"], ["totals"]], ids=["all", "migrate", "totals"])
def test_a_database_that_is_away_is_one_sentence(tmp_path: Path, command: list[str]) -> None:
    told = tmp_path / "central.toml"
    told.write_text(f'directory = "{tmp_path}"\ndatabase = "{AWAY}"\n')
    start = [sys.executable, "-m", "central", "--config", str(told), *command]
    ended = subprocess.run(start, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 75
    assert ended.stderr.startswith("central: the database named in central.toml does not answer: ")
    assert ended.stderr.count("\n") == 1
    assert "secret" not in ended.stderr
