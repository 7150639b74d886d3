"""Configurations at a gate and its sync: whole or not at all, never backwards or in a passage."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from edge.core import zone_text
from edge.core.lane import State
from edge.runtime.clock import SimulatedClock, settle
from edge.runtime.intercom import Configured, NotConfigured, Word
from edge.store import configuration
from edge.sync.keeper import Keeper
from tests.daemons.test_orders import Stage, gate, play
from tests.device import DEVICE
from tests.threads import DirectThread
from tests.trusted import key, sealed, trusting
from wire import event
from wire.codec import encode
from wire.command import OpenOnce, Reload
from wire.configuration import Desired
from wire.event import Mode
from wire.signed import Purpose, seal

GOOD = 'checkpoint = "hall"\npatience_seconds = 7.0\n'


def desired(version: int, zone: str = GOOD, device: bytes = DEVICE) -> bytes:
    return sealed(encode(Desired(device, version, zone)), Purpose.CONFIGURATION)


async def carry(stage: Stage, envelope: bytes) -> None:
    await stage.configuring.hear(Configured(envelope))
    await settle()


def patience(stage: Stage) -> float:
    return stage.lanes[0].habits.patience_seconds


def opened(stage: Stage) -> bool:
    return stage.lanes[0].state is State.OPENED


def said(stage: Stage) -> list[tuple[int, str]]:
    """(version, "" or why it was refused) of each row about configurations."""
    return [
        (one.version, getattr(one, "why", ""))
        for one in stage.events()
        if isinstance(one, event.ConfigurationApplied | event.ConfigurationRefused)
    ]


def test_a_good_one_is_applied_in_place_and_stays(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        assert patience(stage) == 3.0
        await carry(stage, desired(4))
        assert patience(stage) == 7.0
        assert said(stage) == [(4, "")]
        await carry(stage, desired(4))
        assert said(stage) == [(4, "")], "the same again is nothing"
        lies = configuration.zone_path(tmp_path).read_text()
        assert lies == f"# version 4, as central wants it\n{GOOD}"

    async def restarted() -> None:
        async with gate(tmp_path) as stage:
            assert patience(stage) == 7.0
            await carry(stage, desired(4))
            assert said(stage) == [(4, "")]

    play(tmp_path, story)
    asyncio.run(restarted())


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ('checkpoint = "hall"\nopen_sesame = true\n', "zone.toml 5: open_sesame: no such key"),
        ("patience_seconds = 9.0\n", "zone.toml 5: checkpoint: missing"),
        ('checkpoint = "hall"\npatience_seconds = "long"\n', "zone.toml 5: patience_seconds: "),
        ('checkpoint = "hall"\ntime_zone = "Mars/Base"\n', "zone.toml 5: time_zone: no such zone"),
        ('checkpoint = "hall"\ntime_zone = "Asia"\n', "zone.toml 5: time_zone: no such zone"),
        ("checkpoint = ", "zone.toml 5: not TOML"),
        ("", "zone.toml 5: checkpoint: missing"),
    ],
)
def test_a_bad_one_is_refused_whole_and_the_last_good_one_stays(
    tmp_path: Path, bad: str, why: str
) -> None:
    async def story(stage: Stage) -> None:
        await carry(stage, desired(4))
        for _ in range(3):
            await carry(stage, desired(5, bad))
        assert patience(stage) == 7.0
        (good, refused) = said(stage)
        assert (good, refused[0]) == ((4, ""), 5)
        assert refused[1].startswith(why)

    async def restarted() -> None:
        async with gate(tmp_path) as stage:
            assert patience(stage) == 7.0
            await carry(stage, desired(6, 'checkpoint = "hall"\npatience_seconds = 1.0\n'))
            assert patience(stage) == 1.0

    play(tmp_path, story)
    asyncio.run(restarted())


def test_an_older_one_never_comes_back(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        await carry(stage, desired(3, 'checkpoint = "hall"\n'))
        await carry(stage, desired(4))
        for _ in range(5):
            await carry(stage, desired(3, 'checkpoint = "hall"\n'))
        assert patience(stage) == 7.0
        assert said(stage)[2:] == [(0, "比现用的旧 · older than the one in use")]

    async def restarted() -> None:
        async with gate(tmp_path) as stage:
            await carry(stage, desired(3, 'checkpoint = "hall"\n'))
            assert patience(stage) == 7.0

    play(tmp_path, story)
    asyncio.run(restarted())


@pytest.mark.parametrize(
    "envelope",
    [
        desired(9, device=b"device-2"),
        seal(encode(Desired(DEVICE, 9, GOOD)), Purpose.CONFIGURATION, key("command")),
        seal(encode(Desired(DEVICE, 9, GOOD)), Purpose.COMMAND, key("configuration")),
        sealed(encode(Desired(DEVICE, 9, GOOD)), Purpose.COMMAND),
        sealed(b"nothing of ours", Purpose.CONFIGURATION),
        desired(0),
        b"",
        bytes(100_000),
    ],
)
def test_what_is_not_ours_changes_nothing_and_is_recorded(tmp_path: Path, envelope: bytes) -> None:
    async def story(stage: Stage) -> None:
        for _ in range(10):
            await carry(stage, envelope)
        assert patience(stage) == 3.0
        assert [version for version, _ in said(stage)] == [0]
        assert not configuration.zone_path(tmp_path).exists()

    play(tmp_path, story)


def test_nothing_changes_under_a_passage(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        await stage.give(OpenOnce("A1"))
        assert opened(stage)
        await carry(stage, desired(4))
        assert (patience(stage), said(stage)) == (3.0, [])
        await stage.clock.advance(10)
        assert not opened(stage)
        assert (patience(stage), said(stage)) == (7.0, [(4, "")])
        assert stage.mode() is Mode.NORMAL

    play(tmp_path, story)


def test_what_was_mended_by_hand_is_read_when_ordered(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        configuration.zone_path(tmp_path).parent.mkdir(exist_ok=True)
        configuration.zone_path(tmp_path).write_text("checkpoint = 7\n")
        await stage.give(Reload())
        ((_, done, why),) = stage.answers()
        assert not done
        assert why.startswith("zone.toml: checkpoint: ")
        configuration.zone_path(tmp_path).write_text(GOOD)
        await stage.give(Reload(), counter=2)
        assert stage.answers()[-1] == (2, True, "")
        assert patience(stage) == 7.0

    play(tmp_path, story)


def test_a_full_disk_leaves_the_old_one_and_is_tried_again(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        (tmp_path / "config").mkdir(exist_ok=True)
        blocked = tmp_path / "config" / ".zone.toml.next"
        blocked.mkdir()
        await carry(stage, desired(4))
        assert (patience(stage), said(stage)) == (3.0, [])
        blocked.rmdir()
        await stage.clock.advance(2)
        assert (patience(stage), said(stage)) == (7.0, [(4, "")])

    play(tmp_path, story)


def test_a_version_is_of_the_first_line_alone() -> None:
    content = zone_text.text(Desired(DEVICE, 12, "# version 99, as central wants it\n"))
    assert zone_text.version(content) == 12
    assert zone_text.version(GOOD) == 0
    assert zone_text.version("") == 0


# Sync's end.


def keeping(
    folder: Path, story: Callable[[Keeper, list[Word], SimulatedClock], Awaitable[None]]
) -> None:
    async def kept() -> None:
        told: list[Word] = []
        clock = SimulatedClock()
        keeper = Keeper(folder, DEVICE, trusting(folder), DirectThread(), clock, told.append)
        await keeper.load()
        running = asyncio.create_task(keeper.run())
        await story(keeper, told, clock)
        running.cancel()

    asyncio.run(kept())


async def comes(keeper: Keeper, *envelopes: bytes) -> None:
    for envelope in envelopes:
        keeper.configuration(envelope)
        await settle()


def test_sync_keeps_the_newest_and_tells_it_again_after_a_restart(tmp_path: Path) -> None:
    async def story(keeper: Keeper, told: list[Word], _: SimulatedClock) -> None:
        await comes(keeper, desired(2), desired(5), desired(3), desired(5))
        kept = [word for word in told if isinstance(word, Configured)]
        assert kept == [Configured(desired(2)), Configured(desired(5))]
        assert keeper.version == 5
        assert configuration.desired(tmp_path) == desired(5)

    async def restarted(keeper: Keeper, told: list[Word], _: SimulatedClock) -> None:
        assert (keeper.version, told) == (5, [Configured(desired(5))])
        await comes(keeper, desired(4))
        assert told[1:] == [NotConfigured("ROLLED_BACK")]

    keeping(tmp_path, story)
    keeping(tmp_path, restarted)


def test_sync_keeps_nothing_that_is_not_central_s(tmp_path: Path) -> None:
    async def story(keeper: Keeper, told: list[Word], clock: SimulatedClock) -> None:
        forged = seal(encode(Desired(DEVICE, 9, GOOD)), Purpose.CONFIGURATION, key("command"))
        await comes(keeper, desired(1), forged, b"", bytes(100_000), desired(9, device=b"device-2"))
        await clock.advance(200)
        assert keeper.version == 1
        assert told[:1] == [word for word in told if isinstance(word, Configured)]
        assert configuration.desired(tmp_path) == desired(1)
        await comes(keeper, forged, desired(2))
        await clock.advance(10)
        assert keeper.version == 2

    keeping(tmp_path, story)


@pytest.mark.parametrize(
    ("envelope", "what"),
    [
        (desired(9, device=b"device-2"), "FOREIGN"),
        (desired(2), "ROLLED_BACK"),
        (b"", "UNREADABLE"),
        (bytes(100_000), "UNREADABLE"),
        (sealed(b"nothing of ours", Purpose.CONFIGURATION), "UNREADABLE"),
        (seal(encode(Desired(DEVICE, 9, GOOD)), Purpose.CONFIGURATION, key("list")), "FORGED"),
    ],
)
def test_what_sync_does_not_even_pass_on_is_told_to_the_doors(
    tmp_path: Path, envelope: bytes, what: str
) -> None:
    """Forged is what no newer roles make good: in a minute, or without end and again and again."""

    async def story(keeper: Keeper, told: list[Word], clock: SimulatedClock) -> None:
        await comes(keeper, desired(3))
        for _ in range(40):
            await comes(keeper, envelope)
            await clock.advance(2.0)
        away = [word for word in told if isinstance(word, NotConfigured)]
        assert set(away) == {NotConfigured(what)}
        assert len(away) <= 8, "one in ten seconds"

    keeping(tmp_path, story)


def test_what_a_new_key_has_signed_is_not_called_forged_meanwhile(tmp_path: Path) -> None:
    async def story(keeper: Keeper, told: list[Word], clock: SimulatedClock) -> None:
        unknown = seal(encode(Desired(DEVICE, 9, GOOD)), Purpose.CONFIGURATION, key("list"))
        for _ in range(5):
            await comes(keeper, unknown)
            await clock.advance(30.0)
            await comes(keeper, desired(3))
            await clock.advance(10.0)
        assert told == [Configured(desired(3))]

    keeping(tmp_path, story)


def test_what_sync_turned_away_is_a_row_and_a_count_a_minute(tmp_path: Path) -> None:
    async def story(stage: Stage) -> None:
        for _ in range(10):
            await stage.configuring.hear(NotConfigured("FORGED"))
            await stage.configuring.hear(NotConfigured("A newer sync's word"))
            await stage.clock.advance(10.0)
        forged, unreadable = "签名无效 · signed by nobody who may", "无法读取 · cannot be read"
        assert [why for _, why in said(stage)].count(forged) == 3
        assert {why for _, why in said(stage)} == {forged, unreadable}
        assert {version for version, _ in said(stage)} == {0}

    play(tmp_path, story)


def test_what_lies_there_damaged_is_fetched_anew(tmp_path: Path) -> None:
    configuration.keep_desired(tmp_path, b"a torn page")

    async def story(keeper: Keeper, told: list[Word], _: SimulatedClock) -> None:
        assert (keeper.version, told) == (0, [])
        await comes(keeper, desired(1))
        assert keeper.version == 1

    keeping(tmp_path, story)
