"""Whether a test notices: it passes with the countermeasure, and fails without it by itself."""

import json
import os
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from tests.countermeasures.copies import Copy
from tests.countermeasures.page import Row
from tests.countermeasures.terms import Change
from tests.countermeasures.witness import VARIABLE

ASSERTED = {"AssertionError", "Failed"}
"""How a test fails that judges; anything else may be a program that could not run."""


class Ended(NamedTuple):
    """A phase of a test (witness.py)."""

    name: str
    phase: str
    outcome: str
    kind: str


@dataclass(frozen=True, slots=True)
class Played:
    status: int
    ended: tuple[Ended, ...]
    said: str


def play(copy: Copy, tests: Iterable[str], stop_at_first: bool = False) -> Played:
    """Run tests in a copy as it stands."""
    with TemporaryDirectory() as folder:
        noted = Path(folder) / "noted"
        options = ["-p", "tests.countermeasures.witness", "-p", "no:cacheprovider", "-n", "0"]
        options += ["-x"] if stop_at_first else []
        command = [str(copy.python), "-m", "pytest", "-q", *options, *tests]
        variables = {name: value for name, value in os.environ.items() if "PYTEST" not in name}
        played = subprocess.run(
            command,
            cwd=copy.folder,
            env={**variables, VARIABLE: str(noted)},
            capture_output=True,
            text=True,
            check=False,
        )
        lines = noted.read_text().splitlines() if noted.exists() else []
    ended = tuple(Ended(*json.loads(line)) for line in lines)
    return Played(played.returncode, ended, played.stdout + played.stderr)


def must_notice(row: Row, change: Change) -> tuple[str, ...]:
    """Return the tests that must fail with a change."""
    names = {test: test for test in row.tests}
    names |= {test.rpartition("::")[2]: test for test in row.tests}
    return tuple(names[name] for name in change.tests) or row.tests


def wrong_unbroken(copy: Copy, tests: Iterable[str]) -> str:
    """Return why tests are no proof, since they do not pass as things are; nothing if they do."""
    played = play(copy, tests)
    skipped = [one.name for one in played.ended if one.outcome == "skipped"]
    if played.status == 0 and not skipped:
        return ""
    return f"unbroken: status {played.status}, skipped {skipped}\n{played.said[-4000:]}"


def wrong_broken(copy: Copy, row: Row, change: Change) -> str:
    """Return which tests do not notice a change, and what they said; nothing if all do."""
    tests = must_notice(row, change)
    with copy.without(change):
        played = play(copy, tests, stop_at_first=len(tests) == 1)
    wrong = [
        f"{test}: {why}"
        for test in tests
        if (why := _unnoticed(test, played, ASSERTED | set(change.by)))
    ]
    if not wrong and played.status != 1:
        wrong = [f"status {played.status}"]
    return "\n".join([*wrong, played.said[-4000:]]) if wrong else ""


def _unnoticed(test: str, played: Played, kinds: set[str]) -> str:
    """Return why this is no test that noticed; nothing if it is."""
    ended = [one for one in played.ended if one.name.partition("[")[0] == test]
    if not ended:
        return "was not run"
    if not any(one.phase == "call" for one in ended):
        return "did not get as far as to run"
    failed = [one.kind for one in ended if (one.phase, one.outcome) == ("call", "failed")]
    if not failed:
        return "does not notice"
    if not kinds.intersection(failed):
        return f"failed by {failed[0]}, which is no judgement of its own"
    return ""
