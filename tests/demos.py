"""A demonstration that runs while tests look at its pages, and the browser they look with."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""
ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
PATIENCE_MS = 30_000


@dataclass
class DemoVenue:
    live: str
    stands: str
    holder: str
    kiosk: str
    folder: Path


@contextmanager
def running_demo(folder: Path, *more: str) -> Iterator[DemoVenue]:
    """A demonstration to which no crowd comes: lane and kiosk are ours; `more`: its options."""
    said = folder.with_name("said")
    with said.open("wb") as out:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "gatehouse", "demo", "--visitors", "0"),
                *("--pace", "0.1", "--keep", str(folder), *more),
            ],
            stderr=out,
            env={**os.environ, "COLUMNS": "200"},
        )
    try:
        until = time.monotonic() + 120
        while len(found := re.findall(r"http://127\.0\.0\.1:\d+/\S*", said.read_text())) < 4:
            assert process.poll() is None, said.read_text()
            assert time.monotonic() < until, said.read_text()
            time.sleep(0.2)
        live, stands, holder, kiosk = found[:4]
        yield DemoVenue(live, stands, holder, kiosk, folder)
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0, said.read_text()
