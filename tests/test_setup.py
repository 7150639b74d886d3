"""`tools/setup`: what it chooses, what it leaves behind, and what it says where it cannot go on."""

import os
import shlex
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent
SETUP = ROOT / "tools/setup"


@pytest.fixture
def setup() -> ModuleType:
    module = ModuleType("setup")
    module.__file__ = str(SETUP)
    exec(compile(SETUP.read_text(), SETUP, "exec"), module.__dict__)
    return module


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the whole PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def program(folder: Path, name: str, script: str) -> Path:
    file = folder / name
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    return file


def test_says_how_it_is_used() -> None:
    answer = subprocess.run([SETUP, "everything"], capture_output=True, text=True, check=False)
    assert (answer.returncode, answer.stderr) == (64, "usage: tools/setup demo|test\n")


def test_takes_the_first_python_that_fits(
    setup: ModuleType, programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(programs, "python3", "echo 3 14")
    monkeypatch.setattr(setup, "PYTHONS", ["python3", "python3.12"])
    good = program(
        programs, "python3.12", 'case "$2" in *ensurepip*) echo yes;; *) echo 3 12;; esac'
    )
    assert setup.choose_python() == (str(good), (3, 12))


@pytest.mark.parametrize(
    ("script", "said"),
    [("echo 3 9", "is 3.9"), ("exit 1", "there is none"), ("echo 3 10 2>&1", "is 3.10")],
)
def test_says_which_pythons_do_not_fit(
    setup: ModuleType, programs: Path, monkeypatch: pytest.MonkeyPatch, script: str, said: str
) -> None:
    program(programs, "python3", script)
    monkeypatch.setattr(setup, "PYTHONS", ["python3"])
    with pytest.raises(setup.SetupError, match=said):
        setup.choose_python()


def test_a_python_without_venv_that_apt_cannot_mend_is_passed_over(
    setup: ModuleType, programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(programs, "python3", 'case "$2" in *ensurepip*) exit 1;; *) echo 3 12;; esac')
    monkeypatch.setattr(setup, "PYTHONS", ["python3"])
    with pytest.raises(setup.SetupError, match="with venv"):
        setup.choose_python()


def test_32_bit_programs_are_told_to_go_64(
    setup: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "maxsize", 2**31 - 1)
    with pytest.raises(setup.SetupError, match="64-bit edition"):
        setup.check_machine()


def test_a_package_that_is_only_configured_is_missing(setup: ModuleType, programs: Path) -> None:
    program(programs, "dpkg-query", r"printf 'git installed\nmosquitto config-files\n'; exit 1")
    assert setup.missing_packages(["git", "mosquitto", "gcc"]) == ["mosquitto", "gcc"]


@pytest.mark.usefixtures("programs")
def test_without_dpkg_or_apt_it_says_what_to_install(setup: ModuleType) -> None:
    with pytest.raises(setup.SetupError, match=r"no dpkg.*gcc, git"):
        setup.missing_packages(["gcc", "git"])
    with pytest.raises(setup.SetupError, match=r"no apt-get.*gcc git"):
        setup.install_debian(["gcc", "git"])


@pytest.mark.parametrize("sudo", [None, "exit 1"])
def test_without_root_it_says_what_root_should_run(
    setup: ModuleType, programs: Path, monkeypatch: pytest.MonkeyPatch, sudo: str | None
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    if sudo:
        program(programs, "sudo", sudo)
    with pytest.raises(setup.SetupError, match="run `apt-get install gcc` as root"):
        setup.as_root("apt-get install gcc")


def test_sudo_is_used_by_a_user_who_has_it(
    setup: ModuleType, programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    program(programs, "sudo", "exit 0")
    assert setup.as_root("apt-get install gcc") == ["sudo"]


def test_a_step_that_fails_shows_its_last_words(
    setup: ModuleType,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(setup, "LOG", tmp_path / "log")
    with pytest.raises(setup.SetupError, match="try again"):
        setup.run("something", ["sh", "-c", "echo no route to host; exit 1"], "try again")
    said = capfd.readouterr()
    assert "something" in said.out
    assert "no route to host" in said.err


class Root:
    """The script that root runs, with a policy file and an apt-get of its own."""

    def __init__(self, setup: ModuleType, folder: Path) -> None:
        self.policy, self.seen = folder / "policy-rc.d", folder / "seen"
        self._script = setup.APT.replace("/usr/sbin/policy-rc.d", shlex.quote(str(self.policy)))
        self._folder = folder
        self.enabled = "nothing"
        """The service that was enabled before."""

    def install(self, status: int = 0) -> int:
        told = f'case "$*" in *install*) cat {self.policy} >{self.seen}; exit {status};; esac'
        program(self._folder, "apt-get", told)
        systemctl = (
            f'case "$*" in *is-enabled*{self.enabled}*) exit;; esac; echo "$@" >>{self.seen}'
        )
        program(self._folder, "systemctl", f"{systemctl}; case $* in *is-enabled*) exit 1;; esac")
        command = ["sh", "-c", self._script, "setup", "gcc", "mosquitto", "postgresql"]
        path = {"PATH": f"{self._folder}:/usr/bin:/bin"}
        return subprocess.run(command, env=path, check=False).returncode


@pytest.fixture
def root(setup: ModuleType, tmp_path: Path) -> Root:
    return Root(setup, tmp_path)


def test_no_service_is_started_or_enabled(root: Root) -> None:
    assert root.install() == 0
    assert "exit 101" in root.seen.read_text()
    assert "disable mosquitto.service postgresql.service" in root.seen.read_text()
    assert not root.policy.exists()


def test_a_service_that_somebody_had_enabled_stays_so(root: Root) -> None:
    root.enabled = "postgresql"
    assert root.install() == 0
    assert "disable mosquitto.service\n" in root.seen.read_text()


def test_the_policy_goes_even_when_apt_fails(root: Root) -> None:
    assert root.install(status=100) != 0
    assert not root.policy.exists()


def test_a_policy_that_was_there_stays(root: Root) -> None:
    root.policy.write_text("#!/bin/sh\nexit 0\n")
    assert root.install() == 0
    assert root.policy.read_text() == "#!/bin/sh\nexit 0\n"


def test_what_a_killed_run_left_is_taken_away(root: Root) -> None:
    root.policy.write_text("#!/bin/sh\n# Left by tools/setup of gatehouse; remove it.\nexit 101\n")
    assert root.install() == 0
    assert not root.policy.exists()
