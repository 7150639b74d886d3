"""Processes that end by SIGKILL within one chosen system call (die_at.c)."""

import os
import subprocess
from functools import cache
from pathlib import Path

SOURCE = Path(__file__).parent / "die_at.c"


@cache
def library(folder: Path) -> Path:
    """Return the library to preload, made in `folder`."""
    made = folder / "die_at.so"
    command = ["gcc", "-shared", "-fPIC", "-O2", "-o", str(made), str(SOURCE), "-ldl"]
    subprocess.run(command, check=True)
    return made


def dying_at(number: int, folder: Path) -> dict[str, str]:
    """Return the environment of a process that dies in its `number`-th call; 0: it does not."""
    if not number:
        return dict(os.environ)
    preloaded = {"LD_PRELOAD": str(library(folder)), "GATEHOUSE_DIE_AT": str(number)}
    return {**os.environ, **preloaded}
