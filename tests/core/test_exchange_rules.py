"""When a right may become paper, and what a paper does to the phone's code."""

from dataclasses import replace

import pytest
from msgspec import structs

from central.core import lockout
from central.core.lockout import FAILURES_MAX, LOCKED_SECONDS, Tries
from rules import exchange
from rules.exchange import Facts, Grant, Held, Paper, Use, judge, judge_reissue
from rules.ticket_class import EventRecord, TicketClass
from rules.use import Outcome
from rules.verdict import Admit, Door, Refuse
from rules.verdict import Facts as DoorFacts
from rules.verdict import judge as at_the_door
from tests.device import ticket
from wire.entry import Entry, Standing
from wire.reason import Reason
from wire.ticket import SMALL_MAX
from wire.words import Words

NOW = 1_780_000_000.0
KIND = TicketClass("SHOW", 1, Words("成人票", "Adult"), {"hall": 1})
SHOW = EventRecord("SHOW", Words("演出", "Show"))
GOOD = Facts(Standing.GOOD, 0, NOW + 3600, KIND, SHOW)


def test_the_first_paper_is_generation_one() -> None:
    assert judge(GOOD, NOW) == Grant(1)


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        (replace(GOOD, standing=Standing.REFUNDED), Reason.REFUNDED),
        (replace(GOOD, standing=Standing.BLOCKED), Reason.BLOCKED),
        (replace(GOOD, standing=Standing.RESCHEDULED), Reason.RESCHEDULED),
        (replace(GOOD, closes=NOW), Reason.TOO_LATE),
        (replace(GOOD, event=None), Reason.WRONG_EVENT),
        (replace(GOOD, event=EventRecord("S", SHOW.name, closed=True)), Reason.SEE_STAFF),
        (
            replace(GOOD, ticket_class=TicketClass("SHOW", 1, KIND.name, {}, exchange=False)),
            Reason.NOT_EXCHANGED,
        ),
        (replace(GOOD, uses=(Use(Outcome.RESERVED),)), Reason.BEING_USED),
        (replace(GOOD, uses=(Use(Outcome.PASSED),)), Reason.USED),
        (replace(GOOD, uses=(Use(Outcome.UNCERTAIN),)), Reason.USED),
        (replace(GOOD, papers=(Paper(Held.EXCHANGED, 1),)), Reason.COLLECTED),
        (replace(GOOD, papers=(Paper(Held.REISSUED, 2),)), Reason.COLLECTED),
        (replace(GOOD, papers=(Paper(Held.UNKNOWN, 1),)), Reason.SEE_STAFF),
        (replace(GOOD, papers=(Paper(Held.RESERVED, 1),)), Reason.BEING_COLLECTED),
        (replace(GOOD, generation=1, shown=0), Reason.SUPERSEDED),
        (replace(GOOD, given=SMALL_MAX), Reason.SEE_STAFF),
    ],
)
def test_refused_with_its_own_reason(facts: Facts, reason: Reason) -> None:
    refused = judge(facts, NOW)
    assert isinstance(refused, Refuse)
    assert refused.reason is reason


@pytest.mark.parametrize("held", [Held.GIVEN_BACK, Held.RETRACTED])
def test_what_did_not_reach_anybody_can_be_had_again(held: Held) -> None:
    assert judge(replace(GOOD, papers=(Paper(held, 3),)), NOW) == Grant(4)


def test_a_use_that_was_given_back_is_none() -> None:
    uses = (Use(Outcome.ABANDONED), Use(Outcome.UNDONE))
    assert judge(replace(GOOD, uses=uses), NOW) == Grant(1)


def test_what_is_void_since_a_new_code_is_in_nobodys_way() -> None:
    facts = replace(GOOD, generation=5, shown=5, papers=(Paper(Held.EXCHANGED, 2),))
    assert judge(facts, NOW) == Grant(6)


@pytest.mark.parametrize("held", list(Held))
def test_staff_may_print_anew_unless_another_kiosk_prints_or_it_was_used(held: Held) -> None:
    facts = replace(GOOD, papers=(Paper(held, 1),))
    answer = judge_reissue(facts, NOW)
    assert (answer == Grant(2)) is (held is not Held.RESERVED)
    used = judge_reissue(replace(facts, uses=(Use(Outcome.PASSED),)), NOW)
    assert isinstance(used, Refuse)


def test_no_generation_is_given_twice() -> None:
    every = tuple(Paper(Held.RETRACTED, number) for number in (4, 9, 2))
    assert exchange.judge(replace(GOOD, papers=every, given=11), NOW) == Grant(12)


def test_a_door_that_let_in_a_paper_refuses_the_phone() -> None:
    door = Door("hall", "A1", b"boot")
    several = TicketClass("SHOW", 1, KIND.name, {"hall": 3})
    phone = DoorFacts(ticket(1), Entry(0), several, SHOW, shown_generation=1)
    refused = at_the_door(phone, door, NOW, 100.0)
    assert isinstance(refused, Refuse)
    assert refused.reason is Reason.SUPERSEDED
    paper = structs.replace(phone, ticket=structs.replace(ticket(1), generation=1))
    assert isinstance(at_the_door(paper, door, NOW, 100.0), Admit)


def test_five_failures_lock_and_time_opens() -> None:
    tries = Tries()
    for _ in range(FAILURES_MAX - 1):
        tries = lockout.failed(tries, 100.0)
        assert lockout.locked(tries, 100.0) == 0
    tries = lockout.failed(tries, 101.0)
    assert lockout.locked(tries, 101.0) == LOCKED_SECONDS
    assert lockout.locked(tries, 101.0 + LOCKED_SECONDS) == 0


@pytest.mark.parametrize(
    ("held", "reason"),
    [("exchanged", Reason.COLLECTED), ("unknown", Reason.SEE_STAFF), ("given-back", None)],
)
@pytest.mark.parametrize("known", [(), (Paper(Held.RESERVED, 1, own=True),)])
def test_what_a_kiosk_says_of_its_own_papers_is_newer_than_its_rows(
    known: tuple[Paper, ...], held: str, reason: Reason | None
) -> None:
    """Found by the simulated venue (seed 325): a second paper was granted to the kiosk that had
    just printed the first, because its rows had not come yet."""
    told = exchange.with_own(replace(GOOD, papers=known), ((1, held),))
    answer = judge(told, NOW)
    assert answer == Grant(2) if reason is None else isinstance(answer, Refuse)
    if isinstance(answer, Refuse):
        assert answer.reason is reason


def test_rows_that_have_come_count_and_no_word_is_too_strange() -> None:
    there = replace(GOOD, papers=(Paper(Held.EXCHANGED, 1, own=True),))
    assert exchange.with_own(there, ((1, "given-back"), (2, "eaten"))) == there
