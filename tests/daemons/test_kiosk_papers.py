"""What stands on a kiosk's papers: by central's grant, and by its own key from the list."""

import asyncio
import os
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from edge.core.visit_terms import Print
from edge.kiosk.papers import Papers
from edge.kiosk.questions import Questions
from edge.kiosk.sheets import Sheets
from edge.runtime.clock import SimulatedClock
from edge.runtime.intercom import KioskAsked, Word
from paper import default, template
from paper.sheet import Pair, Sheet
from rules.ticket_class import TicketClass
from tests.daemons.test_kiosk_alone import Central, printed, run
from tests.device import sealed_delta, writing
from tests.kiosks import Kiosk
from wire.codec import encode
from wire.exchange import Granted, Offer
from wire.paper import Sort
from wire.payment import WORDS, Payment
from wire.snapshot import Delta
from wire.words import Words

EAST = Words("东门", "East gate")
OFFER = Offer("1", b"c" * 16, Words("演出", "Show"), Words("成人票", "Adult"), 1_780_003_600)


def sheets() -> Sheets:
    return Sheets(template.read(default.TEMPLATE), "K1", UTC, SimulatedClock())


def pairs(sheet: Sheet) -> dict[str, str]:
    return {part.left: part.right for part in sheet.parts if isinstance(part, Pair)}


@pytest.mark.parametrize(
    ("language", "line"), [("zh", ("入口", "东门")), ("en", ("Entrance", "East gate"))]
)
def test_the_entrance_stands_on_the_ticket(language: str, line: tuple[str, str]) -> None:
    offer = replace(OFFER, entrance=EAST)
    granted = Granted(bytes(12), "GH1" + "A" * 40, 1)
    assert (
        line
        in pairs(sheets().ticket(offer, granted, Print(offer, Sort.EXCHANGE, language))).items()
    )
    without = sheets().ticket(OFFER, granted, Print(OFFER, Sort.EXCHANGE, language))
    assert line[0] not in pairs(without), "no hole where it is not known"


@pytest.mark.parametrize("begins", [2**60, -(2**60)])
def test_a_time_that_no_calendar_has_is_left_out(begins: int) -> None:
    offer = replace(OFFER, begins=begins)
    granted = Granted(bytes(12), "GH1" + "A" * 40, 1)
    assert sheets().ticket(offer, granted, Print(offer, Sort.EXCHANGE, "zh"))
    assert sheets().receipt([offer], "en")


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("how", Payment)
def test_a_receipt_says_how_it_was_paid(how: Payment, language: str) -> None:
    told = pairs(sheets().receipt([replace(OFFER, paid=how.value)] * 2, language))
    name = {"zh": "付款方式", "en": "Paid by"}[language]
    assert told[name] == getattr(WORDS[how], language)


@pytest.mark.parametrize("paid", [("", ""), ("wechat", "cash"), ("wechat", ""), ("newer-than-we",)])
def test_how_it_was_paid_is_left_out_where_it_is_not_the_same_or_not_known(
    paid: tuple[str, ...],
) -> None:
    told = pairs(sheets().receipt([replace(OFFER, paid=one) for one in paid], "en"))
    assert "Paid by" not in told


def test_a_paper_by_its_own_key_has_the_entrance_from_the_list(tmp_path: Path) -> None:
    async def story(one: Kiosk, _: Central, __: Path) -> None:
        writer = writing(one.folder)
        about = writer.current
        assert about is not None
        kind = TicketClass("SHOW", 1, Words("成人票", "Adult"), {"hall": 1}, entrance=EAST)
        classes = ((0, encode(kind)),)
        writer.apply(sealed_delta(Delta(about.sequence + 1, about.head, classes=classes)))
        code = await printed(one, 1)
        assert code.startswith(b"GH2")
        told = pairs(one.printer.printed[-1])
        assert told["入口"] == "东门"
        assert not {"座位", "票价"} & told.keys(), "these the list does not hold"

    run(tmp_path, story)


def test_every_way_to_pay_has_words_in_both_languages() -> None:
    assert set(WORDS) == set(Payment)
    assert all(words.zh and words.en for words in WORDS.values())


def test_no_visitor_waits_behind_a_question_that_nobody_carries() -> None:
    """Sync starts beside the kiosk, and later; what is asked of central at a start waits for it."""

    async def story() -> None:
        clock, said, there = SimulatedClock(), list[Word](), False
        questions = Questions(said.append, os.urandom, clock, lambda: there)
        nobody: Any = None
        papers = Papers(nobody, questions, nobody, nobody, clock, os.urandom, 30.0)
        asking = asyncio.ensure_future(papers.settle())
        await clock.advance(20.0)
        assert not papers._one.locked()  # noqa: SLF001
        assert not said
        there = True
        await clock.advance(1.0)
        assert [type(word) for word in said] == [KioskAsked]
        asking.cancel()

    asyncio.run(story())
