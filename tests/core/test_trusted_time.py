"""What a gate takes for the time: clocks that are wrong, words that are late, forged in all but

their signature, or at odds with each other. Each story says what the gate decides by.
"""

from dataclasses import dataclass, field
from math import inf

import pytest

from edge.core import trusted_time as core
from edge.core.moment import Moment
from edge.core.trusted_time import (
    BUILT,
    Answer,
    Ask,
    Beat,
    Command,
    Keep,
    Look,
    Lower,
    Signal,
    Stepped,
    TrustedTime,
    Unheeded,
    begin,
    read,
)
from wire.event import ClockQuality

NOON = 1_783_000_000.0
HOUR, DAY, YEAR = 3600.0, 86_400.0, 365 * 86_400.0
SIGNED, UNCONFIRMED, SUSPECT = ClockQuality.SIGNED, ClockQuality.UNCONFIRMED, ClockQuality.SUSPECT


@dataclass
class Gate:
    """A machine whose clock is `off`; `true` is what it really is."""

    floor: float = NOON - DAY
    off: float = 0.0
    uptime: float = 1000.0
    """Long enough that nobody expects its clock to be set any more."""
    true: float = NOON
    time: TrustedTime = field(init=False)
    did: list[Command] = field(default_factory=list)
    nonces: int = 0

    def __post_init__(self) -> None:
        self.time = begin(self.floor, self.machine)

    @property
    def machine(self) -> Moment:
        return Moment(self.true + self.off, self.uptime)

    @property
    def now(self) -> Moment:
        return read(self.time, self.machine)

    @property
    def error(self) -> float:
        """How far what it goes by is from the truth."""
        return self.now.wall - self.true

    def tell(self, signal: Signal) -> list[Command]:
        self.time, commands = core.step(self.time, signal, self.machine)
        self.did += commands
        return commands

    def passes(self, seconds: float, looking: bool = True) -> None:
        """Let time pass; the gate looks at its clock every second, or not at all."""
        while looking and seconds > 1.0:
            self._pass(1.0)
            self.look()
            seconds -= 1.0
        self._pass(seconds)
        self.look()

    def _pass(self, seconds: float) -> None:
        self.uptime += seconds
        self.true += seconds

    def look(self) -> list[Command]:
        self.nonces += 1
        return self.tell(Look(self.nonces.to_bytes(16, "big")))

    def ask(self) -> bytes:
        """Let it look until it asks; return the nonce."""
        for _ in range(700):
            for command in self.look():
                if isinstance(command, Ask):
                    return command.nonce
            self._pass(1.0)
        raise AssertionError("it does not ask")

    def hears(self, off: float = 0.0) -> None:
        """A heartbeat of a central whose clock is `off`, held back if negative."""
        self.tell(Beat(self.true + off, self.uptime))

    def answered(self, off: float = 0.0, seconds: float = 0.2) -> list[Command]:
        """Ask, and get the answer of a central whose clock is `off` after `seconds`."""
        nonce = self.ask()
        wall = self.true + seconds / 2 + off
        self._pass(seconds)
        return self.tell(Answer(nonce, wall))

    def online(self, off: float = 0.0) -> None:
        self.hears(off)
        self.answered(off)
        self.hears(off)


def test_central_is_asked_at_once_and_its_answer_is_the_time() -> None:
    gate = Gate(off=-2.0)
    assert gate.now.quality is UNCONFIRMED
    gate.hears()
    assert gate.answered(seconds=0.4) == []
    assert gate.now.quality is SIGNED
    assert abs(gate.error) < 0.001


def test_it_is_asked_again_every_ten_minutes() -> None:
    gate = Gate()
    gate.online()
    gate.did.clear()
    gate.passes(599)
    assert not [one for one in gate.did if isinstance(one, Ask)]
    gate.passes(3)
    assert [one for one in gate.did if isinstance(one, Ask)]


def test_while_nobody_answers_it_asks_ever_less_often_down_to_once_a_minute() -> None:
    gate = Gate()
    gate.passes(600)
    asked = [one for one in gate.did if isinstance(one, Ask)]
    assert 10 <= len(asked) <= 16
    assert len({one.nonce for one in asked}) == len(asked)


# Booted in 1970, without network.


def test_booted_in_1970_it_is_at_least_what_it_was_when_the_power_went() -> None:
    gate = Gate(floor=NOON - HOUR, off=-NOON)
    now = gate.now
    assert now.quality is SUSPECT
    assert (now.wall, now.earliest, now.latest) == (NOON - HOUR, NOON - HOUR, inf)


def test_booted_in_1970_on_a_new_card_it_is_at_least_as_late_as_the_program_is_old() -> None:
    gate = Gate(floor=0.0, off=-NOON)
    assert gate.now.wall == BUILT
    assert gate.now.quality is SUSPECT


def test_booted_in_1970_and_then_set_right_by_the_networks_time_it_is_believed() -> None:
    gate = Gate(off=-NOON)
    gate.passes(5)
    gate.off = 0.0
    assert (gate.error, gate.now.quality) == (0.0, UNCONFIRMED)
    assert Stepped(NOON) in gate.look()
    assert (gate.error, gate.now.quality) == (0.0, UNCONFIRMED)


def test_booted_in_1970_central_alone_is_enough_to_be_right() -> None:
    gate = Gate(floor=NOON - 30 * DAY, off=-NOON)
    gate.online()
    assert gate.now.quality is SIGNED
    assert abs(gate.error) < 0.001


# An hour off.


@pytest.mark.parametrize("off", [HOUR, -HOUR])
def test_an_hour_off_central_says_otherwise_and_is_believed(off: float) -> None:
    gate = Gate(off=off)
    assert gate.error == off, "nobody can know yet"
    assert gate.now.quality is UNCONFIRMED
    gate.online()
    assert abs(gate.error) < 0.001
    assert gate.now.quality is SIGNED


def test_an_hour_behind_what_central_has_said_before_it_is_found_out_offline() -> None:
    gate = Gate(floor=NOON - 60, off=-HOUR)
    assert gate.now.quality is SUSPECT
    assert gate.now.wall == NOON - 60


# Set back, or pulled forward, by a person or a lying time server.


@pytest.mark.parametrize("off", [-30 * DAY, -HOUR, HOUR, YEAR])
def test_set_while_central_is_heard_nothing_changes(off: float) -> None:
    gate = Gate()
    gate.online()
    gate.off = off
    assert abs(gate.error) < 0.001
    assert [one for one in gate.look() if isinstance(one, Stepped)] == [Stepped(off)]
    assert abs(gate.error) < 0.001
    assert gate.now.quality is UNCONFIRMED, "until central has spoken again"
    gate.passes(1)
    gate.hears()
    assert gate.now.quality is SIGNED


@pytest.mark.parametrize("off", [-30 * DAY, -HOUR, HOUR, YEAR])
def test_set_with_the_cable_pulled_the_uptime_goes_on(off: float) -> None:
    gate = Gate()
    gate.online()
    gate.passes(8 * HOUR, looking=False)
    gate.off = off
    gate.passes(60)
    assert abs(gate.error) < 0.001
    assert gate.now.quality is UNCONFIRMED


def test_after_a_step_central_is_asked_at_once() -> None:
    gate = Gate()
    gate.online()
    gate.passes(30)
    gate.off = HOUR
    assert [type(one) for one in gate.look()] == [Stepped, Ask]


@pytest.mark.parametrize(("off", "bounds"), [(HOUR, (0.0, HOUR)), (-HOUR, (-HOUR, 0.0))])
def test_set_with_nothing_signed_in_this_life_it_is_one_or_the_other(
    off: float, bounds: tuple[float, float]
) -> None:
    gate = Gate()
    gate.passes(5)
    gate.off = off
    for _ in range(2):  # Before it has looked, and after.
        now = gate.now
        assert now.quality is SUSPECT
        assert now.earliest is not None
        assert now.latest is not None
        assert (now.earliest - gate.true, now.latest - gate.true) == pytest.approx(bounds)
        gate.look()
    gate.online()
    assert gate.now.quality is SIGNED


def test_by_way_of_1970_a_clock_is_not_pulled_forward_unseen() -> None:
    gate = Gate()
    gate.passes(5)
    for gate.off in (-NOON, YEAR):
        gate.look()
    assert gate.now.quality is SUSPECT


def test_a_clock_set_forward_just_after_boot_was_only_found_out() -> None:
    gate = Gate(off=-5 * HOUR, uptime=20.0)
    gate.passes(5)
    gate.off = 0.0
    gate.look()
    assert (gate.error, gate.now.quality) == (0.0, UNCONFIRMED)


def test_a_clock_that_is_slewed_was_not_set() -> None:
    gate = Gate()
    for _ in range(100):
        gate.off += 0.5
        gate.passes(1)
    assert gate.now.quality is UNCONFIRMED
    assert not [one for one in gate.did if isinstance(one, Stepped)]


# Central's own clock is wrong.


def test_where_central_is_a_year_ahead_the_gate_goes_along_and_a_command_brings_it_back() -> None:
    gate = Gate()
    gate.online(off=YEAR)
    assert gate.error == pytest.approx(YEAR, abs=1.0)
    # Put right: both of its words are below the floor now, and the gate says that it cannot know.
    gate.passes(600)
    assert Unheeded.BELOW in gate.answered()
    now = gate.now
    assert now.quality is SUSPECT
    assert now.earliest == pytest.approx(gate.true, abs=1.0)
    assert now.latest == pytest.approx(gate.true + YEAR, rel=1e-3)
    assert [type(one) for one in gate.tell(Lower(gate.true))] == [Keep]
    gate.online()
    assert gate.now.quality is SIGNED
    assert abs(gate.error) < 1.0


def test_a_command_raises_nothing_and_lowers_no_further_than_the_program_is_old() -> None:
    gate = Gate()
    assert gate.tell(Lower(NOON + YEAR)) == []
    assert gate.tell(Lower(0.0)) == [Keep(BUILT)]
    assert gate.time.floor.wall == BUILT


def test_a_second_of_difference_between_two_answers_is_nothing() -> None:
    gate = Gate()
    gate.online(off=2.0)
    assert gate.answered() == []
    assert gate.now.quality is SIGNED


# Answers replayed and delayed; heartbeats held back.


def test_an_answer_is_good_once_and_only_for_the_question_it_answers() -> None:
    gate = Gate()
    nonce = gate.ask()
    gate.tell(Answer(nonce, gate.true))
    for replayed in (nonce, b"\x07" * 16, b""):
        assert gate.tell(Answer(replayed, gate.true - HOUR)) == [Unheeded.NOT_ASKED]
    older = gate.ask()
    gate.passes(700)
    newer = gate.ask()
    assert newer != older
    assert gate.tell(Answer(older, gate.true - 700)) == [Unheeded.NOT_ASKED]
    assert abs(gate.error) < 0.5


def test_an_answer_that_was_long_under_way_is_worth_nothing() -> None:
    gate = Gate(off=-NOON)
    assert gate.answered(seconds=5.1) == [Unheeded.TOO_SLOW]
    assert gate.now.quality is SUSPECT


def test_a_heartbeat_held_back_for_hours_says_what_it_is_at_least() -> None:
    gate = Gate(floor=NOON - 30 * DAY, off=-NOON)
    gate.tell(Beat(gate.true - 3 * HOUR, gate.uptime))
    now = gate.now
    assert now.quality is SUSPECT
    assert now.earliest is not None
    assert now.earliest <= gate.true


def test_a_heartbeat_played_again_neither_confirms_nor_takes_back() -> None:
    gate = Gate()
    gate.online()
    old = gate.true
    gate.passes(2 * HOUR, looking=False)
    before = gate.now
    gate.tell(Beat(old, gate.uptime))
    assert gate.now == before
    assert gate.now.quality is UNCONFIRMED
    assert abs(gate.error) < 0.001
    alone = Gate(floor=NOON)  # Which has heard none yet that would show how old this one is.
    alone.answered()
    assert alone.now.quality is SIGNED
    alone.passes(2 * HOUR, looking=False)
    alone.tell(Beat(alone.true - HOUR, alone.uptime))
    assert alone.now.quality is UNCONFIRMED


# One source alone, and two that disagree.


def test_one_source_alone_raises_the_floor_ten_minutes_in_ten_minutes() -> None:
    gate = Gate(floor=NOON - DAY, off=-NOON)
    floor = gate.now.wall
    for _ in range(50):
        gate.hears(off=YEAR)
    assert gate.now.wall == pytest.approx(floor + 600)
    gate.passes(600, looking=False)
    for _ in range(50):
        gate.hears(off=YEAR)
    assert gate.now.wall == pytest.approx(floor + 600 + 1200, abs=1.0)


def test_an_answer_that_leaps_waits_for_a_heartbeat() -> None:
    gate = Gate(floor=NOON - DAY, off=-NOON)
    assert gate.answered() == [Unheeded.ALONE]
    assert gate.now.quality is SUSPECT
    gate.hears()
    assert gate.now.quality is SIGNED
    assert abs(gate.error) < 0.001


def test_a_heartbeat_held_back_by_the_broker_bears_no_answer_out() -> None:
    gate = Gate(floor=NOON - DAY, off=-NOON)
    gate.hears(off=-HOUR)
    assert gate.answered(off=YEAR) == [Unheeded.ALONE]
    assert gate.now.quality is SUSPECT


def test_an_answer_by_a_stolen_key_does_not_move_a_gate_that_knows_the_time() -> None:
    gate = Gate()
    gate.online()
    gate.passes(600)
    gate.hears()
    assert gate.answered(off=YEAR) == [Unheeded.ALONE]
    gate.hears()
    assert gate.now.quality is SIGNED
    assert abs(gate.error) < 1.0


def test_two_sources_that_disagree_leave_it_in_doubt_between_them() -> None:
    gate = Gate()
    gate.online()
    gate.passes(60)
    gate.hears(off=300)
    now = gate.now
    assert now.quality is SUSPECT
    assert now.earliest == pytest.approx(gate.true, abs=1.0)
    assert now.latest == pytest.approx(gate.true + 300, abs=1.0)


# Weeks without power, or asleep.


def test_after_weeks_without_power_central_is_believed_over_the_floor() -> None:
    gate = Gate(floor=NOON - 60 * DAY, off=-20 * DAY)
    assert gate.now.quality is UNCONFIRMED, "a battery clock that stopped tells nobody"
    gate.online()
    assert gate.now.quality is SIGNED
    assert abs(gate.error) < 0.001


def test_after_weeks_of_sleep_the_time_has_gone_on_and_is_asked_for_anew() -> None:
    gate = Gate()
    gate.online()
    gate.did.clear()
    gate.passes(21 * DAY, looking=False)
    assert gate.now.quality is UNCONFIRMED
    assert abs(gate.error) < 1.0
    assert [one for one in gate.did if isinstance(one, Ask)]
    assert not [one for one in gate.did if isinstance(one, Stepped)]
    gate.online()
    assert gate.now.quality is SIGNED


def test_weeks_on_end_without_a_word_the_floor_lags_behind_every_crystal() -> None:
    gate = Gate()
    gate.online()
    gate.passes(30 * DAY, looking=False)
    # The uptime ran too fast by as much as a kernel may let it.
    gate.true -= 30 * DAY * 0.0004
    gate.online()
    assert gate.now.quality is SIGNED
    assert abs(gate.error) < 1.0


# What is kept.


def test_the_floor_is_kept_seldom_and_survives() -> None:
    gate = Gate(floor=NOON - DAY)
    gate.online()
    gate.passes(HOUR)
    kept = [one.wall for one in gate.did if isinstance(one, Keep)]
    assert 6 <= len(kept) <= 8
    after = Gate(floor=kept[-1], off=-NOON, true=gate.true + 10)
    assert after.now.wall >= gate.true - 600
    assert after.now.wall <= after.true
