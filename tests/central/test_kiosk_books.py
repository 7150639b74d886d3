"""The books of papers as central keeps them, and the page that shows them."""

from collections import Counter
from datetime import UTC, date, datetime
from typing import Any

import pytest

from central.core.papers import Step, books, cut, days
from tests.central_messages import DEVICE, chained, take, together
from tests.device import stamp, ticket
from wire.event import AnyEvent, DriverFound, DriverLost, Started
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
from wire.row import encode_row

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
    take(together(chained(spaced(*events))), device=DEVICE)


def spaced(*events: AnyEvent) -> list[bytes]:
    """Return rows of a second each."""
    return [encode_row(one, stamp(wall=1_780_000_000.0 + at)) for at, one in enumerate(events)]


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

    batches = chained(spaced(*PAPERS))
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


@pytest.mark.usefixtures("tickets")
@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("zh-hans", ("读码器断开 reader-1", "屏幕：没有浏览器显示页面")),
        ("en", ("code reader gone: reader-1", "screen: no browser shows the page")),
    ],
)
def test_a_lost_reader_and_a_lost_browser_are_shown(language: str, words: tuple[str, ...]) -> None:
    from django.contrib.auth import get_user_model
    from django.test import Client

    from central.exchange.pages import alarms

    client = Client()
    client.force_login(get_user_model().objects.create_superuser(f"looker-{language}"))

    def page() -> str:
        return client.get("/kiosks/", headers={"Accept-Language": language}).content.decode()

    well = PrinterSaid(state="enough", able=True)
    lost = [DriverLost(driver="reader-1", why="unplugged"), DriverLost(driver="browser")]
    said(*PAPERS[:1], well, *lost)
    assert all(word in page() for word in words)
    assert [(one["kind"], one["why"]) for one in alarms()] == [("kiosk-lacks", "browser, reader-1")]
    said(*PAPERS[:1], well, *lost, DriverFound(driver="reader-1"))
    assert words[0] not in page()
    assert words[1] in page()
    said(*PAPERS[:1], well, *lost, DriverFound(driver="reader-1"), Started(daemon="kiosk"))
    assert alarms() == []


DAY = 86_400_000
OUT, LOST = Step.EXCHANGED, Step.UNKNOWN


def date_of(at: int) -> date:
    return datetime.fromtimestamp(at / 1000, UTC).date()


def test_a_day_is_closed_by_its_last_count() -> None:
    papers = [(DAY + 5, OUT), (DAY + 6, LOST), (DAY + 30, OUT), (2 * DAY + 5, OUT)]
    counts = [(DAY, 100), (DAY + 10, 102), (DAY + 20, 102), (2 * DAY + 1, 103)]
    rest, second, first = days(papers, counts, date_of)
    assert (first.day, first.books.cut, first.books.balanced) == (date(1970, 1, 2), 2, True)
    assert first.books.classes == Counter({PaperClass.EXCHANGED: 1, PaperClass.UNKNOWN: 1})
    # Printed late on the day before, and counted only now.
    assert (second.day, second.books.cut, second.books.balanced) == (date(1970, 1, 3), 1, True)
    assert (rest.day, rest.books.known, rest.books.balanced) == (None, 1, None)


@pytest.mark.parametrize(
    ("papers", "counts", "balanced"),
    [
        ([(5, OUT)], [], [None]),
        ([(5, OUT)], [(1, 7)], [None, None]),
        ([(5, OUT)], [(10, 7)], [None]),
        # Of papers before the first count nobody can say whether it holds them.
        ([(5, OUT)], [(10, 7), (20, 7)], [None]),
        ([(5, OUT)], [(1, 7), (10, 9)], [False]),
        ([(5, OUT)], [(1, 7), (10, 1)], [True]),
        ([(5, OUT), (DAY + 5, OUT)], [(1, 7), (10, 8), (DAY + 9, 10)], [False, True]),
        ([(5, Step.RESERVED)], [(1, 7), (10, 8)], [None]),
    ],
    ids=str,
)
def test_books_by_day(
    papers: list[tuple[int, Step]], counts: list[tuple[int, int]], balanced: list[bool | None]
) -> None:
    assert [one.books.balanced for one in days(papers, counts, date_of)] == balanced


def test_a_count_is_typed_by_whoever_may(tickets: list[Any]) -> None:
    from django.contrib.auth import get_user_model
    from django.contrib.auth.models import Permission
    from django.test import Client

    from central.exchange.books import kiosks
    from central.exchange.pages import alarms
    from central.venue.models import Device

    assert tickets
    said(*PAPERS[:-1])
    kiosk = Device.objects.get()
    client = Client()
    client.force_login(person := get_user_model().objects.create_user("usher"))
    assert client.post(f"/kiosks/{kiosk.pk}/count", {"cut": "104"}).status_code == 403
    person.user_permissions.add(Permission.objects.get(codename="count_papers"))
    assert client.get(f"/kiosks/{kiosk.pk}/count").status_code == 405
    assert client.post("/kiosks/0/count", {"cut": "104"}).status_code == 404
    for wrong in ("", "-1", "1e3", "9" * 10, "十", "²"):
        answer = client.post(f"/kiosks/{kiosk.pk}/count", {"cut": wrong}, follow=True)
        assert "最多 9 位" in answer.content.decode()
    assert kiosks()[0].books.cut == 0
    answer = client.post(f"/kiosks/{kiosk.pk}/count", {"cut": " 104 "}, follow=True)
    assert "相符" in answer.content.decode()
    (one,) = kiosks()
    assert (one.books.cut, one.books.balanced) == (4, True)
    assert one.closed
    assert one.closed.books.balanced
    client.post(f"/kiosks/{kiosk.pk}/count", {"cut": "109"})
    (one,) = kiosks()
    assert one.closed
    assert one.closed.books.balanced is False
    assert [alarm["kind"] for alarm in alarms()][-1] == "papers-unbalanced"


@pytest.mark.usefixtures("tickets")
def test_papers_since_the_last_count_are_no_alarm() -> None:
    from central.exchange.pages import alarms

    fresh = b"paper-000009"
    more: list[AnyEvent] = [PaperReserved(paper=fresh, cti=CTI, generation=4)]
    more += [PaperConfirmed(paper=fresh), Exchanged(paper=fresh, cti=CTI, generation=4)]
    said(*PAPERS, *more)
    assert "papers-unbalanced" not in [one["kind"] for one in alarms()]


@pytest.mark.usefixtures("tickets")
@pytest.mark.parametrize("order", [1, -1])
def test_a_paper_belongs_to_the_day_it_was_begun(order: int) -> None:
    """Drawn back after the count, it was cut before."""
    from central.exchange.models import Paper

    name = b"paper-000004"
    ended = PaperRetracted(paper=name, why="not-taken")
    told: list[tuple[AnyEvent, int]] = [
        (PaperReserved(paper=name, cti=CTI, generation=3), 0),
        (ended, DAY),
    ]
    bodies = [encode_row(happened, stamp(wall=at / 1000 + 0.001)) for happened, at in told]
    take(*chained(bodies)[::order], device=DEVICE)
    paper = Paper.objects.get()
    assert (paper.began_ms, paper.wall_ms) == (1, DAY + 1)
