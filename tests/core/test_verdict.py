"""What holds for every verdict, whatever was known. The single cases are in `tests/vectors`."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from rules.ticket_class import EventRecord, TicketClass
from rules.use import Outcome, Use, abandoned_in_a_row, spent
from rules.verdict import (
    REOPEN_SECONDS_MAX,
    Admit,
    Door,
    Facts,
    Refuse,
    WhenClockSuspect,
    judge,
    may_draw,
)
from wire.entry import Entry, Standing, UseElsewhere
from wire.event import ClockQuality, Rung
from wire.reason import Reason
from wire.rotating import MovingCode
from wire.ticket import Ticket
from wire.words import Words

NOW, UPTIME = 1_783_000_000.0, 10_000.0
BOOT, OTHER_BOOT = b"boot-one", b"boot-two"
NAME = Words("网球", "Tennis")

admissions = st.sampled_from([bytes([n]) * 12 for n in range(4)])
names = st.tuples(admissions, st.integers(1, 3))
own_uses = st.lists(
    st.builds(
        Use,
        admission=admissions,
        person=st.integers(1, 3),
        outcome=st.sampled_from(Outcome),
        lane=st.sampled_from(["G1", "G2"]),
        boot=st.sampled_from([BOOT, OTHER_BOOT]),
        uptime=st.sampled_from([UPTIME - 1, UPTIME - 300, UPTIME - 301, UPTIME + 1]),
        wall=st.just(NOW - 100),
        reopened=st.booleans(),
    ),
    max_size=5,
    unique_by=lambda use: use.name,
).map(tuple)
elsewhere = st.lists(
    st.builds(
        UseElsewhere,
        checkpoint=st.sampled_from(["hall", "pier"]),
        admission=admissions,
        person=st.integers(1, 3),
    ),
    max_size=4,
).map(tuple)
entries = st.none() | st.builds(
    Entry,
    class_index=st.just(0),
    standing=st.sampled_from([Standing.GOOD] * 4 + list(Standing)),
    least_generation=st.integers(0, 1),
    elsewhere=elsewhere,
    undone=st.lists(names, max_size=2).map(tuple),
)
tickets = st.builds(
    Ticket,
    cti=st.just(bytes(16)),
    audience=st.just("OPEN26"),
    not_before=st.just(int(NOW) - 100),
    expires=st.sampled_from([int(NOW) + 100, int(NOW)]),
    issued_at=st.sampled_from([int(NOW), 0]),
    ticket_class=st.just(1),
    generation=st.integers(0, 1),
    flags=st.sampled_from([0, 0, 1]),
    quantity=st.integers(1, 3),
)
facts_known = st.builds(
    Facts,
    ticket=tickets,
    entry=entries,
    ticket_class=st.none()
    | st.builds(
        TicketClass,
        audience=st.just("OPEN26"),
        code=st.just(1),
        name=st.just(NAME),
        uses=st.dictionaries(st.just("hall"), st.integers(0, 3)),
    ),
    event=st.none() | st.builds(EventRecord, st.just("OPEN26"), st.just(NAME)),
    uses=own_uses,
    code=st.none() | st.builds(MovingCode, st.just(int(NOW)), st.just("00000000")),
)
doors = st.builds(
    Door,
    checkpoint=st.just("hall"),
    lane=st.just("G1"),
    boot=st.just(BOOT),
    rung=st.sampled_from(Rung),
    when_clock_suspect=st.sampled_from(WhenClockSuspect),
    clock=st.sampled_from(ClockQuality),
    floor=st.sampled_from([0.0, NOW - 50]),
)


def allowed(facts: Facts, door: Door) -> int:
    if facts.ticket_class is None:
        return 1 if door.rung is Rung.SIGNATURE_ONLY else 0
    return facts.ticket_class.uses.get(door.checkpoint, 0)


def counted(facts: Facts) -> frozenset[tuple[bytes, int]]:
    """Return the names that count at this checkpoint, worked out the long way."""
    entry = facts.entry
    undone = set(entry.undone) if entry else set()
    here = {use.name for use in facts.uses if use.outcome.spends}
    known = {use.name for use in facts.uses}
    echoed = {
        (use.admission, use.person)
        for use in (entry.elsewhere if entry else ())
        if use.checkpoint == "hall"
    }
    return frozenset((here | (echoed - known)) - undone)


def ask(facts: Facts, door: Door) -> Admit | Refuse:
    return judge(facts, door, NOW, UPTIME)


@given(facts_known, doors)
def test_never_more_persons_than_the_right_allows(facts: Facts, door: Door) -> None:
    verdict = ask(facts, door)
    if isinstance(verdict, Refuse):
        return
    assert 1 <= verdict.quantity <= facts.ticket.quantity
    most = allowed(facts, door) * facts.ticket.quantity
    if verdict.reopen is None:
        assert len(counted(facts)) + verdict.quantity <= most
    if verdict.confirmed:
        assert facts.entry is not None
    elif facts.entry is not None:
        code_of_nobody = facts.must_move and facts.event is None
        assert door.clock is ClockQuality.SUSPECT or code_of_nobody


@given(facts_known, doors)
def test_only_an_uncertain_use_opens_again_and_only_here_and_once(facts: Facts, door: Door) -> None:
    verdict = ask(facts, door)
    if isinstance(verdict, Refuse) or verdict.reopen is None:
        return
    (use,) = (one for one in facts.uses if one.name == verdict.reopen)
    assert use.outcome is Outcome.UNCERTAIN
    assert not use.reopened
    assert (use.lane, use.boot) == (door.lane, door.boot)
    assert 0 <= UPTIME - use.uptime <= REOPEN_SECONDS_MAX
    assert use.name in counted(facts)
    assert verdict.quantity == 1


@given(facts_known, doors, st.booleans())
def test_one_use_more_never_admits_who_was_refused(facts: Facts, door: Door, here: bool) -> None:
    before = ask(facts, door)
    more = replace(facts, uses=(*facts.uses, another_use()))
    if not here:
        if facts.entry is None:
            return
        use = UseElsewhere("hall", b"another-one.", 1)
        entry = msgspec.structs.replace(facts.entry, elsewhere=(*facts.entry.elsewhere, use))
        more = replace(facts, entry=entry)
    after = ask(more, door)
    if isinstance(before, Refuse) and isinstance(after, Admit):
        # Somebody who walked in shows that the ticket's owner can walk.
        assert before.reason is Reason.SEE_STAFF
        assert abandoned_in_a_row(facts.uses) >= 2
    if isinstance(before, Admit) and isinstance(after, Admit) and not before.reopen:
        assert after.reopen or after.quantity <= before.quantity


def another_use() -> Use:
    return Use(b"another-one.", 1, Outcome.PASSED, "G2", OTHER_BOOT, 0.0, NOW)


@given(facts_known, doors)
def test_what_the_list_says_back_counts_once(facts: Facts, door: Door) -> None:
    if facts.entry is None:
        return
    echoes = tuple(UseElsewhere("hall", use.admission, use.person) for use in facts.uses)
    entry = msgspec.structs.replace(facts.entry, elsewhere=(*facts.entry.elsewhere, *echoes))
    before, after = ask(facts, door), ask(replace(facts, entry=entry), door)
    assert isinstance(before, Admit) == isinstance(after, Admit)
    if isinstance(before, Admit):
        assert before == after


@given(facts_known, doors)
def test_what_is_undone_never_costs_an_entry(facts: Facts, door: Door) -> None:
    if facts.entry is None:
        return
    every = tuple(use.name for use in facts.uses)
    entry = msgspec.structs.replace(facts.entry, undone=(*facts.entry.undone, *every))
    before, after = ask(facts, door), ask(replace(facts, entry=entry), door)
    if isinstance(before, Admit) and not before.reopen:
        assert isinstance(after, Admit)
        assert after.quantity >= before.quantity


@given(facts_known, doors)
def test_what_is_not_confirmed_was_to_be_looked_up_in_the_budget(facts: Facts, door: Door) -> None:
    verdict = ask(facts, door)
    if isinstance(verdict, Admit) and not verdict.confirmed:
        assert may_draw(facts.entry, facts.event, door.clock)


@given(own_uses, entries)
def test_spent_is_the_union_of_names(uses: tuple[Use, ...], entry: Entry | None) -> None:
    here = entry and Entry(
        0,
        elsewhere=tuple(use for use in entry.elsewhere if use.checkpoint == "hall"),
        undone=entry.undone,
    )
    facts = Facts(Ticket(bytes(16), "A", 0, 1, 0, 1), here, None, None, uses)
    assert spent(uses, here) == counted(facts)
    assert spent(tuple(reversed(uses)), here) == counted(facts)


def test_outcomes_outrank_each_other_in_this_order() -> None:
    order = "RESERVED ABANDONED UNCERTAIN PASSED PASSED_LATE UNDONE"
    assert [outcome.name for outcome in sorted(Outcome)] == order.split()
    gives_back = {outcome for outcome in Outcome if not outcome.spends}
    assert gives_back == {Outcome.ABANDONED, Outcome.UNDONE}
