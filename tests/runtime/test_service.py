"""The life of a process, as systemd sees it: a real socket, real signals, real exit codes."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import sys
from edge.runtime import service
from edge.runtime.config import ConfigError

async def work(life):
    if "bad" in sys.argv:
        raise ConfigError("gate.toml: lane[0].name: missing")
    if "wrong" in sys.argv:
        raise KeyError("a programmer's error")
    life.ready("2 lanes")
    life.alive()
    await life.stopping.wait()

sys.exit(service.run(work))
"""


def start(*arguments: str, notify: str = "") -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *arguments],
        stderr=subprocess.PIPE,
        env={**os.environ, "NOTIFY_SOCKET": notify},
    )


@pytest.mark.parametrize("abstract", [False, True])
def test_systemd_hears_of_its_life(tmp_path: Path, abstract: bool) -> None:
    name = f"@gatehouse-test-{os.getpid()}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind("\0" + name[1:] if abstract else name)
        ear.settimeout(30)
        process = start(notify=name)
        assert ear.recv(200) == b"READY=1\nSTATUS=2 lanes"
        assert ear.recv(200) == b"WATCHDOG=1"
        process.send_signal(signal.SIGTERM)
        assert ear.recv(200) == b"STOPPING=1"
        assert process.wait(30) == 0
        assert process.stderr
        process.stderr.close()


def test_a_missing_supervisor_is_no_trouble(tmp_path: Path) -> None:
    process = start(notify=str(tmp_path / "nobody"))
    assert process.stderr
    assert b"ready" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0
    process.stderr.close()


def test_a_bad_configuration_is_one_sentence_and_78() -> None:
    process = start("bad")
    _, said = process.communicate(timeout=30)
    assert process.returncode == 78
    assert said == b"gate.toml: lane[0].name: missing\n"


def test_a_programmers_error_crashes() -> None:
    process = start("wrong")
    _, said = process.communicate(timeout=30)
    assert process.returncode == 1
    assert b"KeyError" in said
