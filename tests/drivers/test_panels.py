"""The contract of every panel, and what is particular to a display and to lamps."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from edge.core.notice import (
    EVACUATE,
    FREE,
    IDLE,
    OUT_OF_SERVICE,
    PLEASE_WAIT,
    REFUSALS,
    Lamp,
    Notice,
    Sound,
    go,
    refused,
)
from edge.drivers.interfaces import DriverError, Panel
from edge.drivers.panel_lamps import LampsPanel
from edge.drivers.panel_serial import SerialPanel
from edge.drivers.panel_simulated import SimulatedPanel
from edge.drivers.relay_simulated import SimulatedRelay
from edge.runtime.clock import SimulatedClock, SystemClock
from simulators.display import Display
from simulators.pty_line import PtyLine
from wire.reason import Reason
from wire.words import Words

PATIENCE_SECONDS = 30.0
NOTICES = [IDLE, PLEASE_WAIT, FREE, OUT_OF_SERVICE, EVACUATE, go(3), *map(refused, REFUSALS)]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():  # noqa: ASYNC110 - the condition is made of plain lists
            await asyncio.sleep(0.005)


@asynccontextmanager
async def running(display: Display) -> AsyncIterator[None]:
    task = asyncio.create_task(display.run())
    try:
        yield
        assert not task.done(), task.exception()
    finally:
        task.cancel()
        await asyncio.wait({task})


def words(notice: Notice) -> list[str]:
    return [notice.title.zh, notice.title.en, notice.advice.zh, notice.advice.en]


def showing(display: Display, notice: Notice) -> bool:
    return display.words == words(notice)


def plugged(directory: Path, columns: int = 44) -> tuple[Display, SerialPanel]:
    display = Display(PtyLine(directory / "display"), columns)
    display.line.plug()
    return display, SerialPanel(display.line.link, 9600, columns)


@pytest.mark.parametrize("kind", ["simulated", "serial", "lamps"])
def test_every_notice_can_be_shown_and_the_panel_closed_twice(kind: str, tmp_path: Path) -> None:
    async def play() -> None:
        display, serial = plugged(tmp_path)
        relays = [SimulatedRelay(SystemClock()) for _ in range(4)]
        panels: dict[str, Panel] = {
            "simulated": SimulatedPanel(),
            "serial": serial,
            "lamps": LampsPanel(SystemClock(), *relays),
        }
        panel = panels[kind]
        async with running(display):
            for notice in NOTICES:
                await panel.show(notice)
            await panel.close()
            await panel.close()
            await until(lambda: display.words == [""] * 4)
            assert not any(relay.closed for relay in relays)
        display.line.unplug()

    asyncio.run(play())


def test_a_panel_that_never_showed_anything_closes(tmp_path: Path) -> None:
    async def play() -> None:
        await SimulatedPanel().close()
        await SerialPanel(tmp_path / "absent", 9600, 20).close()
        await LampsPanel(SystemClock(), SimulatedRelay(SystemClock())).close()

    asyncio.run(play())


def test_four_lines_in_two_languages_replace_what_was_there(tmp_path: Path) -> None:
    async def play() -> None:
        display, panel = plugged(tmp_path)
        async with running(display):
            for notice in NOTICES:
                await panel.show(notice)
                await until(partial(showing, display, notice))
            assert display.pages == len(NOTICES)
        display.line.unplug()

    asyncio.run(play())


def test_words_are_cut_to_the_glass(tmp_path: Path) -> None:
    async def play() -> None:
        display, panel = plugged(tmp_path, columns=16)
        async with running(display):
            await panel.show(refused(Reason.PAYMENT_CODE))
            await until(lambda: bool(display.words[3]))
            assert display.words == [
                "这是付款码",
                "This is a payme~",
                "请勿出示付款码~",
                "Put it away and~",
            ]
        display.line.unplug()

    asyncio.run(play())


def test_no_name_commands_the_display_and_rare_characters_survive(tmp_path: Path) -> None:
    async def play() -> None:
        line = PtyLine(tmp_path / "display")
        line.plug()
        name = Words("𠮷\x1b@先\x1f\x24\x01\x01生🎫", "A\x1dV\x00\nB\x0cC\x7fD\r\x85\ud800E")
        notice = Notice(Lamp.GO, Sound.NONE, name, name)
        await SerialPanel(line.link, 9600, 24).show(notice)
        wire = b""
        while wire.count(b"\x1f\x24") < 4 or not wire.endswith(b" "):
            wire += await line.read()
        controls = [byte for byte in wire if byte < 0x20 or byte == 0x7F]
        placed = [code for row in range(1, 5) for code in (0x1F, 1, row)]
        assert controls == [0x1B, *placed]
        rows = wire.removeprefix(b"\x1b@").split(b"\x1f\x24")[1:]
        text = [row[2:].decode("gb18030") for row in rows]
        assert text == ["𠮷 @先 $  生🎫          ", "A V  B C D   E          "] * 2
        line.unplug()

    asyncio.run(play())


def test_an_unplugged_display_is_said_and_comes_back_initialised(tmp_path: Path) -> None:
    async def play() -> None:
        line = PtyLine(tmp_path / "display")
        panel = SerialPanel(line.link, 9600, 20)
        for _ in range(3):
            for _ in range(2):
                with pytest.raises(DriverError, match=str(line.link)):
                    await panel.show(PLEASE_WAIT)
            line.plug()
            await panel.show(IDLE)
            await panel.show(FREE)
            wire = b""
            while wire.count(b"\x1f\x24") < 8:
                wire += await line.read()
            assert wire.startswith(b"\x1b@\x1f\x24\x01\x01")
            assert wire.count(b"\x1b") == 1
            line.unplug()
            line.plug()
            await panel.show(IDLE)
            assert (await line.read()).startswith(b"\x1b@")
            line.unplug()

    asyncio.run(play())


def test_a_display_that_takes_nothing_more_costs_its_words_only(tmp_path: Path) -> None:
    async def play() -> None:
        line = PtyLine(tmp_path / "display")
        line.plug()
        # Nobody here gives the loop a turn, so nothing is taken from the line.
        panel = SerialPanel(line.link, 9600, 40)

        async def flood() -> None:
            for _ in range(10_000):
                await panel.show(IDLE)

        with pytest.raises(DriverError, match="takes no more"):
            await flood()
        await panel.close()
        line.unplug()

    asyncio.run(play())


class Rig:
    """Lamps on relays that remember, in time that stands still."""

    def __init__(self) -> None:
        self.clock = SimulatedClock()
        self.go, self.wait, self.stop = (SimulatedRelay(self.clock) for _ in range(3))
        self.buzzer = SimulatedRelay(self.clock)
        self.panel = LampsPanel(self.clock, self.go, self.wait, self.stop, self.buzzer)

    def lit(self) -> str:
        outputs = {"go": self.go, "wait": self.wait, "stop": self.stop, "buzzer": self.buzzer}
        return " ".join(name for name, output in outputs.items() if output.closed)

    def tones(self) -> list[tuple[float, float]]:
        """Return (seconds since the start, seconds long) of each tone."""
        return [(round(at - 100.0, 3), seconds) for at, seconds in self.buzzer.pulses]


@pytest.mark.parametrize(
    ("notice", "lit", "tones"),
    [
        (IDLE, "", []),
        (go(1), "go", [(0.0, 0.1)]),
        (PLEASE_WAIT, "wait", []),
        (refused(Reason.USED), "stop", [(0.0, 0.1), (0.2, 0.1), (0.4, 0.1)]),
        (OUT_OF_SERVICE, "stop", []),
        (EVACUATE, "go", [(0.0, 0.8)]),
    ],
)
def test_each_notice_has_its_lamp_and_tones(
    notice: Notice, lit: str, tones: list[tuple[float, float]]
) -> None:
    async def play() -> None:
        rig = Rig()
        for before in (go(1), PLEASE_WAIT, OUT_OF_SERVICE):
            await rig.panel.show(before)
            await rig.clock.advance(5.0)
        rig.buzzer.pulses.clear()
        began = rig.clock.now().uptime - 100.0
        await rig.panel.show(notice)
        await rig.clock.advance(5.0)
        assert rig.lit() == lit
        assert rig.tones() == [(round(began + at, 3), seconds) for at, seconds in tones]
        await rig.panel.close()
        assert rig.lit() == ""

    asyncio.run(play())


def test_the_latest_notice_wins_and_silences_the_one_before() -> None:
    async def play() -> None:
        rig = Rig()
        await rig.panel.show(EVACUATE)
        await rig.clock.advance(0.3)
        assert rig.lit() == "go buzzer"
        await rig.panel.show(PLEASE_WAIT)
        await rig.clock.advance(0.0)
        assert rig.lit() == "wait"
        for notice in (EVACUATE, refused(Reason.USED), go(1)):
            await rig.panel.show(notice)
        await rig.clock.advance(5.0)
        assert rig.lit() == "go"
        assert rig.tones() == [(0.0, 0.8), (0.3, 0.1)]
        await rig.panel.close()

    asyncio.run(play())


def test_a_refusal_gives_way_between_two_tones() -> None:
    async def play() -> None:
        rig = Rig()
        await rig.panel.show(refused(Reason.USED))
        await rig.clock.advance(0.25)
        await rig.panel.show(go(1))
        await rig.clock.advance(5.0)
        assert rig.tones() == [(0.0, 0.1), (0.2, 0.1), (0.25, 0.1)]
        await rig.panel.close()

    asyncio.run(play())


@pytest.mark.parametrize("broken", ["go", "wait", "stop", "buzzer"])
def test_an_output_that_fails_costs_only_itself(
    broken: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def play() -> None:
        rig = Rig()
        output: SimulatedRelay = getattr(rig, broken)
        output.there = False
        for notice, lit, tones in ((go(1), "go", 1), (refused(Reason.USED), "stop", 3)):
            rig.buzzer.pulses.clear()
            caplog.clear()
            with caplog.at_level(logging.WARNING):
                await rig.panel.show(notice)
                await rig.clock.advance(5.0)
            assert rig.lit() == ("" if lit == broken else lit)
            assert len(rig.buzzer.pulses) == (0 if broken == "buzzer" else tones)
            assert len(caplog.records) == 1
            assert "unplugged" in caplog.text
        output.there = True
        await rig.panel.show(PLEASE_WAIT)
        await rig.clock.advance(5.0)
        assert rig.lit() == "wait"
        await rig.panel.close()

    asyncio.run(play())


def test_a_lamp_that_was_unplugged_while_lit_is_put_out_when_it_is_back() -> None:
    async def play() -> None:
        rig = Rig()
        await rig.panel.show(go(1))
        await rig.clock.advance(1.0)
        rig.go.there = False
        await rig.panel.show(refused(Reason.USED))
        await rig.clock.advance(1.0)
        rig.go.there = True
        await rig.panel.show(refused(Reason.USED))
        await rig.clock.advance(1.0)
        assert rig.lit() == "stop"
        await rig.panel.close()

    asyncio.run(play())
