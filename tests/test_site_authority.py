"""A site's own root above our issuing authority: asked for, signed by openssl, adopted."""

import subprocess
import time
from pathlib import Path

import pytest
from cryptography import x509

from tests.site_authority import Site, openssl
from tests.test_authority_command import Central


@pytest.fixture
def central(tmp_path: Path) -> Central:
    return Central(tmp_path)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path / "site")


def adopt(central: Central, both: Path, lists: Path) -> "subprocess.CompletedProcess[str]":
    migrated = central.run_other("migrate")
    assert migrated.returncode == 0, migrated.stderr
    return central.run("adopt", str(both), str(lists), umask=0o007)


def test_the_sites_root_stands_above_all_that_central_makes(central: Central, site: Site) -> None:
    request = central.run("request", umask=0o007).stdout
    said = adopt(central, site.signed(request), site.list())
    assert said.returncode == 0, said.stderr
    assert central.run("server", "central.example", umask=0o007).returncode == 0
    assert central.run("broker", "central.example", umask=0o007).returncode == 0
    trusted = site.folder / "trusted.pem"
    trusted.write_text(site.root.read_text() + (central.public / "crl.pem").read_text())
    ours = central.public / "ca.pem"
    root, issuing = x509.load_pem_x509_certificates(ours.read_bytes())
    assert root == x509.load_pem_x509_certificate(site.root.read_bytes())
    for name in ("server", "broker", "central-ingest"):
        shown = central.public / f"{name}.pem"
        checked = openssl(
            *("verify", "-x509_strict", "-crl_check_all", "-CAfile", trusted),
            *("-untrusted", ours, shown),
        )
        assert checked.returncode == 0, checked.stderr
    assert "site's root" in said.stdout
    # A second request, signed, is the next issuing authority; the one before is believed still.
    request = central.run("request", "--name", "Another", umask=0o007).stdout
    assert adopt(central, site.signed(request), site.list(299)).returncode == 0
    _, newest, older = x509.load_pem_x509_certificates(ours.read_bytes())
    assert older == issuing
    assert newest.subject.rfc4514_string() == "CN=Another"
    for path in (central.folder / "keys").iterdir():
        assert path.stat().st_mode & 0o777 == 0o600


def test_what_cannot_be_adopted_is_said_and_nothing_is_written(
    central: Central, site: Site, tmp_path: Path
) -> None:
    other = Site(tmp_path / "other")
    request = central.run("request", umask=0o007).stdout
    good, lists, over = site.signed(request), site.list(), site.list(0)
    time.sleep(1.5)
    key = ("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    stranger = openssl(*key, "-subj", "/CN=x", "-keyout", tmp_path / "x.key").stdout
    (tmp_path / "none.pem").write_text("nothing")
    for both, list_, why in (
        (site.signed(stranger), lists, "a key that is not here"),
        (site.root, lists, "alone"),
        (tmp_path / "none.pem", lists, "no certificates"),
        (tmp_path / "not-there.pem", lists, "No such file"),
        (good, other.list(), "not that root's"),
        (good, tmp_path / "none.pem", "not that root's"),
        (good, over, "has run out"),
    ):
        said = adopt(central, both, list_)
        assert (said.returncode, why in said.stderr) == (1, True), said.stderr
        assert not central.public.exists() or not (central.public / "ca.pem").exists()
    said = adopt(central, site.signed(request, "leaf"), lists)
    assert "not that of an authority" in said.stderr


def test_a_root_that_devices_do_not_know_takes_nobodys_place(central: Central, site: Site) -> None:
    assert central.init().returncode == 0
    request = central.run("request", umask=0o007).stdout
    before = (central.public / "ca.pem").read_bytes()
    said = adopt(central, site.signed(request), site.list())
    assert "another root already" in said.stderr
    assert (central.public / "ca.pem").read_bytes() == before
