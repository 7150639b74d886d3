"""Central's own code runs here too: Django is set up as central's tests have it."""

import logging
from collections.abc import Iterator

import pytest

from gatehouse.simulation import seeds
from tests.central_database import set_up


@pytest.fixture(autouse=True, scope="session")
def central() -> None:
    set_up()


@pytest.fixture(autouse=True)
def silent(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Without the daemons' logs, which the tests after these hear again.

    `seeds.prepare` is for processes that run seeds and nothing else: it leaves SQLite's locks and
    its -shm out, and no other process sees any more what a test after it writes.
    """

    def prepare() -> None:
        raise AssertionError("in a process that runs other tests too")

    monkeypatch.setattr(seeds, "prepare", prepare)
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)
