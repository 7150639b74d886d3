"""What a device says to central, and what central makes of it, for central's tests."""

from typing import Any

from tests.device import stamp
from wire.chain import GENESIS, link
from wire.codec import decode, encode
from wire.delivery import Ack, Batch
from wire.event import AnyEvent, Passed
from wire.row import encode_row
from wire.topic import Topics

DEVICE, EPOCH = "0102030405060708", b"epoch--1"
TOPICS = Topics("v")


def rows(*events: AnyEvent) -> list[bytes]:
    return [encode_row(happened, stamp(100.0 + n)) for n, happened in enumerate(events)]


def chained(bodies: list[bytes], epoch: bytes = EPOCH) -> list[Batch]:
    """Return each row as a batch of its own, as a device chains them."""
    batches, previous = [], GENESIS
    for seq, body in enumerate(bodies, 1):
        batches.append(Batch(epoch, seq, previous, (body,)))
        previous = link(previous, bytes.fromhex(DEVICE), epoch, seq, body)
    return batches


def together(batches: list[Batch]) -> Batch:
    first = batches[0]
    return Batch(first.epoch, first.first, first.previous, tuple(b.rows[0] for b in batches))


def take(*messages: Any, kind: str = "backlog", device: str = DEVICE) -> list[Ack]:
    """Hand over messages (batches, hellos or raw payloads); return the acknowledgements."""
    from central.ledger import ingest

    topic = f"gh/1/v/up/{device}/{kind}"
    payloads = [one if isinstance(one, bytes) else encode(one) for one in messages]
    answers = ingest.take([(topic, payload) for payload in payloads], TOPICS)
    assert all(to == TOPICS.ack(device) for to, _ in answers)
    return [decode(payload, Ack) for _, payload in answers]


def totals() -> dict[str, Any]:
    from central.ledger.totals import totals as counted

    return counted()


def passed(number: int) -> Passed:
    return Passed(lane="A1", admission=b"admission%03d" % number, person=1)


def register_device() -> None:
    from central.venue.models import Device, Venue

    venue = Venue.objects.create(code="v", name_zh="场馆", name_en="Venue")
    Device.objects.create(venue=venue, identity=DEVICE, name="Gate 1", token_hash="x")
