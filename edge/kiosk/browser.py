"""The kiosk's browser: told where the page is by a file that only its own user can read.

The token in that address is drawn once per boot (the file lies in memory) and outlives restarts of
the daemon, so that the page goes on by itself.
"""

import os
import re
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

from edge.runtime.config import ConfigError

TOKEN_BYTES = 24
WAIT_SECONDS = 60.0
ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+/enter/([0-9a-f]+)\s*")
ARGUMENTS = (
    *("--kiosk", "--no-first-run", "--noerrdialogs", "--disable-infobars", "--disable-pinch"),
    *("--overscroll-history-navigation=0", "--disable-features=Translate,TouchpadOverscroll"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-session-crashed-bubble", "--autoplay-policy=no-user-gesture-required"),
    *("--check-for-update-interval=31536000", "--enable-speech-dispatcher"),
)


def token(file: Path, draw: Callable[[int], bytes]) -> str:
    """Return this boot's token: the one in the file, or a new one."""
    try:
        known = ADDRESS.fullmatch(file.read_text())
    except OSError:
        known = None
    return known[1] if known else draw(TOKEN_BYTES).hex()


def tell(file: Path, port: int, given: str) -> None:
    """Write where the page is, for the browser's group alone."""
    fresh = file.with_name(f".{file.name}")
    file.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(fresh, os.O_CREAT | os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC, 0o640)
    with os.fdopen(handle, "w") as out:
        out.write(f"http://127.0.0.1:{port}/enter/{given}\n")
    fresh.rename(file)


def run(file: Path) -> int:
    """Become the browser, once the daemon has said in `file` where its page is."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if not found:
        raise ConfigError("chromium is not installed; run provisioning/install kiosk")
    for _ in range(int(WAIT_SECONDS)):
        if file.exists():
            break
        time.sleep(1.0)  # noqa: TID251 - a process of its own, before it becomes another
    else:
        sys.stderr.write(f"{file}: the kiosk has not said where its page is\n")
        return 1
    profile = os.environ.get("RUNTIME_DIRECTORY", "/tmp")
    address = file.read_text().strip()
    return os.execv(found, [found, *ARGUMENTS, f"--user-data-dir={profile}/browser", address])
