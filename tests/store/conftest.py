"""Fixtures of the store's tests."""

from pathlib import Path

import pytest

from tests.device import ListMaker


@pytest.fixture
def lists(tmp_path: Path) -> ListMaker:
    folder = tmp_path / "made"
    folder.mkdir()
    return ListMaker(folder)


@pytest.fixture
def device(tmp_path: Path) -> Path:
    return tmp_path / "device"
