"""The life of a process, as systemd sees it: a real socket, real signals, real exit codes."""

import logging
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from edge.runtime import service

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


def test_the_end_of_the_log_is_kept_and_fits_into_one_word() -> None:
    ring = service.LogRing()
    ring.setFormatter(logging.Formatter(service.LOG_FORMAT))
    log = logging.Logger("gate")
    log.addHandler(ring)
    for number in range(service.LOG_LINES_KEPT + 100):
        log.info("line %d %s", number, "门" * 600)
    log.error("words that want %d values, %s", 1)
    assert len(ring.lines) == service.LOG_LINES_KEPT
    assert all(len(line) <= service.LOG_LINE_CHARACTERS for line in ring.lines)
    assert "words that want" in ring.lines[-1]
    service.RING.lines.extend(ring.lines)
    try:
        tail = service.log_tail(500)
        assert tail[-1] == ring.lines[-1]
        assert sum(len(line.encode()) for line in tail) < service.LOG_BYTES_MAX
        assert len(service.log_tail(3)) == 3
    finally:
        service.RING.lines.clear()
