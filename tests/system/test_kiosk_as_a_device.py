"""A kiosk becomes a device by its own scanner, and then goes by what an admin chose at central.

Everything is real: central, nginx and mosquitto with TLS, kiosk and sync as processes; scanner and
board are made of software, at the other end of ptys; its printer is the simulated driver. Its
quicker siblings are tests/daemons/test_enrolling_at_the_kiosk.py and test_kiosk_configured.py. With
GATEHOUSE_SHOTS=FOLDER a picture of what its screen says is kept there.
"""

import asyncio
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from simulators.pty_line import PtyLine
from simulators.scanner import Scanner
from simulators.turnstile import Board, Input
from tests.boxes import BAUD, Box
from tests.brokers import free_port
from tests.demos import CHROMIUM
from tests.system.test_enrolled_by_its_scanner import added
from tests.whole_venue import Centre, running_centre

SHOTS = os.environ.get("GATEHOUSE_SHOTS")

pytestmark = [
    pytest.mark.xdist_group("enrolled-by-its-scanner"),
    pytest.mark.timeout(400),
    pytest.mark.nightly,
    pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed"),
]

KIOSK = """
name = "Kiosk 1"
directory = "{folder}"
intercom = "{folder}/sync.sock"
service_contact = {{ kind = "modbus", path = "{folder}/board", baud = 115200, input = 8 }}
reader = [{{ kind = "serial", path = "{folder}/scanner", baud = 115200, idle_gap_seconds = 1.0 }}]
printer = {{ kind = "simulated" }}
page = {{ port = {port}, address_file = "{folder}/address" }}
"""
CHOSEN = 'checkpoint = "hall"\n[kiosk]\nlanguages = ["en", "zh"]\n'
WRONG = CHOSEN.replace('"en", "zh"', '"fr", "zh"')


class KioskBox(Box):
    """Its screen is a real browser, which a thread of its own looks at."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder, self._running = folder, {}
        (folder / "kiosk.toml").write_text(KIOSK.format(folder=folder, port=free_port()))
        self.told = folder / "sync.toml"
        self.told.write_text(f'directory = "{folder}"\n[intercom]\npath = "{folder}/sync.sock"\n')
        self.lines = [PtyLine(folder / name) for name in ("scanner", "board")]
        for line in self.lines:
            line.plug()
        self.scanner, self.board = Scanner(self.lines[0], BAUD), Board(self.lines[1])
        self.words = ""

    @property
    def said(self) -> str:
        return self.words

    async def look(self) -> None:
        """Keep `words` what the screen says, as a browser shows it that is never reloaded."""
        ended = asyncio.Event()
        try:
            await asyncio.to_thread(self._look, ended)
        finally:
            ended.set()

    def _look(self, ended: asyncio.Event) -> None:
        address, kept = self.folder / "address", set[str]()
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            page = browser.new_page(viewport={"width": 1080, "height": 1920})
            while not ended.is_set():
                page.wait_for_timeout(100)
                if page.url == "about:blank":
                    if address.exists():
                        page.goto(address.read_text().strip(), wait_until="domcontentloaded")
                    continue
                title = page.locator("h1").all_inner_texts()
                self.words = " ".join([*title, *page.locator(".lead").all_inner_texts()])
                if SHOTS and title and self.words not in kept:
                    kept.add(self.words)
                    page.screenshot(path=Path(SHOTS) / f"kiosk-device-{len(kept)}.png")
            browser.close()


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    with running_centre(tmp_path_factory.mktemp("centre")) as made:
        yield made


def choose(centre: Centre, text: str) -> None:
    """Write what the zone's devices go by, as an admin does."""
    page = centre.admin.page("/admin/identity/zonetext/")
    known = re.search(r"/admin/identity/zonetext/(\d+)/change/", page)
    place = known[0] if known else "/admin/identity/zonetext/add/"
    (zone, *_) = re.findall(r'<option value="(\d+)"', centre.admin.page(place))
    assert "errornote" not in centre.admin.post(place, zone=zone, text=text)


def test_enrolled_by_its_scanner_it_goes_by_what_central_chose(
    centre: Centre, tmp_path: Path
) -> None:
    def stands() -> str:
        return centre.admin.page("/admin/orders/desired/")

    async def story(one: KioskBox) -> None:
        await one.until(lambda: "本机尚未登记 Not enrolled yet" in one.said, "it says so")
        text = await asyncio.to_thread(added, centre, "Kiosk 1")
        await one.show(text, lambda: "Hold the service contact" in one.said, "asked to hold it")
        one.board.contact(Input.NOT_READY, True)
        await one.show(text, lambda: one.enrolled, "enrolled")
        one.board.contact(Input.NOT_READY, False)
        await one.until(lambda: "自助取票" in one.said, "at work, in Chinese")
        await asyncio.to_thread(choose, centre, CHOSEN)
        await one.until(lambda: "Collect your tickets" in one.said, "at work, in English")
        await one.until(lambda: "已生效 in use" in stands(), "central is told")
        await asyncio.to_thread(choose, centre, WRONG)
        await one.until(lambda: "there is no file for" in stands(), "refused, and why")
        assert "the last good one goes on" in stands()
        assert "Collect your tickets" in one.said
        await one.show(text, lambda: "This enrols a device" in one.said, "refused")
        one.lines[0].unplug()
        await one.until(lambda: "The reader is not working" in one.said, "it says so")
        gone = "读码器断开 reader-1"
        await one.until(lambda: gone in centre.admin.page("/kiosks/"), "central shows it")
        one.lines[0].plug()
        await one.until(lambda: "The reader is not working" not in one.said, "there again")
        await one.until(lambda: gone not in centre.admin.page("/kiosks/"), "so is it at central")

    async def told() -> None:
        one = KioskBox(tmp_path / "kiosk-1")
        one.start("sync", "kiosk")
        playing = [asyncio.create_task(one.board.run()), asyncio.create_task(one.look())]
        try:
            await story(one)
        finally:
            for task in playing:
                task.cancel()
            await asyncio.wait(playing)
            one.close()

    asyncio.run(told())
