"""Contacts that bounce: nothing short is reported, everything that lasts is reported once."""

from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st

from edge.core.debounce import Contact, Settling, deadline, see, settle

SETTLING = Settling(active_seconds=0.02, inactive_seconds=0.05)
LENGTHS = st.integers(min_value=1, max_value=200)


def reported(
    levels: list[tuple[float, bool]], end: float, settling: Settling = SETTLING
) -> list[tuple[float, bool]]:
    """Run `levels` (when it was read, level) as a driver does, waking at each deadline."""
    contact, said = Contact(), []
    for place, (at, level) in enumerate(levels):
        contact = see(contact, level, at)
        until = levels[place + 1][0] if place + 1 < len(levels) else end
        due = deadline(contact, settling)
        if due is not None and due <= until:
            contact, changed = settle(contact, settling, due)
            assert changed is not None
            said.append((due, changed))
            assert deadline(contact, settling) is None
    return said


def alternating(first: bool, milliseconds: list[int]) -> tuple[list[tuple[float, bool]], float]:
    """Return levels that last `milliseconds` each, and when the last one ends."""
    starts = [0, *accumulate(milliseconds)]
    levels = [(at / 1000, first is (place % 2 == 0)) for place, at in enumerate(starts[:-1])]
    return levels, starts[-1] / 1000


def lasts(level: bool) -> int:
    return 20 if level else 50


@given(st.booleans(), st.lists(LENGTHS, min_size=1, max_size=30))
def test_exactly_what_lasts_is_reported_in_turn(first: bool, milliseconds: list[int]) -> None:
    levels, end = alternating(first, milliseconds)
    # A tenth of a millisecond keeps the rounding of floats out of it.
    said = reported(levels, end + 0.0001)
    believed, expected, at = None, [], 0
    for place, (length, (_, level)) in enumerate(zip(milliseconds, levels, strict=True)):
        exact = place < len(levels) - 1 and length == lasts(level)
        if exact:
            return  # It ends in the instant in which it would be believed: either is right.
        if length >= lasts(level) and level is not believed:
            believed = level
            expected.append(((at + lasts(level)) / 1000, level))
        at += length
    assert [level for _, level in said] == [level for _, level in expected]
    for (when, _), (due, _) in zip(said, expected, strict=True):
        assert abs(when - due) < 1e-6


@given(st.lists(st.integers(min_value=1, max_value=19), min_size=1, max_size=50), st.booleans())
def test_a_glitch_is_never_reported(milliseconds: list[int], believed: bool) -> None:
    levels, _ = alternating(not believed, milliseconds)
    contact = Contact(believed, believed, -1.0)
    for at, level in levels:
        contact = see(contact, level, at)
        contact, changed = settle(contact, SETTLING, at)
        assert changed is None


@given(st.booleans(), st.lists(st.integers(min_value=1, max_value=30), min_size=1, max_size=60))
def test_a_steady_level_is_reported_once_however_often_it_is_read(
    level: bool, pauses: list[int]
) -> None:
    contact, said, at = Contact(), [], 0
    for pause in [*pauses, 50]:
        contact = see(contact, level, at / 1000)
        contact, changed = settle(contact, SETTLING, at / 1000)
        said.append(changed)
        at += pause
    contact = see(contact, level, at / 1000)
    contact, changed = settle(contact, SETTLING, at / 1000)
    assert [*said, changed].count(level) == 1
    assert [*said, changed].count(not level) == 0
    assert deadline(contact, SETTLING) is None


def test_the_deadline_belongs_to_the_level_that_is_seen() -> None:
    contact = Contact()
    assert deadline(contact, SETTLING) is None
    contact = see(contact, True, 10.0)
    assert deadline(contact, SETTLING) == 10.0 + 0.02
    assert see(contact, True, 10.01) == contact
    early, changed = settle(contact, SETTLING, 10.019)
    assert (early, changed) == (contact, None)
    contact, changed = settle(contact, SETTLING, 10.02)
    assert changed is True
    contact = see(contact, False, 11.0)
    assert deadline(contact, SETTLING) == 11.0 + 0.05
    assert deadline(see(contact, True, 11.01), SETTLING) is None


def test_a_fire_loop_is_believed_at_once() -> None:
    contact = see(Contact(), True, 5.0)
    contact, changed = settle(contact, Settling(0.0, 2.0), 5.0)
    assert changed is True
