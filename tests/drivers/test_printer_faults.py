"""Every mishap at the bytes of a ticket, for every kind of printer: never wrong, never twice.

The table in docs/kiosk.md is what these runs give.
"""

import asyncio

import pytest

from edge.core.print_job import Outcome
from simulators.printer_body import Mishap
from tools import printer_outcomes
from tools.printer_outcomes import FIRST, KITS, SECOND, Kit, Tried, every, length_of, some_places

NAMES = [kit.name for kit in KITS]


def check(tried: Tried) -> None:
    """The promises that hold whatever happened, and where."""
    said = f"{tried.mishap.value} at byte {tried.byte}: {tried.result}"
    match tried.result.outcome:
        case Outcome.PRINTED:
            assert tried.readable == [FIRST], said
            assert tried.cuts == 1, said
            assert tried.result.byte == tried.bytes_total, said
        case Outcome.NOT_PRINTED:
            assert tried.readable == [], said
            assert tried.cuts == 0, said
            assert tried.result.byte <= tried.code_at, said
        case Outcome.UNKNOWN:
            assert tried.result.byte > tried.code_at, said
            assert tried.readable in ([], [FIRST]), said
    assert tried.after.outcome is Outcome.PRINTED, f"{said}, then {tried.after}"
    assert sorted(tried.readable_after) == sorted([*tried.readable, SECOND]), said


@pytest.mark.parametrize("mishap", Mishap)
def test_what_becomes_of_a_ticket(mishap: Mishap) -> None:
    cells = [printer_outcomes.MEANS[mishap]]
    for kit in KITS:
        tried = asyncio.run(_some(kit, mishap))
        for one in tried:
            check(one)
        cells += printer_outcomes.summary(tried)
    row = f"| {' | '.join(cells)} |\n"
    page = printer_outcomes.PAGE.read_text(encoding="utf-8")
    assert row in page, "docs/kiosk.md is stale: run python tools/printer_outcomes.py"


async def _some(kit: Kit, mishap: Mishap) -> list[Tried]:
    return await every(kit, mishap, await some_places(kit))


@pytest.mark.nightly
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("mishap", Mishap)
@pytest.mark.parametrize("kit", KITS, ids=NAMES)
def test_at_every_byte(kit: Kit, mishap: Mishap) -> None:
    """BOCA prints nothing before its last command: its pictures at every 499th byte."""

    async def play() -> None:
        total, _ = await length_of(kit)
        stride = 499 if kit.profile.ticket_dots else 1
        places = {*range(0, total, stride), *range(total - 8, total)}
        for tried in await every(kit, mishap, sorted(places)):
            check(tried)

    asyncio.run(play())
