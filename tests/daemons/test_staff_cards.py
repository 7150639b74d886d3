"""Staff at a gate without central: a card under the lane's own reader is obeyed, and recorded."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.runtime.clock import settle
from rules.zone import CardDoes, StaffCard, ZoneConfig
from tests.daemons.test_configuring import carry, desired
from tests.daemons.test_gate import Stage, device, gate, lists, play, written
from tests.daemons.test_orders import gate as gate_of_orders
from wire import event, staff_card
from wire.event import Mode
from wire.reason import Reason

__all__ = ["device", "lists"]

OPENS, FREES, STOPS, KIOSKS, LOST = (staff_card.code(bytes([n]) * 20).encode() for n in range(5))


def zone(*without: bytes) -> ZoneConfig:
    does = {
        OPENS: CardDoes.OPEN_ONCE,
        FREES: CardDoes.FREE_PASS,
        STOPS: CardDoes.OUT_OF_SERVICE,
        KIOSKS: CardDoes.KIOSK,
    }
    cards = [
        StaffCard("李 Li", staff_card.digest(code), what, 5.0)
        for code, what in does.items()
        if code not in without
    ]
    return ZoneConfig(checkpoint="hall", staff=tuple(cards))


def by_hand(stage: Stage) -> list[tuple[str, str]]:
    """(what, by whom) of each row of somebody's deed."""
    told = event.OpenedByHand | event.ModeChanged
    return [
        (str(getattr(one, "mode", "open-once")), one.by)
        for one in stage.events()
        if isinstance(one, told)
    ]


@pytest.mark.parametrize("shown", [OPENS, b"]Q1" + OPENS, OPENS + b"\r\n"])
def test_it_opens_once_and_says_whose_it_is(device: Path, shown: bytes) -> None:
    async def story() -> None:
        async with gate(device, zone=zone()) as stage:
            await stage.show(shown)
            assert len(stage.relay.pulses) == 1
            assert stage.title == "Please enter"
            await stage.walk()
            await stage.show(1)
            assert stage.kinds()[-1] == "authorised", "the next visitor is judged"
        assert by_hand(stage) == [("open-once", "card: 李 Li")]

    play(story)


def test_held_on_it_is_one_card_and_shown_again_it_is_another(device: Path) -> None:
    async def story() -> None:
        async with gate(device, zone=zone()) as stage:
            for _ in range(8):  # As a reader in continuous mode repeats it.
                await stage.show(OPENS)
                await stage.clock.advance(1.0)
            assert len(stage.relay.pulses) == 1
            await stage.clock.advance(2.0)
            await stage.show(OPENS)
            assert len(stage.relay.pulses) == 2

    play(story)


def test_over_somebody_elses_pulse_it_opens_and_writes_nothing(device: Path) -> None:
    async def story() -> None:
        async with gate(device, zone=zone()) as stage:
            await stage.show(1)
            await stage.show(OPENS)
            assert stage.title == "Please wait"
            await stage.walk()
            assert len(stage.relay.pulses) == 1
        assert by_hand(stage) == []

    play(story)


def test_free_passage_ends_by_itself_and_by_the_card(device: Path) -> None:
    async def story() -> None:
        async with gate(device, zone=zone()) as stage:
            await stage.show(FREES)
            assert [stage.relay.held, stage.title] == [True, "Free passage"]
            await stage.walk()
            await stage.show(1)
            for left, held in ((299.0, True), (2.0, False)):
                await stage.clock.advance(left)
                assert stage.relay.held is held
            await stage.show(FREES)
            await stage.clock.advance(2.0)
            await stage.show(FREES)
            assert [stage.relay.held] == [False]
        me = "card: 李 Li"
        free, back = Mode.FREE_PASS.value, Mode.NORMAL.value
        assert by_hand(stage) == [(free, me), (back, "time-out"), (free, me), (back, me)]
        assert "authorised" not in stage.kinds(), "no ticket was asked for"
        assert [one.heads for one in stage.events() if isinstance(one, event.ModeChanged)][1] == 1

    play(story)


def test_out_of_service_until_it_is_shown_again(device: Path) -> None:
    async def story() -> None:
        async with gate(device, zone=zone()) as stage:
            await stage.show(STOPS)
            assert stage.title == "Out of service"
            await stage.show(1)
            assert "authorised" not in stage.kinds()
            await stage.show(STOPS)
            await stage.show(2)
            assert stage.kinds()[-1] == "authorised"

    play(story)


@pytest.mark.parametrize("code", [OPENS, FREES, STOPS])
def test_in_a_fire_no_card_drives_the_relay(device: Path, code: bytes) -> None:
    async def story() -> None:
        async with gate(device, zone=zone()) as stage:
            stage.fire.drive(True)
            await settle()
            await stage.show(code)
            assert stage.title == "Leave now"
            assert (stage.relay.pulses, stage.relay.held) == ([], False)

    play(story)


def digest_of_it(code: bytes) -> bytes:
    return staff_card.digest(code).encode()


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (lambda _: LOST, Reason.STAFF_CARD),
        (lambda _: KIOSKS, Reason.STAFF_CARD),
        (digest_of_it, Reason.NOT_A_TICKET),
        (bytes.lower, Reason.NOT_A_TICKET),
        (lambda code: code + b"A", Reason.STAFF_CARD),
        (lambda code: code[:-1], Reason.STAFF_CARD),
    ],
    ids=["never made", "a kiosk's", "its digest", "in small letters", "too long", "cut"],
)
def test_what_is_no_card_of_the_zone_opens_nothing(
    device: Path, made: Callable[[bytes], bytes], reason: Reason
) -> None:
    async def story() -> None:
        async with gate(device, zone=zone()) as stage:
            await stage.show(made(OPENS))
            assert stage.relay.pulses == []
        (row,) = stage.events()
        assert isinstance(row, event.Refused)
        assert row.reason is reason

    play(story)


def test_a_withdrawn_card_is_refused_and_no_byte_of_it_kept(device: Path) -> None:
    async def story() -> None:
        async with gate(device, zone=zone(OPENS)) as stage:
            await stage.show(OPENS)
            assert stage.relay.pulses == []
            assert stage.title == "This staff card is not valid here"
            await stage.show(1)
            assert stage.kinds()[-1] == "authorised"
        refused = stage.events()[0]
        assert isinstance(refused, event.Refused)
        assert (refused.reason, refused.form) == (Reason.STAFF_CARD, staff_card.PREFIX)
        assert OPENS not in written(device)

    play(story)


ZONE = 'checkpoint = "hall"\n'
CARD = f"""
[[staff]]
name = "Li"
digest = "{staff_card.digest(OPENS)}"
"""


def test_central_gives_a_card_and_takes_it_away_while_the_gate_works(tmp_path: Path) -> None:
    async def story() -> None:
        async with gate_of_orders(tmp_path) as stage:

            async def pulses_for_it() -> int:
                before = len(stage.relays["A1"].pulses)
                stage.reader.present(OPENS)
                await settle()
                await stage.clock.advance(10.0)
                return len(stage.relays["A1"].pulses) - before

            await stage.beat()
            assert await pulses_for_it() == 0
            await carry(stage, desired(4, ZONE + CARD))
            assert await pulses_for_it() == 1
            await carry(stage, desired(5, ZONE))
            assert await pulses_for_it() == 0
            await carry(stage, desired(6, ZONE + CARD))
        async with gate_of_orders(tmp_path) as stage:
            assert await pulses_for_it() == 1, "after a restart, before central was heard"

    asyncio.run(story())


def test_two_cards_of_one_code_are_refused_whole(tmp_path: Path) -> None:
    """Which of the two it is nobody could say."""

    async def story() -> None:
        async with gate_of_orders(tmp_path) as stage:
            await carry(stage, desired(4, ZONE + CARD + CARD.replace("Li", "Wang")))
            (refused,) = [
                one for one in stage.events() if isinstance(one, event.ConfigurationRefused)
            ]
            assert refused.why == "zone.toml 4: staff: two cards of one code, Li's among them"

    asyncio.run(story())
