"""Refusals, summed: the first at once, the repeats as one row, none lost."""

from hypothesis import given
from hypothesis import strategies as st

from edge.core import refusals
from edge.core.refusals import WINDOW_SECONDS, WINDOWS_MAX, Refusals
from wire.event import Refused
from wire.reason import Reason


def refused(code: int = 0, reason: Reason = Reason.FORGED, quantity: int = 1) -> Refused:
    digest = code.to_bytes(8, "big")
    return Refused(reason=reason, scan=b"s", digest=digest, quantity=quantity, lane="G1")


def persons(rows: list[Refused]) -> int:
    return sum(row.quantity * row.count for row in rows)


def test_first_at_once_then_one_row_a_minute() -> None:
    state, row = refusals.add(Refusals(), "reader", refused(), 10.0)
    assert row == refused()
    for uptime in (11.0, 12.0, 69.9):
        state, row = refusals.add(state, "reader", refused(quantity=2), uptime)
        assert row is None
    assert refusals.deadline(state) == 10.0 + WINDOW_SECONDS
    assert refusals.close(state, 69.9) == (state, [])
    state, rows = refusals.close(state, 70.0)
    assert [(row.count, row.quantity) for row in rows] == [(6, 1)]
    assert refusals.deadline(state) is None
    assert refusals.add(state, "reader", refused(), 71.0)[1] == refused()


def test_another_code_reader_or_reason_is_a_row_of_its_own() -> None:
    state, _ = refusals.add(Refusals(), "reader", refused(), 10.0)
    for reader, other in [
        ("reader", refused(1)),
        ("reader 2", refused()),
        ("reader", refused(0, Reason.USED)),
    ]:
        state, row = refusals.add(state, reader, other, 10.0)
        assert row == other


def test_a_minute_that_is_over_but_not_yet_closed_loses_nothing() -> None:
    state, _ = refusals.add(Refusals(), "reader", refused(), 10.0)
    state, _ = refusals.add(state, "reader", refused(), 11.0)
    state, row = refusals.add(state, "reader", refused(), 70.5)
    rows = [row] if row else []
    assert persons([refused(), *rows, *refusals.close_all(state)]) == 3


def test_a_flood_of_different_codes_is_counted_together() -> None:
    state, rows = Refusals(), list[Refused]()
    for code in range(WINDOWS_MAX + 100):
        state, row = refusals.add(state, "reader", refused(code), 10.0)
        rows += [row] if row else []
    assert len(rows) == WINDOWS_MAX + 1
    assert persons(rows + refusals.close_all(state)) == WINDOWS_MAX + 100


@given(st.lists(st.tuples(st.integers(0, 3), st.floats(0, 40), st.integers(1, 3), st.booleans())))
def test_everybody_refused_is_in_exactly_one_row(
    history: list[tuple[int, float, int, bool]],
) -> None:
    state, rows, uptime, total = Refusals(), list[Refused](), 0.0, 0
    for code, later, quantity, closes in history:
        uptime += later
        state, row = refusals.add(state, "reader", refused(code, quantity=quantity), uptime)
        rows += [row] if row else []
        total += quantity
        if closes:
            state, summed = refusals.close(state, uptime)
            rows += summed
    assert persons(rows + refusals.close_all(state)) == total
