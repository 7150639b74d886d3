"""Harnesses of what a printer says: its status, asked for and unasked, and what of it a job makes.

An input is a story: which printer, then how long a pause was and what came: bytes on the line, or
that the line took some of the job. Whatever is said, no sheet counts as printed whose end the
printer has not confirmed, none as not printed of which a code may be on paper, and silence ends it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from edge.core import escpos_talk, fgl, print_job
from edge.core.escpos_talk import BLOCK_BYTES_MAX, Ask, AskDrained, Due, Heard, Tell
from edge.core.print_job import Clear, End, Job, Outcome, Result, Send, Taken, Told
from tests.fuzz.harness import Harness
from tests.fuzz.harness import Taken as Story

PAUSES = (0.0, 0.01, 0.06, 0.4, 1.1, 9.0)
BLOCKS = (b"a" * 40, b"b" * 40)
CODE_AT = 50
PROCESS = b"7123"
SILENCES_MAX = 400
"""A printer that was hot when it fell silent is asked for a minute."""
SECONDS_MAX = 600.0


@dataclass
class Line:
    """A printer's line, and the job on it."""

    step: Callable[[Any, escpos_talk.Signal, float], tuple[Any, list[escpos_talk.Command]]]
    talk: Any
    confirmed_by: bytes | None
    now: float = 100.0
    came: bytearray = field(default_factory=bytearray)
    to_take: int = 0
    result: Result | None = None

    def __post_init__(self) -> None:
        job = Job(BLOCKS, CODE_AT, self.confirmed_by, 1.0)
        self.job, commands = print_job.begin(job, self.now)
        self._obey(commands)

    def hear(self, signal: escpos_talk.Signal) -> None:
        self.talk, commands = self.step(self.talk, signal, self.now)
        assert len(getattr(self.talk, "partial", b"")) <= BLOCK_BYTES_MAX
        for command in commands:
            if isinstance(command, Tell):
                assert not isinstance(command.said, Told) or self.came, "told by nobody"
                self.tell(command.said)

    def tell(self, signal: print_job.Signal) -> None:
        if self.result is None:
            self.job, commands = print_job.step(self.job, signal, self.now)
            self._obey(commands)

    def take(self, count: int) -> None:
        count = min(count, self.to_take)
        if count:
            self.to_take -= count
            self.tell(Taken(count))

    def due(self) -> None:
        """Let what is due by now happen."""
        self.hear(Due())
        self.tell(print_job.Due())

    @property
    def deadline(self) -> float:
        return min(one for one in (self.talk.deadline, self.job.deadline) if one is not None)

    def _obey(self, commands: list[print_job.Command]) -> None:
        for command in commands:
            match command:
                case print_job.Ask(fresh):
                    self.hear(Ask(fresh))
                case print_job.AskDrained():
                    self.hear(AskDrained())
                case Send(block):
                    assert not self.to_take, "two blocks at once"
                    self.to_take = len(block)
                case Clear(owed_bytes):
                    assert owed_bytes == self.to_take
                case End(result):
                    self._check(result)

    def _check(self, result: Result) -> None:
        assert self.result is None, "it ended twice"
        self.result = result
        assert 0 <= result.byte <= result.bytes_total
        if result.outcome is Outcome.PRINTED:
            assert result.byte == result.bytes_total
            assert self.confirmed_by is None or self.confirmed_by in self.came
        if result.outcome is Outcome.NOT_PRINTED:
            assert result.byte <= CODE_AT


def played(line: Line, story: Story) -> bool:
    while story and line.result is None:
        chosen = story.byte()
        line.now += PAUSES[chosen % 6]
        match chosen // 6:
            case 0:
                pass
            case 1:
                line.take(story.byte())
            case size:
                piece = story.some(size - 1)
                line.came += piece
                line.hear(Heard(piece))
        line.due()
    ends = line.now + SECONDS_MAX
    for _ in range(SILENCES_MAX):
        if line.result is not None:
            break
        line.now = max(line.now, line.deadline)
        line.due()
    assert line.result is not None, "a silence that leads nowhere"
    assert line.now < ends
    return line.result.outcome is Outcome.PRINTED


def printer(data: bytes) -> bool:
    """One that speaks ESC/POS, its maker's own words or CUSTOM's."""
    story = Story(data)
    chosen = story.byte()
    confirmed_by = (None, PROCESS)[chosen & 1]
    return played(Line(escpos_talk.step, escpos_talk.begin(bool(chosen & 2)), confirmed_by), story)


def printer_fgl(data: bytes) -> bool:
    """One that speaks FGL (BOCA)."""
    return played(Line(fgl.step, fgl.State(), b""), Story(data))


def _piece(content: bytes) -> bytes:
    return bytes([6 * (len(content) + 1)]) + content


TAKES = bytes([6, 40])
WELL = _piece(b"\x12") * 4
WELL_OF_CUSTOM = _piece(b"\x10\x0f\0\0\0\0")
WAITS = b"\x03" * 4

HARNESSES = (
    Harness(
        "printer",
        printer,
        lambda: [
            b"\x01" + WELL + TAKES * 2 + _piece(b"\x37\x22" + PROCESS + b"\0"),
            b"\x00" + WELL + TAKES * 2 + _piece(b"\0") + WAITS + WELL + WAITS,
            b"\x02" + WELL_OF_CUSTOM + TAKES * 2 + _piece(b"\0") + WAITS + WELL_OF_CUSTOM,
            b"\x01" + WELL + TAKES + _piece(b"\x14\x00\x0c\x00") + TAKES,
            b"\x01" + _piece(b"\x16\x12\x12\x12"),
        ],
        share=2,
    ),
    Harness(
        "printer-fgl",
        printer_fgl,
        lambda: [_piece(b"\x11") + TAKES * 2 + _piece(b"\x06"), _piece(b"\x10"), _piece(b"\x15")],
    ),
)
