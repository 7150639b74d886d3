"""A kiosk whose scanner, list, clock or browser is not well: what is read there, what is told.

The page is drawn as its browser gets it; what central shows of the rows is in
tests/central/test_kiosk_books.py.
"""

import asyncio
import dataclasses
import html
import re
import unicodedata
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from edge.core.visit_terms import Page
from edge.kiosk.page import changes, templates
from edge.kiosk.picture import Pictures
from edge.runtime.clock import settle
from edge.runtime.intercom import Heard
from edge.store.floor import FloorFile
from edge.store.whitelist import Whitelist
from paper.sheet import Text
from rules.kiosk import WhenOffline
from tests.drivers.test_printers import NAME
from tests.kiosks import STAFF_CARD, Kiosk, kiosk, make_list
from tests.trusted import sealed, trusting
from wire import event
from wire.codec import encode
from wire.event import Rung
from wire.reason import Reason
from wire.signed import Purpose
from wire.snapshot import Heartbeat
from wire.words import Words


def told(folder: Path, story: Callable[[Kiosk], Awaitable[None]], **more: object) -> None:
    async def played() -> None:
        async with kiosk(folder / "kiosk", **more) as one:  # type: ignore[arg-type]
            await story(one)

    asyncio.run(played())


def reads(one: Kiosk) -> str:
    """Return what stands on the page, and what is read aloud."""
    picture = Pictures("K1", one.trusted, "test").of(one.daemon)
    drawn = html.unescape(templates().get_template("screen.html").render(picture))
    aloud = re.findall(r'data-say="(.*?)"', drawn)
    return re.sub(r"\s+", " ", " ".join([re.sub(r"<[^>]*>", " ", drawn), *aloud]))


def drivers(one: Kiosk) -> list[tuple[str, str]]:
    rows = [row for row in one.events() if isinstance(row, event.DriverLost | event.DriverFound)]
    return [(row.__struct_config__.tag, row.driver) for row in rows]  # type: ignore[misc]


UNSCANNED = {"zh": "读码口暂时不能用", "en": "The reader is not working"}
HOLD = {"zh": "将票码对准", "en": "Hold"}


@pytest.mark.parametrize("language", ["zh", "en"])
def test_without_its_scanner_it_says_so_and_goes_by_order_number(
    tmp_path: Path, language: str
) -> None:
    languages = ("zh", "en") if language == "zh" else ("en", "zh")

    async def story(one: Kiosk) -> None:
        assert UNSCANNED[language] not in reads(one)
        one.reader.lose()
        await one.clock.advance(2)
        assert drivers(one) == [("driver-lost", "reader-1")]
        for _ in ("attract", "identify"):
            assert UNSCANNED[language] in reads(one)
            assert HOLD[language] not in reads(one)
            await one.touch("start")
        assert one.on(Page.IDENTIFY)
        await one.touch("order")
        await one.type("d2")
        await one.touch("submit")
        await one.type("1234")
        await one.touch("submit")
        assert one.visit.refusal
        assert one.visit.refusal.reason is Reason.NO_SUCH_ORDER
        assert HOLD[language].lower() not in reads(one).lower()
        await one.touch("back")
        for _ in "d2":
            await one.touch("field", "order")
            await one.touch("erase")
        await one.type("d1")
        await one.touch("submit")
        await one.type("1234")
        await one.touch("submit")
        assert len(one.visit.offers) == 4
        assert HOLD[language].lower() not in reads(one).lower()
        await one.touch("next")
        await one.touch("print")
        assert one.on(Page.TAKE)
        await one.touch("back")
        one.reader.find()
        await one.clock.advance(2)
        assert drivers(one) == [("driver-lost", "reader-1"), ("driver-found", "reader-1")]
        assert UNSCANNED[language] not in reads(one)
        await one.scan(5)
        assert one.on(Page.CHOOSE)

    told(tmp_path, story, chosen={"languages": languages})


def test_without_scanner_or_any_other_way_it_is_out_of_service(tmp_path: Path) -> None:
    async def story(one: Kiosk) -> None:
        one.reader.lose()
        await one.clock.advance(2)
        assert one.on(Page.OUT_OF_ORDER)
        assert "请使用其他取票机" in reads(one)
        assert "读码器已断开" in reads(one), "for whoever sees to it"
        one.reader.find()
        await one.clock.advance(2)
        assert one.on(Page.ATTRACT)

    told(tmp_path, story, chosen={"by_order": False, "by_identity": False})


async def confirm_list(one: Kiosk) -> None:
    """Central says that the kiosk's list is the newest."""
    about = Whitelist(one.folder, trusting(one.folder)).about
    assert about
    now = one.clock.now()
    beat = encode(Heartbeat("venue", about.sequence, about.head, now.wall))
    one.line.say(Heard(sealed(beat, Purpose.HEARTBEAT), now.uptime))
    await settle()


async def state_page(one: Kiosk) -> str:
    await one.show(STAFF_CARD)
    await one.touch("state")
    said = reads(one)
    await one.touch("cancel")
    return said


def rungs(one: Kiosk) -> list[Rung]:
    return [row.rung for row in one.events() if isinstance(row, event.RungChanged)]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_stale_list_is_on_record_and_shown_to_staff(tmp_path: Path, language: str) -> None:
    languages = ("zh", "en") if language == "zh" else ("en", "zh")
    fresh, stale = (
        ("最新", "未经中央确认，自")
        if language == "zh"
        else ("up to date", "not confirmed by central since")
    )

    async def story(one: Kiosk) -> None:
        await confirm_list(one)
        await one.clock.advance(1)
        assert fresh in await state_page(one)
        await one.clock.advance(400)
        assert stale in await state_page(one)
        assert rungs(one)[-2:] == [Rung.FRESH, Rung.STALE]
        await one.scan(1)
        assert one.on(Page.CHOOSE), "central was asked: it is not this list that counts"
        await one.touch("cancel")
        one.office.away = True
        await one.clock.advance(20)
        await one.scan(1)
        assert one.on(Page.REFUSED)
        said = {"zh": "手机票码仍然有效", "en": "Your phone's code is as good as before"}
        assert said[language] in reads(one)

    told(tmp_path, story, chosen={"languages": languages})


def test_by_a_clock_that_is_known_to_be_wrong_nothing_is_dated(tmp_path: Path) -> None:
    async def story(one: Kiosk) -> None:
        assert one.trusted.now().quality is event.ClockQuality.SUSPECT
        assert "不可信" in await state_page(one)
        await one.scan(1)
        await one.touch("next")
        await one.touch("print")
        assert one.on(Page.TAKE), "central goes by its own clock"
        lines = [part.text for part in one.printer.printed[-1].parts if isinstance(part, Text)]
        assert not any("2026-05" in line or "2030" in line for line in lines), lines
        await one.touch("back")
        one.office.away = True
        await one.clock.advance(20)
        await one.scan(2)
        assert one.on(Page.REFUSED)
        assert "请找工作人员" in reads(one)

    make_list(tmp_path / "kiosk")
    FloorFile(tmp_path / "kiosk").keep(1_900_000_000)  # It knew a later time than its clock says.
    told(tmp_path, story, chosen={"when_offline": WhenOffline.EXCHANGE})


def test_a_browser_that_died_is_on_record_and_a_second_one_changes_nothing(
    tmp_path: Path,
) -> None:
    async def story(one: Kiosk) -> None:
        first = changes(one.daemon)
        assert await anext(first) == f"data: {one.daemon.number}\n\n"
        await one.clock.advance(120)
        assert drivers(one) == []
        await one.scan(1)
        second = changes(one.daemon)
        assert await anext(second) == await anext(first)
        assert reads(one) == reads(one)
        assert one.on(Page.CHOOSE)
        await first.aclose()  # type: ignore[attr-defined]
        await one.clock.advance(30)
        assert drivers(one) == [], "another one shows the page"
        await second.aclose()  # type: ignore[attr-defined]
        await one.clock.advance(120)
        assert drivers(one) == [("driver-lost", "browser")]
        assert one.on(Page.ATTRACT), "a visit ends without a page as with one"
        third = changes(one.daemon)
        await anext(third)
        await one.clock.advance(2)
        assert drivers(one) == [("driver-lost", "browser"), ("driver-found", "browser")]
        await third.aclose()  # type: ignore[attr-defined]

    told(tmp_path, story)


def test_no_name_or_title_writes_into_its_neighbours(tmp_path: Path) -> None:
    """As on paper (tests/drivers/test_printers.py): ESC, GS, NUL, marks of direction, 𠮷, emoji."""

    async def story(one: Kiosk) -> None:
        await one.scan(1)
        (offer,) = one.visit.offers
        told = replace(offer, holder=NAME, event=Words(NAME, NAME), zone=NAME, seat="\u202e<b>")
        one.daemon.visit = dataclasses.replace(one.visit, offers=(told,))
        picture = Pictures("K1", one.trusted, "test").of(one.daemon)
        drawn = templates().get_template("screen.html").render(picture)
        hidden = {char for char in drawn if unicodedata.category(char) in ("Cf", "Cc")}
        assert hidden == {"\n"}
        assert "欧阳𠮷子" in drawn
        assert "😀" in drawn
        assert "&lt;b&gt;" in drawn

    told(tmp_path, story)
