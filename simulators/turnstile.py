"""A turnstile and its board: relays in, pass contacts and beams out, and people in between.

The board is a Modbus RTU slave on a pty. Its arm opens on the edge of a relay that stays closed
for at least 0.1 s, lets one person through, and closes when the person is through or after its
own window. What a person does is the truth of who walked where, kept in `truth`; what the gate's
software hears of it are contacts.

Coils: 0 entry relay, 1 exit relay, 2 green, 3 amber, 4 red, 5 buzzer, 6 free passage.
Inputs: 0 passed in, 1 passed out, 2 beam on the entry side, 3 beam on the exit side,
4 fire loop open, 5 key: open once, 6 key: free passage, 7 key: out of service, 8 not ready.

Simplified: an arm is open or not, a contact never bounces, a relay held closed opens for one
person only, as boards in pulse mode do, and a flash-on, whose length the board knows and which is
never shorter than 0.1 s, opens at once.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Any

from simulators.pty_line import PtyLine

READ_INPUTS, READ_COILS, WRITE_COIL = 0x02, 0x01, 0x05
FLASH_ON = 0x0200
NO_FUNCTION, NO_SUCH_PLACE, NO_SUCH_VALUE = 1, 2, 3
PULSE_SECONDS_MIN = 0.1
CONTACT_SECONDS = 0.3


class Coil(IntEnum):
    ENTRY = 0
    EXIT = 1
    GREEN = 2
    AMBER = 3
    RED = 4
    BUZZER = 5
    FREE = 6


class Input(IntEnum):
    PASSED_IN = 0
    PASSED_OUT = 1
    BEAM_ENTRY = 2
    BEAM_EXIT = 3
    FIRE = 4
    KEY_OPEN_ONCE = 5
    KEY_FREE_PASS = 6
    KEY_OUT_OF_SERVICE = 7
    NOT_READY = 8


class Walked(StrEnum):
    """What really happened."""

    IN = "walked-in"
    OUT = "walked-out"
    FOLLOWED = "followed"
    JUMPED = "jumped"
    TURNED_BACK = "turned-back"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Truth:
    """One person's deed, and when (seconds of this process's monotonic clock)."""

    deed: Walked
    at: float


@dataclass(slots=True)
class Board:
    """One turnstile with its board. `pace` speeds people up, never the board's own timers."""

    line: PtyLine
    address: int = 1
    window_seconds: float = 5.0
    pace: float = 1.0
    plain_exit: bool = False
    """The way out is free: the arm gives way without a relay."""
    truth: list[Truth] = field(default_factory=list)
    pulses: list[tuple[Coil, float]] = field(default_factory=list)
    """(coil, when) of each command that closed a relay."""
    coils: list[bool] = field(default_factory=lambda: [False] * 16)
    inputs: list[bool] = field(default_factory=lambda: [False] * 16)
    flashes: list[tuple[int, float]] = field(default_factory=list)
    """(coil, seconds) of each flash-on, lamps and buzzer too."""
    mute: bool = False
    """It has no power: it neither obeys nor answers."""
    refusal: int = 0
    """The exception code with which it answers everything; 0: none."""
    on_pulse: Callable[[Coil], None] | None = None
    _open_until: dict[Coil, float] = field(default_factory=dict)
    _opening: dict[int, asyncio.TimerHandle] = field(default_factory=dict)
    _flashing: dict[int, asyncio.TimerHandle] = field(default_factory=dict)
    _occupied: asyncio.Lock = field(default_factory=asyncio.Lock)

    # The board.

    async def run(self) -> None:
        """Answer the driver, for ever."""
        heard = b""
        while True:
            heard += await self.line.read()
            while (frame := _first_frame(heard, self.address)) is not None:
                at, request = frame
                heard = heard[at + 8 :]
                if not self.mute:
                    self.line.send(self._answer(request))
            heard = heard[-7:]

    def _answer(self, request: bytes) -> bytes:
        function, where = request[1], int.from_bytes(request[2:4], "big")
        value = int.from_bytes(request[4:6], "big")
        if self.refusal:
            return self._refused(function, self.refusal)
        if function == WRITE_COIL:
            return self._written(request, where, value)
        if function not in (READ_INPUTS, READ_COILS):
            return self._refused(function, NO_FUNCTION)
        levels = self.inputs if function == READ_INPUTS else self.coils
        if not 0 < value <= len(levels) - where:
            return self._refused(function, NO_SUCH_PLACE)
        bits = sum(level << n for n, level in enumerate(levels[where : where + value]))
        count = (value + 7) // 8
        return _framed(bytes([self.address, function, count]) + bits.to_bytes(count, "little"))

    def _written(self, request: bytes, where: int, value: int) -> bytes:
        if where < len(self.coils):
            if value not in (0x0000, 0xFF00):
                return self._refused(WRITE_COIL, NO_SUCH_VALUE)
            self._set(where, value == 0xFF00)
            return request
        if FLASH_ON <= where < FLASH_ON + len(self.coils):
            if not 0 < value < 0x8000:
                return self._refused(WRITE_COIL, NO_SUCH_VALUE)
            self._flash(where - FLASH_ON, value / 10)
            return request
        return self._refused(WRITE_COIL, NO_SUCH_PLACE)

    def _refused(self, function: int, why: int) -> bytes:
        return _framed(bytes([self.address, function | 0x80, why]))

    def _set(self, coil: int, on: bool) -> None:
        _cancel(self._flashing.pop(coil, None))
        if not on:
            _cancel(self._opening.pop(coil, None))
        elif self._close(coil):
            # An arm moves for a pulse that lasts, and only then is it known that this one does.
            loop = asyncio.get_running_loop()
            self._opening[coil] = loop.call_later(PULSE_SECONDS_MIN, self._open, Coil(coil))
        self.coils[coil] = on

    def _flash(self, coil: int, seconds: float) -> None:
        _cancel(self._flashing.pop(coil, None))
        self.flashes.append((coil, seconds))
        if self._close(coil):
            self._open(Coil(coil))
        self.coils[coil] = True
        loop = asyncio.get_running_loop()
        self._flashing[coil] = loop.call_later(seconds, self._set, coil, False)

    def _close(self, coil: int) -> bool:
        """Count the closing of a relay that moves an arm; return whether it was one."""
        if self.coils[coil] or coil not in (Coil.ENTRY, Coil.EXIT):
            return False
        self.pulses.append((Coil(coil), time.monotonic()))
        if self.on_pulse:
            self.on_pulse(Coil(coil))
        return True

    def _open(self, way: Coil) -> None:
        self._open_until[way] = time.monotonic() + self.window_seconds

    def is_open(self, way: Coil = Coil.ENTRY) -> bool:
        """Whether the arm gives way to a person going `way`."""
        free = self.coils[Coil.FREE] or self.inputs[Input.FIRE]
        plain = self.plain_exit and way is Coil.EXIT
        return free or plain or time.monotonic() < self._open_until.get(way, 0.0)

    @property
    def at_rest(self) -> bool:
        """Whether nobody is in it and it lets nobody in."""
        return not self._occupied.locked() and not self.is_open(Coil.ENTRY)

    # Contacts and switches.

    def contact(self, number: Input, closed: bool) -> None:
        """Set an input by hand: a fire loop, a key, a beam that stays broken."""
        self.inputs[number] = closed

    async def _pulse_contact(self, number: Input) -> None:
        self.inputs[number] = True
        await asyncio.sleep(CONTACT_SECONDS)
        self.inputs[number] = False
        await asyncio.sleep(0.1)

    # People.

    async def walk_through(self, way: Coil = Coil.ENTRY, seconds: float = 1.2) -> Walked:
        """Walk through if the arm gives way; `seconds` from beam to beam at natural pace."""
        async with self._occupied:
            return await self._walk(way, seconds)

    async def _walk(self, way: Coil, seconds: float) -> Walked:
        if not self.is_open(way):
            self._note(Walked.STOPPED)
            return Walked.STOPPED
        # Whoever has pushed the arm keeps it from closing until they are through.
        self._open_until[way] = 0.0
        first, last = Input.BEAM_ENTRY, Input.BEAM_EXIT
        if way is Coil.EXIT:
            first, last = last, first
        self.inputs[first] = True
        await asyncio.sleep(seconds / 2 / self.pace)
        self.inputs[last], self.inputs[first] = True, False
        await asyncio.sleep(seconds / 2 / self.pace)
        deed = Walked.IN if way is Coil.ENTRY else Walked.OUT
        self._note(deed)
        passed = Input.PASSED_IN if way is Coil.ENTRY else Input.PASSED_OUT
        await self._pulse_contact(passed)
        self.inputs[last] = False
        return deed

    async def walk_two(self, seconds: float = 1.2) -> Walked:
        """Walk through with somebody close behind, whom the arm does not stop."""
        async with self._occupied:
            done = await self._walk(Coil.ENTRY, seconds)
            if done is Walked.IN:
                await asyncio.sleep(0.2 / self.pace)
                self._note(Walked.FOLLOWED)
                await self._pulse_contact(Input.PASSED_IN)
            return done

    async def back_out(self, seconds: float = 1.0) -> Walked:
        """Break the first beam, and turn round."""
        async with self._occupied:
            self.inputs[Input.BEAM_ENTRY] = True
            await asyncio.sleep(seconds / self.pace)
            self.inputs[Input.BEAM_ENTRY] = False
            self._note(Walked.TURNED_BACK)
            return Walked.TURNED_BACK

    async def jump(self) -> Walked:
        """Jump over the arm; the contact of the arm sees it."""
        async with self._occupied:
            self._note(Walked.JUMPED)
            await self._pulse_contact(Input.PASSED_IN)
            return Walked.JUMPED

    def _note(self, deed: Walked) -> None:
        self.truth.append(Truth(deed, time.monotonic()))

    def counted(self, deed: Walked) -> int:
        return sum(truth.deed is deed for truth in self.truth)

    def picture(self) -> dict[str, Any]:
        """Return lamp, relay, arm and counters for a page."""
        lamp = "idle"
        for coil, name in ((Coil.RED, "stop"), (Coil.AMBER, "wait"), (Coil.GREEN, "go")):
            lamp = name if self.coils[coil] else lamp
        return {
            "lamp": lamp,
            "relay": self.coils[Coil.ENTRY] or self.coils[Coil.EXIT],
            "open": self.is_open(Coil.ENTRY) or self.is_open(Coil.EXIT),
            "counters": {
                "pulses": len(self.pulses),
                "walked_in": self.counted(Walked.IN),
                "walked_out": self.counted(Walked.OUT),
                "tailgaters": self.counted(Walked.FOLLOWED),
                "jumpers": self.counted(Walked.JUMPED),
                "turned_back": self.counted(Walked.TURNED_BACK),
            },
        }


def _cancel(timer: asyncio.TimerHandle | None) -> None:
    if timer:
        timer.cancel()


def _first_frame(heard: bytes, address: int) -> tuple[int, bytes] | None:
    """Return where the first whole request to us stands in `heard`, and its bytes."""
    for at in range(len(heard) - 7):
        frame = heard[at : at + 8]
        if frame[0] == address and _crc(frame[:6]) == frame[6:]:
            return at, frame
    return None


def _framed(body: bytes) -> bytes:
    return body + _crc(body)


def _crc(body: bytes) -> bytes:
    """CRC-16/MODBUS; written apart from the driver's, so that they check each other."""
    value = 0xFFFF
    for byte in body:
        value ^= byte
        for _ in range(8):
            low = value & 1
            value >>= 1
            if low:
                value ^= 0xA001
    return bytes([value & 0xFF, value >> 8])
