"""A lane's whole day, whatever happens in whatever order and however late: the accounts add up.

Every state is tried with every signal elsewhere (test_passage_every_state.py); here the story goes
on, with real names and times, so that what only a history can show is seen: one outcome for each
person, no pulse that nobody paid for, a judgement for each answer.
"""

from collections import Counter
from dataclasses import replace

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from edge.core import passage
from edge.core.lane import (
    Admission,
    AnySignal,
    Authorised,
    CalledOff,
    Command,
    Do,
    Habits,
    Judge,
    Lane,
    ModeSet,
    OpenOnce,
    Record,
    Refused,
    Scanned,
    Signal,
    State,
)
from edge.core.scan import Scan
from tools.lane_states import BRIEF, SHOWN, at
from wire.event import Abandoned, Mode, OpenedByHand, Passed, PassedLate, Uncertain

KINDS = (
    BRIEF,
    replace(BRIEF, board_counts=True),
    replace(BRIEF, sensor=False),
)
TOLD = tuple(one for one in Signal if one is not Signal.DUE)
Person = tuple[bytes, int]


class AllDay(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.habits: Habits = BRIEF
        self.lane, self.now, self.number = Lane(), 100.0, 0
        self.judging: list[Judge] = []
        """Asked of the desk, and not answered yet."""
        self.authorised: set[Person] = set()
        self.outcomes: Counter[Person] = Counter()
        self.late: Counter[Person] = Counter()
        self.undecided: set[Person] = set()
        """Given back, or uncertain: who may still turn out to have walked."""
        self.lost = self.unseen = False
        """The pass contact is, or was for a moment since the lane opened."""
        self.pulses = self.openings = 0

    @initialize(kind=st.sampled_from(KINDS))
    def hang_up(self, kind: Habits) -> None:
        self.habits = kind

    def tell(self, signal: AnySignal) -> None:
        before = self.lane
        self.lane, commands = passage.step(self.lane, signal, at(self.now), self.habits)
        self.look(before, signal, commands)
        for command in commands:
            match command:
                case Judge():
                    assert not self.judging, "two at once"
                    self.judging.append(command)
                case Do.PULSE:
                    self.pulses += 1
                case Record(events=events):
                    for event in events:
                        self.note(event)
                case _:
                    pass

    def look(self, before: Lane, signal: AnySignal, commands: list[Command]) -> None:
        """Nobody is given back whom nobody could have seen walk."""
        if signal in (Signal.CONTACT_LOST, Signal.CONTACT_FOUND):
            self.lost = signal is Signal.CONTACT_LOST
        self.unseen |= self.lost or signal is Signal.UNSEEN
        events = [event for one in commands if isinstance(one, Record) for event in one.events]
        for event in events:
            if signal is Signal.DUE and self.unseen and isinstance(event, Abandoned):
                assert event.person > before.person, "given back, and nobody was looking"
        if before.state is not State.OPENED or self.lane.state is not State.OPENED:
            self.unseen = self.lost

    def note(self, event: object) -> None:
        match event:
            case PassedLate(admission=admission, person=person):
                self.late[admission, person] += 1
                assert (admission, person) in self.undecided, "late, and never given up on"
            case Passed() | Abandoned() | Uncertain():
                for person in range(event.person, event.person + event.count):
                    self.outcomes[event.admission, person] += 1
                    if not isinstance(event, Passed):
                        self.undecided.add((event.admission, person))
            case OpenedByHand():
                self.openings += 1
            case _:
                pass

    @rule(again=st.booleans())
    def somebody_shows_a_code(self, again: bool) -> None:
        self.number += not again
        name = b"scan-%07d" % self.number
        self.tell(Scanned(Scan(name, "reader", name, self.now)))

    @precondition(lambda self: self.judging)
    @rule(quantity=st.integers(1, 3), good=st.booleans(), slips=st.booleans())
    def the_desk_answers(self, quantity: int, good: bool, slips: bool) -> None:
        asked = self.judging.pop()
        if not good:
            self.tell(Refused(SHOWN))
            return
        if not slips and not passage.wants(self.lane, asked.scan, self.habits):
            self.tell(CalledOff())
            return
        name = b"adm-%08d" % len(self.authorised)
        if not asked.assume:
            self.authorised |= {(name, person) for person in range(1, quantity + 1)}
        self.openings += quantity
        self.tell(Authorised(Admission(name, asked.scan.scan, 1, quantity, asked.assume), SHOWN))

    @rule(signal=st.sampled_from(TOLD))
    def the_board_says(self, signal: Signal) -> None:
        self.tell(signal)

    @rule(mode=st.sampled_from(list(Mode)), lasts=st.floats(0.0, 20.0))
    def somebody_turns_a_key(self, mode: Mode, lasts: float) -> None:
        ends = mode in (Mode.FREE_PASS, Mode.HELD_OPEN)
        self.tell(ModeSet(mode, "key", self.now + lasts if ends else None))

    @rule()
    def somebody_opens_by_hand(self) -> None:
        self.tell(OpenOnce("key"))

    @rule(seconds=st.sampled_from((0.0, 0.1, 0.5, 1.0, 3.0, 60.0)))
    def time_goes_by(self, seconds: float) -> None:
        until = self.now + seconds
        for _ in range(40):
            due = passage.due(self.lane, self.habits)
            if due is None or due > until:
                break
            self.now = max(self.now, due)
            self.tell(Signal.DUE)
        else:
            raise AssertionError("a deadline that is never over")
        self.now = until

    @invariant()
    def nobody_has_two_outcomes(self) -> None:
        assert all(times == 1 for times in self.outcomes.values()), self.outcomes
        assert all(times == 1 for times in self.late.values()), self.late
        assert set(self.outcomes) <= self.authorised | {
            person for person in self.outcomes if not self.habits.sensor or self.lane.suspect
        }

    @invariant()
    def no_pulse_is_for_nobody(self) -> None:
        assert self.pulses <= self.openings

    def teardown(self) -> None:
        """Left alone, whoever was let in has an outcome."""
        self.tell(Signal.SECURED)
        self.tell(ModeSet(Mode.NORMAL, "key"))
        for _ in range(2):  # Whoever waits meanwhile is judged when the lane is free.
            while self.judging:
                self.judging.pop()
                self.tell(Refused(SHOWN))
            self.time_goes_by(600.0)
        assert self.lane.state is State.CLOSED
        assert self.authorised <= set(self.outcomes), self.authorised - set(self.outcomes)


TestAllDay = AllDay.TestCase
TestAllDay.settings = settings(max_examples=60, stateful_step_count=50, deadline=None)
