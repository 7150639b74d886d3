"""What is done to a ticket at central, and what a gate makes of it that only has the list."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from central.core.refund import SILENT_SECONDS
from rules.use import Outcome, Use
from rules.verdict import Admit, Refuse
from tests.central.test_elsewhere import ADMISSION, OtherGate, authorised
from tests.central_messages import EPOCH, chained, take, together
from tests.device import BOOT, stamp
from tests.trusted import inside
from wire import ticket as gh1
from wire.chain import GENESIS
from wire.delivery import Batch, EpochTop, Hello
from wire.event import Abandoned, AnyEvent, EpochBegan, ListApplied, Passed, PassedLate
from wire.key import KeyRing
from wire.reason import Reason
from wire.row import encode_row
from wire.snapshot import Delta

NOW = time.time()


@pytest.fixture
def other(tmp_path: Any, tickets: list[Any]) -> OtherGate:
    assert tickets
    return OtherGate(tmp_path / "other")


@pytest.fixture
def ticket(tickets: list[Any]) -> Any:
    """A good one, as central has it."""
    return stored(tickets[0])


def stored(line: Any) -> Any:
    from central.venue.models import Ticket

    return Ticket.objects.get(cti=bytes.fromhex(line["cti"]))


def code(ticket: Any) -> gh1.Ticket:
    """Return the newest code of a ticket, as it is read at a door."""
    from central.venue import keys
    from central.venue.issue import texts
    from central.venue.models import SigningKey

    venue = ticket.ticket_class.event.venue
    (text,) = texts([ticket], *keys.active(venue))
    ring = KeyRing([key.record() for key in SigningKey.objects.all()])
    found = gh1.verify(text.encode(), ring)
    assert isinstance(found, gh1.Ticket)
    return found


def asked(key: str, why: str = "") -> Any:
    from central.tickets.operations import Asked

    return Asked("admin:chief", key, NOW, why)


class Gate:
    """The one device of the venue: what it says reaches central when the test lets it."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.sent = 0

    def wrote(self, *events: AnyEvent) -> None:
        self.bodies += [encode_row(event, stamp(wall=NOW - 60)) for event in events]

    def reports(self) -> None:
        batches = chained(self.bodies)
        if new := batches[self.sent :]:
            take(together(new))
        self.sent = len(batches)
        self.says_hello()

    def says_hello(self, rows: int | None = None) -> None:
        top = len(self.bodies) if rows is None else rows
        take(Hello((EpochTop(EPOCH, top, bytes(32)),)), kind="hello")


@pytest.fixture
def gate(tickets: list[Any]) -> Gate:
    assert tickets
    made = Gate()
    made.says_hello()
    return made


def silent_since(seconds: float) -> None:
    from central.venue.models import Device

    Device.objects.update(last_seen=datetime.fromtimestamp(NOW - seconds, UTC))


def sequence() -> int:
    from central.lists.models import Change

    return int(Change.objects.latest("sequence").sequence)


def refund_of(ticket: Any) -> Any:
    from central.tickets.models import Refund

    return Refund.objects.get(ticket=ticket)


def incidents() -> list[str]:
    from central.ledger.models import Incident

    return list(Incident.objects.values_list("kind", flat=True))


def refused_with(work: Callable[[], object]) -> str:
    from central.tickets.refusal import Refused

    with pytest.raises(Refused) as raised:
        work()
    return raised.value.code.value


# What reaches the doors.


def test_a_blocked_ticket_is_refused_and_opens_again_when_it_is_unblocked(
    other: OtherGate, ticket: Any
) -> None:
    from central.tickets.operations import block, unblock

    block(ticket, asked("1"))
    other.follow()
    assert other.judge(code(ticket)) == Refuse(Reason.BLOCKED)
    unblock(ticket, asked("2"))
    other.follow()
    assert isinstance(other.judge(code(ticket)), Admit)


def test_a_refunded_ticket_is_refused_from_the_moment_of_asking(
    other: OtherGate, ticket: Any
) -> None:
    from central.tickets.operations import refund

    silent_since(1000)
    refund(ticket, asked("1"))
    assert refund_of(ticket).state == "held"
    other.follow()
    assert other.judge(code(ticket)) == Refuse(Reason.REFUNDED)


def test_a_reissued_ticket_opens_with_its_new_code_alone(other: OtherGate, ticket: Any) -> None:
    from central.tickets.operations import reissue

    old = code(ticket)
    reissue(ticket, asked("1"))
    other.follow()
    assert other.judge(old) == Refuse(Reason.SUPERSEDED)
    assert isinstance(other.judge(code(ticket)), Admit)


@pytest.mark.usefixtures("gate")
def test_a_rescheduled_ticket_is_another_right(other: OtherGate, ticket: Any) -> None:
    from central.tickets.operations import Wanted, reschedule
    from central.venue.models import Ticket

    done = reschedule(ticket, asked("1"), Wanted(ticket.ticket_class))
    new = Ticket.objects.get(pk=done.tickets[0])
    other.follow()
    assert other.judge(code(ticket)) == Refuse(Reason.RESCHEDULED)
    assert isinstance(other.judge(code(new)), Admit)
    assert new.replaces == ticket


@pytest.mark.usefixtures("gate")
def test_a_moved_ticket_keeps_its_code_and_has_other_times(other: OtherGate, ticket: Any) -> None:
    from central.tickets.operations import move
    from tests.central.test_elsewhere import NOW as AT_THE_DOOR

    held = code(ticket)
    move(ticket, asked("1"), int(AT_THE_DOOR) + 60, int(AT_THE_DOOR) + 3600)
    other.follow()
    assert other.judge(held) == Refuse(Reason.TOO_EARLY, since=int(AT_THE_DOOR) + 60)
    move(ticket, asked("2"), int(AT_THE_DOOR) - 60, int(AT_THE_DOOR) + 3600)
    other.follow()
    assert isinstance(other.judge(held), Admit)


@pytest.mark.parametrize("late", [Passed, PassedLate, Abandoned, None])
def test_an_undone_use_is_undone_in_whatever_order_it_is_told(
    other: OtherGate, gate: Gate, ticket: Any, late: type[Any] | None
) -> None:
    from central.tickets.operations import undo

    gate.wrote(authorised(code(ticket)))
    gate.reports()
    other.follow()
    assert isinstance(other.judge(code(ticket)), Refuse)
    undo(ticket, asked("1"), ADMISSION, 1)
    if late is not None:
        gate.wrote(late(lane="A1", admission=ADMISSION, person=1))
        gate.reports()
    other.follow()
    mine = Use(ADMISSION, 1, Outcome.PASSED, "A1", BOOT, 90.0, NOW - 60)
    assert isinstance(other.judge(code(ticket)), Admit)
    assert isinstance(other.judge(code(ticket), mine), Admit), "where it was used as well"
    other.fetch_snapshot()
    other.whitelist.refresh()
    assert isinstance(other.judge(code(ticket), mine), Admit), "a snapshot says it too"


def test_only_a_use_that_was_reported_can_be_undone(gate: Gate, ticket: Any) -> None:
    from central.tickets.operations import undo

    assert refused_with(lambda: undo(ticket, asked("1"), ADMISSION, 1)) == "no-such-use"
    gate.wrote(authorised(code(ticket)))
    gate.reports()
    assert refused_with(lambda: undo(ticket, asked("2"), ADMISSION, 2)) == "no-such-use"


def test_a_use_of_another_ticket_is_not_undone_by_name(
    gate: Gate, ticket: Any, tickets: list[Any]
) -> None:
    from central.tickets.operations import undo

    gate.wrote(authorised(code(stored(tickets[1]))))
    gate.reports()
    assert refused_with(lambda: undo(ticket, asked("1"), ADMISSION, 1)) == "no-such-use"


def test_new_tickets_are_on_the_list(other: OtherGate, ticket: Any) -> None:
    from central.tickets.operations import Wanted, issue_tickets
    from central.venue.models import Ticket

    kind = ticket.ticket_class
    done = issue_tickets(kind.event.venue, asked("1"), [Wanted(kind, 3), Wanted(kind, 1, 4)])
    made = list(Ticket.objects.filter(pk__in=done.tickets).order_by("pk"))
    assert [one.quantity for one in made] == [1, 1, 1, 4]
    other.follow()
    assert [other.judge(code(one)) for one in made] == [Admit(1), Admit(1), Admit(1), Admit(4)]


# Once, under a name.


def test_the_same_operation_again_does_nothing_again(ticket: Any) -> None:
    from central.tickets.operations import reissue

    first = reissue(ticket, asked("one"))
    again = reissue(ticket, asked("one"))
    ticket.refresh_from_db()
    assert (ticket.generation, first, sequence()) == (1, again, 1)


def test_a_name_used_for_something_else_is_a_mistake(ticket: Any, tickets: list[Any]) -> None:
    from central.tickets.operations import block, unblock

    block(ticket, asked("one"))
    assert refused_with(lambda: unblock(ticket, asked("one"))) == "idempotency-key-reused"
    another = stored(tickets[1])
    assert refused_with(lambda: block(another, asked("one"))) == "idempotency-key-reused"


@pytest.mark.usefixtures("gate")
def test_what_was_refused_may_be_asked_again_under_its_name(ticket: Any) -> None:
    from central.tickets.operations import Wanted as To
    from central.tickets.operations import block, reschedule, unblock

    block(ticket, asked("1"))
    move = To(ticket.ticket_class)
    assert refused_with(lambda: reschedule(ticket, asked("2"), move)) == "is-blocked"
    unblock(ticket, asked("3"))
    assert reschedule(ticket, asked("2"), move).tickets


def test_a_ticket_is_refunded_once(ticket: Any) -> None:
    from central.tickets.operations import Wanted, refund, reissue, reschedule

    refund(ticket, asked("1"))
    assert refused_with(lambda: refund(ticket, asked("2"))) == "already-refunded"
    assert refused_with(lambda: reissue(ticket, asked("3"))) == "already-refunded"
    move = Wanted(ticket.ticket_class)
    assert refused_with(lambda: reschedule(ticket, asked("4"), move)) == "already-refunded"


# When the money goes.


def test_the_money_goes_when_the_gates_have_the_refund(gate: Gate, ticket: Any) -> None:
    from central.tickets.operations import refund

    refund(ticket, asked("1"))
    assert refund_of(ticket).state == "asked"
    gate.wrote(ListApplied(sequence=sequence() - 1))
    gate.reports()
    assert refund_of(ticket).state == "asked", "an older list says nothing"
    gate.wrote(ListApplied(sequence=sequence()))
    gate.reports()
    assert refund_of(ticket).state == "settled"
    assert refund_of(ticket).ended_at
    assert incidents() == []


def test_the_money_goes_when_the_gate_lets_somebody_in_by_a_list_that_has_the_refund(
    gate: Gate, ticket: Any, tickets: list[Any]
) -> None:
    from central.tickets.operations import refund

    refund(ticket, asked("1"))
    let_in = authorised(code(stored(tickets[1])))
    gate.wrote(replace(let_in, list_sequence=sequence() - 1))
    gate.reports()
    assert refund_of(ticket).state == "asked", "an older list says nothing"
    gate.wrote(replace(let_in, admission=b"another one.", list_sequence=sequence()))
    gate.reports()
    assert refund_of(ticket).state == "settled"


@pytest.mark.usefixtures("gate")
def test_the_money_goes_at_once_where_no_door_has_opened_yet(ticket: Any) -> None:
    from central.tickets.operations import refund
    from central.venue.models import Ticket

    silent_since(1000)
    Ticket.objects.filter(pk=ticket.pk).update(not_before=int(NOW) + 3600)
    refund(ticket, asked("1"))
    assert refund_of(ticket).state == "settled"


def test_a_silent_gate_holds_the_money_until_it_has_told_everything(
    gate: Gate, ticket: Any
) -> None:
    from central.tickets.operations import refund

    silent_since(SILENT_SECONDS + 10)
    refund(ticket, asked("1"))
    held = refund_of(ticket)
    assert held.state == "held"
    (silent,) = held.inquiry["silent_gates"]
    assert (silent["gate"], silent["why"]) == ("Gate 1", "silent")
    gate.says_hello(rows=3)
    assert refund_of(ticket).state == "held", "it is back, with three rows to tell"
    gate.wrote(Abandoned(lane="A1", admission=b"of somebody ", person=1))
    gate.wrote(EpochBegan(), ListApplied(sequence=sequence()))
    first, second, third = chained(gate.bodies)
    take(third, kind="live")
    assert refund_of(ticket).state == "held", "what came before is missing"
    take(first)
    assert refund_of(ticket).state == "held"
    take(second)
    assert refund_of(ticket).state == "settled"


def test_a_row_that_overtook_the_others_does_not_speak_for_them(gate: Gate, ticket: Any) -> None:
    from central.tickets.operations import refund

    silent_since(1000)
    refund(ticket, asked("1"))
    gate.wrote(authorised(code(ticket)), ListApplied(sequence=sequence()))
    first, second = chained(gate.bodies)
    take(second, kind="live")
    assert refund_of(ticket).state == "held", "no hello has said how many there are"
    take(first)
    assert refund_of(ticket).state == "to-decide"


def test_a_life_before_a_restart_is_waited_for_as_well(gate: Gate, ticket: Any) -> None:
    from central.tickets.operations import refund

    silent_since(1000)
    refund(ticket, asked("1"))
    began = EpochBegan(previous_epoch=EPOCH, previous_top=1)
    rows = [encode_row(one, stamp()) for one in (began, ListApplied(sequence=sequence()))]
    take(Batch(b"epoch--2", 1, GENESIS, tuple(rows)), kind="live")
    assert refund_of(ticket).state == "held"
    gate.wrote(authorised(code(ticket)))
    gate.reports()
    assert refund_of(ticket).state == "to-decide"


def test_an_admission_that_comes_to_light_is_for_a_person(gate: Gate, ticket: Any) -> None:
    from central.tickets.operations import decide, refund

    silent_since(1000)
    refund(ticket, asked("1"))
    gate.wrote(authorised(code(ticket)))
    gate.reports()
    assert refund_of(ticket).state == "to-decide"
    assert incidents() == ["refund-after-admission"]
    gate.wrote(ListApplied(sequence=sequence()))
    gate.reports()
    assert refund_of(ticket).state == "to-decide"
    decide(refund_of(ticket), asked("2", "was inside"), pay=False)
    ended = refund_of(ticket)
    assert (ended.state, ended.ended_by, ended.ended_why) == ("denied", "admin:chief", "was inside")
    ticket.refresh_from_db()
    assert ticket.standing == "good", "a denied refund leaves the right as it was"
    again = refused_with(lambda: decide(refund_of(ticket), asked("3"), pay=True))
    assert again == "nothing-to-decide"


def test_a_refund_of_somebody_inside_is_for_a_person_from_the_start(
    gate: Gate, ticket: Any
) -> None:
    from central.tickets.operations import decide, refund

    gate.wrote(authorised(code(ticket)), Passed(lane="A1", admission=ADMISSION, person=1))
    gate.reports()
    refund(ticket, asked("1"))
    found = refund_of(ticket)
    assert (found.state, found.inquiry["finding"]) == ("to-decide", "admitted")
    (admission,) = found.inquiry["admissions"]
    assert (admission["where"], admission["at"]) == ("Gate 1", int(NOW - 60))
    assert incidents() == ["refund-after-admission"]
    decide(found, asked("2"), pay=True)
    ticket.refresh_from_db()
    assert (refund_of(ticket).state, ticket.standing) == ("settled", "refunded")


def test_admitted_after_it_was_settled_is_an_incident(gate: Gate, ticket: Any) -> None:
    from central.tickets.operations import refund
    from central.venue.models import Ticket

    Ticket.objects.filter(pk=ticket.pk).update(not_before=int(NOW) + 3600)
    refund(ticket, asked("1"))
    gate.wrote(authorised(code(ticket)))
    gate.reports()
    assert (refund_of(ticket).state, incidents()) == ("settled", ["refund-after-admission"])


def test_somebody_who_did_not_walk_in_was_not_admitted(gate: Gate, ticket: Any) -> None:
    from central.tickets.operations import refund

    gate.wrote(authorised(code(ticket)), Abandoned(lane="A1", admission=ADMISSION, person=1))
    gate.reports()
    refund(ticket, asked("1"))
    assert refund_of(ticket).inquiry["finding"] == "not-admitted"
    assert incidents() == []


@pytest.mark.usefixtures("gate")
def test_rows_that_are_lost_leave_it_to_a_person(ticket: Any) -> None:
    from central.tickets.operations import refund

    take(Hello((EpochTop(EPOCH, 9, bytes(32), first=5),)), kind="hello")
    take(Hello((EpochTop(EPOCH, 4, bytes(32), first=5),)), kind="hello")
    refund(ticket, asked("1"))
    held = refund_of(ticket)
    (silent,) = held.inquiry["silent_gates"]
    assert (held.state, silent["why"]) == ("held", "rows-lost")


def test_no_rebooking_of_somebody_who_may_be_inside(gate: Gate, ticket: Any) -> None:
    from central.tickets.operations import Wanted, reschedule

    silent_since(1000)
    to = Wanted(ticket.ticket_class)
    refused = refused_with(lambda: reschedule(ticket, asked("1"), to))
    assert refused == "may-have-been-admitted"
    assert reschedule(ticket, asked("2"), to, accept_risk=True).tickets
    gate.wrote(authorised(code(ticket)), authorised(code(ticket.replaced_by), b"admission002"))
    gate.reports()
    assert incidents() == ["reschedule-after-admission"]
    new = ticket.replaced_by
    assert refused_with(lambda: reschedule(new, asked("3"), to, accept_risk=True)) == "was-admitted"


def test_an_empty_change_is_never_published(tickets: list[Any]) -> None:
    from central.lists.models import Change
    from central.tickets.operations import block
    from wire.codec import decode

    ticket = stored(tickets[0])
    block(ticket, asked("1"))
    block(ticket, asked("2"))
    assert Change.objects.count() == 1
    assert len(decode(inside(bytes(Change.objects.get().body)), Delta).tickets) == 1
