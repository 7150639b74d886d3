"""What is done to a ticket at central, at a real gate: sync, a broker and central between them;
and the pages on which an admin does it, in a real Chromium."""

import asyncio
import json
import os
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from simulators.display import Display
from simulators.pty_line import PtyLine
from simulators.scanner import Scanner
from simulators.turnstile import Board
from tests.brokers import TestBroker
from tests.demos import ARGUMENTS, CHROMIUM, PATIENCE_MS
from tests.enrolled import write_identity, write_link
from tests.system.conftest import DEVICE, ROOT, TOKEN
from tests.system.conftest import until as until_then
from tests.system.test_gate_process import BAUD, CONFIGURATION, Stage, start, until
from tests.system.test_sync_with_central import OTHER_DEVICE, Central

pytestmark = [pytest.mark.xdist_group("venue"), pytest.mark.timeout(300)]

SHOTS = os.environ.get("GATEHOUSE_SHOTS", "")
"""A folder for pictures of the pages, for a person to look at."""

MAKE_KEY = """
import django; django.setup()
from central.api.keys import draw, keep
from central.api.models import ChannelKey
from central.venue.models import Venue
may = dict(may_issue=True, may_refund=True, may_undo=True)
made = ChannelKey(venue=Venue.objects.get(), name="shop", created_at=0, **may)
text = draw(); keep(made, text); made.save(); print(text)
"""


class Shop:
    """Central, as a shop's program sees it; and a look into its database."""

    def __init__(self, central: Central, folder: Path) -> None:
        self._url = f"http://127.0.0.1:{central.port}/api/1"
        self._database = folder / "central" / "central.db"
        told = {
            "GATEHOUSE_CENTRAL_CONFIG": str(folder / "central.toml"),
            "DJANGO_SETTINGS_MODULE": "central.settings",
        }
        made = subprocess.run(
            [sys.executable, "-c", MAKE_KEY],
            cwd=ROOT,
            env={**os.environ, **told},
            capture_output=True,
            text=True,
            check=True,
        )
        self._key = made.stdout.strip()
        self._asked = 0

    def post(self, path: str, **body: Any) -> Any:
        self._asked += 1
        headers = {"Idempotency-Key": f"k{self._asked}", "Content-Type": "application/json"}
        return self._ask(path, json.dumps(body).encode(), headers)

    def get(self, path: str) -> Any:
        return self._ask(path, None, {})

    def _ask(self, path: str, body: bytes | None, headers: dict[str, str]) -> Any:
        asked = urllib.request.Request(f"{self._url}/{path}", body, headers)
        asked.add_header("Authorization", f"Bearer {self._key}")
        with urllib.request.urlopen(asked, timeout=30) as given:
            return json.load(given)

    def issue(self) -> Any:
        return self.post("tickets", event="SHOW", ticket_class=1)

    def gate_is_heard(self) -> bool:
        """Whether the gate has been heard of, and all that it said it wrote is here."""
        (seen,) = self.look("SELECT last_seen FROM venue_device ORDER BY id LIMIT 1")
        (missing,) = self.look("SELECT count(*) FROM ledger_prefix WHERE told > upto")
        return seen is not None and missing == 0

    def gate_is_up_to_date(self) -> bool:
        """Whether the gate has said that it applied the newest change of the list."""
        (newest,), (applied,) = (
            self.look("SELECT max(sequence) FROM lists_change"),
            self.look("SELECT list_sequence FROM venue_device ORDER BY id LIMIT 1"),
        )
        return bool(newest == applied)

    def look(self, question: str) -> Any:
        with closing(sqlite3.connect(f"file:{self._database}?mode=ro", uri=True)) as database:
            return database.execute(question).fetchone()

    def forget_a_gate(self, name: str, silent_seconds: int) -> None:
        """Add a device that was last heard of so long ago."""
        seen = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(time.time() - silent_seconds))
        with closing(sqlite3.connect(self._database, timeout=20)) as database, database:
            database.execute(
                "INSERT INTO venue_device (venue_id, identity, name, token_hash, last_seen,"
                " list_sequence, reported_rows) SELECT venue_id, ?, ?, 'x', ?, 0, 0"
                " FROM venue_device LIMIT 1",
                (os.urandom(8).hex(), name, seen),
            )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("operations")


@pytest.fixture(scope="module")
def broker(folder: Path) -> Iterator[TestBroker]:
    made = TestBroker(folder)
    made.start()
    yield made
    made.kill()


@pytest.fixture(scope="module")
def central(folder: Path, broker: TestBroker) -> Iterator[Central]:
    made = Central(folder, broker.port)
    # A gate that was never heard of would hold every refund.
    with closing(sqlite3.connect(folder / "central" / "central.db")) as database, database:
        database.execute("DELETE FROM venue_device WHERE identity = ?", (OTHER_DEVICE,))
    made.start("web", "ingest", "publish")
    try:
        until_then(made.answers, "central's pages")
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module")
def shop(central: Central, folder: Path) -> Shop:
    return Shop(central, folder)


@asynccontextmanager
async def gate(tmp_path: Path, central: Central, broker: TestBroker) -> AsyncIterator[Stage]:
    """A gate of one lane on ptys, with its sync."""
    folder = tmp_path / "d"
    (folder / "config").mkdir(parents=True)
    (folder / "config" / "zone.toml").write_text('checkpoint = "hall"\n')
    (folder / "gate.toml").write_text(CONFIGURATION.format(folder=folder))
    sync_toml = tmp_path / "sync.toml"
    sync_toml.write_text(f'directory = "{folder}"\n[intercom]\npath = "{folder}/sync.sock"\n')
    write_identity(folder, DEVICE, root=central.root)
    write_link(folder, broker.port, f"http://127.0.0.1:{central.port}", TOKEN)
    lines = [PtyLine(folder / name) for name in ("scanner", "board", "display")]
    for line in lines:
        line.plug()
    board, display = Board(lines[1], window_seconds=1.0), Display(lines[2])
    playing = [asyncio.create_task(board.run()), asyncio.create_task(display.run())]
    sync = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "gatehouse", "sync", "--config", str(sync_toml))
    )
    stage = Stage(folder, Scanner(lines[0], BAUD), board, display, await start(folder))
    try:
        yield stage
    finally:
        for process in (stage.process, sync):
            process.terminate()
            await process.wait()
        for task in playing:
            task.cancel()


async def admitted(stage: Stage, text: str) -> None:
    """Show a code, see the lane open, and walk in."""
    before = len(stage.board.pulses)
    await stage.scanner.present(text.encode())
    await until(lambda: len(stage.board.pulses) == before + 1, "the pulse")
    await stage.board.walk_through(seconds=0.3)
    await until(lambda: stage.title == "Show your ticket", "ready again")


async def refused(stage: Stage, text: str, words: str) -> None:
    """Show a code and read why the lane stays shut."""
    before = len(stage.board.pulses)
    await stage.scanner.present(text.encode())
    await until(lambda: stage.title.startswith(words), f"{words}, not {stage.title}")
    assert len(stage.board.pulses) == before
    await until(lambda: stage.title == "Show your ticket", "ready again")


def test_every_operation_at_central_reaches_a_real_gate(
    tmp_path: Path, central: Central, broker: TestBroker, shop: Shop
) -> None:
    async def story() -> None:
        async with gate(tmp_path, central, broker) as stage:
            await until(lambda: stage.title == "Show your ticket", "ready")
            await until(shop.gate_is_heard, "central hears of the gate")
            blocked, refunded, reissued, moved, used = (shop.issue() for _ in range(5))

            def do(ticket: Any, operation: str, **told: Any) -> Any:
                return shop.post(f"tickets/{ticket['cti']}/{operation}", **told)

            do(blocked, "block")
            refund = do(refunded, "refund")
            assert refund["state"] == "asked", refund
            new = do(reissued, "reissue")
            other = do(moved, "reschedule", event="SHOW")
            await until(shop.gate_is_up_to_date, "the gate has the list")
            await until(
                lambda: shop.get(f"refunds/{refund['id']}")["state"] == "settled",
                "the refund settles by itself",
            )
            await refused(stage, blocked["text"], "Ticket blocked")
            await refused(stage, refunded["text"], "Ticket refunded")
            await refused(stage, reissued["text"], "Replaced by a newer ticket")
            await refused(stage, moved["text"], "Ticket was rebooked")
            await admitted(stage, new["text"])
            await admitted(stage, other["text"])
            await admitted(stage, used["text"])
            await refused(stage, used["text"], "Used")

            def passed() -> bool:
                uses = shop.get(f"tickets/{used['cti']}")["uses"]
                return bool(uses and uses[-1]["outcome"] == "passed")

            await until(passed, "central knows the use")
            (use,) = shop.get(f"tickets/{used['cti']}")["uses"]
            do(used, "undo", admission=use["admission"], person=use["person"])
            do(blocked, "unblock")
            await until(shop.gate_is_up_to_date, "the gate has the list again")
            await admitted(stage, used["text"])
            await admitted(stage, blocked["text"])

    asyncio.run(story())


@pytest.fixture
def page(central: Central) -> Iterator[Page]:
    central.ask("createadmin", "chief", "--password", "a long password")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        made = browser.new_page(locale="zh-CN", viewport={"width": 1280, "height": 900})
        made.set_default_timeout(PATIENCE_MS)
        made.goto(f"http://127.0.0.1:{central.port}/admin/")
        made.fill("input[name=username]", "chief")
        made.fill("input[name=password]", "a long password")
        made.press("input[name=password]", "Enter")
        expect(made).to_have_url(f"http://127.0.0.1:{central.port}/admin/")
        yield made
        browser.close()


def picture(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/tickets-{name}.png", full_page=True)


def open_ticket(page: Page, root: str, ticket: Any) -> None:
    page.goto(f"{root}/venue/ticket/?q={ticket['cti']}")
    page.get_by_role("link", name=ticket["cti"]).first.click()


needs_chromium = pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed")


@needs_chromium
def test_an_admin_refunds_with_every_gate_in_touch_and_with_one_that_is_silent(
    central: Central, shop: Shop, page: Page
) -> None:
    root = f"http://127.0.0.1:{central.port}/admin"
    page.goto(f"{root}/tickets/refund/held/")
    first, second = shop.issue(), shop.issue()
    picture(page, "held-before")

    open_ticket(page, root, first)
    picture(page, "ticket")
    page.get_by_role("link", name="退票 Refund").click()
    expect(page.get_by_text("未入场 · Not admitted")).to_be_visible()
    picture(page, "refund-in-touch")
    page.fill("input[name=why]", "观众生病")
    page.get_by_role("button", name="退票 Refund").click()
    expect(page.get_by_text("已发布到名单")).to_be_visible()
    expect(page.get_by_text("退款 Refund").last).to_be_visible()
    picture(page, "refunded")

    shop.forget_a_gate("3 号闸 Gate 3", 1800)
    open_ticket(page, root, second)
    page.get_by_role("link", name="退票 Refund").click()
    expect(page.get_by_text("可能已入场：3 号闸 Gate 3 自")).to_be_visible()
    expect(page.get_by_text("款项将暂缓")).to_be_visible()
    picture(page, "refund-silent-gate")
    page.get_by_role("button", name="退票 Refund").click()
    page.goto(f"{root}/tickets/refund/held/")
    held = page.locator(".held").filter(has_text=second["cti"])
    expect(held).to_contain_text("3 号闸 Gate 3")
    picture(page, "held")
    held.get_by_role("link", name="决定 Decide").click()
    picture(page, "decide")
    page.fill("input[name=why]", "已与 3 号闸值班人员核实")
    page.get_by_role("button", name="退款 Pay").click()
    expect(page.locator(".held").filter(has_text=second["cti"])).to_have_count(0)
    picture(page, "held-after")


@needs_chromium
def test_an_admin_gives_a_new_code_and_shows_it(central: Central, shop: Shop, page: Page) -> None:
    root = f"http://127.0.0.1:{central.port}/admin"
    third = shop.issue()
    open_ticket(page, root, third)
    page.get_by_role("link", name="换码 Reissue").click()
    page.get_by_role("button", name="换码 Reissue").click()
    page.get_by_role("link", name="查看票码").click()
    newest = shop.get(f"tickets/{third['cti']}/code")
    expect(page.locator("#code svg")).to_be_visible()
    expect(page.get_by_text(newest["text"])).to_be_visible()
    picture(page, "code")
    page.goto(f"{root}/api/channelkey/add/")
    picture(page, "key-add")
