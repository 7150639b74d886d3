"""The kiosk's screen in a real Chromium: every path, in both languages and both orientations.

The venue is a demonstration: real daemons, central and broker; simulated scanner and printer.
With GATEHOUSE_SHOTS=FOLDER a picture of every page is kept there.
"""

import io
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests
import zxingcpp
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect

from edge.kiosk.spoken import words
from tests.demos import CHROMIUM, DemoVenue

QR = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)

SHOTS = os.environ.get("GATEHOUSE_SHOTS")
PATIENCE_MS = 40_000
PORTRAIT, LANDSCAPE = ViewportSize(width=1080, height=1920), ViewportSize(width=1920, height=1080)

pytestmark = [
    pytest.mark.xdist_group("venue"),
    pytest.mark.timeout(300),
    pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed"),
]


@dataclass
class Screen:
    venue: DemoVenue
    page: Page
    name: str
    papers: int = 0
    asked: list[str] = field(default_factory=list)

    def shot(self, name: str) -> None:
        if SHOTS:
            self.page.wait_for_timeout(150)
            self.page.screenshot(path=Path(SHOTS) / f"kiosk-{self.name}-{name}.png")

    def shows(self, page: str, keep: str = "") -> None:
        state = self.page.locator("#state")
        expect(state).to_have_attribute("data-page", page, timeout=PATIENCE_MS)
        self.shot(keep or page)

    def press(self, control: str) -> None:
        self.page.locator(f"#{control}").click()

    def type(self, text: str) -> None:
        for key in text:
            before = self.page.locator("#state").get_attribute("data-number")
            self.press("key-dash" if key == "-" else f"key-{key}")
            state = self.page.locator("#state")
            expect(state).not_to_have_attribute("data-number", before or "", timeout=PATIENCE_MS)

    def scan(self, kind: str = "", text: str = "", lane: str = "K1") -> str:
        told = {"lane": lane, **({"kind": kind} if kind else {"text": text})}
        return str(
            requests.post(f"{self.venue.stands}present", data=told, timeout=30).json()["said"]
        )

    def printer(self, deed: str) -> None:
        requests.post(f"{self.venue.stands}printer", data={"deed": deed}, timeout=30)

    def paper(self, number: int) -> bytes:
        answer = requests.get(f"{self.venue.stands}paper/{number}.png", timeout=30)
        assert answer.status_code == 200
        if SHOTS:
            (Path(SHOTS) / f"paper-{number}.png").write_bytes(answer.content)
        return answer.content

    def cut(self) -> int:
        """Return how many papers have come out."""
        number = 0
        while requests.get(f"{self.venue.stands}paper/{number}.png", timeout=30).ok:
            number += 1
        return number

    def leave(self) -> None:
        """Whatever is shown, end it."""
        for control in ("cancel", "done", "stop"):
            if self.page.locator(f"#{control}").count():
                self.press(control)
                break


def opened(browser: Browser, venue: DemoVenue, size: ViewportSize, name: str) -> Screen:
    context: BrowserContext = browser.new_context(viewport=size, locale="zh-CN")
    page = context.new_page()
    screen = Screen(venue, page, name)
    page.on("request", lambda request: screen.asked.append(request.url))
    page.goto(venue.kiosk, wait_until="domcontentloaded")
    return screen


@pytest.fixture
def screen(browser: Browser, demo_venue: DemoVenue) -> Iterator[Screen]:
    one = opened(browser, demo_venue, PORTRAIT, "portrait")
    one.printer("mend")
    one.leave()
    one.shows("attract")
    yield one
    one.leave()
    outside = [url for url in one.asked if not url.startswith(("http://127.0.0.1:", "data:"))]
    one.page.context.close()
    assert outside == [], "the page asked somebody else"


def code_on(picture: bytes) -> str:
    seen = Image.open(io.BytesIO(picture))
    (found,) = zxingcpp.read_barcodes(seen, QR)
    return found.text


def collect(screen: Screen) -> str:
    """Turn an e-ticket into paper; return what the code on it says."""
    before = screen.cut()
    screen.scan("paper")
    screen.shows("choose")
    screen.press("next")
    screen.shows("confirm")
    screen.press("print")
    screen.shows("take")
    return code_on(screen.paper(before))


def at_the_gate(screen: Screen, words: str, **shown: str) -> None:
    """Show a code to the gate's reader, and wait for what its display says."""
    stands = screen.page.context.new_page()
    stands.goto(screen.venue.stands, wait_until="commit")
    lane = stands.locator(".lane").filter(has_text="入口 entry")
    expect(lane.locator(".words")).to_contain_text("请出示票码", timeout=PATIENCE_MS)
    screen.scan(lane="A1", **shown)
    expect(lane.locator(".words")).to_contain_text(words, timeout=PATIENCE_MS)
    if words == "请进":
        lane.get_by_role("button", name="Walk through").click()
        expect(lane.locator(".said")).to_contain_text("Walked in", timeout=PATIENCE_MS)
    stands.close()


def test_the_paper_opens_a_gate_once_and_the_phone_no_more(screen: Screen) -> None:
    paper = collect(screen)
    at_the_gate(screen, "请进", text=paper)
    at_the_gate(screen, "已使用", text=paper)
    at_the_gate(screen, "已换新票", kind="again")
    screen.leave()
    screen.shows("attract")
    screen.scan("again")
    screen.shows("refused", "refused-used")
    expect(screen.page.locator("h1")).to_contain_text("入场")


@pytest.mark.nightly
def test_the_phone_is_void_before_its_paper_was_ever_shown(screen: Screen) -> None:
    paper = collect(screen)
    screen.leave()
    screen.shows("attract")
    screen.scan("again")
    screen.shows("refused", "refused-collected")
    expect(screen.page.locator("h1")).to_contain_text("取票")
    # By now the list has it, as central's answer shows.
    at_the_gate(screen, "已换新票", kind="again")
    at_the_gate(screen, "请进", text=paper)


def test_an_order_of_four_by_its_number_in_english(screen: Screen) -> None:
    before = screen.cut()
    screen.press("language-en")
    screen.shows("identify", "identify-en")
    screen.press("order")
    screen.shows("order")
    screen.type("D2026-01")
    screen.press("submit")
    screen.type("9999")
    screen.press("submit")
    screen.shows("refused", "refused-order")
    expect(screen.page.locator("h1")).to_have_text("No ticket was found")
    screen.press("again")
    screen.shows("order", "order-again")
    screen.press("field-digits")
    screen.type("1234")
    screen.press("submit")
    screen.shows("choose", "choose-four")
    expect(screen.page.locator(".offer")).to_have_count(4)
    expect(screen.page.locator(".offer").nth(0)).to_contain_text("row 7 seat 11")
    expect(screen.page.locator(".offer").nth(0)).to_contain_text("¥ 280.00")
    screen.page.locator(".offer").nth(3).click()
    expect(screen.page.locator("#next")).to_contain_text("3 tickets")
    screen.press("next")
    screen.shows("confirm", "confirm-en")
    screen.press("print")
    screen.shows("printing")
    screen.shows("take", "take-en")
    screen.press("receipt")
    said = screen.page.locator(".stage")
    expect(said).to_contain_text("Your receipt is out", timeout=PATIENCE_MS)
    screen.shot("take-receipt")
    assert screen.cut() == before + 4
    assert not zxingcpp.read_barcodes(Image.open(io.BytesIO(screen.paper(before + 3))))
    codes = {code_on(screen.paper(before + n)) for n in range(3)}
    assert len(codes) == 3


@pytest.mark.nightly
def test_no_paper_in_the_middle_goes_on_with_the_rest(screen: Screen) -> None:
    for _ in range(2):
        screen.scan("paper")
        screen.shows("choose", "choose-two")
        screen.page.wait_for_timeout(1600)
    expect(screen.page.locator(".offer")).to_have_count(2, timeout=PATIENCE_MS)
    before = screen.cut()
    screen.press("next")
    screen.shows("confirm")
    screen.printer("cover")
    screen.page.wait_for_timeout(300)
    screen.press("print")
    stopped = re.compile("paused|refused")
    expect(screen.page.locator("#state")).to_have_attribute(
        "data-page", stopped, timeout=PATIENCE_MS
    )
    screen.shot("paused")
    refused = screen.page.locator("#state").get_attribute("data-page") == "refused"
    screen.printer("mend")
    if not refused:
        screen.shows("take", "take-two")
        assert screen.cut() == before + 2


@pytest.mark.nightly
def test_out_of_service_says_so_and_comes_back(screen: Screen) -> None:
    screen.printer("power")
    screen.shows("out-of-order")
    screen.printer("mend")
    screen.shows("attract")


def test_staff_see_to_it(screen: Screen) -> None:
    before = screen.cut()
    screen.scan("staff")
    screen.shows("staff")
    screen.press("test")
    expect(screen.page.locator(".said")).to_be_visible(timeout=PATIENCE_MS)
    assert screen.cut() == before + 1
    screen.paper(before)
    screen.press("state-page")
    screen.shows("staff-state")
    screen.press("back")
    screen.press("day")
    screen.shows("staff-day")
    screen.type("12")
    screen.press("submit")
    screen.shows("staff", "staff-day-done")
    screen.scan("paper")
    screen.shows("choose", "choose-staff")
    screen.press("next")
    screen.shows("staff-why")
    screen.press("why-jam")
    screen.shows("confirm", "confirm-staff")
    screen.press("cancel")
    screen.shows("attract")


def test_reloaded_opened_twice_and_lost_nothing_changes(screen: Screen) -> None:
    screen.scan("paper")
    screen.shows("choose")
    number = screen.page.locator("#state").get_attribute("data-number")
    screen.page.reload()
    screen.shows("choose")
    second = screen.page.context.new_page()
    second.goto(screen.page.url)
    expect(second.locator("#state")).to_have_attribute("data-number", number or "")
    screen.press("next")
    expect(second.locator("#state")).to_have_attribute("data-page", "confirm", timeout=PATIENCE_MS)
    second.close()
    screen.press("cancel")
    screen.shows("attract")


def test_keys_alone_are_enough(screen: Screen) -> None:
    keyboard = screen.page.keyboard
    keyboard.press("Enter")
    screen.shows("identify")
    keyboard.press("ArrowDown")
    keyboard.press("Enter")
    screen.shows("order")
    for key in "d2":
        keyboard.press(key)
    expect(screen.page.locator("#field-number b")).to_have_text("D2", timeout=PATIENCE_MS)
    keyboard.press("Escape")
    screen.shows("attract")


SPOKEN = """
() => {
  window.spoken = [];
  const speak = speechSynthesis.speak.bind(speechSynthesis);
  speechSynthesis.speak = words => { spoken.push([words.lang, words.text]); speak(words); };
}
"""


def test_prompts_are_read_aloud_in_the_language_that_was_chosen(screen: Screen) -> None:
    """What is given to the browser's own speech; whether a voice sounds well nobody hears here."""
    page = screen.page
    page.evaluate(SPOKEN)
    screen.press("start")
    screen.shows("identify")
    assert page.evaluate("spoken") == [], "nobody asked for it"
    screen.press("voice")
    expect(page.locator("#voice")).to_contain_text("关闭语音", timeout=PATIENCE_MS)
    assert page.evaluate("spoken.at(-1)") == ["zh-CN", words("zh")["identify.say"]]
    screen.press("language-en")
    expect(page.locator("h1")).to_contain_text("How would you like", timeout=PATIENCE_MS)
    assert page.evaluate("spoken.at(-1)") == ["en", words("en")["identify.say"]]
    screen.press("order")
    screen.shows("order")
    assert page.evaluate("spoken.at(-1)") == ["en", words("en")["order.say"]]
    page.keyboard.press("ArrowDown")
    focused = page.evaluate("document.activeElement.textContent.trim()")
    assert page.evaluate("spoken.at(-1)") == ["en", focused], "the control that keys lead to"
    before = page.evaluate("spoken.length")
    screen.press("voice")
    expect(page.locator("#voice")).to_contain_text("Read aloud", timeout=PATIENCE_MS)
    screen.press("back")
    screen.shows("identify", "identify-silent")
    assert page.evaluate("spoken.length") <= before + 1, "silent again"


@pytest.mark.nightly
def test_controls_lie_within_reach_and_are_large(screen: Screen) -> None:
    """Portrait: a screen 62 cm high, hung with its lower edge at 75 cm: touched below 120 cm."""
    screen.press("start")
    screen.shows("identify")
    for button in screen.page.locator(".controls button, .side button").all():
        box = button.bounding_box()
        assert box
        assert box["y"] >= 1920 * 0.27
        assert min(box["width"], box["height"]) >= 80


@pytest.mark.parametrize("language", ["en", pytest.param("zh", marks=pytest.mark.nightly)])
def test_landscape(browser: Browser, demo_venue: DemoVenue, screen: Screen, language: str) -> None:
    wide = opened(browser, demo_venue, LANDSCAPE, f"landscape-{language}")
    wide.shows("attract")
    if language == "en":
        wide.press("language-en")
    else:
        wide.press("start")
    wide.shows("identify")
    wide.press("order")
    wide.shows("order")
    wide.press("back")
    wide.press("identity")
    wide.shows("identity")
    wide.press("back")
    wide.scan("paper")
    wide.shows("choose")
    wide.press("next")
    wide.shows("confirm")
    no_scroll = "document.documentElement.scrollHeight <= innerHeight"
    assert wide.page.evaluate(no_scroll)
    wide.press("cancel")
    wide.page.context.close()
    screen.shows("attract")


@pytest.mark.parametrize(
    "ask",
    [
        pytest.param(lambda url: requests.get(url, timeout=10), id="no token"),
        pytest.param(lambda url: requests.get(f"{url}/enter/{'0' * 48}", timeout=10), id="guessed"),
        pytest.param(
            lambda url: requests.get(f"{url}/static/kiosk.js", timeout=10), id="files neither"
        ),
    ],
)
def test_nobody_without_the_token(
    demo_venue: DemoVenue, ask: Callable[[str], requests.Response]
) -> None:
    assert ask(demo_venue.kiosk.partition("/enter/")[0]).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {},
        {"Host": "evil.example", "Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "self", "Sec-Fetch-Site": "cross-site"},
    ],
)
def test_no_other_origin(demo_venue: DemoVenue, headers: dict[str, str]) -> None:
    url, _, token = demo_venue.kiosk.partition("/enter/")
    told = {name: url if value == "self" else value for name, value in headers.items()}
    cookies = {"gatehouse-kiosk": token}
    body = {"what": "start", "at": "1"}
    answer = requests.post(f"{url}/touch", body, headers=told, cookies=cookies, timeout=10)
    assert answer.status_code == 403
