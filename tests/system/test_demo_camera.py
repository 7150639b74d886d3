"""The demonstration with a camera: what is held before it on the page opens the lane."""

import re
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import expect, sync_playwright

from simulators.camera import Held, drawn
from tests.demos import ARGUMENTS, CHROMIUM, PATIENCE_MS, running_demo

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed"),
]


def test_what_is_held_before_the_camera_is_read_as_it_is(tmp_path: Path) -> None:
    with running_demo(tmp_path / "d", "--camera") as venue, sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        page = browser.new_page()
        page.set_default_timeout(PATIENCE_MS)
        expect.set_options(timeout=PATIENCE_MS)
        page.goto(venue.stands, wait_until="commit")
        lane = page.locator(".lane", has_text="A1")
        by_camera = lane.get_by_label("Hold it before the camera")
        expect(page.locator(".lane", has_text="A2").locator(".by")).to_have_count(0)
        by_camera.check()
        lane.get_by_role("button", name="Valid ticket").click()
        expect(lane.locator(".fact", has_text="arm")).to_have_text(re.compile("开 open"))
        expect(lane.locator(".said")).to_contain_text("Held before the camera")
        lane.get_by_role("button", name="Walk through").click()
        expect(lane.locator(".said")).to_contain_text("Walked in")
        expect(lane.locator(".words")).to_contain_text("Show your ticket")
        # A picture is not decoded on its way: what the camera makes of it is what counts.
        blank, text = tmp_path / "blank.png", tmp_path / "text.png"
        Image.new("L", (300, 300), 255).save(blank)
        drawn(Held(b"no ticket at all".hex())).save(text)
        lane.locator("input[type=file]").set_input_files(blank)
        expect(lane.locator(".said")).to_have_text("在摄像头前举了一会儿 · Held before the camera")
        expect(lane.locator(".words")).to_contain_text("Show your ticket")
        lane.locator("input[type=file]").set_input_files(text)
        expect(lane.locator(".words")).to_contain_text("This is not a ticket")
        page.screenshot(path=tmp_path / "page.png", full_page=True)
        browser.close()
