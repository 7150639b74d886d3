"""Where one scanned code ends and the next begins, in bytes that arrive in pieces.

A serial scanner sends a code and then, if it was set so, a carriage return; the operating system
hands the bytes over in pieces of any size. `step_line` turns pieces into codes for every scanner
that does no more than that. `edge.core.framing_grow` does it for the Grow family, which frames
its codes and can be asked how it is. Both speak the outputs defined here.

A piece is stamped with the uptime at which it was read. Silence is told by a call with an empty
piece at `deadline`; whoever reads the line first makes sure that nothing more is waiting, because
a busy process must not look like a pause of the scanner. A piece is therefore never split off by
its uptime alone.
"""

import math
from dataclasses import dataclass, replace

CODE_BYTES_MAX = 4096
"""A longer code is delivered once, cut to this length, and so refused as too long.

The largest QR code (40-L, bytes) holds 2953.
"""
SILENCE_SECONDS = 1.0
"""Half a code is thrown away after this when no idle gap is configured."""
EMPTY_QUIET_SECONDS = 1.0
"""A terminator alone is an empty code, to be refused like any other, but only when no other code
ended within this time: LF CR, CR CR and a late CR are tails of the code before, not new ones."""

_RETURN, _FEED = 0x0D, 0x0A


@dataclass(frozen=True, slots=True)
class LineFraming:
    """A scanner that sends bare codes."""

    terminators: bytes = b"\r\n"
    """Each of these bytes ends a code. A line feed right behind a carriage return belongs to it,
    so a tail of CR LF needs nothing else. Empty: only the idle gap ends a code."""
    idle_gap_seconds: float = 0.050
    """A pause that ends a code without terminator; 0: terminators only."""


@dataclass(frozen=True, slots=True)
class GrowFraming:
    """A scanner of the Grow family (GM65, GM861, Newland EM3095, …), commands "7E 00"."""

    framed_output: bool = True
    """Have codes sent with their length in front, the only way that any bytes survive."""
    setup_codes_disabled: bool = True
    """Have printed setup codes ignored: a visitor could show one to the gate."""
    idle_gap_seconds: float = 0.050
    """Ends a code that comes unframed and without terminator."""
    heartbeat_seconds: float = 10.0


Framing = LineFraming | GrowFraming


@dataclass(frozen=True, slots=True)
class Read:
    """One code, framing removed; the uptimes of the pieces that held its first and last byte."""

    data: bytes
    first_byte_uptime: float
    last_byte_uptime: float


@dataclass(frozen=True, slots=True)
class Send:
    """Bytes to send to the scanner now."""

    message: bytes


@dataclass(frozen=True, slots=True)
class Ready:
    """The scanner is there and set as wanted; may be said again."""


@dataclass(frozen=True, slots=True)
class Dead:
    """The scanner does not answer or obey; `why` is a sentence. Open the line anew."""

    why: str


Output = Read | Send | Ready | Dead


@dataclass(frozen=True, slots=True)
class LineState:
    """What has arrived of the code under way."""

    framing: LineFraming
    held: bytes = b""
    first_byte_uptime: float = 0.0
    last_byte_uptime: float = 0.0
    discarding: bool = False
    """The code under way was too long and is delivered already; what is left of it is dropped."""
    after_return: bool = False
    ended_uptime: float = -math.inf
    """When a code last ended."""

    @property
    def midway(self) -> bool:
        return bool(self.held) or self.discarding

    @property
    def deadline(self) -> float | None:
        """The uptime at which silence means something; None if nothing is under way."""
        if not self.midway:
            return None
        return self.last_byte_uptime + (self.framing.idle_gap_seconds or SILENCE_SECONDS)


def begin_line(framing: LineFraming) -> tuple[LineState, tuple[Output, ...]]:
    """Return the state of a line just opened. Nothing tells whether a scanner is at its end."""
    return LineState(framing), (Ready(),)


def step_line(state: LineState, piece: bytes, uptime: float) -> tuple[LineState, tuple[Read, ...]]:
    """Take `piece`, read at `uptime`; b"" says that the line was silent until `uptime`."""
    if not piece:
        return _be_silent(state, uptime)
    codes: list[Read] = []
    while piece:
        if state.after_return:
            state = replace(state, after_return=False)
            piece = piece[1:] if piece[0] == _FEED else piece
            continue
        end = end_of_code(piece, state.framing.terminators)
        state, oversized = _hold(state, piece if end is None else piece[:end], uptime)
        codes += oversized
        if end is None:
            break
        state, ended = _end(state, uptime)
        codes += ended
        state = replace(state, after_return=piece[end] == _RETURN)
        piece = piece[end + 1 :]
    return state, tuple(codes)


def end_of_code(piece: bytes, terminators: bytes) -> int | None:
    """Return where in `piece` the first terminator stands."""
    return next((place for place, byte in enumerate(piece) if byte in terminators), None)


def _hold(state: LineState, body: bytes, uptime: float) -> tuple[LineState, tuple[Read, ...]]:
    if not body:
        return state, ()
    first = state.first_byte_uptime if state.midway else uptime
    state = replace(state, first_byte_uptime=first, last_byte_uptime=uptime)
    if state.discarding:
        return state, ()
    held = state.held + body
    if len(held) <= CODE_BYTES_MAX:
        return replace(state, held=held), ()
    oversized = Read(held[:CODE_BYTES_MAX], first, uptime)
    return replace(state, held=b"", discarding=True), (oversized,)


def _end(state: LineState, uptime: float) -> tuple[LineState, tuple[Read, ...]]:
    codes: tuple[Read, ...] = ()
    if state.held:
        codes = (Read(state.held, state.first_byte_uptime, uptime),)
    elif not state.discarding and uptime - state.ended_uptime >= EMPTY_QUIET_SECONDS:
        codes = (Read(b"", uptime, uptime),)
    return replace(state, held=b"", discarding=False, ended_uptime=uptime), codes


def _be_silent(state: LineState, uptime: float) -> tuple[LineState, tuple[Read, ...]]:
    if state.deadline is None or uptime < state.deadline:
        return state, ()
    codes: tuple[Read, ...] = ()
    if state.held and state.framing.idle_gap_seconds:
        codes = (Read(state.held, state.first_byte_uptime, state.last_byte_uptime),)
    return replace(state, held=b"", discarding=False, ended_uptime=uptime), codes
