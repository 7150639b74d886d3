"""What the tests have tried, in numbers: cuts, kills, inputs, seeds; told at the end of a run.

`make test` prints it; a night also writes it down (`tools/nightly`), for docs/promises.md. Tests
that run two at a time, and their processes, write to one file, a line for each word.
"""

import json
import os
from pathlib import Path

VARIABLE = "GATEHOUSE_COVERED"
"""Names the file; without it nothing is noted."""
LONGEST = "at most "
"""What begins so is not summed: the highest counts."""


def note(what: str, count: float = 1) -> None:
    """Say that `count` more of `what` were tried, or `at most` how much something took."""
    told = os.environ.get(VARIABLE)
    if told:
        with Path(told).open("a") as file:
            file.write(json.dumps([what, count]) + "\n")


def total(path: Path) -> dict[str, float]:
    """Return the sums of a file, by what was tried."""
    sums: dict[str, float] = {}
    for line in path.read_text().splitlines() if path.exists() else ():
        what, count = json.loads(line)
        add(sums, what, count)
    return dict(sorted(sums.items()))


def add(sums: dict[str, float], what: str, count: float) -> None:
    before = sums.get(what, 0)
    sums[what] = max(before, count) if what.startswith(LONGEST) else before + count


def sentence(sums: dict[str, float]) -> str:
    """Return the sums in words: `450 cuts, 5 kills`."""
    words = []
    for what, count in sums.items():
        number = f"{count:,.0f}" if count >= 100 else f"{count:.3g}"
        rest = what.removeprefix(LONGEST)
        words.append(f"{LONGEST}{number} {rest}" if rest != what else f"{number} {what}")
    return ", ".join(words)
