"""Central's own clock was ahead and is put right: what is said of it, and how it is mended."""

import argparse
import time
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from central.lists import command
from tests.central.test_desired import chief
from tests.central.test_lists import venue
from tests.trusted import inside
from wire.codec import decode
from wire.snapshot import Heartbeat

DAY = 86_400.0
PAGE = "/admin/venue/device/"
ADVICE = "gatehouse central clock reset"


def asked(task: str | None) -> int:
    return command.run(argparse.Namespace(task=task))


@pytest.fixture(autouse=True)
def ahead(tickets: list[Any]) -> Any:
    assert tickets
    path = Path(settings.DIRECTORY) / "heartbeat"
    path.write_text(repr(time.time() + 30 * DAY))
    yield
    path.unlink(missing_ok=True)


def test_it_is_said_on_the_page_and_by_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    page = chief().get(PAGE).content.decode()
    assert ADVICE in page
    assert "中心的时钟曾经偏快" in page
    assert asked(None) == 0
    said = capsys.readouterr().out
    assert "heartbeats say 25" in said, "some 2,592,000 seconds"
    assert ADVICE in said
    assert (Path(settings.DIRECTORY) / "heartbeat").exists()


def test_reset_lets_the_heartbeats_of_a_running_publish_follow_the_clock(
    capsys: pytest.CaptureFixture[str],
) -> None:
    from central.lists.heartbeat import Pulse

    pulse = Pulse()

    def wall() -> float:
        return decode(inside(pulse.beat(venue())), Heartbeat).wall

    assert wall() > time.time() + 29 * DAY
    assert asked("reset") == 0
    assert "Reset the clock's floor" in capsys.readouterr().out
    first = wall()
    assert abs(first - time.time()) < 60
    assert wall() > first, "once"
    assert ADVICE not in chief().get(PAGE).content.decode()
    assert asked("reset") == 0
    assert "Nothing is to be done" in capsys.readouterr().out
    assert not (Path(settings.DIRECTORY) / "heartbeat.reset").exists()


def test_reset_is_heeded_by_a_publish_that_starts_after_it() -> None:
    from central.lists.heartbeat import Pulse

    assert asked("reset") == 0
    assert abs(decode(inside(Pulse().beat(venue())), Heartbeat).wall - time.time()) < 60


def test_a_clock_that_is_right_needs_nothing() -> None:
    (Path(settings.DIRECTORY) / "heartbeat").write_text(repr(time.time() - 1))
    assert ADVICE not in Client().get("/admin/login/").content.decode()
    assert ADVICE not in chief().get(PAGE).content.decode()
