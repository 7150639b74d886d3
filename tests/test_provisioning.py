"""What an installation puts where; on a tree, and as it would be on a machine."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from central import config as central_config
from edge.gate.config import GateConfig, ZoneConfig
from edge.hub.config import HubConfig
from edge.kiosk.config import KioskConfig
from edge.runtime.config import load
from edge.sync.config import SyncConfig
from tests.brokers import free_port
from tests.fronts import NGINX, configuration

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "provisioning/examples"


def install(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(ROOT / "provisioning/install"), *arguments]
    return subprocess.run(command, capture_output=True, text=True)


def test_every_example_is_a_good_configuration() -> None:
    gate = load(EXAMPLES / "gate.toml", GateConfig)
    assert [lane.name for lane in gate.lane] == ["A1", "A2"]
    kiosk = load(EXAMPLES / "kiosk.toml", KioskConfig)
    assert (kiosk.page.port, kiosk.directory) == (8600, gate.directory)
    assert load(EXAMPLES / "zone.toml", ZoneConfig).checkpoint == "hall"
    assert load(EXAMPLES / "sync.toml", SyncConfig).directory == gate.directory
    assert load(EXAMPLES / "hub.toml", HubConfig).broker.port == 8883
    assert central_config.load(EXAMPLES / "central.toml").web.port == 8000


def test_a_gate_gets_units_rules_and_configuration(tmp_path: Path) -> None:
    (tmp_path / "boot/firmware").mkdir(parents=True)
    (tmp_path / "boot/firmware/config.txt").write_text("arm_64bit=1\n")
    assert install("gate", "--root", str(tmp_path)).returncode == 0
    put = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert put == {
        "boot/firmware/config.txt",
        "etc/gatehouse/gate.toml",
        "etc/gatehouse/sync.toml",
        "etc/modules-load.d/gatehouse.conf",
        "etc/sysusers.d/gatehouse.conf",
        "etc/systemd/system/gatehouse-.service.d/10-confined.conf",
        "etc/systemd/system/gatehouse-gate.service",
        "etc/systemd/system/gatehouse-sync.service",
        "etc/systemd/system/gatehouse.target",
        "etc/tmpfiles.d/gatehouse.conf",
        "etc/udev/rules.d/70-gatehouse.rules",
        "var/lib/gatehouse/config/zone.toml",
    }
    assert (tmp_path / "etc/gatehouse/sync.toml").stat().st_mode & 0o777 == 0o640
    assert "dtparam=strict_gpiod" in (tmp_path / "boot/firmware/config.txt").read_text()


@pytest.mark.parametrize("role", ["gate", "kiosk"])
def test_a_door_with_a_camera_gets_its_devices_and_libraries(tmp_path: Path, role: str) -> None:
    assert install(role, "--root", str(tmp_path / "without")).returncode == 0
    assert install(role, "--camera", "--root", str(tmp_path / "with")).returncode == 0
    without, with_camera = (
        {str(file.relative_to(tree)) for file in tree.rglob("*") if file.is_file()}
        for tree in (tmp_path / "without", tmp_path / "with")
    )
    assert with_camera - without == {
        f"etc/systemd/system/gatehouse-{role}.service.d/20-camera.conf",
        "etc/modules-load.d/gatehouse-camera.conf",
    }
    said = install(role, "--camera", "--dry-run").stdout
    assert "requirements/camera.txt" in said
    assert "requirements/camera.txt" not in install(role, "--dry-run").stdout
    refused = install("central", "--camera", "--dry-run")
    assert (refused.returncode, "only a gate or a kiosk" in refused.stderr) == (2, True)


def test_run_again_it_keeps_what_was_configured(tmp_path: Path) -> None:
    (tmp_path / "boot/firmware").mkdir(parents=True)
    (tmp_path / "boot/firmware/config.txt").write_text("arm_64bit=1\n")
    install("gate", "--root", str(tmp_path))
    changed = tmp_path / "etc/gatehouse/gate.toml"
    changed.write_text("# mine\n")
    again = install("gate", "--root", str(tmp_path))
    assert "kept      /etc/gatehouse/gate.toml" in again.stdout
    assert changed.read_text() == "# mine\n"
    text = (tmp_path / "boot/firmware/config.txt").read_text()
    assert text.count("dtparam=strict_gpiod") == 1


def test_central_gets_its_broker_with_it(tmp_path: Path) -> None:
    assert install("central", "--root", str(tmp_path)).returncode == 0
    put = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert put >= {
        "etc/mosquitto/conf.d/gatehouse.conf",
        "etc/systemd/system/mosquitto.service.d/05-confined.conf",
        "etc/systemd/system/mosquitto.service.d/10-gatehouse.conf",
        "etc/systemd/system/gatehouse-broker-reload.path",
        "etc/systemd/system/gatehouse-broker-reload.service",
    }
    assert "gatehouse-broker-reload.path" in install("central", "--dry-run").stdout


def test_a_hub_gets_its_broker_and_no_gate(tmp_path: Path) -> None:
    assert install("hub", "--root", str(tmp_path)).returncode == 0
    put = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert put == {
        "etc/gatehouse/hub.toml",
        "etc/gatehouse/sync.toml",
        "etc/gatehouse/nginx.conf",
        "etc/mosquitto/conf.d/gatehouse.conf",
        "etc/sysusers.d/gatehouse.conf",
        "etc/systemd/system/gatehouse-.service.d/10-confined.conf",
        "etc/systemd/system/gatehouse-broker-reload.path",
        "etc/systemd/system/gatehouse-broker-reload.service",
        "etc/systemd/system/gatehouse-front-reload.path",
        "etc/systemd/system/gatehouse-front-reload.service",
        "etc/systemd/system/gatehouse-hub.service",
        "etc/systemd/system/gatehouse-relay@.service",
        "etc/systemd/system/gatehouse-relay@.socket",
        "etc/systemd/system/nginx.service.d/10-gatehouse.conf",
        "etc/systemd/system/nginx.service.d/20-hub.conf",
        "etc/systemd/system/gatehouse-sync.service",
        "etc/systemd/system/gatehouse.target",
        "etc/systemd/system/mosquitto.service.d/05-confined.conf",
        "etc/systemd/system/mosquitto.service.d/10-gatehouse.conf",
        "etc/tmpfiles.d/gatehouse.conf",
        "etc/tmpfiles.d/gatehouse-hub.conf",
    }
    said = install("hub", "--dry-run").stdout
    assert "systemctl restart --no-block mosquitto nginx gatehouse.target" in said
    assert "authority hub" not in said, "nothing is brought, and nothing typed but its text"
    for told in (
        "gatehouse-hub.service",
        "gatehouse-hub.conf",
        "gatehouse hub --key",
        "enrol TEXT",
    ):
        assert told in said


def test_central_gets_its_web_server_with_it(tmp_path: Path) -> None:
    assert install("central", "--root", str(tmp_path)).returncode == 0
    put = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert put >= {
        "etc/gatehouse/nginx.conf",
        "etc/gatehouse/central.toml",
        "etc/tmpfiles.d/gatehouse-central.conf",
        "etc/systemd/system/nginx.service.d/10-gatehouse.conf",
        "etc/systemd/system/gatehouse-front-reload.path",
        "etc/systemd/system/gatehouse-front-reload.service",
    }
    unit = tmp_path / "etc/systemd/system/nginx.service.d/10-gatehouse.conf"
    assert unit.read_text().count("/usr/sbin/nginx ") == 3
    assert unit.read_text().count("-c /etc/gatehouse/nginx.conf ") == 3
    said = install("central", "--dry-run").stdout
    (packages,) = (line for line in said.splitlines() if "apt-get" in line)
    assert packages.endswith("mosquitto nginx")
    for told in ("gatehouse-front-reload.path", "authority init", "authority server", "nginx"):
        assert told in said


def test_what_is_private_to_central_is_readable_by_its_group_alone(tmp_path: Path) -> None:
    install("central", "--root", str(tmp_path))
    assert (tmp_path / "etc/gatehouse/central.toml").stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "etc/gatehouse/nginx.conf").stat().st_mode & 0o777 == 0o644


def test_nginx_takes_the_real_file(tmp_path: Path) -> None:
    """As it would on Debian, but for where things lie and which ports are free."""
    if NGINX is None:
        pytest.skip("nginx is not installed")
    told = tmp_path / "central.toml"
    told.write_text(f'directory = "{tmp_path}/central"\n')
    (tmp_path / "passphrase").write_text("correct horse battery")
    for task in (["init", "--passphrase-file", str(tmp_path / "passphrase")], ["server", "a.b"]):
        command = [sys.executable, "-m", "central", "--config", str(told), "authority", *task]
        subprocess.run(command, check=True, capture_output=True)
    mine = tmp_path / "nginx.d"
    mine.mkdir()
    (mine / "pages.conf").write_text(f"server {{ listen 127.0.0.1:{free_port()}; }}\n")
    text = configuration(tmp_path, tmp_path / "central", free_port(), free_port(), 8000, {})
    (tmp_path / "nginx.conf").write_text(text)
    command = [NGINX, "-t", "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")]
    said = subprocess.run([*command, "-e", "stderr"], capture_output=True, text=True)
    assert said.returncode == 0, said.stderr
    assert "[warn]" not in said.stderr


LOCKS = [
    *((role, "edge.txt") for role in ("gate", "hub")),
    ("kiosk", "kiosk.txt"),
    ("central", "central.txt"),
]


def test_a_kiosk_gets_its_browser_and_what_that_may_open(tmp_path: Path) -> None:
    assert install("kiosk", "--root", str(tmp_path)).returncode == 0
    put = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert put >= {
        "etc/chromium/policies/managed/gatehouse.json",
        "etc/gatehouse/kiosk.toml",
        "etc/gatehouse/sync.toml",
        "etc/systemd/system/gatehouse-kiosk.service",
        "etc/systemd/system/gatehouse-sync.service",
        "etc/systemd/system/kiosk-browser.service",
    }
    policy = json.loads((tmp_path / "etc/chromium/policies/managed/gatehouse.json").read_text())
    # The browser's own pages are not among "*".
    assert {"*", "chrome://*"} <= set(policy["URLBlocklist"])
    assert policy["URLAllowlist"] == ["http://127.0.0.1"]
    assert policy["DeveloperToolsAvailability"] == 2
    said = install("kiosk", "--dry-run").stdout
    assert "chromium" in said
    assert "kiosk-browser.service" in said


@pytest.mark.parametrize(("role", "lock"), LOCKS)
def test_it_says_what_it_would_do_and_does_nothing(role: str, lock: str) -> None:
    said = install(role, "--dry-run")
    assert said.returncode == 0
    assert f"requirements/{lock}" in said.stdout
    assert said.stdout.count("--require-hashes") == 2
    assert (ROOT / "requirements" / lock).exists()


def test_the_private_key_lies_where_only_sync_writes() -> None:
    folders = (ROOT / "provisioning/tmpfiles.conf").read_text().splitlines()
    assert "d /var/lib/gatehouse/identity 2750 gatehouse-sync gatehouse -" in folders
    assert load(EXAMPLES / "gate.toml", GateConfig).service_contact is not None


def test_units_and_users_belong_together() -> None:
    users = (ROOT / "provisioning/sysusers.conf").read_text()
    for unit in (ROOT / "systemd").glob("*.service"):
        (user,) = (
            line.removeprefix("User=")
            for line in unit.read_text().splitlines()
            if line.startswith("User=")
        )
        # Debian's own: the broker's, and that of nginx's first process.
        assert f"u {user} " in users or user in ("mosquitto", "root")
