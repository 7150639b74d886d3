"""Central's own code runs here too: Django is set up as central's tests have it."""

import pytest

from tests.central_database import set_up


@pytest.fixture(autouse=True, scope="session")
def central() -> None:
    set_up()
