"""Each attack of docs/security.md names the test that tries it, and that test exists."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs/security.md").read_text()
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", PAGE)))
ROWS = [line for line in PAGE.partition("| attack |")[2].splitlines()[2:] if line.startswith("|")]


@pytest.mark.parametrize(("file", "name"), NAMED, ids="::".join)
def test_the_test_exists(file: str, name: str) -> None:
    tree = ast.parse((ROOT / file).read_text())
    functions = ast.FunctionDef | ast.AsyncFunctionDef
    assert name in {node.name for node in ast.walk(tree) if isinstance(node, functions)}


@pytest.mark.parametrize("row", ROWS)
def test_every_attack_is_tried(row: str) -> None:
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert len(cells) == 3, row
    assert re.search(r"`tests/[\w/]+\.py::\w+`", cells[2]), f"no test tries it: {cells[0]}"
