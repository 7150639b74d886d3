"""A plugin of pytest that writes down how each test ended: `-p tests.countermeasures.witness`.

The exit status alone cannot tell a test that noticed from one that could not be run.
"""

import json
import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

VARIABLE = "GATEHOUSE_WITNESS"
"""Names the file: a line for each phase of each test, [name, phase, outcome, kind of exception]."""


def _note(*told: str) -> None:
    with Path(os.environ[VARIABLE]).open("a") as file:
        file.write(json.dumps(told) + "\n")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[Any]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    kind = _kind(call.excinfo.value) if call.excinfo else ""
    _note(item.nodeid, report.when, report.outcome, kind)
    return report


def _kind(error: BaseException) -> str:
    """Return what an exception is called; of several that hypothesis found, of one at least."""
    if isinstance(error, BaseExceptionGroup):
        kinds = sorted({_kind(one) for one in error.exceptions})
        return next((kind for kind in kinds if kind != "AssertionError"), "AssertionError")
    timed_out = isinstance(error, pytest.fail.Exception) and str(error).startswith("Timeout")
    return "Timeout" if timed_out else type(error).__name__


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of a test that has a share for the night, leave that out: the rest notices, or none does."""
    quick = {_function(item) for item in items if not item.get_closest_marker("nightly")}
    left = [
        item for item in items if item.get_closest_marker("nightly") and _function(item) in quick
    ]
    if left:
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if item not in left]


def _function(item: pytest.Item) -> str:
    return item.nodeid.partition("[")[0]


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if report.failed:
        _note(report.nodeid, "collect", "failed", "")
