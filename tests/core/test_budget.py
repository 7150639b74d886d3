"""The offline budget: what it allows, when it is said to be used up, and when it is full again."""

from dataclasses import replace

import pytest

from edge.core.budget import Drawn, Left, Terms, WhenUsedUp, age_at_start, emptied, forgiven, left
from edge.core.moment import Moment
from edge.core.suspicion import KEYS_MAX, Suspicions, suspect
from wire.event import ClockQuality, Rung

HOUR = 3600.0
TERMS = Terms(admissions_max=10, hours_max=48)
NOON = 1_783_000_000.0


@pytest.mark.parametrize(
    ("admissions", "hours", "expected"),
    [
        (0, 0, Left(10)),
        (9, 48, Left(1)),
        (10, 0, Left(0)),
        (12, 0, Left(0)),
        (0, 48.1, Left(10, too_old=True)),
    ],
)
def test_what_is_left(admissions: int, hours: float, expected: Left) -> None:
    assert left(Drawn(admissions), hours * HOUR, TERMS) == expected


def test_where_the_zone_goes_on_nothing_is_ever_used_up_but_it_is_said() -> None:
    terms = replace(TERMS, when_used_up=WhenUsedUp.GO_ON)
    assert left(Drawn(1000), 100 * HOUR, terms) == Left()
    told = emptied(Drawn(9), 1, 0.0, terms)
    assert told is not None


def test_it_is_said_once_that_it_is_used_up() -> None:
    assert emptied(Drawn(8), 1, 0.0, TERMS) is None
    told = emptied(Drawn(8), 2, 1.5 * HOUR, TERMS)
    assert told is not None
    assert (told.admissions, told.hours) == (10, 1.5)
    assert emptied(Drawn(10, said=True), 1, 100 * HOUR, TERMS) is None


def test_hours_alone_use_it_up() -> None:
    assert emptied(Drawn(), 0, 48 * HOUR, TERMS) is None
    assert emptied(Drawn(), 0, 48.1 * HOUR, TERMS) is not None


def test_a_zone_that_admits_nobody_unconfirmed_says_nothing_of_it_at_rest() -> None:
    terms = replace(TERMS, admissions_max=0)
    assert left(Drawn(), 0.0, terms) == Left(0)
    assert emptied(Drawn(), 0, 0.0, terms) is None


@pytest.mark.parametrize(
    ("rung", "admissions", "quiet", "expected"),
    [
        (Rung.FRESH, 3, 600.0, True),
        (Rung.FRESH, 3, 599.0, False),
        (Rung.FRESH, 0, 600.0, False),
        (Rung.STALE, 3, 600.0, False),
    ],
)
def test_ten_quiet_minutes_while_fresh_forgive(
    rung: Rung, admissions: int, quiet: float, expected: bool
) -> None:
    assert forgiven(Drawn(admissions), rung, quiet) is expected


def test_the_lists_age_goes_on_while_the_device_is_off() -> None:
    noted = Drawn(age_seconds=HOUR, noted_wall=NOON)
    assert age_at_start(noted, Moment(NOON + 7200, 5.0)) == 3 * HOUR
    assert age_at_start(Drawn(), Moment(NOON, 5.0)) == 0.0


def test_a_clock_in_doubt_or_set_back_makes_no_list_younger() -> None:
    noted = Drawn(age_seconds=HOUR, noted_wall=NOON)
    for wall, quality in ((NOON + 7200, ClockQuality.SUSPECT), (0.0, ClockQuality.UNCONFIRMED)):
        assert age_at_start(noted, Moment(wall, 5.0, quality)) == HOUR


def test_a_key_is_told_once_in_ten_minutes_each() -> None:
    suspicions, told = Suspicions(), []
    for uptime in range(0, 1300, 10):
        suspicions, tell = suspect(suspicions, b"k1", float(uptime))
        if tell:
            told.append(uptime)
    assert told == [0, 600, 1200]
    assert suspect(suspicions, b"k2", 1300.0)[1]


def test_keys_without_end_take_no_memory_without_end() -> None:
    suspicions = Suspicions()
    for number in range(3 * KEYS_MAX):
        suspicions, tell = suspect(suspicions, number.to_bytes(4, "big"), float(number))
        assert tell
    assert len(suspicions.told_at) == KEYS_MAX
