"""What central finds wrong in what devices report, whatever the order in which it arrives."""

from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests import central_database
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
from wire.chain import GENESIS, link
from wire.delivery import Ack, Batch, EpochTop, Hello
from wire.event import Abandoned, AnyEvent, EpochBegan, Left, Undone
from wire.row import encode_row

NEXT = b"epoch--2"


@pytest.fixture(autouse=True)
def device() -> None:
    register_device()


def found() -> list[tuple[str, dict[str, Any]]]:
    from central.ledger.models import Incident

    return sorted(
        ((one.kind, one.detail) for one in Incident.objects.all()), key=lambda one: repr(one)
    )


def kinds() -> list[str]:
    return [kind for kind, _ in found()]


def told() -> list[str]:
    """Return every story in both languages, less when it was found."""
    from central.ledger.models import Incident
    from central.stories.telling import tell

    stories = [tell(one) for one in Incident.objects.all()]
    return sorted(
        " ".join(f"{said.zh} {said.en}" for said in (one.title, *one.happened, *one.to_do))
        for one in stories
    )


def copy_of(number: int, admission: bytes) -> AnyEvent:
    return msgspec.structs.replace(authorised(number), admission=admission, lane="B2")


def top_of(batches: list[Batch], upto: int | None = None) -> bytes:
    """Return the hash of the last row of these batches of one row each."""
    previous = GENESIS
    for batch in batches[:upto]:
        previous = link(previous, bytes.fromhex(DEVICE), batch.epoch, batch.first, batch.rows[0])
    return previous


def test_two_admissions_beyond_the_right_are_found_once() -> None:
    batches = chained(rows(authorised(1), passed(1), copy_of(1, b"admission777")))
    for batch in (*batches, *batches):
        take(batch)
    cti = authorised(1).cti.hex()
    assert found() == [("conflict", {"cti": cti, "checkpoint": "hall"})]


def test_what_a_later_row_explains_away_is_withdrawn() -> None:
    late = Abandoned(lane="A1", admission=b"admission001", person=1)
    first, second, third = chained(rows(authorised(1), copy_of(1, b"admission777"), late))
    take(first, second)
    assert kinds() == ["conflict"]
    take(third)
    assert kinds() == []


def test_what_somebody_attended_to_stays_and_says_that_it_was_nothing() -> None:
    from central.ledger.models import Incident

    undone = Undone(lane="A1", admission=b"admission777", person=1)
    first, second, third = chained(rows(authorised(1), copy_of(1, b"admission777"), undone))
    take(first, second)
    Incident.objects.update(seen_at=1, seen_by="chief")
    take(third)
    assert kinds() == ["conflict"]
    assert "Later rows explain it away" in told()[0]


def test_rows_of_an_epoch_that_is_not_on_the_device_any_more_are_lost() -> None:
    take(together(chained(rows(authorised(1), passed(1)))))
    began = EpochBegan(previous_epoch=EPOCH, previous_top=5, previous_last=bytes(32))
    take(Batch(NEXT, 1, bytes(32), tuple(rows(began))))
    hello = Hello((EpochTop(NEXT, 1, b"h" * 32),))
    assert take(hello, kind="hello") == [Ack(NEXT, 1)]
    assert found() == [("gap", {"epoch": EPOCH.hex(), "first": 3, "last": 5})]
    take(hello, kind="hello")
    assert len(found()) == 1


def test_a_lost_row_that_comes_after_all_is_told() -> None:
    batches = chained(rows(*[Left()] * 5))
    take(batches[0], batches[4])
    take(Hello((EpochTop(EPOCH, 5, top_of(batches), first=5),)), kind="hello")
    assert "3 rows of Gate 1 are lost" in told()[0]
    take(batches[2])
    assert "2 rows of Gate 1 are lost" in told()[0]
    assert "1 of them have come after all" in told()[0]


def test_a_lost_journal_is_told_with_what_had_come_before() -> None:
    take(together(chained(rows(authorised(1), passed(1)))))
    began = EpochBegan(why="journal.db is gone", without_memory=True)
    take(Batch(NEXT, 1, GENESIS, tuple(rows(began))))
    assert kinds() == ["forgot"]
    assert "the list holds what it had sent (1 let in)" in told()[0].lower()


def put_back() -> tuple[list[Batch], Batch]:
    """Return four rows, and an epoch that hangs on the second of them."""
    batches = chained(rows(authorised(1), passed(1), authorised(2), passed(2)))
    last = top_of(batches, 2)
    began = EpochBegan(previous_epoch=EPOCH, previous_top=2, previous_last=last)
    return batches, Batch(NEXT, 1, last, tuple(rows(began)))


def test_a_device_that_was_put_back_is_told_no_more_than_it_has() -> None:
    batches, began = put_back()
    take(*batches, began)
    assert found() == [("put-back", {"epoch": EPOCH.hex(), "kept": 2})]
    hello = Hello((EpochTop(EPOCH, 2, top_of(batches, 2)), EpochTop(NEXT, 1, b"h" * 32)))
    assert take(hello, kind="hello") == [Ack(EPOCH, 2), Ack(NEXT, 1)]
    assert kinds() == ["put-back"]


def test_a_whole_life_that_a_device_has_forgotten_is_found_in_either_order() -> None:
    take(together(chained(rows(authorised(1)))))
    began = EpochBegan(previous_epoch=EPOCH, previous_top=1, previous_last=bytes(32))
    later = encode_row(began, stamp(500.0))
    lives = [
        Batch(NEXT, 1, bytes(32), (*rows(began, authorised(2)),)),
        Batch(b"epoch--3", 1, bytes(32), (later,)),
    ]
    take(*reversed(lives))
    assert found() == [("put-back", {"epoch": NEXT.hex(), "kept": 0})]
    assert "knows nothing of 2 rows" in told()[0]
    assert "(1 let in); it has not applied it yet" in told()[0]


def test_a_device_goes_on_from_an_older_copy_and_both_histories_count() -> None:
    first = chained(rows(authorised(1), authorised(2), authorised(3)))
    other = chained(rows(authorised(1), authorised(4)))
    take(together(first))
    assert take(other[1], kind="live") == [Ack(EPOCH, 2)]
    assert found() == [("forked", {"epoch": EPOCH.hex()})]
    assert totals()["admitted"] == 4
    # What it writes beyond the end of the first history hangs on its own rows.
    grown = chained(rows(authorised(1), authorised(4), authorised(5), authorised(6)))
    assert take(grown[2]) == [Ack(EPOCH, 3)]
    assert take(grown[3]) == [Ack(EPOCH, 4)]
    assert kinds() == ["forked"]
    assert totals()["admitted"] == 6


def test_another_history_in_a_hello_is_asked_for_from_the_beginning() -> None:
    take(together(chained(rows(authorised(1), authorised(2), authorised(3)))))
    other = chained(rows(authorised(1), authorised(4)))
    hello = Hello((EpochTop(EPOCH, 2, top_of(other)),))
    assert take(hello, kind="hello") == [Ack(EPOCH, 0)]
    assert take(together(other)) == [Ack(EPOCH, 2)]
    assert take(hello, kind="hello") == [Ack(EPOCH, 2)]


@pytest.mark.parametrize("later_first", [False, True])
def test_a_row_that_does_not_hang_on_the_one_before_it_is_found(later_first: bool) -> None:
    batches = chained(rows(authorised(1), authorised(2), authorised(3)))
    torn = Batch(EPOCH, 3, b"x" * 32, batches[2].rows)
    take(*(torn, *batches[:2]) if later_first else (*batches[:2], torn))
    assert found() == [("chain-broken", {"epoch": EPOCH.hex(), "seq": 3})]


def test_a_whole_chain_in_any_pieces_is_no_finding() -> None:
    batches = chained(rows(*(authorised(number) for number in range(9))))
    take(batches[4], together(batches[5:8]), batches[8], together(batches[:4]), *batches)
    assert found() == []


def world() -> list[Batch]:
    """A day on which everything goes wrong, a row a batch."""
    events: list[AnyEvent] = [
        *(authorised(1), passed(1), copy_of(1, b"admission777")),
        *(authorised(2), copy_of(2, b"admission778")),
        Abandoned(lane="B2", admission=b"admission778", person=1),
        authorised(3),
    ]
    first = chained(rows(*events))
    other = chained(rows(*events[:5], authorised(8)))[5]
    last = top_of(first, 4)
    began = EpochBegan(previous_epoch=EPOCH, previous_top=4, previous_last=last)
    return [*first, other, Batch(NEXT, 1, last, tuple(rows(began)))]


WORLD = len(world())


@pytest.mark.parametrize("central", ["sqlite"], indirect=True)
def test_findings_and_stories_do_not_depend_on_the_order_of_arrival() -> None:
    take(*world())
    wanted, said, books = found(), told(), totals()
    assert [kind for kind, _ in wanted] == ["conflict", "forked", "put-back"]

    # Not made smaller: each example empties a database, and the world is small as it is.
    @settings(
        max_examples=15,
        deadline=None,
        phases=[Phase.explicit, Phase.reuse, Phase.generate],
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(st.permutations(range(WORLD)), st.sets(st.integers(1, WORLD - 1), max_size=4))
    def in_any_order(order: list[int], cuts: set[int]) -> None:
        central_database.empty()
        register_device()
        batches = world()
        ends = [0, *sorted(cuts), WORLD]
        for start, end in pairwise(ends):
            take(*(batches[place] for place in order[start:end]))
        assert (found(), told(), totals()) == (wanted, said, books)

    in_any_order()
