"""One device that talks without end neither holds up another nor fills central's disk."""

import pytest

from central.core.flood import Meter
from central.ledger.arrivals import BACKLOG_BYTES, DEVICE_MAX, Arrivals
from tests.central_messages import DEVICE, TOPICS, chained, register_device, rows, take

LOUD, QUIET = "aa" * 8, "bb" * 8


def test_who_floods_fills_its_own_queue_and_is_served_in_turn() -> None:
    arrivals = Arrivals()
    for number in range(3 * DEVICE_MAX):
        arrivals.put(TOPICS.live(LOUD), b"%d" % number)
    arrivals.put(TOPICS.live(QUIET), b"first")
    arrivals.put(TOPICS.hello(QUIET), b"second")
    messages = arrivals.gather()
    assert messages[1] == (TOPICS.live(QUIET), b"first")
    assert messages[3] == (TOPICS.hello(QUIET), b"second")
    assert [payload for topic, payload in messages if topic == TOPICS.live(LOUD)] == [
        b"%d" % number for number in range(DEVICE_MAX)
    ]
    assert arrivals.flooders() == set()
    assert arrivals.gather() == []


def test_what_is_coming_is_what_is_gathered_next() -> None:
    """Nothing waits in between: what is read ahead is what is needed first."""
    arrivals = Arrivals()
    for number in range(12):
        device = LOUD if number % 3 else QUIET
        arrivals.put(TOPICS.backlog(device), b"%012d" % number + bytes(BACKLOG_BYTES // 3))
    arrivals.put(TOPICS.hello(QUIET), b"behind its backlog")
    seen = 0
    while coming := arrivals.coming():
        assert arrivals.gather() == coming
        seen += len(coming)
        but_the_last = sum(len(payload) for _, payload in coming[:-1])
        assert but_the_last < BACKLOG_BYTES, "no more than one transaction may hold"
    assert seen == 13
    arrivals.put(TOPICS.live(LOUD), b"live")
    assert arrivals.coming() == [], "what is live is read when it comes"


def test_who_says_more_than_any_device_would_is_named() -> None:
    arrivals = Arrivals()
    for _ in range(6000):
        arrivals.put(TOPICS.live(LOUD), b"")
    arrivals.put(TOPICS.live(QUIET), b"")
    assert arrivals.flooders() == {LOUD}
    assert arrivals.flooders() == set()
    assert (TOPICS.live(QUIET), b"") in arrivals.gather()


@pytest.mark.parametrize(("size", "most"), [(1, 10), (40, 5)])
def test_a_meter_counts_messages_and_bytes_and_begins_again(size: int, most: int) -> None:
    meter = Meter(seconds=5.0, messages_max=10, bytes_max=200)
    assert [meter.beyond("a", size, 1.0) for _ in range(most)] == [False] * most
    assert meter.beyond("a", size, 5.9)
    assert not meter.beyond("b", size, 5.9)
    assert not meter.beyond("a", size, 6.0)


def test_a_flood_is_an_incident_once() -> None:
    from central.ledger import ingest
    from central.ledger.models import Incident

    register_device()
    for _ in range(3):
        ingest.note_flood(DEVICE)
    ingest.note_flood(LOUD)
    assert [(one.kind, one.device.identity) for one in Incident.objects.all()] == [
        ("flood", DEVICE)
    ]


def test_rubbish_without_end_is_kept_in_part() -> None:
    from central.ledger.models import Quarantine

    register_device()
    take(*[b"rubbish %d" % number for number in range(150)], kind="log")
    assert 0 < Quarantine.objects.count() <= 100


def test_rows_of_a_denied_device_are_put_aside_and_not_acknowledged() -> None:
    from central.identity.models import Denied
    from central.ledger.models import Quarantine, Row
    from central.venue.models import Device
    from tests.central_messages import passed

    register_device()
    denied = Denied.objects.create(device=Device.objects.get(), at=1, by="admin")
    batches = chained(rows(passed(1)))
    assert take(*batches) == []
    assert Row.objects.count() == 0
    assert Quarantine.objects.get().why == "this device was revoked"
    denied.delete()
    assert [ack.upto for ack in take(*batches)] == [1]
