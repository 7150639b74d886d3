"""The lock files: nothing but pinned, hashed packages, the same in all lists, for every Python."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
LOCKS = sorted((ROOT / "requirements").iterdir())
# What a list installs: the project's own dependencies and these extras (see tools/lock).
EXTRAS = {
    "edge": ("edge", "gpiozero"),
    "kiosk": ("edge", "gpiozero", "kiosk"),
    "camera": ("camera",),
    "central": ("central",),
    "demo": ("edge", "kiosk", "central", "simulators"),
    "test": ("edge", "kiosk", "central", "simulators", "camera", "dev"),
}
PIN = re.compile(r"([a-z0-9][a-z0-9-]*)==([0-9][0-9a-z.+!]*)( ; [^\\]+)? \\")
HASH = re.compile(r"    --hash=sha256:[0-9a-f]{64}( \\)?")
MACHINES = [
    {"python_version": version, "python_full_version": f"{version}.2", "platform_machine": machine}
    for version in ("3.11", "3.12", "3.13")
    for machine in ("x86_64", "aarch64")
]
LINUX = {
    "sys_platform": "linux",
    "platform_system": "Linux",
    "os_name": "posix",
    "implementation_name": "cpython",
    "platform_python_implementation": "CPython",
    "extra": "",
}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def pins(lock: Path) -> dict[str, Requirement]:
    found = (PIN.fullmatch(line) for line in lock.read_text().splitlines())
    return {pin[1]: Requirement(pin[0].rstrip(" \\")) for pin in found if pin}


def direct(name: str) -> list[Requirement]:
    optional = PROJECT["optional-dependencies"]
    listed = [
        *PROJECT["dependencies"],
        *(line for extra in EXTRAS[name] for line in optional[extra]),
    ]
    return [Requirement(line) for line in listed]


def applies(requirement: Requirement, machine: dict[str, str]) -> bool:
    return requirement.marker is None or requirement.marker.evaluate({**LINUX, **machine})


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_holds_pins_and_hashes_and_no_other_line(lock: Path) -> None:
    """No index address, find-links or option; `--hash` at the end of a pin is the exception."""
    hashes = 1
    for number, line in enumerate(lock.read_text().splitlines(), 1):
        if PIN.fullmatch(line):
            assert hashes, f"{lock.name}:{number}: the package before this one has no hash"
            hashes = 0
        else:
            assert HASH.fullmatch(line), f"{lock.name}:{number}: {line}"
            hashes += 1
    assert hashes
    assert not re.search(r"https?:|//|index|find-links|@", lock.read_text())


def test_every_list_is_known_and_every_extra_is_in_one() -> None:
    assert {lock.name for lock in LOCKS} == {f"{name}.txt" for name in (*EXTRAS, "build")}
    locked = {extra for extras in EXTRAS.values() for extra in extras}
    assert set(PROJECT["optional-dependencies"]) == locked


@pytest.mark.parametrize("name", EXTRAS)
@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: "-".join(machine.values()))
def test_what_the_project_asks_for_is_locked(name: str, machine: dict[str, str]) -> None:
    locked = pins(ROOT / f"requirements/{name}.txt")
    for wanted in direct(name):
        if not applies(wanted, machine):
            continue
        pin = locked.get(canonicalize_name(wanted.name))
        assert pin, f"{wanted} is not locked: run `make lock`"
        assert applies(pin, machine)
        version = str(pin.specifier).removeprefix("==")
        assert wanted.specifier.contains(version), f"{wanted}, but {pin}: run `make lock`"


def test_a_package_has_one_version_in_all_lists() -> None:
    versions: dict[str, set[str]] = {}
    for lock in LOCKS:
        for name, pin in pins(lock).items():
            versions.setdefault(name, set()).add(str(pin.specifier))
    assert {name: found for name, found in versions.items() if len(found) > 1} == {}
