"""One sheet put on paper: status before, during and after, and what became of it.

    CHECKING ──► SENDING ──► FINISHING ──► ENDED
                                 └─► LOOKING ─┘      printers that cannot confirm by a number

A sheet is sent once. What is not known to be printed, and is not known to bear no code, is UNKNOWN;
nothing here ever sends anything twice. Deadlines are data, handled by `Due` before anything else.
"""

from dataclasses import dataclass, replace
from enum import Enum, StrEnum
from typing import assert_never

from edge.core.printer_status import PASSES_BY_ITSELF, Fault, Status

CHECK_SECONDS = 5.0
STALL_SECONDS = 8.0
"""Without a byte taken: a printer that prints takes its next within a second or two."""
PAUSE_SECONDS = 3.0
"""A printer that took nothing for so long had stopped. Few say why: paper may have been put in, and
what comes out after that is in two pieces."""
FINISH_SECONDS = 6.0
"""Beyond what the print itself takes: motor, cutter, the answer's way."""
LOOK_SECONDS = 0.7
"""Between two looks at a printer that prints."""
SETTLE_SECONDS = 0.3
"""From its word that the buffer is empty to the look that counts: the cutter ends its way."""
HOT_SECONDS = 60.0


class Outcome(StrEnum):
    PRINTED = "printed"
    NOT_PRINTED = "not-printed"  # Nothing that opens a gate or names a ticket is on paper.
    UNKNOWN = "unknown"  # It may be on paper, whole or in part; nobody can know.


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one sheet."""

    outcome: Outcome
    byte: int
    """How many bytes the printer's line had taken when it ended: all of them, or where it broke."""
    bytes_total: int
    fault: Fault | None = None
    why: str = ""
    """What the driver said of it, for the log; `printer_status.WORDS` is for people."""


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be sent: whole commands, block by block, and what of them matters."""

    blocks: tuple[bytes, ...]
    code_at: int
    """Where the first byte lies that could make a code or a ticket's number readable."""
    confirmed_by: bytes | None
    """The process id after the cut, or b"" for an answer without a number; None: by status only."""
    print_seconds: float

    @property
    def bytes_total(self) -> int:
        return sum(map(len, self.blocks))


# What happened.


@dataclass(frozen=True, slots=True)
class Told:
    """The printer's status as it is now."""

    status: Status


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A question about its status was not answered in time."""


@dataclass(frozen=True, slots=True)
class Taken:
    """The line took so many more bytes of what was sent."""

    count: int


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The printer says that it has done all up to this process id (b"": the sheet)."""

    process: bytes


@dataclass(frozen=True, slots=True)
class Drained:
    """The printer has worked through its buffer up to the question."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The printer says that it could not do what it was sent."""

    why: str


@dataclass(frozen=True, slots=True)
class Gone:
    why: str


@dataclass(frozen=True, slots=True)
class Due:
    """The state's deadline has come."""


Signal = Told | Unanswered | Taken | Confirmed | Drained | Refused | Gone | Due


# What is to be done.


@dataclass(frozen=True, slots=True)
class Ask:
    """For the status; `fresh`: as it is from now on, not what is being answered already."""

    fresh: bool = False


@dataclass(frozen=True, slots=True)
class AskDrained:
    """To be told when all that was sent has been worked through."""


@dataclass(frozen=True, slots=True)
class Send:
    block: bytes


@dataclass(frozen=True, slots=True)
class Clear:
    """Throw away what the printer still holds, so that it does not come out later."""

    owed_bytes: int
    """Of the block that was broken off: the printer still waits for them."""


@dataclass(frozen=True, slots=True)
class End:
    result: Result


Command = Ask | AskDrained | Send | Clear | End


class Phase(Enum):
    CHECKING = "checking"
    SENDING = "sending"
    FINISHING = "finishing"
    LOOKING = "looking"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class State:
    job: Job
    phase: Phase
    deadline: float
    taken: int = 0
    block: int = 0
    in_block: int = 0
    """Bytes taken of the block under way."""
    last: float = 0.0
    """When it will be given up at the latest."""
    status: Status | None = None
    looked: bool = False
    """The look that counts was asked for."""
    since: float = 0.0
    """When the line took its last byte."""
    paused: bool = False
    """It had stopped in the middle, and it is not known that it was its hot head."""


Stepped = tuple[State, list[Command]]


def begin(job: Job, now: float) -> Stepped:
    """Start with a look at the printer; `now` is uptime in seconds."""
    last = now + CHECK_SECONDS
    return State(job, Phase.CHECKING, last, last=last), [Ask(fresh=True)]


def step(state: State, signal: Signal, now: float) -> Stepped:
    """Return the next state and what is to be done."""
    if state.phase is Phase.ENDED:
        return state, []
    match signal:
        case Due():
            return _due(state, now) if now >= state.deadline else (state, [])
        case Gone(why):
            return _end(state, Fault.GONE, why)
        case Refused(why):
            return _end(state, state.status.fault if state.status else None, why)
        case Unanswered():
            return _unanswered(state)
        case Told(status):
            return _told(replace(state, status=status), status, now)
        case Taken(count):
            return _taken(state, count, now) if state.phase is Phase.SENDING else (state, [])
        case Confirmed(process):
            return _confirmed(state, process)
        case Drained():
            if state.phase is Phase.FINISHING and state.job.confirmed_by is None:
                return replace(state, phase=Phase.LOOKING, deadline=now + SETTLE_SECONDS), []
            return state, []
        case _:
            assert_never(signal)


def _told(state: State, status: Status, now: float) -> Stepped:
    fault = status.fault
    if fault is Fault.PAPER_WAITING and state.phase is not Phase.CHECKING:
        fault = None  # It is this very sheet that comes out.
    if state.phase is Phase.CHECKING:
        if fault is not None:
            return _end(state, fault)
        sending = replace(
            state, phase=Phase.SENDING, deadline=now + STALL_SECONDS, last=now, since=now
        )
        return sending, [Send(state.job.blocks[0])]
    if fault in PASSES_BY_ITSELF:
        last = max(state.last, now + HOT_SECONDS)
        return replace(state, last=last, deadline=max(state.deadline, now + LOOK_SECONDS)), []
    if fault is not None:
        return _end(state, fault)
    if state.phase is Phase.LOOKING and state.looked:
        if status.busy:
            return replace(state, deadline=now + LOOK_SECONDS, looked=False), []
        return _printed(state)
    return state, []


def _taken(state: State, count: int, now: float) -> Stepped:
    block = state.job.blocks[state.block]
    state = replace(
        state,
        taken=state.taken + count,
        in_block=state.in_block + count,
        deadline=now + STALL_SECONDS,
        since=now,
        paused=state.paused or now > max(state.since + PAUSE_SECONDS, state.last),
    )
    if state.in_block < len(block):
        return state, []
    following = state.block + 1
    if following < len(state.job.blocks):
        state = replace(state, block=following, in_block=0)
        return state, [Send(state.job.blocks[following])]
    last = now + state.job.print_seconds + FINISH_SECONDS
    state = replace(state, phase=Phase.FINISHING, last=last, deadline=now + LOOK_SECONDS)
    return state, [AskDrained()] if state.job.confirmed_by is None else []


def _confirmed(state: State, process: bytes) -> Stepped:
    # Its number is drawn anew for each job, so an answer to an earlier one is never taken for it.
    if state.phase is Phase.FINISHING and process == state.job.confirmed_by:
        return _printed(state)
    return state, []


def _unanswered(state: State) -> Stepped:
    if state.phase is Phase.CHECKING:
        return _end(state, Fault.SILENT, "it does not answer questions about its status")
    if state.phase is Phase.LOOKING:
        return _end(state, Fault.SILENT, "it did not say how the print ended")
    return state, []  # Busy printing, perhaps; its deadline decides.


def _due(state: State, now: float) -> Stepped:
    match state.phase:
        case Phase.LOOKING if now < state.last:
            return replace(state, deadline=state.last, looked=True), [Ask(fresh=True)]
        case Phase.CHECKING | Phase.LOOKING:
            return _end(state, Fault.SILENT, "it does not answer questions about its status")
        case Phase.SENDING:
            # A hot head takes nothing, and says so.
            if now < state.last:
                return replace(state, deadline=state.last), [Ask()]
            return _end(state, None, "it takes no more bytes")
        case Phase.FINISHING:
            if now >= state.last:
                return _end(state, None, "it did not say that it has printed")
            return replace(state, deadline=min(now + LOOK_SECONDS, state.last)), [Ask()]
        case Phase.ENDED:
            return state, []
        case _:
            assert_never(state.phase)


def _end(state: State, fault: Fault | None, why: str = "") -> Stepped:
    """End what was not confirmed: by how far it had come."""
    safe = state.taken <= state.job.code_at
    known = state.status.fault if state.status else None
    outcome = Outcome.NOT_PRINTED if safe else Outcome.UNKNOWN
    ended, commands = _ended(state, outcome, fault or known, why)
    if state.taken == 0:
        return ended, commands
    sending = state.phase is Phase.SENDING
    owed = len(state.job.blocks[state.block]) - state.in_block if sending else 0
    return ended, [Clear(owed), *commands]


def _printed(state: State) -> Stepped:
    """End what the printer says to be done."""
    if not state.paused:
        return _ended(state, Outcome.PRINTED)
    known = state.status.fault if state.status else None
    return _ended(state, Outcome.UNKNOWN, known, "it stopped in the middle, and went on")


def _ended(state: State, outcome: Outcome, fault: Fault | None = None, why: str = "") -> Stepped:
    result = Result(outcome, state.taken, state.job.bytes_total, fault, why)
    return replace(state, phase=Phase.ENDED), [End(result)]
