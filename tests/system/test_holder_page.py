"""The holder's page in a real Chromium: a gate believes what a camera reads from its screen."""

import contextlib
import csv
import http.client
import io
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import zxingcpp
from PIL import Image
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Error,
    Page,
    ViewportSize,
    expect,
    sync_playwright,
)

from edge.core import credential
from edge.core.credential import Shown
from tests.brokers import free_port
from wire import rotating
from wire import ticket as gh1
from wire.key import KeyRecord, KeyRing

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""
ARGUMENTS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)

QR = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)
SHOTS = os.environ.get("GATEHOUSE_SHOTS")
"""A folder for pictures of the page, for people to look at."""
PATIENCE_MS = 30_000
HOUR = 3600

pytestmark = [
    pytest.mark.xdist_group("venue"),
    pytest.mark.timeout(300),
    pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed"),
]


@dataclass
class Central:
    """A running central, and its tickets: kind -> (address, what was issued), each used once."""

    folder: Path
    issued: dict[str, list[tuple[str, dict[str, Any]]]]
    ring: KeyRing

    def bound(self, cti: str) -> tuple[str | None, int]:
        """Return when the phone said that it has the key, and how many others tried."""
        database = sqlite3.connect(self.folder / "c" / "central.db")
        asked = (
            "SELECT kept_at, others_refused FROM holder_phone p"
            " JOIN venue_ticket t ON t.id = p.ticket_id WHERE t.cti = ? AND released_at IS NULL"
        )
        (row,) = database.execute(asked, (bytes.fromhex(cti),)).fetchall()
        database.close()
        return row[0], row[1]

    def has_its_key(self, cti: str) -> bool:
        """Return whether a phone is bound, and has said that it has the key."""
        with contextlib.suppress(ValueError):
            return self.bound(cti)[0] is not None
        return False

    def next(self, kind: str) -> tuple[str, dict[str, Any]]:
        return self.issued[kind].pop()


def venue(now: int) -> dict[str, Any]:
    name = {"zh": "城市交响乐团 · 春之声", "en": "City Symphony · Voices of Spring"}

    def show(audience: str, opens: int, rotating: bool, tickets: list[Any]) -> dict[str, Any]:
        kind = {"code": 1, "name": {"zh": "成人票", "en": "Adult"}, "uses": {"hall": 1}}
        times = {"opens": opens, "closes": opens + 6 * HOUR, "rotating": rotating}
        return {
            "audience": audience,
            "name": name,
            **times,
            "classes": [{**kind, "tickets": tickets}],
        }

    return {
        "code": "venue",
        "name": {"zh": "滨江音乐厅", "en": "Riverside Concert Hall"},
        "checkpoints": ["hall"],
        "events": [
            show(
                "SPRING26",
                now - HOUR,
                True,
                [
                    {"kind": "moving", "count": 12},
                    {"kind": "refunded", "count": 1, "standing": "refunded"},
                ],
            ),
            show("LATER26", now + 48 * HOUR, True, [{"kind": "early", "count": 1}]),
            show("STILL26", now - HOUR, False, [{"kind": "still", "count": 1}]),
        ],
    }


@pytest.fixture(scope="module")
def central(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Central]:
    folder = tmp_path_factory.mktemp("central")
    port = free_port()
    told = folder / "central.toml"
    told.write_text(f'venue = "venue"\ndirectory = "{folder / "c"}"\n[web]\nport = {port}\n')
    (folder / "venue.json").write_text(json.dumps(venue(int(time.time()))))
    command = [sys.executable, "-m", "central", "--config", str(told)]
    out = folder / "tickets.jsonl"
    prepare = [*command, "prepare", "--file", str(folder / "venue.json"), "--tickets-out", str(out)]
    subprocess.run(prepare, check=True, capture_output=True)
    links = subprocess.run([*command, "links"], check=True, capture_output=True, text=True).stdout
    addresses = {row["right"]: row["link"] for row in csv.DictReader(io.StringIO(links))}
    issued: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    for line in out.read_text().splitlines():
        one = json.loads(line)
        issued.setdefault(one["kind"], []).append((addresses[one["cti"]], one))
    web = subprocess.Popen([*command, "web"])
    try:
        until = time.monotonic() + 60
        while not _answers(port):
            assert web.poll() is None
            assert time.monotonic() < until
            time.sleep(0.1)
        yield Central(folder, issued, _ring(folder))
    finally:
        web.terminate()
        web.wait(30)


def _answers(port: int) -> bool:
    asked = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        asked.request("GET", "/healthz")
        return asked.getresponse().status == 200
    except OSError:
        return False
    finally:
        asked.close()


def _ring(folder: Path) -> KeyRing:
    database = sqlite3.connect(folder / "c" / "central.db")
    rows = database.execute("SELECT kid, public FROM venue_signingkey").fetchall()
    database.close()
    return KeyRing([KeyRecord(kid, public) for kid, public in rows])


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield started
        started.close()


def holder(browser: Browser, locale: str = "zh-CN", **named: Any) -> BrowserContext:
    """A phone of its own, which asks nobody but central and makes no noise."""
    size = ViewportSize(width=390, height=844)
    made = browser.new_context(
        locale=locale, viewport=size, device_scale_factor=2, is_mobile=True, has_touch=True, **named
    )
    made.set_default_timeout(PATIENCE_MS)

    def watch(page: Page) -> None:
        page.on("console", lambda said: complained.append(said.text) if _bad(said) else None)
        page.on("pageerror", lambda error: complained.append(str(error)))

    complained: list[str] = []
    made.on("page", watch)
    made.on("request", lambda request: asked.append(request.url))
    asked: list[str] = []
    made.complained, made.asked = complained, asked  # type: ignore[attr-defined]
    return made


def _bad(said: Any) -> bool:
    # A refusal by central, or a cut, is written there by the browser itself.
    return said.type == "error" and "Failed to load resource" not in said.text


def close(phone: BrowserContext) -> None:
    outside = [url for url in phone.asked if not url.startswith(("http://127.0.0.1:", "data:"))]  # type: ignore[attr-defined]
    said = phone.complained  # type: ignore[attr-defined]
    phone.close()
    assert outside == [], "the page asked somebody else"
    assert said == [], "the page complained, or its policy stopped it"


def shot(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/holder-{name}.png")


def read_screen(page: Page) -> bytes:
    """Return the code as a camera reads it from the screen."""
    picture = Image.open(io.BytesIO(page.screenshot()))
    # Of all formats, one sees a bar code in a line of text now and then.
    (found,) = zxingcpp.read_barcodes(picture.convert("L"), QR)
    return bytes(found.bytes)


def view(page: Page, name: str) -> None:
    expect(page.locator("main")).to_have_attribute("data-view", name, timeout=PATIENCE_MS)


def says(page: Page, level: int, words: str) -> None:
    """Wait until the one heading that can be seen says these words."""
    heading = page.get_by_role("heading", level=level)
    expect(heading).to_contain_text(words, use_inner_text=True, timeout=PATIENCE_MS)


def fresh(central: Central, one: dict[str, Any], code: bytes, at: float) -> bool:
    """Whether a gate would take the code at that time."""
    shown = credential.read(code, central.ring)
    assert isinstance(shown, Shown)
    assert shown.code is not None
    assert shown.ticket.cti.hex() == one["cti"]
    good = rotating.totp(bytes.fromhex(one["code_key"]), shown.code.time) == shown.code.totp
    return good and abs(shown.code.step - at // rotating.STEP_SECONDS) <= 1


def taken(phone: BrowserContext, address: str) -> Page:
    """Open a ticket's page and put its code on the phone."""
    page = phone.new_page()
    page.goto(address)
    view(page, "bind")
    page.locator("#bind").click()
    view(page, "code")
    return page


def test_the_code_on_the_screen_opens_moves_and_goes_on_without_a_network(
    central: Central, browser: Browser
) -> None:
    phone = holder(browser)
    address, one = central.next("moving")
    page = phone.new_page()
    began = time.time()
    page.clock.install(time=began)
    page.goto(address)
    view(page, "bind")
    shot(page, "zh-bind")
    page.locator("#bind").click()
    view(page, "code")
    first = read_screen(page)
    assert first[:3] == b"GH9"
    assert fresh(central, one, first, time.time())
    expect(page.locator("#kept")).to_be_visible()
    shot(page, "zh-code")
    phone.set_offline(True)
    page.clock.run_for(90_000)
    expect(page.locator("#off")).to_be_visible()
    shot(page, "zh-offline")
    second = read_screen(page)
    later = time.time() + 90
    assert fresh(central, one, second, later)
    assert not fresh(central, one, first, later)
    # Closed and opened again, still without a network.
    page.goto(address)
    view(page, "code")
    assert read_screen(page)[:3] == b"GH9"
    page.get_by_role("button", name="English").click()
    says(page, 1, "City Symphony · Voices of Spring")
    shot(page, "en-offline")
    close(phone)


def test_a_phone_with_a_wrong_clock_shows_central_s_time(
    central: Central, browser: Browser
) -> None:
    phone = holder(browser, "en-GB")
    address, one = central.next("moving")
    page = phone.new_page()
    page.clock.install(time=time.time() - 5 * HOUR)
    page.goto(address)
    view(page, "bind")
    page.locator("#bind").click()
    view(page, "code")
    assert fresh(central, one, read_screen(page), time.time())
    shot(page, "en-code")
    close(phone)


def test_the_key_comes_once_and_nothing_on_the_page_can_show_it(
    central: Central, browser: Browser
) -> None:
    phone = holder(browser)
    address, one = central.next("moving")
    answers: list[dict[str, Any]] = []

    def heard(answer: Any) -> None:
        if answer.url.endswith("/key"):
            answers.append(answer.json())

    phone.on("response", heard)
    page = taken(phone, address)
    expect(page.locator("#kept")).to_be_visible()
    page.reload()
    view(page, "code")
    kept = page.evaluate(
        """async () => {
            const opening = indexedDB.open('gatehouse');
            await new Promise(done => opening.onsuccess = done);
            const all = opening.result.transaction('phone').objectStore('phone').getAll();
            await new Promise(done => all.onsuccess = done);
            const [phone] = all.result, refused = [];
            for (const key of [phone.key, phone.signing.privateKey, phone.agreement.privateKey]) {
                const failed = error => refused.push(error.name);
                await crypto.subtle.exportKey('raw', key).catch(failed);
                refused.push(key.extractable);
            }
            return refused;
        }"""
    )
    assert kept == ["InvalidAccessError", False] * 3
    (answer,) = answers
    assert central.bound(one["cti"])[0], "it has said that it has the key, which is not given again"
    assert one["code_key"] not in json.dumps(answer)
    close(phone)


def test_a_second_phone_with_the_same_link_is_told_so_until_the_first_lets_go(
    central: Central, browser: Browser
) -> None:
    mine, theirs = holder(browser), holder(browser, "en-GB")
    address, one = central.next("moving")
    page, other = taken(mine, address), theirs.new_page()
    with other.expect_response("**/tried"):
        other.goto(address)
    view(other, "other")
    other.reload()
    view(other, "other")
    assert central.bound(one["cti"])[1] == 1, "admins are told, once"
    shot(other, "en-other")
    says(other, 2, "The code is on another phone")
    assert b"GH1" not in other.content().encode()
    old = read_screen(page)
    page.get_by_role("button", name="换一部手机").click()
    shot(page, "zh-move")
    page.get_by_role("button", name="移走").click()
    view(page, "bind")
    other.reload()
    view(other, "bind")
    other.locator("#bind").click()
    view(other, "code")
    new = read_screen(other)
    assert fresh(central, one, new, time.time())
    generations = []
    for code in (old, new):
        shown = credential.read(code, central.ring)
        assert isinstance(shown, Shown)
        generations.append(shown.ticket.generation)
    assert generations == [0, 1], "gates that know of 1 refuse 0"
    page.reload()
    view(page, "other")
    close(mine)
    close(theirs)


def test_two_who_press_at_once_are_not_both_given_it(central: Central, browser: Browser) -> None:
    phones = [holder(browser), holder(browser)]
    address, _ = central.next("moving")
    pages = [phone.new_page() for phone in phones]
    for page in pages:
        page.goto(address)
        view(page, "bind")
    for page in pages:
        page.locator("#bind").click()
    view(pages[0], "code")
    view(pages[1], "other")
    for phone in phones:
        close(phone)


@pytest.mark.parametrize(
    ("kind", "shown", "zh", "en"),
    [
        ("early", "early", "起可取码", "Your code comes"),
        ("refunded", "refunded", "此票已退", "This ticket was refunded"),
    ],
)
def test_other_states_are_said_in_both_languages(
    central: Central, browser: Browser, kind: str, shown: str, zh: str, en: str
) -> None:
    address, _ = central.next(kind)
    for locale, words in (("zh-CN", zh), ("en-GB", en)):
        phone = holder(browser, locale)
        page = phone.new_page()
        page.goto(address)
        view(page, shown)
        says(page, 2, words)
        shot(page, f"{locale[:2]}-{kind}")
        close(phone)


def test_what_central_said_before_it_was_bound_takes_nothing_from_a_phone(
    central: Central, browser: Browser
) -> None:
    """The page asked when it was opened, and the answer was longer on its way than whoever pressed;
    by it the phone threw its own key away, which is given once."""
    phone = holder(browser)
    address, one = central.next("moving")
    page, late = phone.new_page(), list[tuple[Any, Any]]()

    def hold_up(route: Any) -> None:
        if late:
            route.continue_()
        else:
            late.append((route, route.fetch()))

    page.route("**/state", hold_up)
    page.goto(address)
    view(page, "bind")
    page.locator("#bind").click()
    until = time.monotonic() + 3.0  # As long as it may take without waiting for that answer.
    while time.monotonic() < until and not (late and central.has_its_key(one["cti"])):
        page.wait_for_timeout(100)
    ((route, answer),) = late
    route.fulfill(response=answer)
    view(page, "code")
    page.wait_for_timeout(500)
    view(page, "code")
    assert fresh(central, one, read_screen(page), time.time())
    page.reload()
    view(page, "code")
    close(phone)


def test_a_cut_while_the_code_is_fetched_is_made_good(central: Central, browser: Browser) -> None:
    phone = holder(browser)
    address, one = central.next("moving")
    page = phone.new_page()
    page.goto(address)
    view(page, "bind")

    def lose(route: Any) -> None:
        route.fetch()  # Central has given it; nobody hears the answer.
        with contextlib.suppress(Error):  # On a slow machine the page has given up before.
            route.abort()

    page.route("**/key", lose)
    page.locator("#bind").click()
    view(page, "waiting")
    page.unroute("**/key")
    view(page, "code")
    assert central.bound(one["cti"])[1] == 0, "it is no stranger to itself"
    assert fresh(central, one, read_screen(page), time.time())
    close(phone)


def test_a_browser_that_keeps_nothing_says_so(central: Central, browser: Browser) -> None:
    phone = holder(browser, "en-GB")
    page = phone.new_page()
    closed = "() => { throw new DOMException('', 'SecurityError') }"
    page.add_init_script(f"IDBFactory.prototype.open = {closed}")
    address, _ = central.next("moving")
    page.goto(address)
    view(page, "bind")
    page.locator("#bind").click()
    view(page, "unable")
    says(page, 2, "This browser cannot show the moving code")
    shot(page, "en-unable")
    close(phone)


def test_without_javascript_it_says_what_to_do(central: Central, browser: Browser) -> None:
    address, still = central.next("still")
    phone = holder(browser, java_script_enabled=False)
    page = phone.new_page()
    page.goto(address)
    assert read_screen(page).decode() == still["text"]
    assert isinstance(gh1.verify(still["text"].encode(), central.ring), gh1.Ticket)
    shot(page, "zh-still")
    moving, _ = central.next("moving")
    page.goto(moving)
    # What stands in <noscript> is no text to Playwright.
    expect(page.locator("noscript h2 [lang=zh]")).to_be_visible()
    expect(page.locator(".dots")).to_be_hidden()
    shot(page, "zh-nojs")
    close(phone)
