"""docs/promises.md names tests that exist, and its figures are those of the last night."""

import ast
import json
import re

import pytest

from tests.night import BEGIN, END, FIGURES, PROMISES, ROOT, TESTS, table

PAGE = PROMISES.read_text()
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)))
ROWS = [
    row for row in PAGE.partition("| promise |")[2].partition("\n\n")[0].splitlines()[2:] if row
]


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_the_test_exists(file: str, name: str) -> None:
    tree = ast.parse((ROOT / file).read_text())
    assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("row", ROWS)
def test_every_promise_is_one_sentence_and_is_tried(row: str) -> None:
    promise, tried = (cell.strip() for cell in row.strip("|").split("|"))
    assert promise.endswith(".")
    assert ". " not in promise
    assert NAMED
    assert re.search(r"`tests/[\w/]+\.py::\w+`", tried), promise


def test_the_figures_are_those_that_a_night_left() -> None:
    figures = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
    assert PAGE.partition(BEGIN)[2].partition(END)[0] == table(figures)


@pytest.mark.parametrize("path", [one for part in TESTS.values() for one in part])
def test_what_a_night_runs_is_there(path: str) -> None:
    assert (ROOT / path).exists()
