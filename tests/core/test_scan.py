"""When the same bytes under a reader are the same scan."""

from edge.core import scan
from edge.core.scan import HELD_GAP_SECONDS, Held, Scan


def seen(name: bytes, uptime: float, data: bytes = b"code") -> Scan:
    return Scan(name, "reader", data, uptime)


def held(*times: float) -> tuple[Held, list[bool]]:
    """Return what is under the reader once the code was seen at `times`, and each answer."""
    under, looked = None, list[bool]()
    for number, uptime in enumerate(times):
        under, due = scan.see(under, seen(b"%d" % number, uptime), uptime + 0.1)
        looked.append(due)
    assert under is not None
    return under, looked


def test_a_reader_that_repeats_itself_every_second_makes_one_scan() -> None:
    under, _ = held(*(1.1 * n for n in range(60)))
    assert under.scan.scan == b"0"


def test_a_code_that_went_away_and_came_back_is_a_new_scan() -> None:
    under, looked = held(0.0, 0.1 + HELD_GAP_SECONDS)
    assert under.scan.scan == b"1"
    assert looked == [True, True]


def test_a_held_code_is_looked_at_until_it_has_its_answer() -> None:
    under, looked = held(0.0, 1.0)
    assert looked == [True, True]
    answered = scan.answered(under, b"0")
    for uptime in (2.0, 3.0):
        assert answered is not None
        answered, due = scan.see(answered, seen(b"x", uptime), uptime)
        assert not due
        assert answered.scan.scan == b"0"


def test_it_ends_when_its_owner_has_walked_through() -> None:
    under, _ = held(0.0)
    ended = scan.ended(under, b"0")
    after, due = scan.see(ended, seen(b"1", 1.0), 1.0)
    assert due
    assert after.scan.scan == b"1"


def test_another_code_is_another_scan() -> None:
    under, _ = held(0.0)
    after, due = scan.see(under, seen(b"1", 0.2, b"other"), 0.3)
    assert due
    assert after.scan.scan == b"1"


def test_an_answer_to_somebody_else_changes_nothing() -> None:
    under, _ = held(0.0)
    assert scan.answered(under, b"other") == under
    assert scan.ended(under, b"other") == under
    assert scan.answered(None, b"other") is None
    assert scan.ended(None, b"other") is None
