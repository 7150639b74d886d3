"""A serial scanner made of software, on a pty: real bytes at the real speed, and its bad habits.

`Scanner` sends bare codes with a tail. `GrowScanner` is a GM65 / GM861 as their manuals and one
memory dump describe them: 256 bytes of memory, "7E 00" commands, framed output, heartbeat; its
`error_replies` choose between the silence of Grow's own and the answers of Newland's EM3095.
What no public source tells, it does not do: the exact order of answer and code while both are due
is only assured to be whole messages.

Used from one asyncio event loop:

    scanner = GrowScanner(PtyLine(link))
    scanner.plug()
    await scanner.present(b"GH1…")
"""

import asyncio
import binascii

from simulators.pty_line import PtyLine, garble

ACKNOWLEDGED = bytes.fromhex("02000001003331")
ALIVE = bytes.fromhex("03000001003331")
CRC_WRONG = bytes.fromhex("02000101000401")
UNKNOWN_COMMAND = bytes.fromhex("02000301006A61")

_HEAD = b"\x7e\x00"
_CRC_UNCHECKED = b"\xab\xcd"
_READ, _WRITE, _SAVE, _HEARTBEAT = 0x07, 0x08, 0x09, 0x0A
_MODE, _TRIGGER, _SETUP_CODES, _BAUD, _TAIL, _AIM, _SPECIAL = (
    0x00,
    0x02,
    0x03,
    0x2A,
    0x60,
    0xD0,
    0xD9,
)
_COMMAND_MODE = 0b01
_FACTORY_RESET, _USER_RESTORE, _USER_SAVE = 0x50, 0x55, 0x56
_TAILS = (b"\r", b"\r\n", b"\t", b"")
_BAUDS = {0x0139: 9600, 0x009C: 19200, 0x004E: 38400, 0x0034: 57600, 0x001A: 115200}

FACTORY_MEMORY = {
    0x00: 0xD6, 0x02: 0x20, 0x03: 0x00, 0x05: 0x0A, 0x06: 0x32, 0x0A: 0x87, 0x0B: 0x3C,
    0x0D: 0xA0, 0x2A: 0x39, 0x2B: 0x01, 0x2C: 0x05, 0x60: 0x01, 0xD0: 0x00,
}  # fmt: skip
"""Address to value, as set to serial output at the factory; all other bytes are 0 here."""


class Scanner:
    """A scanner that sends bare codes: code, then tail. Starts unplugged."""

    def __init__(
        self, line: PtyLine, baud: int = 9600, tail: bytes = b"\r", paced: bool = True
    ) -> None:
        """Make a scanner of `baud` (bits per second); not `paced`: bytes go out at once."""
        self.line = line
        self.baud = baud
        self.tail = tail
        self._paced = paced
        self._wire = asyncio.Lock()

    def plug(self) -> None:
        self.line.plug()

    def unplug(self) -> None:
        """Draw the plug, in the middle of a code if one is being sent."""
        self.line.unplug()

    async def present(self, code: bytes) -> None:
        """Read `code` once and send it; returns when its last byte is out."""
        await self.send(self.framed(code))

    async def present_half(self, code: bytes, bytes_sent: int) -> None:
        """Send only the first bytes of what `present` would."""
        await self.send(self.framed(code)[:bytes_sent])

    async def hold(self, code: bytes, interval_seconds: float = 1.0) -> None:
        """Keep `code` in view of a scanner in continuous mode, until cancelled."""
        while True:
            await self.present(code)
            await asyncio.sleep(interval_seconds)

    async def send(self, message: bytes) -> None:
        """Put bytes on the wire (noise, for instance), garbled if the driver's rate is not ours."""
        async with self._wire:
            heard = garble(message, self.baud, self.line.baud or self.baud)
            if self._paced:
                await self.line.pace(heard, self.baud)
            else:
                self.line.send(heard)

    def framed(self, code: bytes) -> bytes:
        """Return `code` as it goes on the wire."""
        return code + self.tail


class GrowScanner(Scanner):
    """A scanner of the Grow family. Its settings live in `memory`, what survives in `flash`."""

    def __init__(self, line: PtyLine, error_replies: bool = False, paced: bool = True) -> None:
        super().__init__(line, paced=paced)
        self.error_replies = error_replies
        self.memory = _factory()
        self.flash = _factory()
        self.user_default = _factory()
        self.stubborn: set[int] = set()
        """Addresses whose writes are acknowledged and not kept."""
        self.mute = False
        """Hung: still reads codes, answers nothing."""
        self._held: bytes | None = None
        self._received = b""
        self._serving: asyncio.Task[None] | None = None

    def plug(self) -> None:
        """Plug in: the scanner starts with what its flash holds."""
        super().plug()
        self.restart()
        if self._serving is None:
            self._serving = asyncio.get_running_loop().create_task(self._serve())

    def unplug(self) -> None:
        super().unplug()
        if self._serving is not None:
            self._serving.cancel()
            self._serving = None

    def restart(self) -> None:
        """Lose the supply for a moment: the line stays, settings not saved are gone."""
        self.memory = bytearray(self.flash)
        self._follow_baud()
        self._received = b""
        self._held = None

    async def present(self, code: bytes) -> None:
        """Read `code`; in command mode it is kept for the next trigger."""
        if self.memory[_MODE] & 0b11 == _COMMAND_MODE:
            self._held = code
        else:
            await super().present(code)

    def show_setup_code(self, address: int, value: int) -> bool:
        """Show a printed setup code that writes one byte; return whether it was obeyed."""
        if self.memory[_SETUP_CODES] & 0b10:
            return False
        self._write(address, bytes((value,)))
        return True

    def framed(self, code: bytes) -> bytes:
        if self.memory[_AIM] & 0x80:
            code = b"]Q1" + code
        setting = self.memory[_TAIL]
        if setting & 0x80:
            return b"\x03" + len(code).to_bytes(2, "big") + code
        return code + (_TAILS[setting >> 5 & 0b11] if setting & 1 else b"")

    async def _serve(self) -> None:
        while True:
            heard = await self.line.read()
            self._received += garble(heard, self.line.baud or self.baud, self.baud)
            while reply := self._take_command():
                if not self.mute:
                    await self.send(reply)
                self._follow_baud()

    def _take_command(self) -> bytes | None:
        """Take one command off what was received and obey; None if no whole one is there."""
        while (start := self._received.find(_HEAD)) >= 0:
            frame = self._received[start:]
            end = 6 + frame[3] + 2 if len(frame) > 3 else 6
            if len(frame) < end:
                return None
            self._received = frame[end:]
            if reply := self._obey(frame[2 : end - 2], frame[end - 2 : end]):
                return reply
        return None

    def _obey(self, body: bytes, crc: bytes) -> bytes:
        """Return the answer to a command, b"" for silence."""
        if crc not in (_CRC_UNCHECKED, binascii.crc_hqx(body, 0).to_bytes(2, "big")):
            return CRC_WRONG if self.error_replies else b""
        kind, address, data = body[0], int.from_bytes(body[2:4], "big"), body[4:]
        if kind == _READ and data:
            return self._read(address, data[0] or 256)
        if kind == _WRITE and data:
            return self._write(address, data)
        if kind == _SAVE:
            self.flash = bytearray(self.memory)
            return ACKNOWLEDGED
        if kind == _HEARTBEAT:
            return ALIVE
        return UNKNOWN_COMMAND if self.error_replies else b""

    def _read(self, address: int, count: int) -> bytes:
        values = bytes(self.memory[(address + place) % 256] for place in range(count))
        body = bytes((0, count % 256)) + values
        return b"\x02\x00" + body + binascii.crc_hqx(body, 0).to_bytes(2, "big")

    def _write(self, address: int, data: bytes) -> bytes:
        if address == _SPECIAL:
            self._do_special(data[0])
            return ACKNOWLEDGED
        for place, value in enumerate(data):
            if address + place not in self.stubborn:
                self.memory[(address + place) % 256] = value
        if not self.memory[_TRIGGER] & 1:
            return ACKNOWLEDGED
        self.memory[_TRIGGER] &= ~1
        held, self._held = self._held, None
        return ACKNOWLEDGED + (b"" if held is None else self.framed(held))

    def _do_special(self, order: int) -> None:
        if order == _FACTORY_RESET:
            self.memory, self.flash = _factory(), _factory()
        elif order == _USER_SAVE:
            self.user_default = bytearray(self.memory)
        elif order == _USER_RESTORE:
            self.memory = bytearray(self.user_default)

    def _follow_baud(self) -> None:
        value = int.from_bytes(self.memory[_BAUD : _BAUD + 2], "little")
        self.baud = _BAUDS.get(value, self.baud)


def _factory() -> bytearray:
    memory = bytearray(256)
    for address, value in FACTORY_MEMORY.items():
        memory[address] = value
    return memory
