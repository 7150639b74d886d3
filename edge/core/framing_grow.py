"""The Grow family of scanners ("7E 00" commands): framed codes, settings read back, a heartbeat.

Sold as GM60, GM65, GM805, GM812, GM861, GM865 and as Newland NLS-EM3095. Source: the makers'
manuals of GM65 and GM861 and captures of a GM861; CRC-16/XMODEM over everything between the
two-byte head and the CRC itself.

    host   -> 7E 00 | type | length | address (2) | data | CRC (2)
    answer <- 02 00 | status | length | data | CRC (2)          length 0 means 256
    code   <- 03 | length (2) | data                            when framed output is on
    code   <- data CR                                           when it is not
    beat   <- 03 00 00 01 00 33 31

On opening, the settings we need are read, written where they differ, and read again: a write is
believed only when it reads back, because other models keep other things at the same address. The
settings are not saved to flash, so they are looked at again every minute and whenever a code
comes unframed: a scanner that lost its supply for a moment is back at its factory settings.

An answer does not say what it answers. Each read therefore asks for another number of bytes, and
an answer of the wrong length is a late one, which is dropped.
"""

from dataclasses import dataclass, replace
from typing import assert_never

from edge.core.framing import (
    CODE_BYTES_MAX,
    Dead,
    GrowFraming,
    LineFraming,
    LineState,
    Output,
    Read,
    Ready,
    Send,
    end_of_code,
    step_line,
)
from edge.core.grow_command import Asked, Order, Setting, command, crc16, settings_wanted

REPLY_SECONDS = 1.0
FRAME_SILENCE_SECONDS = 0.25
"""A frame's bytes follow each other: after such a pause (240 bytes' time at 9600 baud) the rest
will not come. Shorter than the second after which a scanner repeats a code held before it."""
ATTEMPTS_MAX = 3
MISSES_MAX = 3
LOOK_AGAIN_BEATS = 6

_HEARTBEAT_REPLY = bytes.fromhex("03000001003331")
_TERMINATORS = b"\r\n"
_NOISE = b"\x00\xff"


@dataclass(frozen=True, slots=True)
class GrowState:
    """One scanner on an open line."""

    framing: GrowFraming
    line: LineState
    next_beat: float
    frame: bytes = b""
    """A frame of which only this much has arrived."""
    frame_first_uptime: float = 0.0
    last_byte_uptime: float = 0.0
    skip: int = 0
    """Bytes still to come of a frame that was too long and is delivered already."""
    asked: Asked | None = None
    settled: bool = False
    misses: int = 0
    beats: int = 0

    @property
    def framed(self) -> bool:
        """Whether the scanner is known to frame its codes."""
        return self.settled and self.framing.framed_output

    @property
    def deadline(self) -> float | None:
        """The uptime at which silence means something."""
        dues = [self.next_beat]
        if self.asked:
            dues = [self.answer_due(self.asked)]
        if self.frame or self.skip:
            dues.append(self.last_byte_uptime + FRAME_SILENCE_SECONDS)
        if self.line.deadline is not None:
            dues.append(self.line.deadline)
        return min(dues)

    def answer_due(self, asked: Asked) -> float:
        """When to give up on an answer; a long code on a slow line may hold it up."""
        return max(asked.due, self.last_byte_uptime + FRAME_SILENCE_SECONDS)


Step = tuple[GrowState, tuple[Output, ...]]


def begin_grow(framing: GrowFraming, uptime: float) -> Step:
    """Return the state of a line just opened, and the first question."""
    line = LineState(LineFraming(_TERMINATORS, framing.idle_gap_seconds))
    state = GrowState(framing, line, uptime + framing.heartbeat_seconds)
    return _look_at(state, 0, 0, uptime)


def step_grow(state: GrowState, piece: bytes, uptime: float) -> Step:
    """Take `piece`, read at `uptime`; b"" says that the line was silent until `uptime`.

    After `Dead` the state is of no further use.
    """
    if not piece:
        return _be_silent(state, uptime)
    first = state.frame_first_uptime if state.frame else uptime
    rest = state.frame + piece
    state = replace(state, frame=b"", last_byte_uptime=uptime)
    outputs: list[Output] = []
    while rest and not state.frame:
        state, rest, came = _take(state, rest, first, uptime)
        outputs += came
        first = uptime
    return state, tuple(outputs)


def _take(
    state: GrowState, rest: bytes, first: float, uptime: float
) -> tuple[GrowState, bytes, tuple[Output, ...]]:
    """Take one frame, or one code that is not framed, from the front of `rest`."""
    if state.skip:
        skipped = min(state.skip, len(rest))
        return replace(state, skip=state.skip - skipped), rest[skipped:], ()
    if state.line.midway or (state.line.after_return and rest[:1] == b"\n"):
        return _take_unframed(state, rest, uptime)
    match rest[0]:
        case 0x03:
            return _take_code(state, rest, first, uptime)
        case 0x02 if rest[1:2] in (b"", b"\x00"):
            return _take_answer(state, rest, first, uptime)
        case byte if state.framed and byte in _NOISE:
            return state, rest[1:], ()
        case _:
            return _take_unframed(state, rest, uptime)


def _take_unframed(
    state: GrowState, rest: bytes, uptime: float
) -> tuple[GrowState, bytes, tuple[Output, ...]]:
    end = end_of_code(rest, _TERMINATORS)
    cut = len(rest) if end is None else end + 1
    line, codes = step_line(state.line, rest[:cut], uptime)
    state, outputs = _deliver_unframed(replace(state, line=line), codes, uptime)
    return state, rest[cut:], outputs


def _deliver_unframed(state: GrowState, codes: tuple[Read, ...], uptime: float) -> Step:
    if not (codes and state.framed):
        return state, codes
    state = replace(state, settled=False)
    if state.asked and state.asked.order is not Order.HEARTBEAT:
        return state, codes
    state, outputs = _look_at(state, 0, 0, uptime)
    return state, codes + outputs


def _take_code(
    state: GrowState, rest: bytes, first: float, uptime: float
) -> tuple[GrowState, bytes, tuple[Output, ...]]:
    length = int.from_bytes(rest[1:3], "big")
    needed = min(3 + length, 3 + CODE_BYTES_MAX) if length else len(_HEARTBEAT_REPLY)
    if len(rest) < max(needed, 3):
        return replace(state, frame=rest, frame_first_uptime=first), b"", ()
    # The ended code's tail, should the scanner add one, is not an empty code.
    line = replace(state.line, ended_uptime=uptime, after_return=False)
    state = replace(state, misses=0, line=line)
    if length:
        code = Read(rest[3:needed], first, uptime)
        return replace(state, skip=3 + length - needed), rest[needed:], (code,)
    if rest[:needed] == _HEARTBEAT_REPLY:
        return _hear_beat(state), rest[needed:], ()
    return state, rest[3:], (Read(b"", first, uptime),)


def _take_answer(
    state: GrowState, rest: bytes, first: float, uptime: float
) -> tuple[GrowState, bytes, tuple[Output, ...]]:
    needed = 4 + ((rest[3] or 256) if len(rest) > 3 else 0) + 2
    if len(rest) < needed:
        return replace(state, frame=rest, frame_first_uptime=first), b"", ()
    status, data, crc = rest[2], rest[4 : needed - 2], rest[needed - 2 : needed]
    if crc == crc16(rest[2 : needed - 2]):
        state, outputs = _hear_answer(replace(state, misses=0), status, data, uptime)
        return state, rest[needed:], outputs
    if state.framed:
        return state, rest[needed:], ()
    # A bare code may begin with 02 00 as well.
    return _take_unframed(state, rest, uptime)


def _hear_beat(state: GrowState) -> GrowState:
    if state.asked and state.asked.order is Order.HEARTBEAT:
        return replace(state, asked=None)
    return state


def _hear_answer(state: GrowState, status: int, data: bytes, uptime: float) -> Step:
    asked = state.asked
    if asked is None:
        return state, ()
    if asked.order is Order.HEARTBEAT:
        # A model that does not know the heartbeat says so, and lives.
        return replace(state, asked=None), ()
    if status != 0:
        return _ask_again(state, asked, uptime)
    setting = settings_wanted(state.framing)[asked.setting]
    match asked.order:
        case Order.READ if len(data) == setting.read_bytes:
            return _hear_setting(state, asked, setting, data[0], uptime)
        case Order.WRITE if len(data) == 1:
            return _look_at(state, asked.setting, asked.writes, uptime)
        case Order.READ | Order.WRITE | Order.SAVE:
            return state, ()
        case _:
            assert_never(asked.order)


def _hear_setting(
    state: GrowState, asked: Asked, setting: Setting, value: int, uptime: float
) -> Step:
    if value & setting.bits == setting.bits:
        return _look_at(state, asked.setting + 1, 0, uptime)
    if asked.writes == ATTEMPTS_MAX:
        why = (
            f"the scanner does not keep its setting to {setting.meaning} (byte {setting.address:#x}"
            f" reads {value:#04x}); check its model, or configure it as a plain line scanner"
        )
        return replace(state, asked=None, settled=False), (Dead(why),)
    message = command(Order.WRITE, setting.address, bytes((value | setting.bits,)))
    write = Asked(
        Order.WRITE, message, uptime + REPLY_SECONDS, asked.setting, writes=asked.writes + 1
    )
    return replace(state, asked=write, settled=False), (Send(message),)


def _look_at(state: GrowState, place: int, writes: int, uptime: float) -> Step:
    """Read the setting at `place`; past the last one, all is as wanted."""
    settings = settings_wanted(state.framing)
    if place == len(settings):
        return replace(state, asked=None, settled=True), (Ready(),)
    setting = settings[place]
    message = command(Order.READ, setting.address, bytes((setting.read_bytes,)))
    asked = Asked(Order.READ, message, uptime + REPLY_SECONDS, place, writes=writes)
    return replace(state, asked=asked), (Send(message),)


def _ask_again(state: GrowState, asked: Asked, uptime: float) -> Step:
    if asked.attempts == ATTEMPTS_MAX:
        why = (
            "the scanner does not answer commands; check its baud rate, "
            "and that it is set to serial output"
        )
        return replace(state, asked=None), (Dead(why),)
    again = replace(asked, attempts=asked.attempts + 1, due=uptime + REPLY_SECONDS)
    return replace(state, asked=again), (Send(asked.message),)


def _be_silent(state: GrowState, uptime: float) -> Step:
    state, broken_off = _end_frame(state, uptime)
    line, codes = step_line(state.line, b"", uptime)
    state, looking = _deliver_unframed(replace(state, line=line), broken_off + codes, uptime)
    asked = state.asked
    more: tuple[Output, ...] = ()
    if asked is None:
        if uptime >= state.next_beat:
            state, more = _beat(state, uptime)
    elif uptime >= state.answer_due(asked):
        state, more = _miss(state, asked, uptime)
    return state, looking + more


def _end_frame(state: GrowState, uptime: float) -> tuple[GrowState, tuple[Read, ...]]:
    """Give up on a frame whose rest does not come."""
    if uptime < state.last_byte_uptime + FRAME_SILENCE_SECONDS:
        return state, ()
    frame, state = state.frame, replace(state, frame=b"", skip=0)
    if not frame or state.framed:
        return state, ()
    # Nothing says yet that codes come framed: this may be a bare one that begins with 02 or 03.
    line, codes = step_line(state.line, frame, state.last_byte_uptime)
    return replace(state, line=line), codes


def _beat(state: GrowState, uptime: float) -> Step:
    beats = state.beats + 1
    state = replace(state, beats=beats, next_beat=uptime + state.framing.heartbeat_seconds)
    if beats % LOOK_AGAIN_BEATS == 0 and settings_wanted(state.framing):
        return _look_at(state, 0, 0, uptime)
    message = command(Order.HEARTBEAT, 0, b"\x00")
    asked = Asked(Order.HEARTBEAT, message, uptime + REPLY_SECONDS)
    return replace(state, asked=asked), (Send(message),)


def _miss(state: GrowState, asked: Asked, uptime: float) -> Step:
    if not state.settled:
        return _ask_again(state, asked, uptime)
    state = replace(state, asked=None, misses=state.misses + 1)
    if state.misses == MISSES_MAX:
        return state, (Dead("the scanner stopped answering; check its cable and supply"),)
    return state, ()
