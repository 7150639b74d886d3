"""The API against its own description: whatever the description lets one send, and what it does
not, gets an answer that the description names, and never a 500."""

import json
import os
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.brokers import free_port
from tests.central_venue import description
from tests.system.conftest import ROOT, until

SCHEMATHESIS = "schemathesis==4.32.5"
"""Not among the locked packages: this alone wants it, and it loads itself into every test."""
EXAMPLES = 60
SECONDS_MAX = 900

pytestmark = [
    pytest.mark.nightly,
    pytest.mark.timeout(SECONDS_MAX + 60),
    pytest.mark.xdist_group("venue"),
]

MAKE_KEY = """
import django; django.setup()
from central.api.keys import draw, keep
from central.api.models import ChannelKey
from central.venue.models import Venue
may = dict(may_issue=True, may_refund=True, may_undo=True)
made = ChannelKey(venue=Venue.objects.get(), name="x", created_at=0, per_minute=10**6, **may)
text = draw(); keep(made, text); made.save(); print(text)
"""


@pytest.fixture
def told(tmp_path: Path) -> Path:
    path = tmp_path / "central.toml"
    path.write_text(
        f'venue = "v"\ndirectory = "{tmp_path / "central"}"\n[web]\nport = {free_port()}\n'
    )
    return path


@pytest.fixture
def tickets(tmp_path: Path, told: Path) -> list[str]:
    """The ctis of a prepared venue."""
    (tmp_path / "venue.json").write_text(json.dumps(description(20)))
    out = tmp_path / "tickets.jsonl"
    command = ["prepare", "--file", str(tmp_path / "venue.json"), "--tickets-out", str(out)]
    subprocess.run([sys.executable, "-m", "central", "--config", str(told), *command], check=True)
    return [json.loads(line)["cti"] for line in out.read_text().splitlines()]


@pytest.fixture
def address(told: Path, tickets: list[str]) -> Iterator[str]:
    assert tickets
    command = [sys.executable, "-m", "central", "--config", str(told), "web"]
    process = subprocess.Popen(command, cwd=ROOT)
    port = told.read_text().split("port = ")[1].strip()
    try:
        until(lambda: _answers(f"http://127.0.0.1:{port}/healthz"), "central's pages")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as given:
            return bool(given.status == 200)
    except OSError:
        return False


def test_no_request_is_answered_otherwise_than_described(
    tmp_path: Path, told: Path, tickets: list[str], address: str
) -> None:
    central = {"GATEHOUSE_CENTRAL_CONFIG": str(told), "DJANGO_SETTINGS_MODULE": "central.settings"}
    made = subprocess.run(
        [sys.executable, "-c", MAKE_KEY],
        **{"cwd": ROOT, "env": {**os.environ, **central}},  # type: ignore[call-overload]
        capture_output=True,
        text=True,
        check=True,
    )
    (tmp_path / "schemathesis.toml").write_text(
        f'[parameters]\n"path.ticket" = {json.dumps(tickets[0])}\n'
    )
    uvx = shutil.which("uvx", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    assert uvx, "uv is not installed: run `make setup`."
    played = subprocess.run(
        [
            *(uvx, SCHEMATHESIS, "run", f"{address}/api/1/openapi.json"),
            *("--header", f"Authorization: Bearer {made.stdout.strip()}"),
            *("--max-examples", str(EXAMPLES), "--seed", "1"),
            *("--phases", "examples,coverage,fuzzing", "--no-color"),
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )
    assert played.returncode == 0, played.stdout[-6000:] + played.stderr[-2000:]
