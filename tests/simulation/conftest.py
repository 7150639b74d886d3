"""Central's own code runs here too: Django is set up as central's tests have it."""

import logging
from collections.abc import Iterator

import pytest

from tests.central_database import set_up


@pytest.fixture(autouse=True, scope="session")
def central() -> None:
    set_up()


@pytest.fixture(autouse=True)
def talkative() -> Iterator[None]:
    """Seeds are run without any log; the tests after them hear it again."""
    yield
    logging.disable(logging.NOTSET)
