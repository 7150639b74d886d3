"""Two who do something to one ticket at the same moment, as PostgreSQL lets them."""

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest

from tests.central.test_elsewhere import ADMISSION, authorised
from tests.central.test_operations import asked, code, incidents, refund_of, stored
from tests.central.test_together import held_up
from tests.central_messages import EPOCH, chained, rows, take
from tests.clusters import TestCluster
from wire.delivery import EpochTop, Hello
from wire.event import Passed

pytestmark = [
    pytest.mark.xdist_group("postgresql"),
    pytest.mark.parametrize("central", ["postgresql"], indirect=True),
]


class Other:
    """What the second of the two was answered."""

    def __init__(self, cluster: TestCluster) -> None:
        self._cluster = cluster
        self.said = ""

    def meanwhile(self, work: Callable[[], object]) -> AbstractContextManager[None]:
        """Start `work` when what is done inside is done but not committed; it has to wait."""
        from central.tickets.refusal import Refused

        def tried() -> None:
            try:
                work()
            except Refused as refused:
                self.said = refused.code.value
            else:
                self.said = "done"

        return held_up(self._cluster, tried)


@pytest.fixture
def other(cluster: TestCluster) -> Other:
    return Other(cluster)


@pytest.fixture
def ticket(tickets: list[Any]) -> Any:
    take(Hello((EpochTop(EPOCH, 0, bytes(32)),)), kind="hello")
    return stored(tickets[0])


def again(ticket: Any) -> Any:
    """The same ticket, as the other one reads it."""
    from central.venue.models import Ticket

    return Ticket.objects.select_related("ticket_class__event__venue").get(pk=ticket.pk)


def test_of_two_refunds_of_one_ticket_one_is_paid(other: Other, ticket: Any) -> None:
    from central.tickets.models import Refund
    from central.tickets.operations import refund

    theirs = again(ticket)
    with other.meanwhile(lambda: refund(theirs, asked("2"))):
        refund(ticket, asked("1"))
    assert (other.said, Refund.objects.count()) == ("already-refunded", 1)


def test_one_refund_sent_twice_at_once_is_one_refund(other: Other, ticket: Any) -> None:
    from central.tickets.models import Refund
    from central.tickets.operations import refund

    theirs = again(ticket)
    with other.meanwhile(lambda: refund(theirs, asked("1"))):
        refund(ticket, asked("1"))
    assert (other.said, Refund.objects.count()) == ("done", 1)


def test_a_block_does_not_undo_a_refund(other: Other, ticket: Any) -> None:
    from central.tickets.operations import block, refund

    theirs = again(ticket)
    with other.meanwhile(lambda: block(theirs, asked("2"))):
        refund(ticket, asked("1"))
    ticket.refresh_from_db()
    assert (other.said, ticket.standing) == ("already-refunded", "refunded")


def test_a_refund_of_a_ticket_just_blocked_is_a_refund(other: Other, ticket: Any) -> None:
    from central.tickets.operations import block, refund

    theirs = again(ticket)
    with other.meanwhile(lambda: refund(theirs, asked("2"))):
        block(ticket, asked("1"))
    ticket.refresh_from_db()
    assert (other.said, ticket.standing) == ("done", "refunded")
    assert refund_of(ticket).standing_before == "blocked"


def test_an_admission_reported_while_money_is_asked_for_is_not_missed(
    other: Other, ticket: Any
) -> None:
    from central.tickets.operations import refund

    (batch,) = chained(rows(authorised(code(ticket))))
    with other.meanwhile(lambda: take(batch)):
        refund(ticket, asked("1"))
        assert refund_of(ticket).inquiry["finding"] == "not-admitted"
    assert (other.said, refund_of(ticket).state) == ("done", "to-decide")
    assert incidents() == ["refund-after-admission"]


def test_an_undo_outlasts_what_a_gate_says_at_the_same_time(other: Other, ticket: Any) -> None:
    from central.ledger.models import Use
    from central.tickets.operations import undo

    passed = Passed(lane="A1", admission=ADMISSION, person=1)
    first, second = chained(rows(authorised(code(ticket)), passed))
    take(first)
    with other.meanwhile(lambda: take(second)):
        undo(ticket, asked("1"), ADMISSION, 1)
    assert (other.said, Use.objects.get().outcome) == ("done", 5)


def test_what_a_gate_says_does_not_hide_an_undo(other: Other, ticket: Any) -> None:
    from central.ledger.models import Use
    from central.tickets.operations import undo

    passed = Passed(lane="A1", admission=ADMISSION, person=1)
    first, second = chained(rows(authorised(code(ticket)), passed))
    take(first)
    theirs = again(ticket)
    with other.meanwhile(lambda: undo(theirs, asked("1"), ADMISSION, 1)):
        take(second)
    assert (other.said, Use.objects.get().outcome) == ("done", 5)


def test_an_undo_and_a_report_of_the_same_use_never_wait_in_a_ring(
    cluster: TestCluster, ticket: Any
) -> None:
    from django.db import connection, transaction

    from central.ledger.models import Use
    from central.lists.changes import tell_uses
    from central.tickets.operations import undo

    take(chained(rows(authorised(code(ticket))))[0])
    theirs, done = again(ticket), list[bool]()

    def undone() -> None:
        try:
            undo(theirs, asked("1"), ADMISSION, 1)
            done.append(True)
        finally:
            connection.close()

    thread = threading.Thread(target=undone)
    with transaction.atomic():  # What ingest does when a use is given back, in its two steps.
        Use.objects.update(outcome=1)
        thread.start()
        until = time.monotonic() + 60
        while not cluster.waiting():
            assert time.monotonic() < until
            time.sleep(0.02)
        tell_uses({bytes(ticket.cti)})
    thread.join(60)
    assert (done, Use.objects.get().outcome) == ([True], 5)
