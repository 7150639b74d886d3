"""`gatehouse central publish` without a key to sign with: one sentence, and no restart."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.central_venue import description


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A central.toml of a prepared venue, whose broker need not be there."""
    folder = tmp_path_factory.mktemp("central")
    (folder / "venue.json").write_text(json.dumps(description()))
    told = folder / "central.toml"
    told.write_text(f'venue = "v"\ndirectory = "{folder}/central"\n[broker]\nport = 1\n')
    assert central(told, "prepare", "--file", str(folder / "venue.json")).returncode == 0
    return told


def central(told: Path, *command: str) -> subprocess.CompletedProcess[str]:
    whole = [sys.executable, "-m", "central", "--config", str(told), *command]
    return subprocess.run(whole, capture_output=True, text=True, check=False, timeout=300)


@pytest.mark.xdist_group("publish")
@pytest.mark.parametrize(
    ("purpose", "how"), [("heartbeat", "gone"), ("list", "no key"), ("essentials", "a folder")]
)
def test_it_says_which_key_and_what_to_do(told: Path, purpose: str, how: str) -> None:
    key = told.parent / "central" / "keys" / f"trust-{purpose}.pem"
    aside = key.rename(key.with_suffix(".aside"))
    try:
        if how == "no key":
            key.write_text("-----BEGIN PRIVATE KEY-----\nrubbish")
        elif how == "a folder":
            key.mkdir()
        done = central(told, "publish")
        said = done.stderr.strip().splitlines()
        assert done.returncode == 78
        assert len(said) == 1, done.stderr
        assert str(key) in said[0]
        assert f"gatehouse central trust rotate {purpose}" in said[0]
    finally:
        if key.is_dir():
            key.rmdir()
        aside.rename(key)
