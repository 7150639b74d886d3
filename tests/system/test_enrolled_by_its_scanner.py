"""A second device at a venue: shown its code by its own scanner, it opens a gate.

Everything is real: central, nginx and mosquitto with TLS, gate and sync as processes; scanner,
board and display are made of software, at the other end of ptys.
"""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.core.moment import Moment
from edge.drivers.catalog import Catalog, CentralConfig, TlsConfig
from edge.drivers.interfaces import Fetch
from edge.runtime import identity
from edge.runtime.clock import SystemClock
from edge.runtime.workers import SingleThread, Workers
from edge.sync.enrolment import Enroller
from simulators.turnstile import Input
from tests.boxes import Box, box, typed
from tests.whole_venue import Centre, running_centre

pytestmark = [pytest.mark.xdist_group("enrolled-by-its-scanner"), pytest.mark.timeout(400)]

MINUTE_SECONDS = 60.0
"""From the moment an admin adds a device to its first pulse: a promise, and not a benchmark."""
STEPS = (
    ("before", "/.well-known/est/cacerts"),
    ("before", "/.well-known/est/simpleenroll"),
    ("after", "/.well-known/est/simpleenroll"),
    ("after", "/device/configuration"),
    ("after", "/device/trust?after=0"),
)


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    with running_centre(tmp_path_factory.mktemp("centre")) as made:
        yield made


def added(centre: Centre, name: str) -> str:
    """Add a device as an admin does; return the text of its code."""
    centre.admin.add("device", name=name, venue=centre.admin.option("device", "venue"))
    return centre.admin.code(name)


async def at_work_within_a_minute(centre: Centre, one: Box, name: str, ticket: str) -> None:
    """Add a device, show it its code and then a ticket; the relay's pulse ends the minute."""
    await one.until(lambda: "Not enrolled yet" in one.said, "it runs, and says so")
    one.board.contact(Input.NOT_READY, True)
    begun = time.monotonic()
    text = await asyncio.to_thread(added, centre, name)
    await one.show(text, lambda: one.enrolled, "enrolled")
    one.board.contact(Input.NOT_READY, False)
    await one.until(lambda: "Show your ticket" in one.said, "at work")
    await one.show(ticket, lambda: bool(one.board.pulses), "the ticket opens")
    took = time.monotonic() - begun
    sys.stdout.write(f"{name}: {took:.1f} s from being added to its first pulse\n")
    assert took < MINUTE_SECONDS
    await one.board.walk_through(seconds=0.3)


async def visitors(one: Box, tickets: list[str]) -> None:
    """One after the other is let in and walks in."""
    for ticket in tickets:
        before = len(one.board.pulses)
        await one.until(lambda: "Show your ticket" in one.said, "idle again")
        await one.show(ticket, lambda before=before: len(one.board.pulses) > before, "it opens")  # type: ignore[misc]
        await one.board.walk_through(seconds=0.3)


def test_a_second_device_opens_within_a_minute_while_the_first_is_at_work(
    centre: Centre, tmp_path: Path
) -> None:
    async def story() -> None:
        async with box(tmp_path / "gate-8") as first, box(tmp_path / "gate-9") as second:
            await at_work_within_a_minute(centre, first, "Gate 8", centre.tickets[2])
            work = asyncio.create_task(visitors(first, centre.tickets[3:9]))
            await at_work_within_a_minute(centre, second, "Gate 9", centre.tickets[9])
            await work
            assert len(first.board.pulses) == 7

    asyncio.run(story())


def test_a_device_enrolled_by_its_own_scanner_opens_a_gate(centre: Centre, tmp_path: Path) -> None:
    async def story() -> None:
        async with box(tmp_path / "gate-2") as one:
            await one.until(lambda: "Not enrolled yet" in one.said, "it runs, and says so")
            text, asked = added(centre, "Gate 2"), len(centre.step.asked)
            await one.show(text, lambda: "Hold the service" in one.said, "asked to hold it")
            assert "/.well-known/est/cacerts" not in centre.step.asked[asked:]
            one.board.contact(Input.NOT_READY, True)
            for when, path in STEPS:
                await killed_at(one, text, when, path)
            await one.show(text, lambda: one.enrolled, "enrolled")
            one.board.contact(Input.NOT_READY, False)
            await one.until(lambda: "Show your ticket" in one.said, "at work")
            await one.show(
                centre.tickets[0], lambda: len(one.board.pulses) == 1, "the ticket opens"
            )
            await one.board.walk_through(seconds=0.3)
            who = identity.load(one.folder)
            await one.until(lambda: centre.rows(who.id) > 3, "central has what happened")
            await attacked(one, text)

    async def killed_at(one: Box, text: str, when: str, path: str) -> None:
        centre.step.hold(when, path)
        await one.show(text, centre.step.held.is_set, f"held {when} {path}")
        one.end("sync", signal.SIGKILL)
        centre.step.let_go()
        assert not one.enrolled
        one.start("sync")

    async def attacked(one: Box, text: str) -> None:
        """The code is shown to the enrolled gate; and a thief types what he photographed."""
        asked = len(centre.step.asked)
        await one.until(lambda: "Show your ticket" in one.said, "idle again")
        await one.show(text, lambda: "This enrols a device" in one.said, "refused")
        assert "/.well-known/est/simpleenroll" not in centre.step.asked[asked:]
        thief = Box(tmp_path / "thief")
        thief.start("sync")
        try:
            answer = await asyncio.to_thread(typed, thief.told, text)
        finally:
            thief.close()
        assert answer.returncode == 1
        assert "used already" in answer.stdout
        assert not thief.enrolled

    asyncio.run(story())


def test_the_text_can_be_typed_on_the_device(centre: Centre, tmp_path: Path) -> None:
    async def story() -> None:
        async with box(tmp_path / "gate-3") as one:
            text = added(centre, "Gate 3")
            wrong = await asyncio.to_thread(typed, one.told, text[:-1])
            assert wrong.returncode == 2
            assert "misread" in wrong.stderr
            answer = await asyncio.to_thread(typed, one.told, text.lower())
            assert (answer.returncode, "登记完成" in answer.stdout) == (0, True), answer
            await one.until(lambda: "Show your ticket" in one.said, "at work")
            await one.show(
                centre.tickets[1], lambda: len(one.board.pulses) == 1, "the ticket opens"
            )
            twice = await asyncio.to_thread(typed, one.told, added(centre, "Gate 4"))
            assert twice.returncode == 2
            assert "--again" in twice.stderr

    asyncio.run(story())


class Clock1970(SystemClock):
    def now(self) -> Moment:
        uptime = super().now().uptime
        return Moment(uptime, uptime)


class Opens:
    def __init__(self, thread: SingleThread) -> None:
        self._catalog, self._thread = Catalog(Clock1970()), thread

    def unverified(self, url: str) -> Fetch:
        return self._catalog.unverified_fetch(url, self._thread)

    def verified(self, url: str, authority: Path, pair: Path | None) -> Fetch:
        tls = TlsConfig(str(authority), str(pair) if pair else None)
        return self._catalog.fetch(CentralConfig(url, tls=tls), self._thread)


def test_a_device_that_boots_in_1970_is_enrolled(centre: Centre, tmp_path: Path) -> None:
    thread = Workers().single("enrolment")
    enroller = Enroller(tmp_path, Opens(thread), lambda: 0, lambda _: None, lambda _: None)
    ended, changed = asyncio.run(enroller.enrol(added(centre, "Gate 5")))
    thread.close()
    assert (ended.done, changed) == (True, True), ended.said.en
    assert os.stat(tmp_path / "identity/device.pem").st_mode & 0o777 == 0o600  # noqa: PTH116
