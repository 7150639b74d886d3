"""Every event is read back as it was written: what is written but cannot be read is lost."""

import pytest

from wire import event
from wire.event import AnyEvent, ClockQuality, Rung, Stamp
from wire.row import decode_row, encode_row

STAMP = Stamp(1_783_000_000_000, 10_000_000, b"boot-one", ClockQuality.SUSPECT)


@pytest.mark.parametrize("seconds", [0.0, -72000.0, 0.1, 3.5, 1e9, -1.0000001, 65504.0])
def test_a_number_with_a_fraction_has_one_spelling(seconds: float) -> None:
    happened: AnyEvent
    for happened in (
        event.ClockStepped(seconds=seconds),
        event.BudgetUsedUp(admissions=500, hours=seconds),
    ):
        assert decode_row(encode_row(happened, STAMP)) == (happened, STAMP)


def test_words_of_the_ladder_and_the_leak_are_read_again() -> None:
    happened: AnyEvent
    for happened in (
        event.RungChanged(rung=Rung.SIGNATURE_AND_REVOCATIONS, why="list v1: damaged"),
        event.KeySuspected(kid=b"k1", cti=bytes(16)),
    ):
        assert decode_row(encode_row(happened, STAMP)) == (happened, STAMP)
