"""What a device may say and a database cannot hold: kept as it came, and nothing is held up."""

import random
from enum import Enum
from math import inf, nan
from typing import Any, get_args

import msgspec
import pytest

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
from tests.device import authorised, stamp
from wire.chain import GENESIS
from wire.codec import encode
from wire.delivery import Ack, Batch, EpochTop, Hello
from wire.event import AnyEvent, ListApplied, Mode, ModeChanged, Refused, Uncertain
from wire.reason import Reason
from wire.row import encode_row

FAR = 2**63
NAMES = ("admission", "paper")


@pytest.fixture(autouse=True)
def device() -> None:
    register_device()


EVENTS: dict[str, AnyEvent] = {
    "a lane with a zero byte": Uncertain(lane="A\0", admission=b"a" * 12, person=1),
    "a lane of many letters": Uncertain(lane="A" * 5000, admission=b"a" * 12, person=1),
    "a checkpoint with a zero byte": msgspec.structs.replace(authorised(1), checkpoint="h\0"),
    "a checkpoint of many letters": msgspec.structs.replace(authorised(1), checkpoint="h" * 99),
    "persons beyond counting": Refused(reason=Reason.USED, scan=b"s", quantity=2**40, count=2**40),
    "no persons at all": Refused(reason=Reason.USED, scan=b"s", quantity=-(2**70)),
    "an admission of a million": msgspec.structs.replace(authorised(1), quantity=10**6),
    "outcomes of a million": Uncertain(lane="A1", admission=b"a" * 12, person=1, count=10**6),
    "a person beyond counting": Uncertain(lane="A1", admission=b"a" * 12, person=FAR),
    "a list far ahead": ListApplied(sequence=FAR),
    "something else": ModeChanged(mode=Mode.NORMAL, by="\0"),
}


@pytest.mark.parametrize("happened", EVENTS.values(), ids=EVENTS.keys())
def test_a_row_is_kept_as_it_came(happened: AnyEvent) -> None:
    from central.ledger.models import Row

    bodies = rows(happened, authorised(7), passed(7))
    assert take(together(chained(bodies))) == [Ack(EPOCH, 3)]
    assert [bytes(row.body) for row in Row.objects.order_by("seq")] == bodies
    assert totals()["passed"] == 1


def _made(kind: type[AnyEvent]) -> AnyEvent:
    """Return an event of that kind, with something in each field."""
    given: dict[str, Any] = {}
    for one in msgspec.structs.fields(kind):
        about = one.type
        options = [each for each in (get_args(about) or (about,)) if isinstance(each, type)]
        first: Any = next(each for each in options if each is not type(None))
        if issubclass(first, Enum):
            given[one.name] = next(iter(first))
        elif first is bytes:
            given[one.name] = b"a" * (16 if one.name == "cti" else 12)
        else:
            given[one.name] = first(1)
    return kind(**given)


@pytest.mark.parametrize("kind", get_args(AnyEvent), ids=lambda one: one.__name__)
def test_any_number_anywhere_in_an_event_is_kept(kind: type[AnyEvent]) -> None:
    """Found by a fuzzer: a generation that no database can hold stopped central's taking in."""
    sound = _made(kind)
    numbers = [
        one.name
        for one in msgspec.structs.fields(kind)
        if isinstance(getattr(sound, one.name), int | float) and one.type is not bool
    ]
    some = [sound]
    whole = (-1, 2**15, 2**16, 2**31, 2**32, FAR - 1, FAR, -FAR - 1, 2**64 - 1)
    for name in numbers:
        broken = isinstance(getattr(sound, name), float)
        for number in (nan, inf, -inf, 1e308, -1e308) if broken else whole:
            # Each of an admission, or a paper, of its own: of one use the first row tells.
            own = {one: len(some).to_bytes(12, "big") for one in NAMES if hasattr(sound, one)}
            some.append(msgspec.structs.replace(sound, **(own | {name: number})))
    bodies = rows(*some, authorised(7), passed(7))
    assert take(together(chained(bodies)))[-1] == Ack(EPOCH, len(bodies))
    assert totals()["passed"] >= 1


@pytest.mark.parametrize("wall_ms", [FAR, -FAR - 1, -(2**64)])
def test_a_time_that_no_calendar_has_is_kept(wall_ms: int) -> None:
    body = encode_row(authorised(1), msgspec.structs.replace(stamp(1.0), wall_ms=wall_ms))
    assert take(Batch(EPOCH, 1, GENESIS, (body,))) == [Ack(EPOCH, 1)]


def test_an_event_of_a_strange_name_is_kept() -> None:
    at = msgspec.to_builtins(stamp(1.0), builtin_types=(bytes,))
    body = encode({"kind": "\0" * 50, "at": at})
    assert take(Batch(EPOCH, 1, GENESIS, (body,))) == [Ack(EPOCH, 1)]


MESSAGES: dict[str, tuple[str, Any]] = {
    "rows beyond counting": ("backlog", Batch(EPOCH, FAR, GENESIS, (b"",))),
    "rows up to where counting ends": ("backlog", Batch(EPOCH, FAR - 1, GENESIS, (b"", b""))),
    "rows before the first": ("backlog", Batch(EPOCH, 0, GENESIS, (b"",))),
    "rows long before the first": ("backlog", Batch(EPOCH, -(2**70), GENESIS, (b"",))),
    "an epoch of many bytes": ("backlog", Batch(b"e" * 9000, 1, GENESIS, (b"",))),
    "a hello of rows beyond counting": ("hello", Hello((EpochTop(EPOCH, FAR, b""),))),
    "a hello of rows gone beyond counting": ("hello", Hello((EpochTop(EPOCH, 1, b"", FAR + 2),))),
    "a hello of an epoch of many bytes": ("hello", Hello((EpochTop(b"e" * 9000, 1, b""),))),
}


@pytest.mark.parametrize(("kind", "message"), MESSAGES.values(), ids=MESSAGES.keys())
def test_a_message_of_impossible_numbers_is_put_aside(kind: str, message: Any) -> None:
    from central.ledger.models import Quarantine, Row

    assert take(message, kind=kind) == []
    assert take(chained(rows(authorised(1)))[0]) == [Ack(EPOCH, 1)]
    assert (Quarantine.objects.count(), Row.objects.count()) == (1, 1)


def test_a_kind_of_message_with_zero_bytes_is_put_aside() -> None:
    from central.ledger import ingest
    from central.ledger.models import Quarantine
    from tests.central_messages import TOPICS

    assert ingest.take([(f"gh/1/v/up/{DEVICE}/li\0ve", b"")], TOPICS) == []
    assert ingest.take([("gh/1/v/up/\0/live", b"")], TOPICS) == []
    assert Quarantine.objects.count() == 2


def test_two_long_rows_of_one_name_are_one_incident() -> None:
    from central.ledger.models import Incident

    noise = random.Random(1)
    long = [Uncertain(lane="A", admission=b"a" * 12, person=1, why=noise.randbytes(9000).hex())]
    long.append(msgspec.structs.replace(long[0], why=noise.randbytes(9000).hex()))
    batch, other = (chained(rows(one))[0] for one in long)
    for _ in range(3):
        assert take(batch, other) == [Ack(EPOCH, 1)]
    assert Incident.objects.count() == 1
