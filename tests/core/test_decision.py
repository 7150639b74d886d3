"""From a verdict to what is committed, what is counted, and what is shown."""

import pytest
from msgspec.structs import replace

from edge.core.decision import Decision, Place, decide, refuse
from edge.core.lane import Admission, Authorised, Refused
from edge.core.moment import Moment
from edge.core.notice import Lamp
from edge.core.scan import Scan
from rules.ticket_class import EventRecord, TicketClass
from rules.use import Outcome, Use
from rules.verdict import Door, Facts
from wire import event, row
from wire.entry import Entry
from wire.event import ClockQuality, Direction, Rung, Stamp
from wire.reason import Reason
from wire.rotating import MovingCode, key_of, totp
from wire.ticket import Ticket
from wire.words import Words

NOW = Moment(1_783_000_000.0, 10_000.0)
SCAN = Scan(b"scan-scan-sc", "reader", b"GH1SOMETHING", 9_999.9)
NAME = Words("网球公开赛", "Tennis Open")
TICKET = Ticket(bytes(16), "OPEN26", 0, 2**32 - 1, 0, 1, quantity=3, generation=2)
FACTS = Facts(
    TICKET,
    Entry(0),
    TicketClass("OPEN26", 1, NAME, {"hall": 1}),
    EventRecord("OPEN26", NAME),
)
PLACE = Place(Door("hall", "G1", b"boot-one"), Direction.ENTRY, b"key")
ADMISSION = b"admission-id"
STAMP = Stamp(1_783_000_000_000, 10_000_000, b"boot-one", ClockQuality.SUSPECT)


def ask(facts: Facts, assume: bool = False, now: Moment = NOW) -> Decision:
    decision = decide(facts, SCAN, PLACE, ADMISSION, assume, 77, now)
    assert isinstance(decision, Decision), "a zone that claims nothing"
    return decision


def test_an_admission_is_written_with_everything_that_was_known() -> None:
    decision = ask(FACTS)
    assert decision.refused is None
    assert decision.events == (
        event.Authorised(
            lane="G1",
            admission=ADMISSION,
            scan=SCAN.scan,
            cti=TICKET.cti,
            checkpoint="hall",
            quantity=3,
            direction=Direction.ENTRY,
            generation=2,
            rung=Rung.FRESH,
            list_sequence=77,
            confirmed=True,
        ),
    )
    assert isinstance(decision.answer, Authorised)
    assert decision.answer.admission == Admission(ADMISSION, SCAN.scan, 1, 3)
    assert decision.answer.shown.advice == NAME


def test_what_nobody_will_see_is_written_with_the_admission() -> None:
    decision = ask(FACTS, assume=True)
    passed = event.Passed(lane="G1", admission=ADMISSION, person=1, count=3, assumed=True)
    assert decision.events[1:] == (passed,)
    assert isinstance(decision.answer, Authorised)
    assert decision.answer.admission.assumed


def test_a_moving_code_under_a_doubtful_clock_is_written_as_not_confirmed() -> None:
    key = bytes(32)
    old = int(NOW.wall) - 7200
    code = MovingCode(old, totp(key_of(TICKET.cti, key), old))
    event_record = EventRecord("OPEN26", NAME, rotation_key=key)
    facts = replace(FACTS, ticket=replace(TICKET, flags=1), event=event_record, code=code)
    assert ask(facts).refused is not None
    doubtful = replace(NOW, quality=ClockQuality.SUSPECT)
    (authorised,) = ask(facts, now=doubtful).events
    assert isinstance(authorised, event.Authorised)
    assert (authorised.code_time, authorised.confirmed) == (old, False)
    assert row.decode_row(row.encode_row(authorised, STAMP))[0] == authorised


@pytest.mark.parametrize("assume", [False, True])
def test_opening_again_takes_no_new_use(assume: bool) -> None:
    use = Use(b"the-old-one!", 2, Outcome.UNCERTAIN, "G1", b"boot-one", 9_990.0, NOW.wall)
    rest = tuple(replace(use, person=n, outcome=Outcome.PASSED) for n in (1, 3))
    decision = ask(replace(FACTS, uses=(use, *rest)), assume)
    again = event.Reopened(
        lane="G1",
        admission=use.admission,
        person=2,
        scan=SCAN.scan,
        cti=TICKET.cti,
        checkpoint="hall",
    )
    assert decision.events[0] == again
    assert len(decision.events) == 1 + assume
    assert isinstance(decision.answer, Authorised)
    assert decision.answer.admission == Admission(use.admission, SCAN.scan, 2, 2, assume)


def test_a_refusal_commits_nothing_and_keeps_no_bytes() -> None:
    decision = ask(replace(FACTS, entry=None))
    assert decision.events == ()
    assert isinstance(decision.answer, Refused)
    assert decision.answer.shown.lamp is Lamp.STOP
    refused = decision.refused
    assert refused is not None
    assert refused.reason is Reason.UNKNOWN
    assert refused.quantity == 3
    assert refused.cti == TICKET.cti
    assert (refused.length, refused.form, len(refused.digest)) == (12, "GH1", 8)
    assert SCAN.data not in row.encode_row(refused, STAMP)


STAMP = event.Stamp(0, 0, b"boot-one", event.ClockQuality.UNCONFIRMED)


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_can_be_refused_with(reason: Reason) -> None:
    decision = refuse(SCAN, PLACE, reason)
    assert decision.refused is not None
    assert decision.refused.quantity == 1
    assert decision.refused.cti is None
    read, stamp = row.decode_row(row.encode_row(decision.refused, STAMP))
    assert (read, stamp) == (decision.refused, STAMP)
