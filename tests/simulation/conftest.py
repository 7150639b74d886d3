"""Central's own code runs in this process too: set up as its other tests have it, whoever is first."""

import pytest

from tests.central_database import set_up


@pytest.fixture(autouse=True, scope="session")
def central() -> None:
    set_up()
