"""A central with nothing in it, for each test, on SQLite and on PostgreSQL."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import central_database
from tests.central_venue import description
from tests.clusters import TestCluster, running_cluster


@pytest.fixture(scope="session")
def cluster() -> Iterator[TestCluster]:
    """A running PostgreSQL, the same for all tests of a process."""
    with running_cluster() as running:
        yield running


@pytest.fixture(
    autouse=True,
    # One group, so that parallel tests start one cluster.
    params=["sqlite", pytest.param("postgresql", marks=pytest.mark.xdist_group("postgresql"))],
)
def central(request: pytest.FixtureRequest) -> None:
    database: str = request.param
    if database == "postgresql":
        running: TestCluster = request.getfixturevalue("cluster")
        database = running.url("postgres")
    central_database.use(database)
    central_database.empty()


@pytest.fixture
def tickets(tmp_path: Path) -> list[dict[str, Any]]:
    """A prepared venue; returns its tickets."""
    from central.venue.prepare import prepare

    (tmp_path / "venue.json").write_text(json.dumps(description()))
    out = tmp_path / "tickets.jsonl"
    assert prepare(tmp_path / "venue.json", out) == 8
    return [json.loads(line) for line in out.read_text().splitlines()]
