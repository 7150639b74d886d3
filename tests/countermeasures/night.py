"""The steps of a night's part `breaks` (tests/night.py): every row, with its tests.

First all tests have to pass as things are, those of one file in one step; then come the changes,
two at a time, but for those which tests of whole systems have to notice.
"""

import atexit
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import cache

from tests.countermeasures.copies import Copy, copied
from tests.countermeasures.every import EVERY
from tests.countermeasures.page import ROOT, Row, rows
from tests.countermeasures.terms import Change
from tests.countermeasures.trial import must_notice, wrong_broken, wrong_unbroken

Tried = dict[str, float]
One = tuple[Row, Change]
AT_ONCE = 2
WHOLE = "tests/system/"


def steps(share: float) -> Iterator[tuple[str, Callable[[], tuple[str, Tried]]]]:
    """Yield each step's name, and what returns (what is wrong, or nothing; what was tried)."""
    wanted = rows()[: max(1, round(len(rows()) * share))]
    by_file: dict[str, list[str]] = {}
    for test in sorted({test for row in wanted for test in row.tests}):
        by_file.setdefault(test.partition("::")[0], []).append(test)
    for file, tests in by_file.items():
        tests.sort(key=_place_in(file))
    for file, tests in by_file.items():
        yield f"{file} as things are", lambda tests=tests: _unbroken(tests)  # type: ignore[misc]
    every = [(row, change) for row in wanted for change in EVERY[row.attack]]
    alone = [one for one in every if any(test.startswith(WHOLE) for test in must_notice(*one))]
    quick = [one for one in every if one not in alone]
    groups = [quick[at : at + AT_ONCE] for at in range(0, len(quick), AT_ONCE)]
    for group in (*groups, *([one] for one in alone)):
        name = " and ".join(f"without {_name(*one)}" for one in group)
        yield name, lambda group=group: _broken(group)  # type: ignore[misc]


def _place_in(file: str) -> Callable[[str], int]:
    """Return what tells the order of a file's tests: some share what the last of them ends."""
    source = (ROOT / file).read_text(encoding="utf-8")
    return lambda test: source.find(f"def {test.rpartition('::')[2]}(")


def _name(row: Row, change: Change) -> str:
    return f"{EVERY[row.attack].index(change) + 1} against {row.attack}"


def _unbroken(tests: Sequence[str]) -> tuple[str, Tried]:
    return wrong_unbroken(_copies()[0], tests), {}


def _broken(group: Sequence[One]) -> tuple[str, Tried]:
    with ThreadPoolExecutor(AT_ONCE) as threads:
        said = list(threads.map(lambda one, copy: wrong_broken(copy, *one), group, _copies()))
    wrong = [f"{_name(*one)}: {why}" for one, why in zip(group, said, strict=True) if why]
    noticed = sum(len(must_notice(*one)) for one in group)
    return "\n".join(wrong), {"countermeasures taken out": len(group), "times noticed": noticed}


@cache
def _copies() -> tuple[Copy, ...]:
    """Return copies that last as long as this process."""
    lasting = ExitStack()
    atexit.register(lasting.close)
    return tuple(lasting.enter_context(copied()) for _ in range(AT_ONCE))
