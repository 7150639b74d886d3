"""When money may go back: what is known, what is not, and who has to speak first."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from central.core.refund import (
    SILENT_SECONDS,
    Admission,
    Finding,
    Gate,
    Inquiry,
    State,
    Why,
    Window,
    awaited,
    begin,
    decide,
    has_reported,
    heard,
    inquire,
)
from central.core.standing import Operation, after
from rules.use import Outcome
from wire.entry import Standing

NOW = 1_000_000.0
WINDOW = Window(NOW - 90_000, NOW - 3600, NOW + 3600, frozenset({"hall"}))
GATE = Gate(1, "Gate 1", NOW - 2, complete=True, lost_at=None, list_sequence=7)
SILENT = replace(GATE, device=3, name="Gate 3", last_seen=NOW - 1800)
USE = Admission(b"admission001", 1, Outcome.PASSED, "Gate 1", NOW - 60, "hall")


@pytest.mark.parametrize("last_seen", [NOW - 2, NOW, NOW + 1])
def test_a_gate_in_touch_is_waited_for_but_in_no_doubt(last_seen: float) -> None:
    found = inquire(WINDOW, (), [replace(GATE, last_seen=last_seen)], NOW)
    assert (found.finding, found.silent, found.in_touch) == (Finding.NOT_ADMITTED, (), (1,))
    assert begin(found) is State.ASKED


def test_who_was_admitted_is_for_a_person_to_decide() -> None:
    found = inquire(WINDOW, [USE], [GATE, SILENT], NOW)
    assert found.finding is Finding.ADMITTED
    assert begin(found) is State.TO_DECIDE
    assert awaited(found) == (3, 1)


@pytest.mark.parametrize(
    ("gate", "why"),
    [
        (SILENT, Why.SILENT),
        (replace(GATE, last_seen=NOW - SILENT_SECONDS - 1), Why.SILENT),
        (replace(GATE, last_seen=None), Why.NEVER_HEARD),
        (replace(GATE, complete=False), Why.ROWS_MISSING),
        (replace(GATE, lost_at=NOW - 60), Why.ROWS_LOST),
        (replace(SILENT, checkpoint="hall"), Why.SILENT),
    ],
)
def test_a_gate_that_nobody_knows_of_holds_the_money(gate: Gate, why: Why) -> None:
    found = inquire(WINDOW, (), [replace(GATE, device=9), gate], NOW)
    assert found.finding is Finding.MAY_HAVE_BEEN
    (silence,) = found.silent
    assert (silence.device, silence.since, silence.why) == (gate.device, gate.last_seen, why)
    assert begin(found) is State.HELD


@pytest.mark.parametrize(
    ("window", "gate"),
    [
        (replace(WINDOW, opens=NOW + 60), SILENT),  # Doors admit it tomorrow.
        (replace(WINDOW, opens=NOW + 60), replace(GATE, complete=False)),
        (replace(WINDOW, closes=SILENT.last_seen or 0.0), replace(SILENT, last_seen=NOW - 1799)),
        (replace(WINDOW, issued_at=NOW + 1), SILENT),
        (WINDOW, replace(SILENT, checkpoint="pier")),
        (replace(WINDOW, opens=NOW + 60), replace(GATE, lost_at=NOW - 60)),
        (WINDOW, replace(SILENT, retired_at=WINDOW.opens - 1)),
        (replace(WINDOW, issued_at=NOW - 60), replace(SILENT, retired_at=NOW - 120)),
    ],
)
def test_a_gate_that_could_not_have_admitted_it_holds_nothing(window: Window, gate: Gate) -> None:
    found = inquire(window, (), [gate], NOW)
    assert (found.finding, found.silent, found.in_touch) == (Finding.NOT_ADMITTED, (), ())
    assert begin(found) is State.SETTLED


def test_a_gate_taken_away_while_it_was_silent_is_still_asked_for() -> None:
    found = inquire(WINDOW, (), [replace(SILENT, retired_at=NOW - 600)], NOW)
    assert [gate.why for gate in found.silent] == [Why.SILENT]


@pytest.mark.parametrize(
    ("gate", "reported"),
    [
        (GATE, True),
        (replace(GATE, list_sequence=8), True),
        (replace(GATE, list_sequence=6), False),
        (replace(GATE, complete=False), False),
        (replace(GATE, lost_at=NOW - 60), False),
        (replace(GATE, lost_at=WINDOW.begins - 1), True),  # Before its doors were open.
        (SILENT, True),  # Silent since, but it had the refund by then.
    ],
)
def test_a_gate_has_reported_when_all_before_the_refund_is_here(gate: Gate, reported: bool) -> None:
    assert has_reported(gate, 7, WINDOW.begins) is reported


def test_a_refund_settles_by_itself_or_asks_for_a_person() -> None:
    for state in (State.ASKED, State.HELD):
        assert heard(state, admitted=False, waiting=True) is state
        assert heard(state, admitted=False, waiting=False) is State.SETTLED
        assert heard(state, admitted=True, waiting=True) is State.TO_DECIDE
    for state in (State.TO_DECIDE, State.SETTLED, State.DENIED):
        assert heard(state, admitted=True, waiting=False) is state


def test_a_person_decides_once() -> None:
    for state in (State.ASKED, State.HELD, State.TO_DECIDE):
        assert decide(state, pay=True) is State.SETTLED
        assert decide(state, pay=False) is State.DENIED
    assert decide(State.SETTLED, pay=False) is None
    assert decide(State.DENIED, pay=True) is None


times = st.floats(NOW - 5000, NOW)
gates = st.builds(
    Gate,
    device=st.integers(1, 9),
    name=st.just("gate"),
    last_seen=st.none() | times,
    complete=st.booleans(),
    lost_at=st.none() | times,
    list_sequence=st.integers(0, 9),
    checkpoint=st.sampled_from([None, "hall", "pier"]),
    retired_at=st.none() | times,
)


@given(st.lists(gates, max_size=4), st.lists(st.just(USE), max_size=1), times)
def test_money_goes_at_once_only_where_no_gate_can_have_admitted(
    known: list[Gate], uses: list[Admission], opens: float
) -> None:
    found: Inquiry = inquire(replace(WINDOW, opens=opens), uses, known, NOW)
    in_doubt = set(awaited(found))
    if begin(found) is State.SETTLED:
        assert not uses
        assert not in_doubt
    for gate in known:
        if gate.retired_at is None and gate.checkpoint != "pier" and gate.device not in in_doubt:
            # Seen after the doors closed to it, and nothing of it missing: there is no such time.
            assert opens > NOW


@pytest.mark.parametrize(
    ("operation", "allowed"),
    [
        (Operation.BLOCK, {Standing.GOOD, Standing.BLOCKED}),
        (Operation.UNBLOCK, {Standing.GOOD, Standing.BLOCKED}),
        (Operation.REFUND, {Standing.GOOD, Standing.BLOCKED}),
        (Operation.RESCHEDULE, {Standing.GOOD}),
        (Operation.REISSUE, {Standing.GOOD, Standing.BLOCKED}),
        (Operation.UNDO, set(Standing)),
    ],
)
def test_what_may_be_done_in_which_standing(operation: Operation, allowed: set[Standing]) -> None:
    assert {standing for standing in Standing if after(operation, standing)} == allowed


def test_no_operation_revives_what_was_paid_back() -> None:
    for operation in Operation:
        assert after(operation, Standing.REFUNDED) in (None, Standing.REFUNDED)
        assert after(operation, Standing.RESCHEDULED) in (None, Standing.RESCHEDULED)
