"""One sheet, one outcome: printed only when that is known, and nothing is ever sent twice."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.print_job import (
    CHECK_SECONDS,
    FINISH_SECONDS,
    HOT_SECONDS,
    LOOK_SECONDS,
    PAUSE_SECONDS,
    SETTLE_SECONDS,
    STALL_SECONDS,
    Ask,
    AskDrained,
    Clear,
    Command,
    Confirmed,
    Drained,
    Due,
    End,
    Gone,
    Job,
    Outcome,
    Refused,
    Result,
    Send,
    Signal,
    Taken,
    Told,
    Unanswered,
    begin,
    step,
)
from edge.core.printer_status import READY, Fault, Roll

BLOCKS = (b"a" * 10, b"code" * 5, b"end")
BY_ID = Job(BLOCKS, 10, b"ABCD", 1.0)
BY_STATUS = replace(BY_ID, confirmed_by=None)
PAPER_END = replace(READY, roll=Roll.END, online=False)
COVER = replace(READY, cover_open=True, online=False)
HOT = replace(READY, too_hot=True, online=False)


class Press:
    """A job and its clock."""

    def __init__(self, job: Job = BY_ID) -> None:
        self.now = 100.0
        self.state, commands = begin(job, self.now)
        self.done: list[Command] = list(commands)

    def on(self, *signals: Signal) -> "Press":
        for signal in signals:
            self.state, commands = step(self.state, signal, self.now)
            self.done += commands
        return self

    def waits(self, seconds: float) -> "Press":
        """Let time pass, and each deadline in it come."""
        until = self.now + seconds
        while self.state.deadline <= until and not self.ended:
            self.now = max(self.state.deadline, self.now)
            self.on(Due())
        self.now = max(until, self.now)
        return self

    def sent_all(self) -> "Press":
        return self.on(Told(READY), *(Taken(len(block)) for block in BLOCKS))

    @property
    def sent(self) -> bytes:
        return b"".join(one.block for one in self.done if isinstance(one, Send))

    @property
    def ended(self) -> Result | None:
        found = [one.result for one in self.done if isinstance(one, End)]
        assert len(found) <= 1, "one outcome"
        return found[0] if found else None

    @property
    def outcome(self) -> tuple[Outcome, int, Fault | None]:
        assert self.ended
        return self.ended.outcome, self.ended.byte, self.ended.fault


def test_a_printer_that_confirms() -> None:
    press = Press().sent_all()
    assert press.sent == b"".join(BLOCKS)
    assert press.ended is None
    press.on(Confirmed(b"ABCD"))
    assert press.outcome == (Outcome.PRINTED, 33, None)


def test_only_its_own_number_confirms() -> None:
    press = Press().sent_all().on(Confirmed(b"ABCC"), Confirmed(b""), Drained(), Told(READY))
    assert press.ended is None
    press.waits(60)
    assert press.outcome == (Outcome.UNKNOWN, 33, None)


def test_a_confirmation_before_all_was_sent_is_none() -> None:
    press = Press().on(Told(READY), Taken(10), Confirmed(b"ABCD"))
    assert press.ended is None


def test_a_printer_that_does_not_confirm_is_looked_at_after_its_cut() -> None:
    press = Press(BY_STATUS).sent_all()
    assert press.done[-1:] == [AskDrained()]
    press.on(Told(READY))
    assert press.ended is None, "healthy, but not yet empty"
    press.on(Drained(), Told(READY))
    assert press.ended is None, "that look began before the cut"
    press.waits(SETTLE_SECONDS)
    assert press.done[-1:] == [Ask(fresh=True)]
    press.on(Told(READY))
    assert press.outcome == (Outcome.PRINTED, 33, None)


def test_a_cutter_that_got_stuck_is_seen_after_the_cut() -> None:
    press = Press(BY_STATUS).sent_all().on(Drained()).waits(SETTLE_SECONDS)
    press.on(Told(replace(READY, cutter_error=True)))
    assert press.outcome == (Outcome.UNKNOWN, 33, Fault.CUTTER)


def test_a_printer_that_still_moves_paper_is_looked_at_again() -> None:
    press = Press(BY_STATUS).sent_all().on(Drained()).waits(SETTLE_SECONDS)
    press.on(Told(replace(READY, busy=True)))
    assert press.ended is None
    press.waits(LOOK_SECONDS).on(Told(replace(READY, paper_waiting=True)))
    assert press.outcome == (Outcome.PRINTED, 33, None)


@pytest.mark.parametrize("status", [PAPER_END, COVER, HOT, replace(READY, paper_waiting=True)])
def test_nothing_is_sent_to_a_printer_that_is_not_ready(status: object) -> None:
    press = Press().on(Told(status))  # type: ignore[arg-type]
    assert press.sent == b""
    assert press.ended
    assert press.outcome[:2] == (Outcome.NOT_PRINTED, 0)
    assert press.outcome[2] is not None


def test_nothing_is_sent_to_a_printer_that_says_nothing() -> None:
    assert Press().on(Unanswered()).outcome == (Outcome.NOT_PRINTED, 0, Fault.SILENT)
    assert Press().waits(CHECK_SECONDS).outcome == (Outcome.NOT_PRINTED, 0, Fault.SILENT)


@pytest.mark.parametrize("taken", range(33))
def test_where_it_broke_decides(taken: int) -> None:
    press = Press().on(Told(READY))
    left = taken
    for block in BLOCKS:
        if left:
            press.on(Taken(min(left, len(block))))
            left -= min(left, len(block))
    press.on(Told(PAPER_END))
    wanted = Outcome.NOT_PRINTED if taken <= 10 else Outcome.UNKNOWN
    assert press.outcome == (wanted, taken, Fault.PAPER_END)
    cleared = [one for one in press.done if isinstance(one, Clear)]
    assert len(cleared) == bool(taken), "what was sent must not come out later"
    if cleared:
        ends = [sum(map(len, BLOCKS[: count + 1])) for count in range(3)]
        assert cleared[0].owed_bytes == next(end for end in ends if end > taken) - taken


def test_a_line_that_takes_no_more() -> None:
    press = Press().on(Told(READY), Taken(10), Taken(5)).waits(STALL_SECONDS)
    assert press.outcome == (Outcome.UNKNOWN, 15, None)
    assert press.ended
    assert "no more bytes" in press.ended.why


def test_a_hot_head_is_waited_for() -> None:
    press = Press().on(Told(READY), Taken(10), Taken(5), Told(HOT)).waits(HOT_SECONDS - 1)
    assert press.ended is None
    press.on(Told(READY), Taken(15), Taken(3), Confirmed(b"ABCD"))
    assert press.outcome == (Outcome.PRINTED, 33, None)
    press = Press().on(Told(READY), Taken(10), Taken(5), Told(HOT)).waits(2 * HOT_SECONDS)
    assert press.outcome == (Outcome.UNKNOWN, 15, Fault.TOO_HOT)


def test_a_printer_that_never_says_is_given_up() -> None:
    press = Press().sent_all().waits(1.0 + FINISH_SECONDS - 0.1)
    assert press.ended is None
    press.waits(0.2)
    assert press.outcome == (Outcome.UNKNOWN, 33, None)


def test_it_is_asked_how_it_is_while_it_prints() -> None:
    press = Press().sent_all()
    before = len(press.done)
    press.waits(3 * LOOK_SECONDS + 0.1)
    assert press.done[before:] == [Ask()] * 3
    press.on(Unanswered())
    assert press.ended is None, "busy printing, perhaps"
    press.on(Told(COVER))
    assert press.outcome == (Outcome.UNKNOWN, 33, Fault.COVER_OPEN)


@pytest.mark.parametrize("signal", [Gone("unplugged"), Refused("NAK")])
def test_lost_in_the_middle(signal: Signal) -> None:
    assert Press().on(signal).outcome[:2] == (Outcome.NOT_PRINTED, 0)
    assert Press().on(Told(READY), Taken(10), signal).outcome[:2] == (Outcome.NOT_PRINTED, 10)
    assert Press().on(Told(READY), Taken(10), Taken(1), signal).outcome[:2] == (Outcome.UNKNOWN, 11)
    assert Press().sent_all().on(signal).outcome[:2] == (Outcome.UNKNOWN, 33)


STATUSES = st.sampled_from([READY, PAPER_END, COVER, HOT, replace(READY, busy=True)])
SIGNALS = st.one_of(
    st.builds(Told, STATUSES),
    st.just(Unanswered()),
    st.builds(Confirmed, st.sampled_from([b"ABCD", b"", b"XXXX"])),
    st.just(Drained()),
    st.just(Due()),
    st.sampled_from([Gone("gone"), Refused("NAK")]),
    st.just(None),
)


Happened = tuple[Signal | None, float]
GOES_WELL: list[Happened] = [(Told(READY), 0.1), *([(None, 0.1)] * len(BLOCKS))]
STORIES = st.builds(
    lambda far, rest: GOES_WELL[:far] + rest,
    st.integers(0, len(GOES_WELL)),
    st.lists(st.tuples(SIGNALS, st.floats(0, 9))),
)
"""As far as it goes well, and then anything: by chance alone few would come to the second block."""


@given(st.sampled_from([BY_ID, BY_STATUS]), STORIES)
def test_any_story_has_one_outcome_and_sends_each_byte_once(
    job: Job, story: list[Happened]
) -> None:
    """None: the line takes what it was last sent."""
    press = Press(job)
    untaken = 0
    confirmed = drained = False
    for signal, seconds in story:
        press.now += seconds
        sent = len(press.sent)
        if signal is None:
            if untaken:
                press.on(Taken(untaken))
                untaken = 0
        else:
            all_taken = press.state.taken == job.bytes_total and not press.ended
            confirmed |= all_taken and signal == Confirmed(b"ABCD")
            drained |= all_taken and signal == Drained()
            press.on(signal)
        untaken += len(press.sent) - sent
    whole = b"".join(job.blocks)
    assert whole.startswith(press.sent)
    press.waits(1000)
    assert press.ended, "it always ends"
    if press.ended.outcome is Outcome.PRINTED:
        assert press.ended.byte == len(whole)
        assert confirmed if job is BY_ID else drained
    if press.ended.outcome is Outcome.NOT_PRINTED:
        assert press.ended.byte <= job.code_at


@pytest.mark.parametrize("job", [BY_ID, BY_STATUS])
def test_what_stopped_in_the_middle_and_went_on_is_unknown(job: Job) -> None:
    """Found by the simulated venue: paper is put in, and the rest of the ticket comes out."""
    press = Press(job).on(Told(READY), Taken(10), Taken(5))
    press.now += PAUSE_SECONDS + 0.1
    press.on(Taken(15), Taken(3), Confirmed(b"ABCD"), Drained(), Told(READY))
    press.waits(SETTLE_SECONDS + 0.1).on(Told(READY))
    assert press.outcome[0] is Outcome.UNKNOWN


def test_a_hot_head_that_pauses_is_no_reason_to_doubt() -> None:
    press = Press().on(Told(READY), Taken(10), Taken(5), Told(HOT))
    press.now += PAUSE_SECONDS + 10.0
    press.on(Told(READY), Taken(15), Taken(3), Confirmed(b"ABCD"))
    assert press.outcome[0] is Outcome.PRINTED
