"""The table of docs/security.md: attacks, what stops each, and the tests that try it."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs/security.md"


@dataclass(frozen=True, slots=True)
class Row:
    attack: str
    tests: tuple[str, ...]
    """As pytest names them: file::function."""


def rows() -> list[Row]:
    lines = PAGE.read_text().partition("| attack |")[2].splitlines()[2:]
    found = []
    for line in lines:
        if line.startswith("|"):
            attack, _, tests = (cell.strip() for cell in line.strip("|").split("|"))
            found.append(Row(attack, tuple(re.findall(r"`(tests/[\w/]+\.py::\w+)`", tests))))
    return found
