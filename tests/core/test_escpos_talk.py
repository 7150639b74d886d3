"""What is believed of a printer: what it was asked and answered, and nothing else."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core import fgl
from edge.core.escpos_talk import (
    ANSWER_SECONDS,
    PARTIAL_SECONDS,
    QUIET_SECONDS,
    Ask,
    AskDrained,
    Command,
    Due,
    Heard,
    Signal,
    State,
    Tell,
    Write,
    begin,
    question,
    step,
)
from edge.core.print_job import Confirmed, Drained, Told, Unanswered
from edge.core.print_job import Signal as Said
from edge.core.printer_status import READY, Fault, Roll, Status

FINE = bytes([0x12])
REPORT = b"\x10\x00\x00\x0f"


class Line:
    """A talk and its clock; remembers what was written and told."""

    def __init__(self, custom: bool = False) -> None:
        self.state: State = begin(custom)
        self.now = 100.0
        self.written: list[bytes] = []
        self.told: list[Said] = []

    def on(self, signal: Signal) -> None:
        self.state, commands = step(self.state, signal, self.now)
        for command in commands:
            match command:
                case Write(data):
                    self.written.append(data)
                case Tell(said):
                    self.told.append(said)

    def hears(self, *answers: bytes) -> None:
        for answer in answers:
            self.on(Heard(answer))

    def waits(self, seconds: float) -> None:
        self.now += seconds
        self.on(Due())

    def statuses(self) -> list[Status]:
        return [said.status for said in self.told if isinstance(said, Told)]


def asked(*answers: bytes) -> Status:
    line = Line()
    line.on(Ask())
    line.hears(*answers)
    (status,) = line.statuses()
    return status


def test_four_questions_are_asked_one_after_the_other() -> None:
    line = Line()
    line.on(Ask())
    assert line.written == [question(1)]
    line.hears(FINE, FINE, FINE)
    assert line.written == [question(number) for number in (1, 2, 3, 4)]
    assert line.told == []
    line.hears(FINE)
    assert line.statuses() == [READY]


@pytest.mark.parametrize(
    ("answers", "fault"),
    [
        ("12 12 12 12", None),
        ("16 12 12 12", None),
        ("1A 32 12 7E", Fault.PAPER_END),
        ("1A 16 12 12", Fault.COVER_OPEN),
        ("1A 52 1A 12", Fault.CUTTER),
        ("1A 52 16 12", Fault.JAM),
        ("1A 52 32 12", Fault.BROKEN),
        ("1A 52 52 12", Fault.TOO_HOT),
        ("1A 52 12 12", Fault.STOPPED),
        ("1A 12 12 12", Fault.STOPPED),
        ("12 12 12 72", Fault.PAPER_END),
    ],
)
def test_what_answers_mean(answers: str, fault: Fault | None) -> None:
    status = asked(*(bytes([byte]) for byte in bytes.fromhex(answers)))
    assert status.fault is fault


def test_near_its_end_there_is_still_paper() -> None:
    status = asked(FINE, FINE, FINE, b"\x1e")
    assert status.roll is Roll.NEAR_END
    assert status.ready


@pytest.mark.parametrize(
    ("report", "fault"),
    [
        ("10 00 00 0F", None),
        ("14 00 00 00", None),
        ("38 00 00 0F", Fault.COVER_OPEN),
        ("18 00 0C 0F", Fault.PAPER_END),
        ("18 08 00 0F", Fault.CUTTER),
        ("18 04 00 0F", Fault.JAM),
        ("18 20 00 0F", Fault.BROKEN),
        ("18 40 00 0F", Fault.TOO_HOT),
        ("18 00 00 0F", Fault.STOPPED),
    ],
)
def test_what_it_reports_unasked_counts(report: str, fault: Fault | None) -> None:
    line = Line()
    line.hears(bytes.fromhex(report))
    (status,) = line.statuses()
    assert status.fault is fault


def test_answers_to_a_question_that_nobody_asked_are_ignored() -> None:
    line = Line()
    line.hears(FINE * 8, b"\x00", b"\x03")
    assert line.told == []
    line.on(AskDrained())
    line.hears(FINE, b"\x00", b"\x00")
    assert line.told == [Drained()]


def test_after_silence_nothing_is_believed_until_the_line_was_quiet() -> None:
    """The late answer to the first question must not pass for one to the fourth."""
    line = Line()
    line.on(Ask())
    line.waits(ANSWER_SECONDS)
    assert line.told == [Unanswered()]
    line.hears(FINE)
    line.on(Ask())
    line.now += QUIET_SECONDS / 2
    line.hears(FINE * 3)
    line.waits(QUIET_SECONDS / 2)
    assert line.written == [question(1)], "it was heard meanwhile: not quiet yet"
    line.waits(QUIET_SECONDS / 2)
    assert line.written == [question(1)] * 2
    line.hears(FINE, FINE, FINE, b"\x72")
    (status,) = line.statuses()
    assert status.fault is Fault.PAPER_END


def test_a_fresh_look_is_not_answered_by_one_under_way() -> None:
    line = Line()
    line.on(Ask())
    line.hears(FINE, FINE)
    line.on(Ask(fresh=True))
    line.hears(FINE, FINE)
    assert line.statuses() == []
    line.hears(b"\x1a", b"\x52", b"\x1a", FINE)
    assert [status.fault for status in line.statuses()] == [Fault.CUTTER]


def test_xon_and_xoff_stand_anywhere() -> None:
    line = Line()
    line.hears(b"\x13\x18\x11\x00\x13\x0c\x11\x0f\x11")
    assert [status.fault for status in line.statuses()] == [Fault.PAPER_END]


def test_an_answer_in_two_pieces_and_one_that_was_cut_off() -> None:
    line = Line()
    line.hears(b"\x37\x22AB")
    line.hears(b"CD\x00")
    assert line.told == [Confirmed(b"ABCD")]
    line.hears(REPORT[:2])
    line.waits(PARTIAL_SECONDS)
    line.on(Ask())
    line.hears(FINE, FINE, FINE, FINE)
    assert line.statuses() == [READY]
    line.hears(b"\x18\x00", b"\x18\x00\x0c\x0f")
    assert line.statuses()[-1].fault is Fault.PAPER_END, "a new head begins anew"


@pytest.mark.parametrize("block", ["37 21 41 42 43 44 00", "37 22 41 00", "5F 41 00", "3D 41 00"])
def test_other_blocks_confirm_nothing(block: str) -> None:
    line = Line()
    line.hears(bytes.fromhex(block))
    assert line.told == []


def test_customs_full_status() -> None:
    line = Line(custom=True)
    line.on(Ask())
    assert line.written == [b"\x10\x04\x14"]
    line.hears(bytes.fromhex("10 0F 20 04 00 00"))
    (status,) = line.statuses()
    assert (status.paper_waiting, status.busy, status.fault) == (True, True, Fault.PAPER_WAITING)
    for told, fault in (
        ("01 00 00 00", Fault.PAPER_END),
        ("00 02 00 00", Fault.COVER_OPEN),
        ("00 00 40 00", Fault.JAM),
        ("00 00 00 01", Fault.CUTTER),
        ("00 00 01 00", Fault.TOO_HOT),
        ("00 00 00 00", None),
    ):
        line.on(Ask())
        line.hears(bytes.fromhex("10 0F " + told))
        assert line.statuses()[-1].fault is fault


SIGNALS = st.one_of(
    st.builds(Heard, st.binary(max_size=12)),
    st.builds(Heard, st.sampled_from([FINE, REPORT, b"\x10\x0f\x00\x00\x00\x00", b"\x37\x22"])),
    st.builds(Ask, st.booleans()),
    st.just(AskDrained()),
    st.just(Due()),
)


@given(st.lists(st.tuples(SIGNALS, st.floats(0, 2)), max_size=60), st.booleans())
def test_any_bytes_at_any_time(story: list[tuple[Signal, float]], custom: bool) -> None:
    line = Line(custom)
    for signal, seconds in story:
        line.now += seconds
        line.on(signal)
        assert len(line.state.partial) <= 80
        if line.state.deadline is not None:
            assert line.state.deadline <= line.now + 2
    # Whatever was said before: after a quiet time, it is asked and believed again.
    for _ in range(6):
        line.waits(2)
    line.told.clear()
    line.on(Ask())
    line.hears(*([bytes.fromhex("10 0F 00 00 00 00")] if custom else [FINE] * 4))
    assert [status.fault for status in line.statuses()] == [None]


@given(st.binary(max_size=200))
def test_noise_alone_never_makes_a_printer_ready_without_a_whole_report(noise: bytes) -> None:
    line = Line()
    line.hears(noise)
    told = line.statuses()
    heads = sum(byte & 0x93 == 0x10 for byte in noise)
    assert len(told) <= heads
    assert not any(isinstance(said, Drained) for said in line.told)


@given(st.lists(st.tuples(SIGNALS, st.floats(0, 2)), max_size=40))
def test_boca_any_bytes_at_any_time(story: list[tuple[Signal, float]]) -> None:
    state, now = fgl.State(), 0.0
    for signal, seconds in story:
        now += seconds
        before = state
        state, commands = fgl.step(state, signal, now)
        if any(isinstance(one, Tell) and one.said == Told(READY) for one in commands):
            assert before.asked or isinstance(signal, Heard)


def test_boca_x_on_alone_is_no_word_of_health() -> None:
    state, commands = fgl.step(fgl.State(), Heard(b"\x11"), 0.0)
    assert commands == []
    state, commands = fgl.step(state, Ask(), 0.0)
    assert commands == [Write(b"<S1>")]
    assert fgl.step(state, Heard(b"\x13"), 0.1)[1] == []
    assert fgl.step(state, Heard(b"\x11"), 0.1)[1] == [Tell(Told(READY))]
    assert _fault(fgl.step(state, Heard(b"\x10"), 0.1)[1]) is Fault.PAPER_END
    assert _fault(fgl.step(state, Heard(b"\x18"), 0.1)[1]) is Fault.JAM
    assert fgl.step(state, Due(), 2.0)[1] == [Tell(Unanswered())]
    assert fgl.step(replace(state), Heard(b"\x06"), 0.1)[1] == [Tell(Confirmed(b""))]


def _fault(commands: list[Command]) -> Fault | None:
    (command,) = commands
    assert isinstance(command, Tell)
    assert isinstance(command.said, Told)
    return command.said.status.fault
