"""Harnesses of what devices at the door send us: scanners, keyboards, boards on a Modbus line.

An input is a story: how the line is configured, then pieces of bytes and how long each took to
come. Whatever comes, codes are of bounded length and made of what came, time never runs backwards
in them, and silence always leads somewhere.
"""

from edge.core import framing_grow, keyboard, modbus
from edge.core.framing import (
    CODE_BYTES_MAX,
    Dead,
    GrowFraming,
    LineFraming,
    Read,
    Ready,
    Send,
    begin_line,
    step_line,
)
from edge.core.grow_command import Order, command, crc16
from edge.core.keyboard import EV_KEY, EV_SYN, KEY_CAPSLOCK, KEY_ENTER, Event, Typing
from tests.fuzz.harness import Harness, Taken

PAUSES = (0.0, 0.01, 0.06, 0.3, 1.1, 11.0)
TERMINATORS = (b"\r\n", b"", b"\r", b"\x03\t")
SILENCES_MAX = 40


def check_code(code: Read, came: bytes, began: float, now: float) -> None:
    assert len(code.data) <= CODE_BYTES_MAX
    assert code.data in came
    assert began <= code.first_byte_uptime <= code.last_byte_uptime <= now


def line(data: bytes) -> bool:
    """A scanner that sends bare codes."""
    taken = Taken(data)
    chosen = taken.byte()
    framing = LineFraming(TERMINATORS[chosen % 4], (0.0, 0.05)[chosen >> 2 & 1])
    state, _ = begin_line(framing)
    now, came, got = 100.0, b"", 0
    while taken:
        chosen = taken.byte()
        now += PAUSES[chosen % 6]
        piece = (
            taken.some(chosen // 6)
            if chosen < 250
            else bytes(taken.number(2) % 9000 if taken.byte() < 8 else 9)
        )
        came += piece
        state, codes = step_line(state, piece, now)
        for code in codes:
            check_code(code, came, 100.0, now)
            cut = len(code.data) == CODE_BYTES_MAX
            assert cut or not any(byte in framing.terminators for byte in code.data)
            got += 1
        if state.deadline is not None and chosen & 1:
            now = max(now, state.deadline)
            state, codes = step_line(state, b"", now)
            for code in codes:
                check_code(code, came, 100.0, now)
            assert state.deadline is None, "a silence that leads nowhere"
    return got > 0


def grow(data: bytes) -> bool:
    """A scanner that frames its codes, answers and can be asked."""
    taken = Taken(data)
    chosen = taken.byte()
    framing = GrowFraming(bool(chosen & 1), bool(chosen & 2), (0.0, 0.05)[chosen >> 2 & 1])
    now, came, got = 100.0, b"", 0
    state, _ = framing_grow.begin_grow(framing, now)
    while taken:
        chosen = taken.byte()
        now += PAUSES[chosen % 6]
        piece = taken.some(chosen // 6)
        for silence in range(SILENCES_MAX if not piece else 1):
            if not piece:
                assert state.deadline is not None
                now = max(now, state.deadline)
            came += piece
            state, outputs = framing_grow.step_grow(state, piece, now)
            for output in outputs:
                match output:
                    case Read():
                        check_code(output, came, 100.0, now)
                        got += 1
                    case Dead(why):
                        assert why
                        state, _ = framing_grow.begin_grow(framing, now)
                        break
                    case Send() | Ready():
                        pass
            if silence and state.deadline is not None and state.deadline > now:
                break
        else:
            assert piece, "a silence that leads nowhere"
    return got > 0


def keys(data: bytes) -> bool:
    """A scanner that types."""
    taken = Taken(data)
    chosen = taken.byte()
    typing = Typing(idle_gap_seconds=(0.0, 0.1)[chosen & 1], capitals_swapped=bool(chosen >> 1 & 1))
    state, now, got = keyboard.begin(typing), 100.0, 0
    while taken:
        chosen = taken.byte()
        now += PAUSES[chosen % 6]
        kind = (EV_KEY, EV_KEY, EV_KEY, EV_SYN, taken.byte())[chosen // 6 % 5]
        code = taken.byte() if chosen < 250 else taken.number(2)
        events = [
            Event(kind, code, value) for value in ((1, 0), (1,), (0,), (2,))[chosen // 30 % 4]
        ]
        state, codes = keyboard.step(state, events, now)
        if state.deadline is not None and chosen > 240:
            now = max(now, state.deadline)
            state, more = keyboard.step(state, (), now)
            codes += more
            assert state.deadline is None, "a silence that leads nowhere"
        for read in codes:
            assert len(read.data) <= CODE_BYTES_MAX
            assert 100.0 <= read.first_byte_uptime <= read.last_byte_uptime <= now
            got += bool(read.data)
    return got > 0


REQUESTS = (
    modbus.write_coil(1, 0, modbus.COIL_ON),
    modbus.write_coil(1, modbus.FLASH_ON, 3),
    modbus.read_inputs(1, 8),
    modbus.read_coils(2, 17),
)
COUNTS = (0, 0, 8, 17)


def board(data: bytes) -> bool:
    """Whatever is on the line of a relay board."""
    taken = Taken(data)
    chosen = taken.byte()
    request, count = REQUESTS[chosen % 4], COUNTS[chosen % 4]
    heard = taken.rest()
    reply = modbus.find_reply(request, heard, echoes=bool(chosen & 4))
    if isinstance(reply, modbus.Refusal):
        assert reply.why
        return True
    if reply is None:
        return False
    assert reply in heard
    return not count or len(modbus.levels(reply, count)) == count


def _frame(code: bytes) -> bytes:
    return b"\x03" + len(code).to_bytes(2, "big") + code


def _answer(body: bytes) -> bytes:
    said = b"\x00" + bytes([len(body)]) + body
    return b"\x02\x00" + said + crc16(said)


def _piece(content: bytes, pause: int = 0) -> bytes:
    """As `line` and `grow` read them: at most 41 bytes a piece."""
    pieces = [content[at : at + 41] for at in range(0, len(content), 41)]
    return b"".join(bytes([6 * len(one) + pause]) + one for one in pieces)


def _typed(codes: list[int]) -> bytes:
    return b"".join(bytes([1, code]) for code in codes)


def _reply(body: bytes) -> bytes:
    return body + modbus.crc(body)


HARNESSES = (
    Harness(
        "line",
        line,
        lambda: [
            b"\x04" + _piece(b"GH1ABC\r\n") + _piece(b"half") + b"\x02" + _piece(b"\n\r\r", 4),
            b"\x01" + b"\xfb\xff\xff" + _piece(b"\r"),
        ],
        share=3,
    ),
    Harness(
        "grow",
        grow,
        lambda: [
            b"\x03"
            + _piece(_answer(b"\x82\x00"))
            + _piece(_answer(b"\x80\x00\x00"))
            + _piece(_frame(b"GH1ABC"))
            + b"\x05"
            + _piece(bytes.fromhex("03000001003331")),
            b"\x07" + _piece(command(Order.READ, 3, b"\x02")) + _piece(b"GH1\r") + b"\x00\x01\x02",
        ],
        share=3,
    ),
    Harness(
        "keys",
        keys,
        lambda: [
            b"\x01" + _typed([34, 35, 2, 30, 48, KEY_ENTER]),
            b"\x02"
            + bytes([30, 56])
            + _typed([79, 80, 81])
            + bytes([60, 56])
            + _typed([KEY_CAPSLOCK]),
            b"\x00" + bytes([18, 3]) + _typed([30, KEY_ENTER]),
        ],
        share=3,
    ),
    Harness(
        "board",
        board,
        lambda: [
            b"\x00" + REQUESTS[0].frame,
            b"\x04" + REQUESTS[0].frame * 2,
            b"\x02\xff" + _reply(b"\x01\x02\x01\x05"),
            b"\x03" + _reply(b"\x02\x01\x03\x05\x00\x01"),
            b"\x00" + _reply(b"\x01\x85\x02"),
        ],
    ),
)
