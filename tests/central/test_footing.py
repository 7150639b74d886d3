"""What central knows of what its devices stand on: rung, budget, clock; and of leaked keys."""

from typing import Any

import msgspec
import pytest

from tests.central_messages import chained, register_device, rows, take, together
from tests.device import authorised
from wire.delivery import Status
from wire.event import AnyEvent, BudgetUsedUp, ClockQuality, KeySuspected, Rung, RungChanged, Stamp
from wire.row import encode_row


def unlisted(number: int, quantity: int = 1) -> AnyEvent:
    return msgspec.structs.replace(authorised(number, quantity), confirmed=False)


def device() -> dict[str, Any]:
    from central.live.picture import picture

    (drawn,) = picture()["devices"]
    return drawn  # type: ignore[no-any-return]


@pytest.fixture(autouse=True)
def registered() -> None:
    register_device()


def test_a_device_that_has_said_nothing_stands_on_nothing() -> None:
    assert (device()["rung"], device()["clock"], device()["unconfirmed"]) == ("", "", 0)


def test_rung_since_when_and_what_was_drawn_are_shown() -> None:
    told = [
        RungChanged(rung=Rung.FRESH, why="central confirms the list"),
        RungChanged(rung=Rung.STALE, why="central has not confirmed the list for 301 s"),
        unlisted(1),
        unlisted(2, quantity=3),
        authorised(3),
        BudgetUsedUp(admissions=4, hours=0.25),
    ]
    take(together(chained(rows(*told))))
    shown = device()
    assert (shown["rung"], shown["unconfirmed"], shown["used_up"]) == ("stale", 4, True)
    assert shown["why"].endswith("301 s")
    assert shown["since_ms"] == 1_780_000_000_000


def test_a_fresh_list_fills_the_budget_again() -> None:
    told = [unlisted(1), BudgetUsedUp(admissions=1, hours=1.0), RungChanged(rung=Rung.FRESH)]
    take(together(chained(rows(*told))))
    assert (device()["unconfirmed"], device()["used_up"]) == (0, False)


def test_rows_that_come_late_take_nothing_back() -> None:
    older = Stamp(1_779_999_000_000, 1, b"boot-one", ClockQuality.SIGNED)
    bodies = [
        *rows(RungChanged(rung=Rung.FRESH)),
        encode_row(RungChanged(rung=Rung.SIGNATURE_ONLY), older),
        encode_row(unlisted(1), older),
    ]
    take(together(chained(bodies)))
    assert (device()["rung"], device()["unconfirmed"]) == ("fresh", 0)


def test_the_clock_is_what_a_live_row_says_of_it() -> None:
    at = Stamp(4_000_000_000_000, 1, b"boot-one", ClockQuality.SUSPECT)
    (batch,) = chained([encode_row(authorised(1), at)])
    take(batch, kind="live")
    assert device()["clock"] == "suspect"
    assert device()["skew_ms"] > 10**12


def test_a_suspected_key_is_an_alarm_on_the_page_and_at_the_device() -> None:
    from central.ledger import footing
    from central.live.picture import picture
    from central.venue.models import Device

    take(together(chained(rows(KeySuspected(kid=b"\xab\xcd", cti=bytes(16))))))
    (alarm,) = picture()["alarms"]
    assert (alarm["kind"], alarm["device"], alarm["key"]) == ("key-suspected", "Gate 1", "abcd")
    assert footing.suspected(Device.objects.get().pk) == "key-suspected abcd"


def test_a_ticket_that_nobody_issued_and_a_door_let_in_is_an_alarm_once() -> None:
    from central.ledger.models import Incident
    from central.live.picture import picture

    batch = together(chained(rows(unlisted(7))))
    take(batch)
    take(batch)
    assert [one["kind"] for one in picture()["alarms"]] == ["not-issued"]
    assert Incident.objects.get().detail["cti"] == authorised(7).cti.hex()


def test_a_time_that_no_calendar_has_breaks_no_page() -> None:
    from central.ledger import footing
    from central.venue.models import Device

    at = Stamp(2**62, 1, b"boot-one", ClockQuality.SIGNED)
    (batch,) = chained([encode_row(RungChanged(rung=Rung.STALE, why="\0" * 500), at)])
    take(batch, kind="live")
    assert footing.stands(Device.objects.get().pk).startswith("stale · ?")
    assert device()["rung"] == "stale"


def test_the_page_has_words_for_every_rung_clock_and_alarm() -> None:
    from central.live.words import ALARMS, CLOCKS, RUNGS

    assert set(RUNGS) == {rung.value for rung in Rung}
    assert set(CLOCKS) == {quality.value for quality in ClockQuality}
    devices = {"key-suspected", "not-issued", "configuration-not-ours"}
    kiosks = {"paper-near-end", "papers-unbalanced", "printer-cannot", "kiosk-lacks"}
    assert set(ALARMS) == devices | kiosks


def test_a_device_that_admits_nobody_still_says_which_list_it_has() -> None:
    from central.lists.models import Change
    from central.venue.models import Venue

    assert (device()["list"], device()["behind"], device()["silent"]) == (0, None, True)
    for sequence in range(1, 8):
        Change.objects.create(
            venue_id=Venue.objects.get().pk, sequence=sequence, body=b"", head=bytes(32)
        )
    assert take(Status(5, 90), kind="status") == []
    shown = device()
    assert (shown["list"], shown["behind"], shown["silent"]) == (5, 2, False)
    assert 90 <= shown["list_seconds"] < 150
    take(Status(None), kind="status")
    shown = device()
    assert (shown["list"], shown["behind"], shown["list_seconds"]) == (None, None, None)


def test_what_sync_says_of_the_list_settles_no_refund() -> None:
    from central.venue.models import Device

    take(Status(5, 1), kind="status")
    known = Device.objects.get()
    assert (known.list_sequence, known.last_seen) == (0, None)


@pytest.mark.parametrize("said", [Status(-1), Status(2**63), Status(1, -1), Status(1, 2**60)])
def test_a_list_that_cannot_be_is_put_aside(said: Status) -> None:
    from central.ledger.models import Quarantine

    take(said, kind="status")
    assert Quarantine.objects.count() == 1
    assert device()["list"] == 0
