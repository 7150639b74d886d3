"""The kiosk, edge to edge: simulated reader, printer and clock; the real store and core."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from edge.core.printer_status import READY, Fault, Roll
from edge.core.visit_terms import Became, Page, Receipts
from edge.runtime.clock import settle
from paper.sheet import Code, Kind, Pair
from tests.kiosks import STAFF_CARD, Kiosk, kiosk
from wire.reason import Reason


def run(folder: Path, story: Callable[[Kiosk], Awaitable[None]], **more: object) -> None:
    async def told() -> None:
        async with kiosk(folder / "kiosk", **more) as one:  # type: ignore[arg-type]
            await story(one)

    asyncio.run(told())


def test_a_code_becomes_a_paper(tmp_path: Path) -> None:
    async def story(one: Kiosk) -> None:
        assert one.on(Page.ATTRACT)
        await one.scan(1)
        assert one.on(Page.CHOOSE)
        await one.touch("next")
        await one.touch("print")
        assert one.on(Page.TAKE)
        assert one.papers() == ["reserved", "printed", "confirmed", "exchanged"]
        assert len(one.printer.printed) == 1
        await one.clock.advance(16)
        assert one.on(Page.ATTRACT)

    run(tmp_path, story)


def test_an_order_of_four_ticket_by_ticket(tmp_path: Path) -> None:
    async def story(one: Kiosk) -> None:
        await one.touch("start")
        await one.touch("order")
        await one.type("d1")
        await one.touch("submit")
        await one.type("1234")
        await one.touch("submit")
        assert len(one.visit.offers) == 4
        await one.touch("next")
        await one.touch("print")
        assert one.on(Page.PRINTING)
        await one.clock.advance(2)
        assert len(one.visit.done) == 1
        await one.clock.advance(6)
        assert one.on(Page.TAKE)
        assert [done.became for done in one.visit.done] == [Became.DONE] * 4

    run(tmp_path, story, sheet_seconds=2.0)


def test_paper_out_in_the_middle_goes_on_with_the_rest(tmp_path: Path) -> None:
    async def story(one: Kiosk) -> None:
        await one.touch("start")
        await one.touch("order")
        await one.type("D1")
        await one.touch("submit")
        await one.type("1234")
        await one.touch("submit")
        await one.touch("next")
        await one.touch("print")
        await one.clock.advance(2)
        empty = type(READY)(heard=True, online=False, roll=Roll.END)
        one.printer.break_at = (10, Fault.PAPER_END)
        one.printer.status = empty
        await one.clock.advance(2)
        assert one.on(Page.PAUSED)
        assert len(one.visit.done) == 1
        one.printer.status = READY
        await one.clock.advance(20)
        assert [done.became for done in one.visit.done] == [Became.DONE] * 4
        assert one.papers().count("exchanged") == 4
        assert one.papers().count("given-back") == 1

    run(tmp_path, story, sheet_seconds=2.0)


def test_a_paper_that_nobody_can_know_of_is_not_printed_again(tmp_path: Path) -> None:
    async def story(one: Kiosk) -> None:
        await one.scan(1)
        await one.touch("next")
        one.printer.break_at = (700, Fault.JAM)
        await one.touch("print")
        assert one.on(Page.TAKE)
        assert one.papers()[-1] == "print-unknown"
        await one.touch("done")
        await one.touch("back")
        await one.scan(1)
        assert one.on(Page.REFUSED)
        assert one.visit.refusal
        assert one.visit.refusal.reason is Reason.SEE_STAFF

    run(tmp_path, story)


def test_not_taken_it_is_drawn_back_and_can_be_had_again(tmp_path: Path) -> None:
    async def story(one: Kiosk) -> None:
        await one.scan(1)
        await one.touch("next")
        await one.touch("print")
        await one.clock.advance(31)
        assert one.papers()[-1] == "retracted"
        assert one.on(Page.TAKE)
        await one.clock.advance(20)
        await one.scan(1)
        await one.touch("next")
        await one.touch("print")
        one.printer.take()
        await settle()
        assert one.papers()[-1] == "exchanged"

    run(tmp_path, story, mouth=True)


def test_collected_already_and_staff_print_it_anew(tmp_path: Path) -> None:
    async def story(one: Kiosk) -> None:
        await one.scan(1)
        await one.touch("next")
        await one.touch("print")
        await one.touch("back")
        await one.scan(1)
        assert one.visit.refusal
        assert one.visit.refusal.reason is Reason.COLLECTED
        await one.touch("cancel")
        await one.show(STAFF_CARD)
        assert one.on(Page.STAFF)
        await one.scan(1)
        await one.touch("next")
        await one.touch("why", "jam")
        await one.touch("print")
        assert one.papers()[-1] == "reissued"
        generations = [getattr(e, "generation", None) for e in one.events()]
        assert 2 in generations

    run(tmp_path, story)


def test_test_print_paper_and_day_are_on_record(tmp_path: Path) -> None:
    async def story(one: Kiosk) -> None:
        await one.show(STAFF_CARD)
        await one.touch("test")
        assert one.papers()[-1] == "test-printed"
        assert one.on(Page.STAFF)
        await one.touch("paper")
        await one.touch("day")
        await one.type("42")
        await one.touch("submit")
        kinds = [str(e.__struct_config__.tag) for e in one.events()]
        assert "paper-changed" in kinds
        assert "day-ended" in kinds

    run(tmp_path, story)


def test_without_central_nothing_is_printed(tmp_path: Path) -> None:
    async def story(one: Kiosk) -> None:
        await one.scan(1)
        await one.touch("next")
        one.office.mute = True
        await one.touch("print")
        await one.clock.advance(10)
        assert one.visit.refusal
        assert one.visit.refusal.reason is Reason.NO_NETWORK
        assert one.printer.printed == []
        assert one.papers() == ["given-back"], "central may have granted it"

    run(tmp_path, story)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"130000000000000001", Reason.PAYMENT_CODE),
        (b"https://example.com", Reason.NOT_A_TICKET),
        (b"\x1b@\x00\xff", Reason.NOT_A_TICKET),
        (b"GH1AAAA", Reason.MALFORMED),
    ],
)
def test_any_bytes_get_an_answer_and_central_is_not_asked(
    tmp_path: Path, data: bytes, reason: Reason
) -> None:
    async def story(one: Kiosk) -> None:
        one.office.asked.clear()
        await one.show(data)
        assert one.on(Page.REFUSED)
        assert one.visit.refusal
        assert one.visit.refusal.reason is reason
        assert one.office.asked == []

    run(tmp_path, story)


def test_a_touch_on_a_page_that_has_changed_is_not_meant(tmp_path: Path) -> None:
    async def story(one: Kiosk) -> None:
        await one.scan(1)
        before = one.daemon.number
        await one.touch("next")
        await one.daemon.touch("print", "", before)
        assert one.on(Page.CONFIRM)
        assert one.printer.printed == []
        at = one.daemon.number
        await asyncio.gather(*(one.daemon.touch("print", "", at) for _ in range(5)))
        await settle()
        assert len(one.printer.printed) == 1

    run(tmp_path, story)


@pytest.mark.parametrize("receipts", [Receipts.ASKED, Receipts.ALWAYS])
def test_a_receipt_where_the_venue_wants_one(tmp_path: Path, receipts: Receipts) -> None:
    async def story(one: Kiosk) -> None:
        await one.scan(1)
        await one.scan(2)
        await one.touch("next")
        await one.touch("print")
        assert one.on(Page.TAKE)
        if receipts is Receipts.ASKED:
            assert len(one.printer.printed) == 2
            await one.touch("receipt")
        await one.touch("receipt")
        tickets, receipt = one.printer.printed[:2], one.printer.printed[2:]
        assert [sheet.kind for sheet in receipt] == [Kind.RECEIPT], "one, and no second one"
        assert not any(isinstance(part, Code) for part in receipt[0].parts)
        said = {part.left: part.right for part in receipt[0].parts if isinstance(part, Pair)}
        assert (said["张数"], said["合计"]) == ("2", "¥ 560.00")
        (where,) = (
            part.right
            for part in tickets[0].parts
            if isinstance(part, Pair) and part.left == "座位"
        )
        assert where == "7排 11座"
        assert one.papers()[-4:] == ["reserved", "printed", "confirmed", "receipt-printed"]

    run(tmp_path, story, chosen={"receipts": receipts})


def test_no_receipt_where_the_venue_wants_none(tmp_path: Path) -> None:
    async def story(one: Kiosk) -> None:
        await one.scan(1)
        await one.touch("next")
        await one.touch("print")
        await one.touch("receipt")
        assert len(one.printer.printed) == 1

    run(tmp_path, story)
