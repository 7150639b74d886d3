"""What devices report becomes rows, once, in any order; what cannot be read stops nothing."""

import random

import msgspec
import pytest
import zstandard

from tests.central_messages import (
    DEVICE,
    EPOCH,
    chained,
    passed,
    register_device,
    rows,
    take,
    together,
    totals,
)
from tests.device import authorised
from wire.chain import GENESIS
from wire.codec import encode
from wire.delivery import Ack, Batch, EpochTop, Hello
from wire.event import (
    Abandoned,
    AnyEvent,
    ListApplied,
    PassedLate,
    Refused,
    Reopened,
    Uncertain,
)
from wire.reason import Reason


@pytest.fixture(autouse=True)
def device() -> None:
    register_device()


def test_a_batch_is_acknowledged_up_to_its_end() -> None:
    batch = together(chained(rows(authorised(1), passed(1), authorised(2))))
    assert take(batch) == [Ack(EPOCH, 3)]
    books = totals()
    assert (books["admitted"], books["passed"], books["open"]) == (2, 1, 1)
    assert books["rows"] == {DEVICE: {EPOCH.hex(): 3}}


def test_the_same_again_changes_nothing() -> None:
    batch = together(chained(rows(authorised(1), passed(1))))
    take(batch)
    before = totals()
    assert take(batch, batch) == [Ack(EPOCH, 2)]
    assert totals() == before


def test_what_is_missing_is_named_and_fills_the_prefix_when_it_comes() -> None:
    batches = chained(rows(*(authorised(number) for number in range(8))))
    assert take(batches[0], batches[3], batches[4], batches[7]) == [Ack(EPOCH, 1, ((2, 3), (6, 7)))]
    assert take(batches[1], batches[2]) == [Ack(EPOCH, 5, ((6, 7),))]
    assert take(together(batches[5:7])) == [Ack(EPOCH, 8)]


def test_the_books_do_not_depend_on_the_order_of_arrival() -> None:
    events: list[AnyEvent] = []
    for number in range(12):
        events.append(authorised(number, quantity=2))
        name = b"admission%03d" % number
        outcome: list[AnyEvent] = [
            Abandoned(lane="A1", admission=name, person=1, count=2),
            PassedLate(lane="A1", admission=name, person=1),
        ]
        events += outcome[: number % 3]
        if number % 4 == 3:
            events.append(Uncertain(lane="A1", admission=name, person=2))
    batches = chained(rows(*events))
    take(*batches)
    wanted = totals()
    assert wanted["uncertain"] > 0
    for seed in range(5):
        from tests import central_database

        central_database.empty()
        register_device()
        shuffled = batches[:]
        random.Random(seed).shuffle(shuffled)
        for batch in shuffled:
            take(batch)
        assert totals() == wanted


def test_a_reopened_use_is_admitted_twice_and_ended_twice() -> None:
    name = b"admission001"
    reopened = Reopened(
        lane="A1", admission=name, person=1, scan=b"s" * 12, cti=b"c" * 16, checkpoint="hall"
    )
    story = (
        authorised(1),
        Uncertain(lane="A1", admission=name, person=1),
        reopened,
        passed(1),
    )
    take(together(chained(rows(*story))))
    books = totals()
    assert (books["admitted"], books["uncertain"], books["passed"]) == (2, 1, 1)


def test_refusals_are_counted_in_persons_and_repeats() -> None:
    refused = Refused(reason=Reason.USED, scan=b"s" * 12, quantity=3)
    again = Refused(reason=Reason.EMPTY, scan=b"s" * 12, count=7)
    take(together(chained(rows(refused, again))))
    books = totals()
    assert (books["refused"], books["reasons"]) == (10, {"used": 3, "empty": 7})


def test_a_right_used_more_often_than_it_allows_is_found() -> None:
    first = authorised(1)
    copy = msgspec.structs.replace(first, admission=b"admission777")
    take(together(chained(rows(first, passed(1), copy))))
    assert totals()["doubles"] == 1


def test_a_right_given_back_and_used_again_is_no_double() -> None:
    copy = msgspec.structs.replace(authorised(1), admission=b"admission777")
    given_back = Abandoned(lane="A1", admission=b"admission001", person=1)
    take(together(chained(rows(authorised(1), given_back, copy))))
    assert totals()["doubles"] == 0


def test_another_row_under_a_name_is_an_incident_and_both_count() -> None:
    from central.ledger.models import Incident, OtherRow, Row

    (batch,) = chained(rows(authorised(1)))
    take(batch)
    (other,) = chained(rows(authorised(2)))
    assert take(other, other) == [Ack(EPOCH, 1)]
    (incident,) = Incident.objects.all()
    assert (incident.kind, incident.detail) == ("forked", {"epoch": EPOCH.hex()})
    assert bytes(Row.objects.get().body) == batch.rows[0]
    assert bytes(OtherRow.objects.get().body) == other.rows[0]
    assert totals()["admitted"] == 2
    assert totals()["rows"] == {DEVICE: {EPOCH.hex(): 2}}


def test_what_a_newer_device_reports_is_kept_and_acknowledged() -> None:
    from central.ledger.models import Row

    body = encode({"kind": "teleported", "at": [1, 2, b"b" * 8, "signed"], "lane": "A1"})
    assert take(Batch(EPOCH, 1, GENESIS, (body,))) == [Ack(EPOCH, 1)]
    assert Row.objects.get().kind == "teleported"


def test_a_hello_is_answered_for_every_epoch_it_names() -> None:
    take(together(chained(rows(authorised(1), passed(1)))))
    hello = Hello((EpochTop(EPOCH, 2, b"h" * 32), EpochTop(b"epoch--2", 5, b"h" * 32)))
    assert take(hello, kind="hello") == [Ack(EPOCH, 2), Ack(b"epoch--2", 0)]


def test_rows_that_no_device_has_any_more_are_a_gap_and_not_the_end() -> None:
    from central.ledger.models import Incident

    batches = chained(rows(*(authorised(number) for number in range(6))))
    take(batches[0])
    hello = Hello((EpochTop(EPOCH, 6, b"h" * 32, first=4),))
    assert take(hello, kind="hello") == [Ack(EPOCH, 3)]
    (gap,) = Incident.objects.all()
    assert (gap.kind, gap.detail["first"], gap.detail["last"]) == ("gap", 2, 3)
    assert take(together(batches[3:])) == [Ack(EPOCH, 6)]
    assert take(hello, kind="hello") == [Ack(EPOCH, 6)]
    assert Incident.objects.count() == 1


def test_what_is_packed_is_unpacked() -> None:
    batch = together(chained(rows(authorised(1))))
    packed = zstandard.ZstdCompressor().compress(encode(batch))
    assert take(packed) == [Ack(EPOCH, 1)]


BOMB = zstandard.ZstdCompressor().compress(bytes(64 * 1024 * 1024))


@pytest.mark.parametrize(
    "payload",
    [b"", b"\xff", b"\xa1", b"\x28\xb5\x2f\xfdnonsense", BOMB, encode([1, 2]), encode({"a": 1})],
    ids=["empty", "break", "cut", "not zstd", "a bomb", "a list", "a stranger"],
)
def test_what_cannot_be_read_is_put_aside(payload: bytes) -> None:
    from central.ledger.models import Quarantine

    (good,) = chained(rows(authorised(1)))
    assert take(payload, good) == [Ack(EPOCH, 1)], "the rest of the moment is not lost"
    assert Quarantine.objects.count() == 1


def test_a_row_that_cannot_be_read_is_kept_and_holds_nothing_up() -> None:
    from central.ledger.models import Row

    good = rows(authorised(1))[0]
    assert take(Batch(EPOCH, 1, GENESIS, (good, b"\x01"))) == [Ack(EPOCH, 2)]
    assert [row.kind for row in Row.objects.order_by("seq")] == ["authorised", "unreadable"]
    assert bytes(Row.objects.get(seq=2).body) == b"\x01"


def test_who_is_not_registered_is_not_believed() -> None:
    from central.ledger.models import Quarantine, Row

    (batch,) = chained(rows(authorised(1)))
    assert take(batch, device="ffffffffffffffff") == []
    assert (Quarantine.objects.count(), Row.objects.count()) == (1, 0)


def test_the_list_a_device_works_with_is_known() -> None:
    from central.venue.models import Device

    take(together(chained(rows(ListApplied(sequence=41)))))
    assert Device.objects.get().list_sequence == 41
    by_a_newer = msgspec.structs.replace(authorised(1), list_sequence=43)
    take(together(chained(rows(ListApplied(sequence=41), by_a_newer, ListApplied(sequence=42)))))
    assert Device.objects.get().list_sequence == 43, "who is let in is let in by a list"
