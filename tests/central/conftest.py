"""A central with nothing in it, for each test."""

from collections.abc import Iterator

import pytest

from tests import central_database


@pytest.fixture(autouse=True)
def central() -> Iterator[None]:
    central_database.set_up()
    central_database.empty()
    yield
    central_database.empty()
