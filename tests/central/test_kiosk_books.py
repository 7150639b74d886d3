"""The books of papers as central keeps them, and the page that shows them."""

from typing import Any

import pytest

from central.core.papers import Step, books, cut
from tests.central_messages import DEVICE, chained, rows, take, together
from tests.device import ticket
from wire.event import AnyEvent
from wire.paper import (
    DayEnded,
    Exchanged,
    PaperClass,
    PaperConfirmed,
    PaperReserved,
    PaperRetracted,
    PaperTested,
    PaperUnknown,
    PrinterSaid,
    Sort,
)

CTI = ticket(1).cti
PAPERS: list[AnyEvent] = [
    PrinterSaid(state="enough", cut=100),
    PaperReserved(paper=b"paper-000001", cti=CTI, generation=1),
    PaperConfirmed(paper=b"paper-000001"),
    Exchanged(paper=b"paper-000001", cti=CTI, generation=1),
    PaperReserved(paper=b"paper-000002", sort=Sort.TEST),
    PaperTested(paper=b"paper-000002"),
    PaperReserved(paper=b"paper-000003", cti=CTI, generation=2),
    PaperUnknown(paper=b"paper-000003", why="jam"),
    PaperReserved(paper=b"paper-000004", cti=CTI, generation=3),
    PaperConfirmed(paper=b"paper-000004"),
    PaperRetracted(paper=b"paper-000004", why="not-taken"),
    PrinterSaid(state="near-end", paper_left=12),
    DayEnded(by="李", cut=104),
]


def said(*events: AnyEvent) -> None:
    take(together(chained(rows(*events))), device=DEVICE)


@pytest.mark.usefixtures("tickets")
def test_each_paper_is_in_exactly_one_class_its_last() -> None:
    from central.exchange.books import kiosks

    said(*PAPERS)
    (one,) = kiosks()
    assert dict(one.books.classes) == {
        PaperClass.EXCHANGED: 1,
        PaperClass.TEST: 1,
        PaperClass.UNKNOWN: 1,
        PaperClass.RETRACTED: 1,
    }
    assert (one.books.cut, one.books.balanced) == (4, True)
    assert one.state
    assert (one.state.state, one.state.paper_left, one.state.day_ended_by) == ("near-end", 12, "李")


@pytest.mark.usefixtures("tickets")
def test_in_whatever_order_and_however_often() -> None:
    from central.exchange.books import kiosks

    batches = chained(rows(*PAPERS))
    take(*reversed(batches), device=DEVICE)
    take(*batches, device=DEVICE)
    (one,) = kiosks()
    assert one.books.known == 3
    assert one.books.balanced


@pytest.mark.parametrize(
    ("readings", "counted"), [([], None), ([7], 0), ([7, 9, 9], 2), ([7, 9, 1, 3], 5)]
)
def test_a_count_that_falls_begins_again(readings: list[int], counted: int | None) -> None:
    assert cut(readings) == counted


@pytest.mark.parametrize(("counted", "agrees"), [(2, False), (3, True), (4, True), (5, False)])
def test_the_count_lies_between_the_sums(counted: int, agrees: bool) -> None:
    steps = [Step.EXCHANGED, Step.REISSUED, Step.TEST, Step.UNKNOWN, Step.GIVEN_BACK]
    assert books(steps, [0, counted]).balanced is agrees


@pytest.mark.parametrize(("language", "words"), [("zh-hans", "纸将用尽"), ("en", "they agree")])
def test_the_page_in_both_languages(tickets: list[Any], language: str, words: str) -> None:
    from django.contrib.auth import get_user_model
    from django.test import Client

    assert tickets
    said(*PAPERS)
    client = Client()
    assert client.get("/kiosks/").status_code == 302
    client.force_login(get_user_model().objects.create_superuser(f"chief-{language}"))
    page = client.get("/kiosks/", headers={"Accept-Language": language}).content.decode()
    assert words in page
    assert "Gate 1" in page


@pytest.mark.usefixtures("tickets")
def test_the_live_page_alarms_for_a_printer() -> None:
    from central.exchange.pages import alarms

    said(*PAPERS[:1], PrinterSaid(state="paper-end", able=False))
    assert [one["kind"] for one in alarms()] == ["printer-cannot"]
