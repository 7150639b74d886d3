"""Names and titles that nobody should have, on the kiosk's screen in a real Chromium.

The paper with the same name is printed by tests/drivers/test_printers.py. With
GATEHOUSE_SHOTS=FOLDER a picture of the screen, and of that paper, is kept there.
"""

import asyncio
import dataclasses
import os
from pathlib import Path

import pytest
from msgspec.structs import replace
from playwright.async_api import async_playwright

from edge.core.visit_terms import Page as Shown
from edge.kiosk.config import PageConfig
from edge.kiosk.picture import Pictures
from edge.kiosk.serving import Page
from paper import picture
from paper.lines import ROLL_80
from tests.demos import CHROMIUM
from tests.drivers.test_printers import NAME, ticket
from tests.kiosks import kiosk
from wire.words import Words

SHOTS = os.environ.get("GATEHOUSE_SHOTS")
OUTSIDE = """
() => [...document.querySelectorAll('.what, .what *')].filter(one => {
  const box = one.closest('.offer').getBoundingClientRect(), own = one.getBoundingClientRect();
  return own.right > box.right || own.left < box.left || one.scrollWidth > one.offsetWidth + 1
    && getComputedStyle(one).display !== 'inline';
}).map(one => one.outerHTML.slice(0, 80))
"""
"""What is drawn beyond the border of its ticket."""

pytestmark = pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed")


@pytest.mark.parametrize(("width", "height"), [(1080, 1920), (1920, 1080)])
def test_forty_letters_without_a_space_stay_inside_their_ticket(
    tmp_path: Path, width: int, height: int
) -> None:
    async def look(address: str) -> None:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=CHROMIUM, args=["--no-sandbox"]
            )
            page = await browser.new_page(viewport={"width": width, "height": height})
            await page.goto(address, wait_until="domcontentloaded")
            await page.wait_for_selector(".offer")
            assert await page.locator(".offer").count() == 2
            if SHOTS:
                picture.drawn(ticket(1), ROLL_80).save(Path(SHOTS) / "paper-names.png")
                await page.screenshot(path=Path(SHOTS) / f"kiosk-names-{width}.png")
            assert await page.evaluate(OUTSIDE) == []
            await browser.close()

    async def story() -> None:
        async with kiosk(tmp_path / "kiosk") as one:
            await one.scan(1)
            assert one.on(Shown.CHOOSE)
            (offer,) = one.visit.offers
            bad = replace(offer, holder=NAME, event=Words(NAME, NAME), zone=NAME)
            one.daemon.visit = dataclasses.replace(one.visit, offers=(bad, offer))
            pictures = Pictures("K1", one.trusted, "test")
            told = PageConfig(port=0, address_file=str(tmp_path / "address"))
            page = Page(told, one.daemon, lambda: pictures.of(one.daemon), os.urandom)
            serving = asyncio.create_task(page.serve())
            for _ in range(2000):
                if (tmp_path / "address").exists():
                    break
                await asyncio.sleep(0.01)
            await look((tmp_path / "address").read_text().strip())
            serving.cancel()
            await asyncio.wait({serving})

    asyncio.run(story())
