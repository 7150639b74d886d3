"""A central with nothing in it, for each test."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import central_database
from tests.central_venue import description


@pytest.fixture(autouse=True)
def central() -> Iterator[None]:
    central_database.set_up()
    central_database.empty()
    yield
    central_database.empty()


@pytest.fixture
def tickets(tmp_path: Path) -> list[dict[str, Any]]:
    """A prepared venue; returns its tickets."""
    from central.venue.prepare import prepare

    (tmp_path / "venue.json").write_text(json.dumps(description()))
    out = tmp_path / "tickets.jsonl"
    assert prepare(tmp_path / "venue.json", out) == 8
    return [json.loads(line) for line in out.read_text().splitlines()]
