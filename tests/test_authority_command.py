"""`gatehouse central authority`: what it makes on a real folder, as openssl judges it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

PASSPHRASE = "correct horse battery"


class Central:
    """A folder of central's, and its command."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.public = folder / "central", folder / "central/authority"
        self._told = folder / "central.toml"
        self._told.write_text(f'directory = "{self.folder}"\n')
        self._passphrase = folder / "passphrase"

    def run(self, *task: str, umask: int = 0o022) -> "subprocess.CompletedProcess[str]":
        return self.run_other("authority", *task, umask=umask)

    def run_other(self, *task: str, umask: int = 0o022) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "central", "--config", str(self._told), *task]
        return subprocess.run(
            command, capture_output=True, text=True, umask=umask, stdin=subprocess.DEVNULL
        )

    def init(self, passphrase: str = PASSPHRASE) -> "subprocess.CompletedProcess[str]":
        self._passphrase.write_text(passphrase + "\n")
        # As central's services do: nobody else reads what they write, unless they say so.
        return self.run("init", "--passphrase-file", str(self._passphrase), umask=0o007)


@pytest.fixture(scope="module")
def central(tmp_path_factory: pytest.TempPathFactory) -> Central:
    made = Central(tmp_path_factory.mktemp("authority"))
    assert made.init().returncode == 0
    for task in (["server", "central.example", "192.168.1.10", "fd00::10"], ["client", "central"]):
        said = made.run(*task, umask=0o007)
        assert said.returncode == 0, said.stderr
    return made


def openssl(*arguments: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True)


def test_the_root_is_encrypted_and_to_be_taken_away(central: Central) -> None:
    root = central.folder / "keys/root.pem"
    with pytest.raises(TypeError):
        load_pem_private_key(root.read_bytes(), None)
    assert load_pem_private_key(root.read_bytes(), PASSPHRASE.encode())
    root.rename(root.with_suffix(".in-the-safe"))
    assert central.run("server", "central.example").returncode == 0
    assert central.run("client", "publisher").returncode == 0


def test_openssl_verifies_what_it_makes(central: Central) -> None:
    public = central.public
    chain = ["-CAfile", public / "ca.pem", "-CRLfile", public / "crl.pem"]
    for name, purpose in (("server", "sslserver"), ("central", "sslclient")):
        told = [*chain, "-crl_check_all", "-purpose", purpose, "-x509_strict"]
        said = openssl("verify", *told, public / f"{name}.pem")
        assert said.returncode == 0, said.stdout + said.stderr
        assert openssl("verify", *chain, "-crl_check", public / f"{name}.pem").returncode == 0


@pytest.mark.parametrize(("name", "purpose"), [("server", "sslclient"), ("central", "sslserver")])
def test_a_servers_certificate_is_no_clients(central: Central, name: str, purpose: str) -> None:
    told = ["-CAfile", central.public / "ca.pem", "-purpose", purpose]
    assert openssl("verify", *told, central.public / f"{name}.pem").returncode != 0


def test_a_server_goes_by_every_name_it_was_given(central: Central) -> None:
    assert central.run("server", "central.example", "192.168.1.10", "fd00::10").returncode == 0
    certificate = x509.load_pem_x509_certificates((central.public / "server.pem").read_bytes())[0]
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["central.example"]
    assert [str(one) for one in names.get_values_for_type(x509.IPAddress)] == [
        "192.168.1.10",
        "fd00::10",
    ]


def test_who_may_read_what(central: Central) -> None:
    modes = {
        path.name: oct(path.stat().st_mode & 0o777)
        for path in [*central.public.iterdir(), *(central.folder / "keys").glob("issuing*")]
    }
    for name in ("ca.pem", "crl.pem", "server.pem"):
        assert modes[name] == "0o644", "broker and web server run as others"
    for name in ("issuing.pem", "server.key", "central.key"):
        assert modes[name] == "0o600"
    assert (central.folder / "keys").stat().st_mode & 0o777 == 0o700


def test_it_is_made_once(central: Central) -> None:
    before = (central.public / "ca.pem").read_bytes()
    said = central.init()
    assert (said.returncode, "already" in said.stderr) == (1, True)
    assert (central.public / "ca.pem").read_bytes() == before


@pytest.mark.parametrize(
    "task",
    [
        ["server", "https://central.example"],
        ["server", "*.example"],
        ["server", "a", "--file", "ca"],
        ["server", "a", "--file", "../x"],
        ["client", "0102030405060708"],
        ["client", "abcdefabcdefabcd"],
        ["client", "server"],
        ["client", "crl"],
    ],
)
def test_a_name_that_could_be_taken_for_another_is_refused(
    central: Central, task: list[str]
) -> None:
    said = central.run(*task)
    assert (said.returncode, said.stderr.count("\n"), "Traceback" in said.stderr) == (1, 1, False)


def test_a_short_passphrase_and_none_at_all_are_refused(tmp_path: Path) -> None:
    central = Central(tmp_path)
    assert "12 characters" in central.init("short").stderr
    said = central.run("init")
    assert (said.returncode, "--passphrase-file" in said.stderr) == (1, True)
    assert not (central.folder / "keys/root.pem").exists()


@pytest.mark.parametrize("task", [["server", "a"], ["client", "b"]])
def test_without_an_authority_it_says_how_to_get_one(tmp_path: Path, task: list[str]) -> None:
    said = Central(tmp_path).run(*task)
    assert (said.returncode, "authority init" in said.stderr) == (1, True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to somebody else")
def test_only_centrals_own_user_makes_files_there(tmp_path: Path) -> None:
    central = Central(tmp_path)
    central.folder.mkdir()
    os.chown(central.folder, 65534, 65534)
    said = central.init()
    assert (said.returncode, "sudo -u nobody" in said.stderr) == (1, True)
