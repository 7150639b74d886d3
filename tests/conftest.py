"""What all tests share: none of them is failed for being slow, and all say what they tried."""

import os
import signal
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings

from tests import covered

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


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    path = Path(os.environ[covered.VARIABLE])
    said = covered.sentence(covered.total(path))
    if said:
        terminalreporter.write_line(f"tried: {said}")
    if path.name.startswith("gatehouse-covered-"):
        path.unlink(missing_ok=True)
        del os.environ[covered.VARIABLE]
