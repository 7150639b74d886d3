"""What a scanner that pretends to be a keyboard has typed.

Such a scanner sends key events, and a key is a place on a keyboard, not a letter. The scanner is
set to the US layout, and the one table here decodes it, whatever the machine's own layout is.
Letters, digits and signs, both Shift keys and CapsLock are followed in the order of the events;
Alt with digits of the number pad gives the byte of that number (above 255 the character, as
UTF-8); Ctrl gives the control characters. Chinese text survives only where the scanner types
it as Alt numbers.

Key numbers are those of Linux, linux/input-event-codes.h. Nothing of one code reaches the next:
modifiers are forgotten when a code ends, and when the keyboard pauses.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from edge.core.framing import CODE_BYTES_MAX, EMPTY_QUIET_SECONDS, SILENCE_SECONDS, Read

EV_SYN, EV_KEY = 0, 1
SYN_REPORT, SYN_DROPPED = 0, 3
KEY_TAB, KEY_ENTER, KEY_KPENTER = 15, 28, 96
KEY_LEFTSHIFT, KEY_RIGHTSHIFT, KEY_CAPSLOCK = 42, 54, 58
KEY_LEFTCTRL, KEY_RIGHTCTRL, KEY_LEFTALT, KEY_RIGHTALT = 29, 97, 56, 100

_UP, _DOWN = 0, 1
_SHIFTS = frozenset({KEY_LEFTSHIFT, KEY_RIGHTSHIFT})
_CONTROLS = frozenset({KEY_LEFTCTRL, KEY_RIGHTCTRL})
_ALTS = frozenset({KEY_LEFTALT, KEY_RIGHTALT})
_MODIFIERS = _SHIFTS | _CONTROLS | _ALTS
_ALT_DIGITS_MAX = 7


def _row(first_key: int, plain: str, shifted: str) -> dict[int, tuple[str, str]]:
    return {first_key + place: pair for place, pair in enumerate(zip(plain, shifted, strict=True))}


US_LAYOUT: dict[int, tuple[str, str]] = {
    1: ("\x1b", "\x1b"),
    **_row(2, "1234567890-=", "!@#$%^&*()_+"),
    14: ("\b", "\b"),
    KEY_TAB: ("\t", "\t"),
    **_row(16, "qwertyuiop[]", "QWERTYUIOP{}"),
    KEY_ENTER: ("\r", "\r"),
    **_row(30, "asdfghjkl;'`", 'ASDFGHJKL:"~'),
    **_row(43, "\\zxcvbnm,./", "|ZXCVBNM<>?"),
    55: ("*", "*"),
    57: (" ", " "),
    **_row(71, "789-456+1230.", "789-456+1230."),
    86: ("\\", "|"),
    KEY_KPENTER: ("\r", "\r"),
    98: ("/", "/"),
    111: ("\x7f", "\x7f"),
}
"""Key to what it types plain and with Shift."""

_PAD_DIGITS = {
    key: plain for key, (plain, _) in US_LAYOUT.items() if 71 <= key <= 82 and plain.isdigit()
}
_CONTROL_CHARACTERS = {" ": 0, "2": 0, "@": 0, "6": 30, "/": 31, "-": 31}


@dataclass(frozen=True, slots=True)
class Typing:
    """How a scanner types."""

    terminators: frozenset[int] = frozenset({KEY_ENTER, KEY_KPENTER, KEY_TAB})
    """Keys that end a code."""
    idle_gap_seconds: float = 0.100
    """A pause that ends a code without terminator; 0: terminators only."""
    whole_seconds_max: float = 5.0
    """A code that is typed for longer is delivered as far as it got, once. A ticket of 210
    characters takes 3.3 s on a keyboard that is polled every 8 ms."""
    capitals_swapped: bool = False
    """The scanner swaps the case of letters because it believes that CapsLock is on."""


@dataclass(frozen=True, slots=True)
class Event:
    """An input event as the kernel tells it; `value` is 0 up, 1 down, 2 repeated."""

    kind: int
    code: int
    value: int


@dataclass(frozen=True, slots=True)
class KeyboardState:
    """What has been typed of the code under way, and what is pressed."""

    typing: Typing
    held: bytes = b""
    first_key_uptime: float = 0.0
    last_event_uptime: float = 0.0
    pressed: frozenset[int] = frozenset()
    """The modifiers that are down."""
    capitals: bool = False
    pad_digits: str = ""
    """Typed on the number pad since Alt went down."""
    discarding: bool = False
    """The rest of the code under way is dropped."""
    out_of_step: bool = False
    """Events were lost; those up to the next report are a remainder."""
    ended_uptime: float = -math.inf

    @property
    def deadline(self) -> float | None:
        """The uptime at which silence means something; None if nothing is under way."""
        if not (self.held or self.discarding or self.pressed or self.capitals):
            return None
        return self.last_event_uptime + (self.typing.idle_gap_seconds or SILENCE_SECONDS)


Step = tuple[KeyboardState, tuple[Read, ...]]


def begin(typing: Typing) -> KeyboardState:
    """Return the state of a keyboard just opened."""
    return KeyboardState(typing)


def step(state: KeyboardState, events: Iterable[Event], uptime: float) -> Step:
    """Take `events`, read at `uptime`; none at all says that nothing came until `uptime`."""
    codes: list[Read] = []
    came = False
    for event in events:
        came = True
        state, read = _take(replace(state, last_event_uptime=uptime), event, uptime)
        codes += read
    if came:
        return state, tuple(codes)
    return _be_silent(state, uptime)


def _take(state: KeyboardState, event: Event, uptime: float) -> Step:
    if event.kind == EV_SYN:
        return _synchronise(state, event.code), ()
    if event.kind != EV_KEY or state.out_of_step:
        return state, ()
    if event.code in _MODIFIERS:
        return _modify(state, event.code, event.value, uptime)
    if event.value != _DOWN:
        return state, ()
    if event.code == KEY_CAPSLOCK:
        return replace(state, capitals=not state.capitals), ()
    return _press(state, event.code, uptime)


def _synchronise(state: KeyboardState, code: int) -> KeyboardState:
    if code == SYN_DROPPED:
        # The kernel's buffer overflowed: nobody knows which keys are missing.
        return replace(_rest(state), discarding=True, out_of_step=True)
    if code == SYN_REPORT:
        return replace(state, out_of_step=False)
    return state


def _modify(state: KeyboardState, code: int, value: int, uptime: float) -> Step:
    if value == _DOWN:
        return replace(state, pressed=state.pressed | {code}), ()
    if value != _UP:
        return state, ()
    state = replace(state, pressed=state.pressed - {code})
    if not state.pad_digits or code not in _ALTS:
        return state, ()
    number, state = int(state.pad_digits), replace(state, pad_digits="")
    if number <= 0xFF:
        return _hold(state, bytes((number,)), uptime)
    character = chr(number) if number <= 0x10FFFF else "?"
    return _hold(state, character.encode(errors="replace"), uptime)


def _press(state: KeyboardState, code: int, uptime: float) -> Step:
    if state.pressed & _ALTS:
        digits = (state.pad_digits + _PAD_DIGITS.get(code, ""))[:_ALT_DIGITS_MAX]
        return replace(state, pad_digits=digits), ()
    if code in state.typing.terminators:
        return _end(state, uptime)
    plain, shifted = US_LAYOUT.get(code, ("", ""))
    if not plain:
        return state, ()
    if state.pressed & _CONTROLS:
        return _hold(state, _control(plain), uptime)
    shift = bool(state.pressed & _SHIFTS)
    if plain.isalpha():
        shift ^= state.capitals ^ state.typing.capitals_swapped
    return _hold(state, (shifted if shift else plain).encode(), uptime)


def _control(plain: str) -> bytes:
    if plain in _CONTROL_CHARACTERS:
        return bytes((_CONTROL_CHARACTERS[plain],))
    if plain.isalpha() or plain in "[\\]":
        return bytes((ord(plain) & 0x1F,))
    return plain.encode()


def _hold(state: KeyboardState, typed: bytes, uptime: float) -> Step:
    if state.discarding:
        return state, ()
    first = state.first_key_uptime if state.held else uptime
    held = state.held + typed
    too_slow = uptime - first > state.typing.whole_seconds_max
    if len(held) > CODE_BYTES_MAX or too_slow:
        code = Read(held[:CODE_BYTES_MAX], first, uptime)
        return replace(state, held=b"", discarding=True), (code,)
    return replace(state, held=held, first_key_uptime=first), ()


def _end(state: KeyboardState, uptime: float) -> Step:
    codes: tuple[Read, ...] = ()
    if state.held:
        codes = (Read(state.held, state.first_key_uptime, uptime),)
    elif not state.discarding and uptime - state.ended_uptime >= EMPTY_QUIET_SECONDS:
        codes = (Read(b"", uptime, uptime),)
    return replace(_rest(state), ended_uptime=uptime), codes


def _be_silent(state: KeyboardState, uptime: float) -> Step:
    if state.deadline is None or uptime < state.deadline:
        return state, ()
    codes: tuple[Read, ...] = ()
    if state.held and state.typing.idle_gap_seconds:
        codes = (Read(state.held, state.first_key_uptime, state.last_event_uptime),)
    ended = uptime if state.held or state.discarding else state.ended_uptime
    return replace(_rest(state), ended_uptime=ended), codes


def _rest(state: KeyboardState) -> KeyboardState:
    """Return the state between codes: nothing typed, nothing pressed."""
    return replace(
        state, held=b"", pressed=frozenset(), capitals=False, pad_digits="", discarding=False
    )
