"""Modbus RTU frames, as far as relay boards speak them (MODBUS over Serial Line V1.02).

Pure: requests are made, replies are found in whatever bytes arrived.
"""

from dataclasses import dataclass

READ_COILS, READ_INPUTS, WRITE_COIL = 0x01, 0x02, 0x05
FLASH_ON = 0x0200
"""Added to a coil: closed for value × 100 ms by the board's own timer (Waveshare and alike)."""
COIL_ON, COIL_OFF = 0xFF00, 0x0000
EXCEPTION = 0x80
NAMES = {
    1: "function not known",
    2: "no such coil or input",
    3: "value not allowed",
    4: "device failure",
    6: "device busy",
}


@dataclass(frozen=True, slots=True)
class Request:
    """One request, and what its reply must look like."""

    frame: bytes
    reply_bytes: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """The board's own no."""

    why: str


def crc(body: bytes) -> bytes:
    """CRC-16/MODBUS, low byte first."""
    value = 0xFFFF
    for byte in body:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ 0xA001 if value & 1 else value >> 1
    return value.to_bytes(2, "little")


def write_coil(address: int, coil: int, value: int) -> Request:
    """Write one coil: COIL_ON, COIL_OFF, or tenths of a second at FLASH_ON + coil."""
    body = bytes([address, WRITE_COIL]) + coil.to_bytes(2, "big") + value.to_bytes(2, "big")
    return Request(body + crc(body), 8)


def read_coils(address: int, count: int) -> Request:
    """Read coils 0 to count-1."""
    return _read(address, READ_COILS, count)


def read_inputs(address: int, count: int) -> Request:
    """Read discrete inputs 0 to count-1."""
    return _read(address, READ_INPUTS, count)


def _read(address: int, function: int, count: int) -> Request:
    body = bytes([address, function, 0, 0]) + count.to_bytes(2, "big")
    return Request(body + crc(body), 5 + (count + 7) // 8)


def find_reply(request: Request, heard: bytes, echoes: bool = False) -> bytes | Refusal | None:
    """Return the reply's body (after address and function) if `heard` holds it.

    Noise before it is passed over. `echoes`: the line gives back what is sent, so that the first
    copy of the request is no reply; the reply to a write is a second one.
    """
    start = 0
    if echoes:
        echo = heard.find(request.frame)
        if echo < 0:
            return None
        start = echo + len(request.frame)
    address, function = request.frame[:2]
    for at in range(start, len(heard) - 4):
        if heard[at] != address:
            continue
        whole = heard[at : at + request.reply_bytes]
        if whole[1] == function and len(whole) == request.reply_bytes and _sound(whole):
            if _fits(request, whole):
                return whole[2:-2]
            continue
        broken = heard[at : at + 5]
        if broken[1] == function | EXCEPTION and _sound(broken):
            return Refusal(NAMES.get(broken[2], f"error {broken[2]}"))
    return None


def levels(body: bytes, count: int) -> tuple[bool, ...]:
    """Return the inputs of a read reply's body (byte count, then bits from the lowest)."""
    return tuple(bool(body[1 + n // 8] >> n % 8 & 1) for n in range(count))


def _fits(request: Request, reply: bytes) -> bool:
    if request.frame[1] == WRITE_COIL:
        return reply == request.frame
    return reply[2] == len(reply) - 5


def _sound(frame: bytes) -> bool:
    return len(frame) >= 5 and crc(frame[:-2]) == frame[-2:]
