"""When a ledger of claims is sure: whom it waits for after each start."""

from rules.term import SETTLING_SECONDS, begin, hello, joined, only, reached

GATE, OTHER = b"gate---1", b"gate---2"
LATER = 100.0 + SETTLING_SECONDS


def test_a_term_is_above_all_before_it_here_and_on_a_ledger_that_was_replaced() -> None:
    assert begin(9, 5.0, 100.0, ()).number == 10
    assert begin(0, 1_780_000_000.9, 100.0, ()).number == 1_780_000_000


def test_a_ledger_that_knows_nobody_is_never_sure() -> None:
    term = begin(1, 0, 100.0, ())
    assert not term.firm(LATER)
    spoken = hello(joined(term, (GATE,)), GATE, {}, {})
    assert not spoken.firm(LATER), "others may have used a right and not spoken yet"
    assert only(spoken, (GATE,)).firm(LATER)


def test_it_is_sure_once_everybodys_journal_is_here() -> None:
    term = begin(1, 0, 100.0, (GATE, OTHER))
    term = hello(term, GATE, {b"epoch": 5}, {b"epoch": 5})
    assert term.awaited == {OTHER}
    term = hello(term, OTHER, {b"old": 3, b"new": 7}, {b"old": 3, b"new": 2})
    assert not term.firm(LATER)
    term = reached(term, OTHER, b"new", 6)
    assert not term.firm(LATER)
    term = reached(term, OTHER, b"new", 7)
    assert term.firm(LATER)


def test_it_is_not_sure_while_an_earlier_ledgers_grant_could_be_taken() -> None:
    term = hello(begin(1, 0, 100.0, (GATE,)), GATE, {}, {})
    assert not term.firm(LATER - 0.1)
    assert term.firm(LATER)


def test_whoever_joins_is_waited_for_and_whoever_is_taken_off_is_not() -> None:
    term = joined(hello(begin(1, 0, 100.0, (GATE,)), GATE, {}, {}), (OTHER,))
    assert not term.firm(LATER)
    assert only(term, (GATE,)).firm(LATER)


def test_a_second_hello_in_a_term_is_not_waited_for() -> None:
    term = hello(begin(1, 0, 100.0, (GATE,)), GATE, {}, {})
    assert hello(term, GATE, {b"epoch": 2**53}, {}).firm(LATER)
