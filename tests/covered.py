"""What the tests have tried, in numbers: cuts, kills, inputs, seeds; told at the end of a run.

`make test` prints it; a night also writes it down (`tools/nightly`), for docs/promises.md. Tests
that run two at a time, and their processes, write to one file, a line for each word.
"""

import json
import os
from collections import Counter
from pathlib import Path

VARIABLE = "GATEHOUSE_COVERED"
"""Names the file; without it nothing is noted."""
SECONDS = " seconds"
"""What ends so is a time, of which the longest counts; everything else is summed."""


def note(what: str, count: float = 1) -> None:
    """Say that `count` more of `what` were tried, or how many seconds one of them took."""
    told = os.environ.get(VARIABLE)
    if told:
        with Path(told).open("a") as file:
            file.write(json.dumps([what, count]) + "\n")


def total(path: Path) -> dict[str, float]:
    """Return the sums of a file, by what was tried."""
    sums: Counter[str] = Counter()
    for line in path.read_text().splitlines() if path.exists() else ():
        what, count = json.loads(line)
        sums[what] = max(sums[what], count) if what.endswith(SECONDS) else sums[what] + count
    return dict(sorted(sums.items()))


def sentence(sums: dict[str, float]) -> str:
    """Return the sums in words: `450 cuts, 5 kills`."""
    return ", ".join(f"{count:,.6g} {what}" for what, count in sums.items())
