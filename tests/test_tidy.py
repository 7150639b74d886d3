"""Properties of the source itself that no linter checks. Only tracked files count."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PRODUCT = ("wire", "rules", "paper", "edge", "central", "simulators", "gatehouse")
FILE_LINES_MAX = 360
FUNCTION_LINES_MAX = 50
SHARED_BY_DRIVERS = {"bus_modbus", "escpos_transport", "escpos_usb", "gpio_errors", "serial_line"}
NAMES_THAT_SAY_NOTHING = re.compile(
    r"Manager|Helper|Util|Handler|Processor|Abstract|Common|Misc|Impl\b|Impl[A-Z]|"
    r"^Base|Base$|Data$|Info$"
)
# Written apart, because this file is searched as well.
FORBIDDEN = re.compile(
    rb"py" + rb"pi\.org|python" + rb"hosted|pi" + rb"wheels|registry\.npm"
    rb"|(index-url|find-links)\s*[= ]\s*\S*(:/|/\w)"
    rb"|(?<![\w.~/-])/wo" + rb"rk/"
)


def tracked(*patterns: str) -> list[Path]:
    """Return the files git knows; the checkout may belong to another user."""
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z", "--", *patterns]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    files = [ROOT / name for name in answer.stdout.split("\0") if name]
    return [file for file in files if file.is_file()]


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


MODULES = tracked("*.py", "tools/lock", "tools/setup")
OURS = [
    file
    for file in MODULES
    if name(file).startswith(tuple(f"{top}/" for top in PRODUCT)) and "migrations" not in file.parts
]
DRIVERS = {file.stem for file in tracked("edge/drivers/*_*.py") if file.stem != "__init__"}


@pytest.mark.parametrize("path", OURS, ids=name)
def test_a_module_can_be_read_at_one_sitting(path: Path) -> None:
    source = path.read_text()
    lines = source.count("\n")
    assert lines <= FILE_LINES_MAX, f"{name(path)} has {lines} lines: give a part its own module"
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            length = node.end_lineno - node.lineno + 1
            assert length <= FUNCTION_LINES_MAX, f"{node.name} has {length} lines: split it"


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_a_module_says_what_it_is_for(path: Path) -> None:
    source = path.read_text()
    if source.strip() and "migrations" not in path.parts:
        assert ast.get_docstring(ast.parse(source)), f"{name(path)} opens without a docstring"


@pytest.mark.parametrize("path", OURS, ids=name)
def test_a_class_is_named_after_a_thing(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ClassDef):
            found = NAMES_THAT_SAY_NOTHING.search(node.name)
            assert not found, f"{node.name}: what is it? {found and found[0]} does not say"


@pytest.mark.parametrize(
    "role", sorted({driver.split("_")[0] for driver in DRIVERS - SHARED_BY_DRIVERS})
)
def test_every_role_can_be_simulated(role: str) -> None:
    assert f"{role}_simulated" in DRIVERS


def test_no_file_names_a_package_index_or_this_machine() -> None:
    found = [
        f"{name(file)}: {hit[0].decode(errors='replace')}"
        for file in tracked()
        if (hit := FORBIDDEN.search(file.read_bytes()))
    ]
    assert not found


def test_imports_follow_the_contracts() -> None:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout
