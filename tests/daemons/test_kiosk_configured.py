"""What central chose for a kiosk: all of it or none, never under a visitor, whole after any cut."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from edge.core.visit_terms import Page
from edge.runtime.clock import settle
from edge.runtime.intercom import Configured, NotConfigured
from edge.store import configuration
from paper.default import TEMPLATE
from paper.sheet import Text
from rules.zone import CardDoes
from tests.daemons.test_gate import recorded_by
from tests.device import DEVICE
from tests.kiosks import STAFF_CARD, Fuse, Kiosk, PowerCut, kiosk
from tests.trusted import key, sealed
from wire import event, staff_card
from wire.codec import encode
from wire.configuration import Desired
from wire.signed import Purpose, seal

GOOD = """\
checkpoint = "hall"
time_zone = "Asia/Shanghai"
[kiosk]
languages = ["en", "zh"]
receipts = "asked"
by_identity = false
"""
OWN = TEMPLATE.replace("[[ticket]]\nrule = true\n", '[[ticket]]\ntext = "WELCOME"\n', 1)


def desired(version: int, zone: str = GOOD, paper: str = "", device: bytes = DEVICE) -> bytes:
    return sealed(encode(Desired(device, version, zone, paper)), Purpose.CONFIGURATION)


async def carry(one: Kiosk, envelope: bytes) -> None:
    one.line.say(Configured(envelope))
    await settle()
    await one.clock.advance(1)


def said(folder: Path) -> list[tuple[int, str]]:
    """(version, "" or why it was refused) of each row about configurations."""
    return [
        (row.version, getattr(row, "why", ""))
        for row in recorded_by(folder, DEVICE)
        if isinstance(row, event.ConfigurationApplied | event.ConfigurationRefused)
    ]


def goes_by(one: Kiosk) -> tuple[tuple[str, ...], str, bool]:
    habits = one.daemon.habits
    return habits.languages, habits.receipts.value, habits.by_identity


THEIRS = (("en", "zh"), "asked", False)
FIRST = (("zh", "en"), "never", True)


async def printed(one: Kiosk) -> list[str]:
    """Have a ticket printed; return the lines of text that it begins with."""
    await one.scan(1)
    await one.touch("next")
    await one.touch("print")
    await one.touch("cancel")
    return [part.text for part in one.printer.printed[-1].parts if isinstance(part, Text)]


def told(
    folder: Path, story: Callable[[Kiosk], Awaitable[None]], boot: bytes = b"boot-one"
) -> None:
    async def played() -> None:
        async with kiosk(folder / "kiosk", boot=boot) as one:
            await story(one)

    asyncio.run(played())


def test_a_good_one_is_applied_in_place_and_stays(tmp_path: Path) -> None:
    async def story(one: Kiosk) -> None:
        assert goes_by(one) == FIRST
        assert one.visit.language == "zh"
        await carry(one, desired(4, paper=OWN))
        assert goes_by(one) == THEIRS
        assert one.visit.language == "en", "also the page that is shown now"
        assert not one.life.again, "without beginning anew"
        assert "WELCOME" in await printed(one)
        await carry(one, desired(4, paper=OWN))
        assert said(one.folder) == [(4, "")], "the same again is nothing"

    async def restarted(one: Kiosk) -> None:
        assert goes_by(one) == THEIRS
        await carry(one, desired(4, paper=OWN))
        assert said(one.folder) == [(4, "")]
        await one.show(b"staff-card-of-li")
        await one.touch("test")
        assert one.visit.language == "en"
        await one.touch("cancel")
        await carry(one, desired(5))
        assert (tmp_path / "kiosk/config/ticket-5.toml").read_text() == "", "the default again"
        assert not (tmp_path / "kiosk/config/ticket-4.toml").exists()

    told(tmp_path, story)
    told(tmp_path, restarted, b"boot-two")


@pytest.mark.parametrize(
    ("zone", "paper", "why"),
    [
        (GOOD + "sesame = 1\n", "", "zone.toml 5: kiosk.sesame: no such key"),
        (GOOD + 'when_offline = "shout"\n', "", "zone.toml 5: kiosk.when_offline: "),
        (GOOD + 'hours = "9-22"\n', "", "zone.toml 5: kiosk.hours: "),
        (
            GOOD.replace('"en", "zh"', '"fr", "zh"'),
            "",
            "zone.toml 5: languages: there is no file for 'fr'",
        ),
        (GOOD.replace('"en", "zh"', ""), "", "zone.toml 5: kiosk.languages: "),
        (GOOD.replace("checkpoint", "gate"), "", "zone.toml 5: gate: no such key"),
        (GOOD.replace("Asia/Shanghai", "Mars/Base"), "", "zone.toml 5: time_zone: no such zone"),
        (GOOD, "[[ticket]]", "ticket.toml 5: "),
        ("", "", "zone.toml 5: checkpoint: missing"),
    ],
)
def test_a_bad_one_is_refused_whole_and_the_last_good_one_stays(
    tmp_path: Path, zone: str, paper: str, why: str
) -> None:
    async def story(one: Kiosk) -> None:
        await carry(one, desired(4, paper=OWN))
        for _ in range(3):
            await carry(one, desired(5, zone, paper))
        assert goes_by(one) == THEIRS
        assert "WELCOME" in await printed(one)
        good, refused = said(one.folder)
        assert (good, refused[0]) == ((4, ""), 5)
        assert refused[1].startswith(why)

    async def restarted(one: Kiosk) -> None:
        assert goes_by(one) == THEIRS
        await carry(one, desired(6, 'checkpoint = "hall"\n'))
        assert goes_by(one) == FIRST, "what central leaves out is as kiosk.toml has it"

    told(tmp_path, story)
    told(tmp_path, restarted, b"boot-two")


def test_nothing_changes_under_a_visitor(tmp_path: Path) -> None:
    async def story(one: Kiosk) -> None:
        await one.scan(1)
        await carry(one, desired(4))
        await one.touch("next")
        assert goes_by(one) == FIRST
        assert one.visit.language == "zh"
        assert said(one.folder) == []
        await one.touch("print")
        await one.touch("back")
        await one.clock.advance(2)
        assert goes_by(one) == THEIRS
        assert said(one.folder) == [(4, "")]

    told(tmp_path, story)


@pytest.mark.parametrize(
    "envelope",
    [
        desired(9, device=b"device-2"),
        seal(encode(Desired(DEVICE, 9, GOOD)), Purpose.CONFIGURATION, key("command")),
        sealed(encode(Desired(DEVICE, 9, GOOD)), Purpose.COMMAND),
        sealed(b"nothing of ours", Purpose.CONFIGURATION),
        b"",
        bytes(100_000),
    ],
)
def test_what_is_not_ours_changes_nothing_and_is_recorded(tmp_path: Path, envelope: bytes) -> None:
    async def story(one: Kiosk) -> None:
        await carry(one, desired(4))
        await carry(one, envelope)
        await carry(one, desired(3, 'checkpoint = "hall"\n'))
        one.line.say(NotConfigured("FOREIGN"))
        await settle()
        assert goes_by(one) == THEIRS
        assert [version for version, _ in said(one.folder)][:2] == [4, 0]
        assert any("older" in why for _, why in said(one.folder))

    told(tmp_path, story)


def test_a_cut_at_any_step_leaves_one_of_the_two_whole(tmp_path: Path) -> None:
    """Settings and template belong together, whenever the power went."""
    for step in range(1, 40):
        folder = tmp_path / str(step)

        async def first(one: Kiosk) -> None:
            await carry(one, desired(4, paper=OWN))

        told(folder, first)

        async def cut(at: int, folder: Path) -> bool:
            fuse = Fuse()
            try:
                async with kiosk(folder / "kiosk", boot=b"boot-two", fuse=fuse) as one:
                    fuse.at = fuse.steps + at
                    await carry(one, desired(5, 'checkpoint = "hall"\n', TEMPLATE))
                    whole = not fuse.blown
                    fuse.at = None
            except PowerCut:
                return False
            return whole

        whole = asyncio.run(cut(step, folder))

        async def after(one: Kiosk, step: int = step) -> None:
            lines = await printed(one)
            assert (goes_by(one) == THEIRS) == ("WELCOME" in lines), step
            await carry(one, desired(5, 'checkpoint = "hall"\n', TEMPLATE))
            assert goes_by(one) == FIRST

        told(folder, after, b"boot-thr")
        if whole:
            assert step > 2, "at least before and after the row"
            return
    raise AssertionError("it never came to an end")


def test_a_full_disk_leaves_the_old_one_and_is_tried_again(tmp_path: Path) -> None:
    async def story(one: Kiosk) -> None:
        await carry(one, desired(4))
        in_the_way = tmp_path / "kiosk/config/.ticket-5.toml.next"
        in_the_way.mkdir()  # As good as a disk that takes no file.
        await carry(one, desired(5, 'checkpoint = "hall"\n'))
        assert goes_by(one) == THEIRS
        in_the_way.rmdir()
        await one.clock.advance(2)
        assert goes_by(one) == FIRST

    told(tmp_path, story)


def test_closed_outside_its_hours_once_central_has_confirmed_the_time(tmp_path: Path) -> None:
    """The simulated clock begins at 20:26 UTC, which is 04:26 in Shanghai."""
    night = 'checkpoint = "hall"\n[kiosk]\nhours = "09:00-04:30"\n'

    async def story(one: Kiosk) -> None:
        await carry(one, desired(4, GOOD + 'hours = "09:00-22:00"\n'))
        assert one.on(Page.ATTRACT), "by a clock that nobody confirms nobody is sent away"
        one.line.confirm_time()
        await one.clock.advance(1)
        assert one.on(Page.OUT_OF_ORDER)
        assert one.visit.health.closed == "hours"
        await carry(one, desired(5, night))
        await one.clock.advance(1)
        assert one.on(Page.ATTRACT), "open over midnight, for two minutes more"
        await one.scan(1)
        for _ in range(50):
            one.line.confirm_time()
            await one.touch("more")
            await one.clock.advance(5)
        assert one.on(Page.CHOOSE), "whoever is at it goes on"
        await one.touch("next")
        await one.touch("print")
        assert one.on(Page.TAKE)
        await one.touch("back")
        assert one.on(Page.OUT_OF_ORDER)

    told(tmp_path, story)


def test_a_template_that_an_installer_put_there_counts_until_central_says_more(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "kiosk"
    (folder / "config").mkdir(parents=True)
    (folder / "config/ticket.toml").write_text(OWN)
    assert configuration.template(folder) == OWN

    async def story(one: Kiosk) -> None:
        assert "WELCOME" in await printed(one)
        await carry(one, desired(1))
        await one.touch("cancel")
        await one.scan(2)
        await one.touch("next")
        await one.touch("print")
        lines = [part.text for part in one.printer.printed[-1].parts if isinstance(part, Text)]
        assert "WELCOME" not in lines

    told(tmp_path, story)


CARDS = {does: staff_card.code(does.encode().ljust(20)).encode() for does in CardDoes}
WITH_CARDS = 'checkpoint = "hall"\n' + "".join(
    f'[[staff]]\nname = "王"\ndigest = "{staff_card.digest(code)}"\ndoes = "{does}"\n'
    for does, code in CARDS.items()
)


def test_a_card_of_the_zone_opens_the_staffs_pages_until_it_is_withdrawn(tmp_path: Path) -> None:
    async def opens(one: Kiosk, card: bytes) -> bool:
        await one.show(card)
        opened = one.daemon.visit.page is Page.STAFF
        if opened:
            await one.show(card)  # And shown again it closes them.
        await one.clock.advance(60)
        return opened

    async def story(one: Kiosk) -> None:
        card = CARDS[CardDoes.KIOSK]
        assert not await opens(one, card)
        await carry(one, desired(4, WITH_CARDS))
        assert await opens(one, card)
        assert await opens(one, b"]Q1" + card), "as some scanners say what kind of code it is"
        assert await opens(one, STAFF_CARD), "kiosk.toml's own goes on"
        for does in CardDoes:
            assert await opens(one, CARDS[does]) is (does is CardDoes.KIOSK), "a gate's card"
        await carry(one, desired(5, 'checkpoint = "hall"\n'))
        assert not await opens(one, card)
        assert one.daemon.visit.page is Page.ATTRACT
        await carry(one, desired(6, WITH_CARDS))

    async def restarted(one: Kiosk) -> None:
        assert await opens(one, CARDS[CardDoes.KIOSK])

    told(tmp_path, story)
    told(tmp_path, restarted, b"boot-two")
