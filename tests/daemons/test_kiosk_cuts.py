"""The power is cut at every step of an exchange: never a second paper, and books that agree.

The truth is what the printer cut; what is held against it is the journal after the next start, and
what the ticket office grants then.
"""

import asyncio
import random
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest

from central.core.papers import STEP_OF, Books, Step, books
from edge.core.printer_status import READY, Fault, Roll, Status
from edge.core.visit_terms import Page
from tests.daemons.test_gate import recorded_by
from tests.device import DEVICE
from tests.kiosks import STAFF_CARD, Fuse, Kiosk, Office, PowerCut, kiosk
from wire.paper import Exchanged, PaperClass, PaperEvent

BOOTS = (b"boot-two", b"boot-tri", b"boot-fou", b"boot-fiv")
EMPTY = Status(heard=True, online=False, roll=Roll.END)
STEPS_MAX = 60
PARTS = [range(first, first + 100) for first in range(12, 1012, 100)]
"""Half a second of a processor for each seed, a minute for a part."""


async def order_of(one: Kiosk, tickets: int) -> None:
    """A visitor has so many tickets of one order printed, as far as it goes."""
    for number in range(1, tickets + 1):
        await one.scan(number)
    await one.touch("next")
    await one.touch("print")
    await one.clock.advance(1)


def ended(folder: Path) -> Books:
    """Return the books of the journal: each paper by its last word."""
    steps: dict[bytes, Step] = {}
    for happened in recorded_by(folder, DEVICE):
        if isinstance(happened, PaperEvent):
            step = STEP_OF[type(happened)]
            steps[happened.paper] = max(steps.get(happened.paper, step), step)
    return books(steps.values(), ())


def agree(folder: Path, cut: int) -> Books:
    found = ended(folder)
    assert found.under_way == 0
    known = found.known
    assert known <= cut <= known + found.classes[PaperClass.UNKNOWN], (found, cut)
    return found


@pytest.mark.parametrize(
    "mouth", [False, pytest.param(True, marks=pytest.mark.nightly)], ids=["plain", "mouth"]
)
def test_cut_at_every_step_of_an_exchange(tmp_path: Path, mouth: bool) -> None:
    at, cut_off = 0, Counter[PaperClass]()
    while True:
        at += 1
        folder = tmp_path / str(at)
        fuse = Fuse(at)
        if not asyncio.run(_once(folder, fuse, mouth)):
            break
        assert at < STEPS_MAX
    # The last run was not cut: there were steps to cut, and none was left out.
    assert at > 10
    for number in range(1, at):
        cut_off += ended(tmp_path / str(number)).classes
    assert cut_off[PaperClass.UNKNOWN] > 0
    assert cut_off[PaperClass.EXCHANGED] > 0


async def _once(folder: Path, fuse: Fuse, mouth: bool) -> bool:
    """Exchange with a cut, start again, and try once more; return whether the fuse blew."""
    office = Office(lambda: recorded_by(folder, DEVICE))
    cut = 0
    printers = []
    with suppress(PowerCut):
        async with kiosk(folder, office=office, mouth=mouth, fuse=fuse) as one:
            printers.append(one.printer)
            await order_of(one, 1)
            one.printer.take()
            await one.clock.advance(1)
    async with kiosk(folder, boot=BOOTS[0], office=office) as again:
        printers.append(again.printer)
        await again.clock.advance(1)
        await order_of(again, 1)
    cut = sum(printer.cuts for printer in printers)
    kept = cut - sum(printer.retracted for printer in printers)
    assert kept <= 1, "a second paper of one right, and nobody of the staff asked for it"
    agree(folder, cut)
    return fuse.blown


@pytest.mark.parametrize(
    "seeds",
    [range(12), *(pytest.param(part, marks=pytest.mark.nightly) for part in PARTS)],
    ids=lambda seeds: f"{seeds[0]}-{seeds[-1]}",
)
@pytest.mark.timeout(1800)
def test_random_cuts_of_power_and_paper_leave_the_books_balanced(
    tmp_path: Path, seeds: range
) -> None:
    seen = Counter[PaperClass]()
    for seed in seeds:
        seen += asyncio.run(_day(tmp_path / str(seed), random.Random(seed)))
    assert seen[PaperClass.EXCHANGED] > 0


async def _day(folder: Path, chance: random.Random) -> Counter[PaperClass]:
    """A day of four lives, each ended by a cut: visitors, staff, faults of the printer."""
    office = Office(lambda: recorded_by(folder, DEVICE))
    printers = []
    for boot in BOOTS:
        fuse = Fuse(chance.randrange(8, 120))
        with suppress(PowerCut):
            async with kiosk(
                folder, boot=boot, office=office, mouth=chance.random() < 0.3, fuse=fuse
            ) as one:
                printers.append(one.printer)
                for _ in range(6):
                    await _something(one, chance)
    async with kiosk(folder, boot=b"boot-end", office=office) as last:
        await last.clock.advance(1)
        printers.append(last.printer)
    cut = sum(printer.cuts for printer in printers)
    found = agree(folder, cut)
    per_right = Counter(
        happened.cti for happened in recorded_by(folder, DEVICE) if isinstance(happened, Exchanged)
    )
    assert all(times == 1 for times in per_right.values()), "exchanged twice"
    return found.classes


async def _something(one: Kiosk, chance: random.Random) -> None:
    printer = one.printer
    printer.confirms = chance.random() > 0.1
    if chance.random() < 0.3:
        printer.break_at = (chance.randrange(1000), chance.choice(list(Fault)))
    if chance.random() < 0.15:
        printer.status = EMPTY
    one.office.mute = chance.random() < 0.1
    if chance.random() < 0.2 and one.on(Page.ATTRACT):
        await one.show(STAFF_CARD)
        await one.touch("test")
        await one.touch("back")
    else:
        await order_of(one, chance.randrange(1, 4))
    if chance.random() < 0.7:
        printer.take()
    printer.status = READY
    # Until central's silence, and a paper that nobody takes, have had their time.
    await one.clock.advance(9 if one.office.mute else 1)
    if one.on(Page.PRINTING):
        await one.clock.advance(31)
    for end in ("cancel", "back"):
        await one.touch(end)
