"""The pages as a person meets them: a real Chromium, a whole venue behind it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import segno
from playwright.sync_api import Browser, Page, expect

from tests.demos import CHROMIUM, DemoVenue
from wire.words import Words

ENTER = Words("请进", "Please enter")
PATIENCE_MS = 30_000

pytestmark = [
    pytest.mark.xdist_group("venue"),
    pytest.mark.timeout(300),
    pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed"),
]


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    made = browser.new_page(locale="zh-CN", viewport={"width": 1280, "height": 900})
    asked: list[str] = []
    made.on("request", lambda request: asked.append(request.url))
    yield made
    outside = [url for url in asked if not url.startswith(("http://127.0.0.1:", "data:"))]
    made.close()
    assert outside == [], "a page asked somebody else"


def test_a_ticket_shown_on_the_page_opens_the_lane(demo_venue: DemoVenue, page: Page) -> None:
    page.goto(demo_venue.stands, wait_until="commit")
    lane = page.locator(".lane").filter(has_text="A1")
    lane.get_by_role("button", name="Valid ticket").click()
    expect(lane.locator(".words")).to_contain_text(ENTER.zh, timeout=PATIENCE_MS)
    expect(lane.locator(".words")).to_contain_text(ENTER.en)
    expect(lane.get_by_text("闸臂 arm 开 open")).to_be_visible()
    lane.get_by_role("button", name="Walk through").click()
    expect(lane.locator(".said")).to_contain_text("Walked in", timeout=PATIENCE_MS)
    lane.get_by_role("button", name="The same again").click()
    expect(lane.locator(".words")).to_contain_text("已使用", timeout=PATIENCE_MS)


@pytest.mark.parametrize(
    ("button", "words"),
    [("Refunded", "此票已退"), ("Forged", "票码无效"), ("Screenshot of one", "动态码已过期")],
)
def test_a_bad_ticket_is_refused_in_both_languages(
    demo_venue: DemoVenue, page: Page, button: str, words: str
) -> None:
    page.goto(demo_venue.stands, wait_until="commit")
    lane = page.locator(".lane").filter(has_text="A1")
    lane.get_by_role("button", name=button).click()
    expect(lane.locator(".words")).to_contain_text(words, timeout=PATIENCE_MS)
    expect(lane.locator(".fact").filter(has_text="stop")).to_be_visible()


def test_the_holder_s_page_opens_the_lane_with_the_code_on_its_screen(
    demo_venue: DemoVenue, browser: Browser, page: Page, tmp_path: Path
) -> None:
    phone = browser.new_page(viewport={"width": 390, "height": 844}, device_scale_factor=2)
    phone.goto(demo_venue.holder)
    phone.locator("#bind").click()
    expect(phone.locator("main")).to_have_attribute("data-view", "code", timeout=PATIENCE_MS)
    picture = tmp_path / "phone.png"
    phone.screenshot(path=picture)
    phone.close()
    page.goto(demo_venue.stands, wait_until="commit")
    lane = page.locator(".lane").filter(has_text="A1")
    lane.locator("input[type=file]").set_input_files(picture)
    expect(lane.locator(".words")).to_contain_text(ENTER.zh, timeout=PATIENCE_MS)
    lane.get_by_role("button", name="Walk through").click()
    expect(lane.locator(".said")).to_contain_text("Walked in", timeout=PATIENCE_MS)
    # Whoever comes next finds the lane free.
    expect(lane.locator(".words")).to_contain_text("请出示票码", timeout=PATIENCE_MS)


def test_any_text_and_any_picture_get_an_answer(
    demo_venue: DemoVenue, page: Page, tmp_path: Path
) -> None:
    page.goto(demo_venue.stands, wait_until="commit")
    lane = page.locator(".lane").filter(has_text="A1")
    lane.get_by_label("任意文字 Any text").fill("<b>130123456789012345</b>")
    lane.get_by_role("button", name="Show it").click()
    expect(lane.locator(".words")).to_contain_text("这不是门票", timeout=PATIENCE_MS)
    picture = tmp_path / "code.png"
    segno.make("130123456789012345", micro=False).save(str(picture), scale=6)
    lane.locator("input[type=file]").set_input_files(picture)
    expect(lane.locator(".words")).to_contain_text("这是付款码", timeout=PATIENCE_MS)
    nonsense = tmp_path / "no.png"
    nonsense.write_bytes(b"not a picture")
    lane.locator("input[type=file]").set_input_files(nonsense)
    expect(lane.locator(".said")).to_contain_text("This is not a picture", timeout=PATIENCE_MS)


def test_central_shows_it_as_it_happens_in_the_language_one_reads(
    demo_venue: DemoVenue, browser: Browser, page: Page
) -> None:
    page.goto(demo_venue.live, wait_until="commit")
    expect(page.get_by_role("heading", name="示范剧场")).to_be_visible(timeout=PATIENCE_MS)
    refused = page.locator("#refused")
    before = int(refused.inner_text().replace(",", ""))
    stands = browser.new_page()
    stands.goto(demo_venue.stands, wait_until="commit")
    lane = stands.locator(".lane").filter(has_text="A1")
    # A code nobody has shown: repeats within a minute are summed, and come later.
    lane.get_by_label("任意文字 Any text").fill("today's menu, 3 of 7")
    lane.get_by_role("button", name="Show it").click()
    expect(refused).not_to_have_text(str(before), timeout=PATIENCE_MS)
    expect(page.locator("#feed li").first).to_contain_text("拒绝 · 不是门票", timeout=PATIENCE_MS)
    stands.close()
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("heading", name="Demonstration theatre")).to_be_visible(
        timeout=PATIENCE_MS
    )
    expect(page.locator("#reasons")).to_contain_text("not a ticket")
