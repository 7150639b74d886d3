"""Every row of docs/security.md has its countermeasure taken out, and its tests notice.

Here: nothing is left out, nothing is stale, and a few are really tried. All of them:
`python -m tests.countermeasures`, or at night `make nightly PART=breaks`.
"""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.countermeasures import night
from tests.countermeasures.copies import Copy, Stale, changed, copied
from tests.countermeasures.every import AREAS, EVERY
from tests.countermeasures.page import ROOT, Row, rows
from tests.countermeasures.terms import Change, out
from tests.countermeasures.trial import must_notice, wrong_broken, wrong_unbroken

ROWS = {row.attack: row for row in rows()}
CHANGES = [(attack, change) for attack, changes in EVERY.items() for change in changes]
QUICK = (
    "a stolen exchange key that makes tickets of its own",
    "another event's key",
    "an older version of who may sign",
    "an answer held back",
    "digits changed, or of another ticket or step",
)
LINES_MAX = 5
GOOD = Row("none", ("tests/core/test_ticket.py::test_a_kid_has_one_to_four_bytes",))


def test_every_attack_of_the_page_is_here_once() -> None:
    assert set(EVERY) == set(ROWS)
    assert sum(map(len, AREAS)) == len(EVERY), "in two areas"


@pytest.mark.parametrize("row", ROWS.values(), ids=lambda row: row.attack)
def test_every_test_of_a_row_has_to_notice(row: Row) -> None:
    noticing = [test for change in EVERY[row.attack] for test in must_notice(row, change)]
    assert set(noticing) == set(row.tests)


@pytest.mark.parametrize(("attack", "change"), CHANGES)
def test_what_is_taken_out_stands_in_the_source_once(attack: str, change: Change) -> None:
    sources: dict[str, str] = {}
    for edit in change.edits:
        before = sources.get(edit.file) or (ROOT / edit.file).read_text()
        sources[edit.file] = changed(before, edit.old, edit.new, edit.file)
        assert edit.old != edit.new, attack
        assert not edit.file.startswith("tests/"), "what is broken is ours, not the test"
        assert len(edit.new.splitlines()) <= len(edit.old.splitlines()) + LINES_MAX, attack
    for file, source in sources.items():
        if file.endswith(".py"):
            compile(source, file, "exec")  # Else no test could say that it noticed.


def test_a_night_takes_each_out_once_after_all_tests_have_passed() -> None:
    names = [name for name, _ in night.steps(1.0)]
    first = next(at for at, name in enumerate(names) if name.startswith("without "))
    assert len(set(names)) == len(names)
    assert all(name.endswith(" as things are") for name in names[:first])
    told = " and ".join(names[first:])
    for attack, changes in EVERY.items():
        for number in range(1, len(changes) + 1):
            assert told.count(f"without {number} against {attack}") >= 1
    assert len(re.findall(r"without \d+ against ", told)) == len(CHANGES)


def test_a_source_that_has_moved_on_is_said() -> None:
    for old in ("no such line", "e"):
        with pytest.raises(Stale, match="times instead of once"):
            changed("three lines\nof one\nsource\n", old, "", "here.py")


# One copy for all of these.
tried = pytest.mark.xdist_group("countermeasures")


@pytest.fixture(scope="module")
def copy() -> Iterator[Copy]:
    with copied() as made:
        yield made


@tried
def test_as_things_are_the_tests_pass(copy: Copy) -> None:
    assert wrong_unbroken(copy, (test for attack in QUICK for test in ROWS[attack].tests)) == ""


@tried
@pytest.mark.parametrize("attack", QUICK)
def test_without_it_the_test_fails(copy: Copy, attack: str) -> None:
    assert wrong_broken(copy, ROWS[attack], EVERY[attack][0]) == ""


@tried
def test_the_copy_is_what_runs_wherever_a_process_is_started(copy: Copy, tmp_path: Path) -> None:
    """As tests start them: from another folder, and with next to nothing in the environment."""
    names = ["wire", "rules", "paper", "edge", "central", "simulators", "gatehouse", "tests.device"]
    script = f"import {', '.join(names)}\nprint(*({', '.join(f'{n}.__file__' for n in names)}))"
    plain = {"PATH": "/usr/bin:/bin"}
    asked = subprocess.run(
        [copy.python, "-c", script], cwd=tmp_path, env=plain, capture_output=True, text=True
    )
    assert asked.returncode == 0, asked.stderr
    found = asked.stdout.split()
    assert len(found) == len(names)
    assert all(Path(path).is_relative_to(copy.folder) for path in found), found
    source = copy.folder / "edge/hub/__main__.py"
    before = source.read_text()
    with copy.without(out("edge/hub/__main__.py", "def main(", "raise SystemExit(7)\ndef main(")):
        started = subprocess.run(
            [copy.python, "-m", "gatehouse", "hub", "--help"],
            cwd=tmp_path,
            env=plain,
            capture_output=True,
            check=False,
        )
        assert started.returncode == 7
    assert source.read_text() == before


@tried
@pytest.mark.parametrize(
    ("change", "why"),
    [
        (out("wire/ticket.py", "SMALL_MAX = 23 ", "SMALL_MAX = 23  "), "does not notice"),
        (out("wire/ticket.py", "SMALL_MAX = 23 ", "SMALL_MAX = = "), "was not run"),
        (out("wire/ticket.py", "if wrong or not 1 <=", "if worng or not 1 <="), "NameError"),
    ],
    ids=["nothing is changed", "it is no program", "it fails by itself"],
)
def test_not_every_failure_is_a_test_that_notices(copy: Copy, change: Change, why: str) -> None:
    assert why in wrong_broken(copy, GOOD, change).splitlines()[0]
