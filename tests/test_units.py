"""The units: how much is left open, and that what they start exists."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edge.store import broker_folder

ROOT = Path(__file__).parent.parent
SYSTEMD = ROOT / "systemd"
EXPOSURE_MAX = {
    "gatehouse-gate": 0.5,
    "gatehouse-sync": 1.5,
    "gatehouse-hub": 1.0,
    "gatehouse-kiosk": 1.5,
    "gatehouse-central-web": 1.5,
    "gatehouse-central-ingest": 1.5,
    "gatehouse-central-publish": 1.5,
    "gatehouse-central-notify": 1.5,
}

needs_systemd = pytest.mark.skipif(
    not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed"
)


def exposure(unit: str, folder: Path) -> float:
    """Return what systemd's own analysis says of a unit that lies in `folder`."""
    said = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--no-pager", f"{folder}/{unit}.service"],
        capture_output=True,
        text=True,
        env={"SYSTEMD_UNIT_PATH": f"{folder}:", "PATH": "/usr/bin:/bin"},
    )
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", said.stdout)
    assert found, said.stdout + said.stderr
    return float(found[1])


@needs_systemd
@pytest.mark.parametrize(("unit", "most"), EXPOSURE_MAX.items())
def test_little_is_left_open(tmp_path: Path, unit: str, most: float) -> None:
    shutil.copytree(SYSTEMD, tmp_path / "units")
    assert exposure(unit, tmp_path / "units") <= most


@needs_systemd
@pytest.mark.parametrize("unit", ["gatehouse-gate", "gatehouse-kiosk"])
def test_a_camera_leaves_little_more_open(tmp_path: Path, unit: str) -> None:
    folder = tmp_path / "units"
    shutil.copytree(SYSTEMD, folder)
    (folder / f"{unit}.service.d").mkdir()
    shutil.copy(SYSTEMD / "camera/20-camera.conf", folder / f"{unit}.service.d")
    assert exposure(unit, folder) <= EXPOSURE_MAX[unit]


@needs_systemd
def test_the_broker_is_confined_as_our_own_services_are(tmp_path: Path) -> None:
    """Debian's unit, by itself at 9.6, with what is laid over it."""
    unit = Path("/lib/systemd/system/mosquitto.service")
    if not unit.exists():
        pytest.skip("mosquitto is not installed")
    folder = tmp_path / "units"
    shutil.copytree(SYSTEMD, folder)
    shutil.copy(unit, folder)
    confined = folder / "gatehouse-.service.d/10-confined.conf"
    shutil.copy(confined, folder / "mosquitto.service.d/05-confined.conf")
    assert exposure("mosquitto", folder) <= 1.5
    shutil.copy(folder / "hub/mosquitto.conf", folder / "mosquitto.service.d/10-gatehouse.conf")
    assert exposure("mosquitto", folder) <= 1.5
    assert exposure("gatehouse-broker-reload", folder) <= 0.5


@needs_systemd
@pytest.mark.parametrize("line", ["PrivateNetwork=yes", "IPAddressDeny=any"])
def test_the_gate_needs_each_of_these(tmp_path: Path, line: str) -> None:
    folder = tmp_path / "units"
    shutil.copytree(SYSTEMD, folder)
    before = exposure("gatehouse-gate", folder)
    path = folder / "gatehouse-gate.service"
    text = path.read_text()
    assert line in text
    path.write_text(text.replace(line, ""))
    assert exposure("gatehouse-gate", folder) > before


@pytest.mark.parametrize("unit", EXPOSURE_MAX)
def test_a_service_is_watched_and_a_bad_configuration_is_not_tried_again(unit: str) -> None:
    lines = (SYSTEMD / f"{unit}.service").read_text().splitlines()
    assert "Type=notify" in lines
    assert "Restart=always" in lines
    assert "RestartPreventExitStatus=78" in lines
    assert any(line.startswith("WatchdogSec=") for line in lines)


def test_the_broker_reads_its_lists_again_when_central_has_written_them() -> None:
    watched = re.findall(
        r"^PathChanged=(.*)$", (SYSTEMD / "gatehouse-broker-reload.path").read_text(), re.M
    )
    laid_over = (SYSTEMD / "mosquitto.service.d/10-gatehouse.conf").read_text()
    (there, seen) = re.findall(r"^BindReadOnlyPaths=(.*):(.*)$", laid_over, re.M)[0]
    told = (ROOT / "provisioning/mosquitto.conf").read_text()
    for path in watched:
        assert path.replace(there, seen) in told
    assert f"crlfile {seen}/crl.pem" in told
    assert {f"{there}/crl.pem", f"{there}/broker.pem"} <= set(watched)
    assert f"certfile {seen}/broker.pem" in told


def test_a_hubs_broker_and_web_server_read_again_what_sync_or_somebody_wrote() -> None:
    laid_over = (SYSTEMD / "hub/mosquitto.conf").read_text()
    (there, seen) = re.findall(r"^BindReadOnlyPaths=(.*):(.*)$", laid_over, re.M)[0]
    links = (ROOT / "provisioning/tmpfiles-hub.conf").read_text()
    (target,) = re.findall(rf"^L {there} - - - - (.*)$", links, re.M)
    assert target == f"/var/lib/gatehouse/{broker_folder.FOLDER}"
    for unit, told in (("broker", "mosquitto-hub.conf"), ("front", "nginx-hub.conf")):
        path = (SYSTEMD / f"hub/gatehouse-{unit}-reload.path").read_text()
        watched = re.findall(r"^PathChanged=(.*)$", path, re.M)
        text = (ROOT / "provisioning" / told).read_text()
        shown = seen if unit == "broker" else there
        names = set(re.findall(rf"{shown}/(\S+?(?:pem|acl))\b", text)) - {"relay"}
        assert set(watched) == {f"{folder}/{name}" for folder in (there, target) for name in names}


def test_the_web_server_reads_its_certificate_again_when_it_was_renewed() -> None:
    path = (SYSTEMD / "gatehouse-front-reload.path").read_text()
    watched = re.findall(r"^PathChanged=(.*)$", path, re.M)
    told = (ROOT / "provisioning/nginx.conf").read_text()
    (shown,) = re.findall(r"^ *ssl_certificate (.*);$", told, re.M)
    assert shown in watched


def test_however_the_gate_ends_its_lines_are_driven_off() -> None:
    text = (SYSTEMD / "gatehouse-gate.service").read_text()
    assert re.search(r"^ExecStopPost=/opt/gatehouse/bin/gatehouse gate .*--lines-off$", text, re.M)
    assert "Environment=LG_WD=/run/gatehouse" in text


@pytest.mark.parametrize("unit", [*EXPOSURE_MAX, "gatehouse-central-migrate"])
def test_what_a_unit_starts_is_a_command_we_have(unit: str) -> None:
    text = (SYSTEMD / f"{unit}.service").read_text()
    for line in re.findall(r"^Exec\w+=(.*)$", text, re.M):
        program, *words = line.split()
        assert program == "/opt/gatehouse/bin/gatehouse"
        command = [sys.executable, "-m", "gatehouse", *words, "--help"]
        asked = subprocess.run(command, capture_output=True, text=True)
        assert asked.returncode == 0, asked.stderr
