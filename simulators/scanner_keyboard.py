"""A scanner that pretends to be a keyboard, made of software: input events through a named pipe.

The pipe stands at the path where the device would be; `evdev` reads its events as it reads
a device's. What a pipe cannot show: the grab, the device's own ioctls, and ENODEV on unplugging
(the reader sees the end of the pipe instead).
"""

import asyncio
import enum
import os
import struct
from pathlib import Path

_EVENT = struct.Struct("@llHHi")
_SYN, _KEY = 0, 1
_DROPPED = 3
ENTER, TAB, KEYPAD_ENTER = 28, 15, 96
_LEFT_SHIFT, _CAPS_LOCK, _LEFT_CONTROL, _LEFT_ALT = 42, 58, 29, 56
_PAD = {"7": 71, "8": 72, "9": 73, "4": 75, "5": 76, "6": 77, "1": 79, "2": 80, "3": 81, "0": 82}
_ROWS = (
    (2, "1234567890-=", "!@#$%^&*()_+"),
    (16, "qwertyuiop[]", "QWERTYUIOP{}"),
    (30, "asdfghjkl;'`", 'ASDFGHJKL:"~'),
    (43, "\\zxcvbnm,./", "|ZXCVBNM<>?"),
    (57, " ", " "),
)
_PLAIN = {sign: first + place for first, plain, _ in _ROWS for place, sign in enumerate(plain)}
_SHIFTED = {sign: first + place for first, _, signs in _ROWS for place, sign in enumerate(signs)}

Stroke = tuple[int, int]
"""A key and 1 for down, 0 for up."""


class Habit(enum.Enum):
    """How the scanner types capitals and what no key has."""

    SHIFT = "Shift around each capital and sign; Ctrl for control characters"
    CAPS = "CapsLock around each capital letter, Shift for signs; Ctrl for control characters"
    ALT = "Alt with three digits of the number pad for every byte"


class KeyboardScanner:
    """A keyboard at `path`. Starts unplugged; used from one asyncio event loop."""

    def __init__(
        self,
        path: Path,
        habit: Habit = Habit.SHIFT,
        terminator: int | None = ENTER,
        key_delay_seconds: float = 0.0,
    ) -> None:
        self.path = path
        self.habit = habit
        self.terminator = terminator
        self.key_delay_seconds = key_delay_seconds
        self._pipe: int | None = None

    def plug(self) -> None:
        if self._pipe is None:
            os.mkfifo(self.path)
            self._pipe = os.open(self.path, os.O_RDWR | os.O_NONBLOCK)

    def unplug(self) -> None:
        """Vanish; a reader sees the end of the pipe. What it had not read yet is still read."""
        if self._pipe is not None:
            self.path.unlink(missing_ok=True)
            os.close(self._pipe)
            self._pipe = None

    async def present(self, code: bytes) -> None:
        """Type `code` and the terminator; raise ValueError for a byte that this habit cannot."""
        await self.present_half(code)
        if self.terminator is not None:
            await self.type_report(*_tap(self.terminator))

    async def present_half(self, code: bytes) -> None:
        """Type `code` without terminator."""
        for byte in code:
            for report in self._reports(byte):
                await self.type_report(*report)

    async def type_report(self, *strokes: Stroke) -> None:
        """Send one report of the keyboard, then pause for the delay between keys."""
        events = [_EVENT.pack(0, 0, _KEY, key, value) for key, value in strokes]
        await self._write(b"".join((*events, _EVENT.pack(0, 0, _SYN, 0, 0))))
        if self.key_delay_seconds:
            await asyncio.sleep(self.key_delay_seconds)

    async def overrun(self) -> None:
        """Say that the kernel lost events, as it does when a reader is too slow."""
        await self._write(_EVENT.pack(0, 0, _SYN, _DROPPED, 0) + _EVENT.pack(0, 0, _SYN, 0, 0))

    async def _write(self, events: bytes) -> None:
        while self._pipe is not None:
            try:
                os.write(self._pipe, events)
            except BlockingIOError:
                await asyncio.sleep(0.001)
            else:
                return

    def _reports(self, byte: int) -> list[tuple[Stroke, ...]]:
        if self.habit is Habit.ALT:
            digits = [_tap(_PAD[digit]) for digit in f"{byte:03d}"]
            return [((_LEFT_ALT, 1),), *digits, ((_LEFT_ALT, 0),)]
        sign = chr(byte)
        if sign in _PLAIN:
            return [_tap(_PLAIN[sign])]
        if self.habit is Habit.CAPS and sign.isupper() and sign in _SHIFTED:
            return [_tap(_CAPS_LOCK), _tap(_SHIFTED[sign]), _tap(_CAPS_LOCK)]
        if sign in _SHIFTED:
            return [
                ((_LEFT_SHIFT, 1), (_SHIFTED[sign], 1)),
                ((_SHIFTED[sign], 0), (_LEFT_SHIFT, 0)),
            ]
        if byte < 0x20:
            key = _key_with_control(byte)
            return [((_LEFT_CONTROL, 1), (key, 1)), ((key, 0), (_LEFT_CONTROL, 0))]
        raise ValueError(f"no key types byte {byte:#04x}; use Habit.ALT")


def _key_with_control(byte: int) -> int:
    sign = {0x00: "2", 0x1E: "6", 0x1F: "-"}.get(byte, chr(byte | 0x40).lower())
    return _PLAIN[sign]


def _tap(key: int) -> tuple[Stroke, Stroke]:
    return (key, 1), (key, 0)
