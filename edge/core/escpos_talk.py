"""What a printer says, and when it is asked: status engine of ESC/POS.

Bytes come from real-time questions (DLE EOT 1 to 4; CUSTOM: 20), from queued ones (GS r 1, GS ( H
function 48), and unasked (GS a, XON, XOFF). Epson's appendix on telling them apart: bits 0, 1 and 4
of a first byte differ for each kind. An answer to DLE EOT does not say which question it
answers; so one is asked at a time, all in one round, and after one that stayed unanswered nothing
is asked or believed until the line was quiet for a second. What nobody asked for is ignored.
"""

from dataclasses import dataclass, replace
from typing import assert_never

from edge.core import print_job
from edge.core.print_job import Confirmed, Drained, Told, Unanswered
from edge.core.printer_status import Roll, Status

ANSWER_SECONDS = 2.0
QUIET_SECONDS = 1.0
PARTIAL_SECONDS = 0.5
"""The bytes of one answer follow each other at once."""
BLOCK_BYTES_MAX = 80

QUESTIONS = (1, 2, 3, 4)
QUESTION_OF_CUSTOM = (20,)
ASK_DRAINED = b"\x1dr\x01"

XON, XOFF = 0x11, 0x13
BLOCK_HEADS = (0x37, 0x5F, 0x3D)
"""They begin a text that NUL ends."""
PROCESS_HEAD = b"\x37\x22"
REPORT_BYTES = 4
CUSTOM_BYTES = 6


# What happens on the line.


@dataclass(frozen=True, slots=True)
class Heard:
    data: bytes


@dataclass(frozen=True, slots=True)
class Ask:
    """Somebody wants the status; a round under way answers it as well, unless it is to be fresh."""

    fresh: bool = False


@dataclass(frozen=True, slots=True)
class AskDrained:
    pass


@dataclass(frozen=True, slots=True)
class Due:
    pass


Signal = Heard | Ask | AskDrained | Due


# What is to be done.


@dataclass(frozen=True, slots=True)
class Write:
    """Between two whole commands, never inside one."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Tell:
    said: print_job.Signal


Command = Write | Tell


@dataclass(frozen=True, slots=True)
class State:
    questions: tuple[int, ...] = QUESTIONS
    answers: tuple[bytes, ...] | None = None
    """Of the round under way; None: nothing is asked."""
    wanted: bool = False
    """A round is to begin when the line has been quiet."""
    again: bool = False
    """The round under way tells nobody: another is to follow it."""
    drained_asked: bool = False
    partial: bytes = b""
    answer_due: float | None = None
    partial_due: float | None = None
    quiet_from: float | None = None
    """Nothing is believed before."""

    @property
    def deadline(self) -> float | None:
        waits = (self.answer_due, self.partial_due, self.quiet_from)
        return min((due for due in waits if due is not None), default=None)


Stepped = tuple[State, list[Command]]


def begin(custom: bool = False) -> State:
    """Return the state of a line that has just been opened."""
    return State(QUESTION_OF_CUSTOM if custom else QUESTIONS)


def step(state: State, signal: Signal, now: float) -> Stepped:
    """Return the next state and what is to be done; `now` is uptime in seconds."""
    match signal:
        case Ask(fresh):
            if state.answers is not None:
                return replace(state, again=state.again or fresh), []
            return _ask(state, now)
        case AskDrained():
            return replace(state, drained_asked=True), [Write(ASK_DRAINED)]
        case Due():
            return _due(state, now)
        case Heard(data):
            return _heard(state, data, now)
        case _:
            assert_never(signal)


def question(number: int) -> bytes:
    return bytes([0x10, 0x04, number])


def _ask(state: State, now: float) -> Stepped:
    if state.quiet_from is not None:
        return replace(state, wanted=True), []
    state = replace(state, answers=(), wanted=False, again=False, answer_due=now + ANSWER_SECONDS)
    return state, [Write(question(state.questions[0]))]


def _due(state: State, now: float) -> Stepped:
    commands: list[Command] = []
    if state.partial_due is not None and now >= state.partial_due:
        state = replace(state, partial=b"", partial_due=None)
    if state.answer_due is not None and now >= state.answer_due:
        quiet_from = now + QUIET_SECONDS
        state = replace(state, answers=None, again=False, answer_due=None, quiet_from=quiet_from)
        commands.append(Tell(Unanswered()))
    elif state.quiet_from is not None and now >= state.quiet_from:
        state = replace(state, quiet_from=None)
        if state.wanted:
            state, asked = _ask(state, now)
            commands += asked
    return state, commands


def _heard(state: State, data: bytes, now: float) -> Stepped:
    commands: list[Command] = []
    for byte in data:
        state, said = _byte(state, byte, now)
        commands += said
    if state.quiet_from is not None and data:
        state = replace(state, quiet_from=now + QUIET_SECONDS)
    return state, commands


def _byte(state: State, byte: int, now: float) -> Stepped:
    if byte in (XON, XOFF):
        return state, []  # The operating system's business, wherever they stand.
    if state.partial and _belongs(state, byte):
        return _longer(state, state.partial + bytes([byte]), now)
    # A byte that cannot go on with what was begun begins something else: the rest was lost.
    state = replace(state, partial=b"", partial_due=None)
    custom = state.questions == QUESTION_OF_CUSTOM
    if byte in BLOCK_HEADS or byte & 0x93 == 0x10:
        return replace(state, partial=bytes([byte]), partial_due=now + PARTIAL_SECONDS), []
    if byte & 0x93 == 0x12 and not custom:
        return _answered(state, bytes([byte]), now)
    if byte & 0x90 == 0 and state.drained_asked and state.quiet_from is None:
        return replace(state, drained_asked=False), [Tell(Drained())]
    return state, []


def _belongs(state: State, byte: int) -> bool:
    head = state.partial[0]
    if head in BLOCK_HEADS:
        return len(state.partial) < BLOCK_BYTES_MAX
    if state.questions == QUESTION_OF_CUSTOM:
        return byte == 0x0F if len(state.partial) == 1 else True
    return byte & 0x90 == 0


def _longer(state: State, partial: bytes, now: float) -> Stepped:
    whole = replace(state, partial=b"", partial_due=None)
    if partial[0] in BLOCK_HEADS:
        if partial[-1] != 0:
            return replace(state, partial=partial), []
        process = partial[2:-1]
        is_process = partial[:2] == PROCESS_HEAD and len(process) == 4
        return whole, [Tell(Confirmed(process))] if is_process else []
    if state.questions == QUESTION_OF_CUSTOM:
        if len(partial) < CUSTOM_BYTES:
            return replace(state, partial=partial), []
        return _answered(whole, partial, now)
    if len(partial) < REPORT_BYTES:
        return replace(state, partial=partial), []
    return whole, [Tell(Told(from_report(partial)))]


def _answered(state: State, answer: bytes, now: float) -> Stepped:
    if state.answers is None:
        return state, []  # To a question that nobody asked, or that was given up.
    answers = (*state.answers, answer)
    if len(answers) < len(state.questions):
        state = replace(state, answers=answers, answer_due=now + ANSWER_SECONDS)
        return state, [Write(question(state.questions[len(answers)]))]
    if state.again:
        return _ask(state, now)
    state = replace(state, answers=None, answer_due=None)
    if state.questions == QUESTION_OF_CUSTOM:
        return state, [Tell(Told(from_custom(answer)))]
    return state, [Tell(Told(from_answers(*(one[0] for one in answers))))]


def from_answers(printer: int, offline: int, error: int, roll: int) -> Status:
    """Return the status that four answers to DLE EOT 1 to 4 say."""
    ended = bool(roll & 0x60) or bool(offline & 0x20)
    near = bool(roll & 0x0C)
    named = bool(error & 0x6C)
    return Status(
        heard=True,
        online=not printer & 0x08,
        cover_open=bool(offline & 0x04),
        roll=Roll.END if ended else Roll.NEAR_END if near else Roll.ENOUGH,
        cutter_error=bool(error & 0x08),
        jam=bool(error & 0x04),
        broken=bool(error & 0x20),
        too_hot=bool(error & 0x40),
        other_error=bool(offline & 0x40) and not named,
    )


def from_report(report: bytes) -> Status:
    """Return the status that the four bytes of an automatic report (GS a) say."""
    state, error, roll, _ = report
    return Status(
        heard=True,
        online=not state & 0x08,
        cover_open=bool(state & 0x20),
        roll=Roll.END if roll & 0x0C else Roll.NEAR_END if roll & 0x03 else Roll.ENOUGH,
        cutter_error=bool(error & 0x08),
        jam=bool(error & 0x04),
        broken=bool(error & 0x20),
        too_hot=bool(error & 0x40),
    )


def from_custom(answer: bytes) -> Status:
    """Return the status that the six bytes of CUSTOM's full status (DLE EOT 20) say."""
    paper, user, passing, lasting = answer[2:]
    roll = Roll.END if paper & 0x41 else Roll.NEAR_END if paper & 0x04 else Roll.ENOUGH
    return Status(
        heard=True,
        online=True,
        cover_open=bool(user & 0x03),
        roll=roll,
        cutter_error=bool(lasting & 0x01),
        jam=bool(passing & 0x40),
        broken=bool(lasting & 0xFE),
        too_hot=bool(passing & 0x01),
        other_error=bool(passing & 0x08),
        paper_waiting=bool(paper & 0x20),
        busy=bool(user & 0x0C),
    )
