"""Modbus frames: published ones byte for byte, and replies in whatever else was heard."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core import modbus
from edge.core.modbus import COIL_OFF, COIL_ON, FLASH_ON, Refusal, Request, find_reply

WRITE = modbus.write_coil(1, 0, COIL_ON)
READ = modbus.read_inputs(1, 16)
LEVELS = bytes.fromhex("02 05 80")
READ_REPLY = b"\x01\x02" + LEVELS + modbus.crc(b"\x01\x02" + LEVELS)
REFUSED = b"\x01\x82\x02" + modbus.crc(b"\x01\x82\x02")
BUSY = b"\x01\x85\x06" + modbus.crc(b"\x01\x85\x06")


def test_published_frames() -> None:
    """Of Waveshare's Modbus RTU relay boards, whose manuals print them."""
    assert modbus.write_coil(1, 0, COIL_ON).frame == bytes.fromhex("01 05 00 00 FF 00 8C 3A")
    assert modbus.write_coil(1, 0, COIL_OFF).frame == bytes.fromhex("01 05 00 00 00 00 CD CA")
    assert modbus.write_coil(1, FLASH_ON, 7).frame == bytes.fromhex("01 05 02 00 00 07 8D B0")
    assert modbus.read_coils(1, 8).frame == bytes.fromhex("01 01 00 00 00 08 3D CC")
    assert modbus.read_inputs(1, 8).frame == bytes.fromhex("01 02 00 00 00 08 79 CC")


def test_levels_count_from_the_lowest_bit_of_the_first_byte() -> None:
    levels = modbus.levels(LEVELS, 16)
    assert [number for number, level in enumerate(levels) if level] == [0, 2, 15]


@pytest.mark.parametrize(
    ("request_", "reply", "body"),
    [(WRITE, WRITE.frame, WRITE.frame[2:-2]), (READ, READ_REPLY, LEVELS)],
)
@pytest.mark.parametrize("echoes", [False, True])
@pytest.mark.parametrize("noise", [b"", b"\x00", b"\x01", b"\x01\x02\x01\x05", b"\xff" * 9])
def test_a_reply_is_found_when_its_last_byte_is_there_and_not_before(
    request_: Request, reply: bytes, body: bytes, echoes: bool, noise: bytes
) -> None:
    echo = request_.frame if echoes else b""
    heard = noise + echo + noise + reply
    for end in range(len(heard)):
        assert find_reply(request_, heard[:end], echoes) is None
    assert find_reply(request_, heard, echoes) == body
    assert find_reply(request_, heard + b"\x00\x01", echoes) == body


def test_an_echo_is_no_reply() -> None:
    assert find_reply(READ, READ.frame) is None
    assert find_reply(READ, READ.frame, echoes=True) is None
    assert find_reply(WRITE, WRITE.frame, echoes=True) is None
    assert find_reply(READ, READ.frame + READ_REPLY) == LEVELS


@pytest.mark.parametrize("noise", [b"", b"\x01", b"\x00\x82", READ.frame])
def test_the_board_s_no_is_a_sentence(noise: bytes) -> None:
    for end in range(len(noise + REFUSED)):
        assert find_reply(READ, (noise + REFUSED)[:end]) is None
    assert find_reply(READ, noise + REFUSED) == Refusal("no such coil or input")
    assert find_reply(WRITE, BUSY) == Refusal("device busy")
    assert find_reply(WRITE, REFUSED) is None
    unheard_of = b"\x01\x85\x63"
    assert find_reply(WRITE, unheard_of + modbus.crc(unheard_of)) == Refusal("error 99")


def test_a_damaged_reply_is_none() -> None:
    for frame, request in ((READ_REPLY, READ), (REFUSED, READ), (WRITE.frame, WRITE)):
        for place in range(len(frame)):
            for bit in range(8):
                damaged = bytearray(frame)
                damaged[place] ^= 1 << bit
                assert find_reply(request, bytes(damaged)) is None


def test_what_belongs_to_somebody_else_is_none() -> None:
    other = b"\x02" + READ_REPLY[1:-2]
    assert find_reply(READ, other + modbus.crc(other)) is None
    assert find_reply(WRITE, modbus.write_coil(2, 0, COIL_ON).frame) is None
    assert find_reply(WRITE, modbus.write_coil(1, 1, COIL_ON).frame) is None
    assert find_reply(WRITE, modbus.write_coil(1, 0, COIL_OFF).frame) is None
    assert find_reply(READ, other + modbus.crc(other) + READ_REPLY) == LEVELS


def test_a_byte_count_that_is_not_ours_is_none() -> None:
    wrong = b"\x01\x02\x03\x05\x80"
    assert find_reply(READ, wrong + modbus.crc(wrong)) is None


@given(
    st.lists(st.sampled_from([b"\x01", b"\x02", b"\x82", WRITE.frame, REFUSED, READ_REPLY[:5]])),
    st.binary(max_size=64),
    st.sampled_from([WRITE, READ]),
    st.booleans(),
)
def test_any_bytes_give_an_answer(
    parts: list[bytes], tail: bytes, request_: Request, echoes: bool
) -> None:
    found = find_reply(request_, b"".join(parts) + tail, echoes)
    if isinstance(found, bytes):
        assert len(found) == request_.reply_bytes - 4
    else:
        assert found is None or isinstance(found, Refusal)


@given(st.binary(max_size=300), st.integers(min_value=1, max_value=247))
def test_what_is_framed_is_found(noise: bytes, address: int) -> None:
    request_ = modbus.read_inputs(address, 16)
    body = bytes([address, 2, 2, 0, 1])
    heard = noise + body + modbus.crc(body)
    # Noise may by chance hold a whole reply of its own, but never hides one.
    assert find_reply(request_, heard) is not None
