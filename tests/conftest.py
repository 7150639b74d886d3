"""What all tests share: none of them is failed for being slow, and all say what they tried."""

import gc
import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests import covered

OPEN_FILES = Path("/proc/self/fd")
FILES_MAX = 300
"""That a test may find open: far below what `select` takes, far above what any test needs."""

settings.register_profile("gatehouse", deadline=None)
settings.load_profile("gatehouse")


def pytest_configure() -> None:
    """Name the file to which everybody notes, before there are others.

    What a shell starts in the background ignores Ctrl-C, and so would all that we start.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if covered.VARIABLE not in os.environ:
        handle, name = tempfile.mkstemp(prefix="gatehouse-covered-")
        os.close(handle)
        os.environ[covered.VARIABLE] = name


@pytest.fixture(autouse=True)
def files_are_let_go() -> Iterator[None]:
    """A test that leaves files open fails itself, not the one after it that has one too many.

    Beyond 1,024 `select` takes none, and so paho neither connects nor says why.
    """
    yield
    if len(list(OPEN_FILES.iterdir())) > FILES_MAX:
        gc.collect()
        still = [str(os.path.realpath(file)) for file in OPEN_FILES.iterdir()]
        assert len(still) <= FILES_MAX, f"{len(still)} files are still open: {sorted(still)}"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    path = Path(os.environ[covered.VARIABLE])
    said = covered.sentence(covered.total(path))
    if said:
        terminalreporter.write_line(f"tried: {said}")
    if path.name.startswith("gatehouse-covered-"):
        path.unlink(missing_ok=True)
        del os.environ[covered.VARIABLE]
