"""A kiosk at a venue at work: touched to paper, touched to seen, an order of four, memory.

Everything is real but the hardware: central, broker, sync and kiosk are processes, the screen is
Chromium (portrait), the simulated printer prints at the speed of an 80 mm Epson and takes bytes at
a network's. All of them share this machine's cores; the way to central is loopback, so that a
venue adds its own round trips, two for each paper.
"""

import asyncio
import time
from dataclasses import dataclass, field
from pathlib import Path

from playwright.async_api import Page, async_playwright

from benchmarks import rig
from gatehouse.demo import venue
from gatehouse.demo.kiosk_visitor import KioskVisitor
from gatehouse.demo.show import Options, Running, running
from simulators.crowd import Shows
from tests.demos import ARGUMENTS, CHROMIUM

ORDERS, SINGLES, ROUNDS = 4, 16, 5
PATIENCE_SECONDS = 60.0
PATIENCE_MS = 60_000
PORTRAIT = {"width": 1080, "height": 1920}
WALK = ("start", "order", "key-D", "key-2", "key-dash", "key-1", "back", "identity", "cancel")
"""Touches of a visitor who looks around; between them all kinds of pages are drawn."""
TOUCH = """
id => new Promise(answered => {
  const before = document.getElementById('state').dataset.number, began = performance.now();
  const seen = new MutationObserver(() => {
    const now = document.getElementById('state');
    if (!now || now.dataset.number === before) return;
    seen.disconnect();
    requestAnimationFrame(() => setTimeout(() => answered(performance.now() - began)));
  });
  seen.observe(document.getElementById('screen'), {childList: true, subtree: true});
  document.getElementById(id).click();
})
"""
"""From a touch to the frame that shows what came of it, in milliseconds."""
FRAME = """
() => new Promise(answered => {
  const began = performance.now();
  document.getElementById('state').dataset.bench = began;
  requestAnimationFrame(() => setTimeout(() => answered(performance.now() - began)));
})
"""
"""The control: a change that nobody sees, to its frame."""


@dataclass
class Paper:
    """When the printer's first line came, and when it cut; `time.perf_counter()`."""

    first_at: list[float] = field(default_factory=list)
    cut_at: list[float] = field(default_factory=list)


def measure(folder: Path) -> rig.Report:
    """Measure a kiosk in a venue of its own, some two minutes."""
    assert CHROMIUM, "chromium is not installed: apt-get install chromium"
    (folder / "kiosk").mkdir()
    return asyncio.run(_measured(folder / "kiosk"))


async def _measured(folder: Path) -> rig.Report:
    report = rig.Report()
    visitors = 10 * (SINGLES + 4 * ORDERS)
    async with running(folder, Options(visitors, 1, 1.0, break_broker=False)) as stage:
        address = await KioskVisitor(stage.kiosk, stage.venue.kiosk_address).enter()
        pid = stage.children.named("kiosk").pid
        report.figure("kiosk: memory (PSS) at rest, MB", round(rig.pss_kb(pid) / 1024, 1))
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(
                executable_path=CHROMIUM, args=list(ARGUMENTS)
            )
            page = await browser.new_page(viewport=PORTRAIT)  # type: ignore[arg-type]
            await page.goto(address, wait_until="domcontentloaded")
            await _touches(page, report)
            await _papers(stage, page, report)
            await browser.close()
        report.figure(
            f"kiosk: memory (PSS) after {stage.kiosk.cuts} papers, MB",
            round(rig.pss_kb(pid) / 1024, 1),
        )
    return report


async def _touches(page: Page, report: rig.Report) -> None:
    await _shows(page, "attract")
    took: list[float] = []
    frames: list[float] = []
    for _ in range(ROUNDS):
        for control in WALK:
            frames.append(await page.evaluate(FRAME))
            took.append(await page.evaluate(TOUCH, control))
        await _shows(page, "attract")
    report.add(rig.row("control: a frame of this browser", [], frames), "draws slower")
    row = rig.row("screen: touched to seen", [], took)
    report.add(row, f"{rig.SLOWER}; a Pi's browser draws slower too")
    report.figure("screen: slowest touch, ms", round(max(took), 1))


async def _papers(stage: Running, page: Page, report: rig.Report) -> None:
    paper = _watched(stage)
    tickets = [one for one in venue.issued(stage.venue) if one.kind is Shows.PAPER]
    codes = [one.text.encode() for one in tickets]
    first: list[float] = []
    last: list[float] = []
    for code in codes[:SINGLES]:
        began = await _printed(stage, page, [code])
        first.append((paper.first_at[-1] - began) * 1000)
        last.append((paper.cut_at[-1] - began) * 1000)
    report.add(rig.row("confirmed to first line on paper", [], first), f"{rig.SLOWER}, {rig.DISK}")
    report.add(rig.row("confirmed to one ticket cut", [], last), f"{rig.SLOWER}, {rig.DISK}")
    whole: list[float] = []
    for number in range(ORDERS):
        at = SINGLES + 4 * number
        began = await _printed(stage, page, codes[at : at + 4])
        whole.append((paper.cut_at[-1] - began) * 1000)
    report.add(rig.row("confirmed to four tickets cut", [], whole), f"{rig.SLOWER}, {rig.DISK}")
    assert stage.kiosk.cuts == SINGLES + 4 * ORDERS


def _watched(stage: Running) -> Paper:
    """Note when a paper is begun and when it is cut."""
    printer, noted = stage.kiosk.printer, Paper()
    cuts = printer.counted.cuts

    def began() -> None:
        noted.first_at.append(time.perf_counter())

    def changed() -> None:
        nonlocal cuts
        if printer.counted.cuts > cuts:
            cuts = printer.counted.cuts
            noted.cut_at.append(time.perf_counter())

    printer.paper.began, printer.changed = began, changed
    return noted


async def _printed(stage: Running, page: Page, codes: list[bytes]) -> float:
    """Have codes turned into paper; return when printing was confirmed."""
    before = stage.kiosk.cuts
    await _shows(page, "attract")
    for number, code in enumerate(codes, 1):
        await stage.kiosk.present(code)
        await _shows(page, "choose")
        chosen = page.locator(".offer.chosen").nth(number - 1)
        await chosen.wait_for(timeout=PATIENCE_MS)
    await page.evaluate(TOUCH, "next")
    began = time.perf_counter()
    await page.evaluate(TOUCH, "print")
    while stage.kiosk.cuts < before + len(codes):
        assert time.perf_counter() - began < PATIENCE_SECONDS, "no paper"
        await asyncio.sleep(0.01)
    await _shows(page, "take")
    await page.evaluate(TOUCH, "done")
    return began


async def _shows(page: Page, what: str) -> None:
    await page.locator(f"#state[data-page={what}]").wait_for(state="attached", timeout=PATIENCE_MS)
