"""Commands to scanners of the Grow family, and the settings that we need of them.

Source: the makers' manuals of GM65 and GM861; CRC-16/XMODEM, big-endian, over everything between
the two-byte head and the CRC itself. `edge.core.framing_grow` holds the conversation.
"""

import binascii
import enum
from dataclasses import dataclass

from edge.core.framing import GrowFraming


def crc16(body: bytes) -> bytes:
    """Return the CRC of a frame as it stands on the wire."""
    return binascii.crc_hqx(body, 0).to_bytes(2, "big")


class Order(enum.IntEnum):
    """The types of a command."""

    READ = 0x07
    WRITE = 0x08
    SAVE = 0x09
    HEARTBEAT = 0x0A


def command(order: Order, address: int, data: bytes) -> bytes:
    """Return the frame of a command; for READ, `data` is one byte, the number of bytes wanted."""
    body = bytes((order, len(data))) + address.to_bytes(2, "big") + data
    return b"\x7e\x00" + body + crc16(body)


@dataclass(frozen=True, slots=True)
class Setting:
    """Bits that must be set in one byte of the scanner's memory."""

    address: int
    bits: int
    read_bytes: int
    """How many bytes are read from there; different for each setting and never 1."""
    meaning: str


SETUP_CODES_DISABLED = Setting(0x0003, 0x02, 2, "ignore printed setup codes")
FRAMED_OUTPUT = Setting(0x0060, 0x80, 3, "send codes framed")


@dataclass(frozen=True, slots=True)
class Asked:
    """The command whose answer is awaited."""

    order: Order
    message: bytes
    due: float
    setting: int = 0
    """Which of the settings, for READ and WRITE."""
    attempts: int = 1
    writes: int = 0
    """How often this setting was written and did not read back."""


def settings_wanted(framing: GrowFraming) -> tuple[Setting, ...]:
    """Return the settings that `framing` asks for, in the order in which they are looked at."""
    wanted = (
        (framing.setup_codes_disabled, SETUP_CODES_DISABLED),
        (framing.framed_output, FRAMED_OUTPUT),
    )
    return tuple(setting for is_wanted, setting in wanted if is_wanted)
