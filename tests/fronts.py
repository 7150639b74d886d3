"""nginx in front of a central, with the configuration that a venue's machine gets."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import pytest

from tests.brokers import free_port

CONFIGURATION = Path(__file__).parent.parent / "provisioning/nginx.conf"
NGINX = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")


@dataclass
class Front:
    """Where it answers; `plain` is the port without TLS."""

    port: int
    plain: int
    process: "subprocess.Popen[bytes]"
    said: Path

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"


def configuration(
    folder: Path, central: Path, port: int, plain: int, web: int, changed: Mapping[str, str]
) -> str:
    """Return the real file for a folder of a test's own; `changed`: what else is otherwise."""
    text = CONFIGURATION.read_text()
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    here = {
        "user www-data;": "daemon off; master_process on;",
        "worker_processes auto;": "worker_processes 1;",
        "worker_rlimit_nofile 32768;": "",
        "pid /run/nginx.pid;": f"pid {folder}/nginx.pid;",
        "/var/log/nginx": str(folder),
        "/etc/gatehouse": str(folder),
        "/var/lib/gatehouse-central": str(central),
        "http {": "http { " + temporary,
        "listen [::]:80 default_server;": "",
        "listen [::]:443 ssl default_server;": "",
        "listen 80 ": f"listen 127.0.0.1:{plain} ",
        "listen 443 ": f"listen 127.0.0.1:{port} ",
        "server 127.0.0.1:8000;": f"server 127.0.0.1:{web};",
    }
    return substituted(substituted(text, here), changed)


def substituted(text: str, changes: Mapping[str, str]) -> str:
    for old, new in changes.items():
        assert old in text, f"{CONFIGURATION.name} has no {old!r}"
        text = text.replace(old, new)
    return text


@contextmanager
def running_front(
    folder: Path, central: Path, web: int, changed: Mapping[str, str] = MappingProxyType({})
) -> Iterator[Front]:
    """Run nginx before the central that listens on port `web` and has the folder `central`."""
    if NGINX is None:
        pytest.skip("nginx is not installed")
    folder.mkdir(exist_ok=True)
    port, plain = free_port(), free_port()
    told, said = folder / "nginx.conf", folder / "error.log"
    told.write_text(configuration(folder, central, port, plain, web, changed))
    process = subprocess.Popen([NGINX, "-p", str(folder), "-c", str(told), "-e", str(said)])
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
                break
            except OSError:
                assert process.poll() is None, said.read_text()
                assert time.monotonic() < deadline, said.read_text()
                time.sleep(0.05)
        yield Front(port, plain, process, said)
    finally:
        process.terminate()
        process.wait(20)
