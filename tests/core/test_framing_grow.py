"""The Grow family: vectors of its makers, codes among answers, settings and heartbeat."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.framing import CODE_BYTES_MAX, Dead, GrowFraming, Output, Read, Ready, Send
from edge.core.framing_grow import (
    FRAME_SILENCE_SECONDS,
    REPLY_SECONDS,
    GrowState,
    begin_grow,
    step_grow,
)
from edge.core.grow_command import Order, command, crc16

ACKNOWLEDGED = bytes.fromhex("02000001003331")
ALIVE = bytes.fromhex("03000001003331")
READ_03 = command(Order.READ, 0x03, b"\x02")
READ_60 = command(Order.READ, 0x60, b"\x03")
HEARTBEAT = bytes.fromhex("7E000A01000000301A")
TICKET = b"GH12KLNA4TUOVXW6MRSGE3TSMBRGI4TGNBZ"


def values(*numbers: int) -> bytes:
    body = bytes((0, len(numbers), *numbers))
    return b"\x02\x00" + body + crc16(body)


def framed(code: bytes) -> bytes:
    return b"\x03" + len(code).to_bytes(2, "big") + code


def feed(state: GrowState, *pieces: bytes, uptime: float = 100.0) -> tuple[GrowState, list[Output]]:
    outputs: list[Output] = []
    for piece in pieces:
        state, came = step_grow(state, piece, uptime)
        outputs += came
    return state, outputs


def codes_of(outputs: list[Output]) -> list[bytes]:
    return [output.data for output in outputs if isinstance(output, Read)]


def opened(framing: GrowFraming | None = None) -> GrowState:
    state, outputs = begin_grow(framing or GrowFraming(), 100.0)
    assert outputs == (Send(READ_03),)
    return state


def settled() -> GrowState:
    """A scanner found with the settings that we want."""
    state, outputs = feed(opened(), values(0x02, 0x87), values(0x81, 0, 0))
    assert outputs == [Send(READ_60), Ready()]
    return state


def wait(state: GrowState) -> tuple[GrowState, list[Output], float]:
    """Let the line be silent until the next deadline that means something."""
    for _ in range(10):
        assert state.deadline is not None
        uptime = state.deadline
        before = state
        state, outputs = step_grow(state, b"", uptime)
        assert state != before
        if outputs:
            return state, list(outputs), uptime
    raise AssertionError("nothing comes of silence")


@pytest.mark.parametrize(
    ("order", "address", "data", "frame"),
    [
        (Order.READ, 0x2A, "02", "7E 00 07 01 00 2A 02 D8 0F"),
        (Order.WRITE, 0x2A, "39 01", "7E 00 08 02 00 2A 39 01 A7 EA"),
        (Order.WRITE, 0x02, "01", "7E 00 08 01 00 02 01 02 DA"),
        (Order.WRITE, 0x02, "00", "7E 00 08 01 00 02 00 12 FB"),
        (Order.SAVE, 0x00, "00", "7E 00 09 01 00 00 00 DE C8"),
        (Order.WRITE, 0xD9, "50", "7E 00 08 01 00 D9 50 81 D3"),
        (Order.WRITE, 0xD9, "55", "7E 00 08 01 00 D9 55 D1 76"),
        (Order.WRITE, 0xD9, "56", "7E 00 08 01 00 D9 56 E1 15"),
        (Order.WRITE, 0xD9, "A5", "7E 00 08 01 00 D9 A5 3E 69"),
        (Order.WRITE, 0xD9, "00", "7E 00 08 01 00 D9 00 DB 26"),
        (Order.HEARTBEAT, 0x00, "00", "7E 00 0A 01 00 00 00 30 1A"),
    ],
)
def test_commands_are_those_of_the_manuals(
    order: Order, address: int, data: str, frame: str
) -> None:
    assert command(order, address, bytes.fromhex(data)) == bytes.fromhex(frame)


@pytest.mark.parametrize(
    "answer", ["02 00 00 02 39 01 C1 4C", "02 00 00 01 00 33 31", "02 00 01 01 00 04 01"]
)
def test_answers_of_the_manuals_carry_the_same_crc(answer: str) -> None:
    frame = bytes.fromhex(answer)
    assert crc16(frame[2:-2]) == frame[-2:]


def test_factory_settings_are_written_and_read_back() -> None:
    state, outputs = feed(opened(), values(0x00, 0x87))
    assert outputs == [Send(command(Order.WRITE, 0x03, b"\x02"))]
    state, outputs = feed(state, ACKNOWLEDGED)
    assert outputs == [Send(READ_03)]
    state, outputs = feed(state, values(0x02, 0x87))
    assert outputs == [Send(READ_60)]
    state, outputs = feed(state, values(0x01, 0, 0))
    assert outputs == [Send(command(Order.WRITE, 0x60, b"\x81"))]
    state, outputs = feed(state, ACKNOWLEDGED)
    assert outputs == [Send(READ_60)]
    state, outputs = feed(state, values(0x81, 0, 0))
    assert outputs == [Ready()]
    assert state.framed


def test_a_write_that_does_not_read_back_is_never_believed() -> None:
    state = opened()
    for _ in range(3):
        state, outputs = feed(state, values(0x00, 0x87), ACKNOWLEDGED)
        assert Ready() not in outputs
    state, outputs = feed(state, values(0x00, 0x87))
    assert [type(output) for output in outputs] == [Dead]
    assert not state.settled


def test_a_late_answer_is_not_taken_for_that_of_the_next_question() -> None:
    state, outputs, uptime = wait(opened())
    assert outputs == [Send(READ_03)]
    state, outputs = feed(state, values(0x02, 0x87), values(0x02, 0x87), uptime=uptime)
    assert outputs == [Send(READ_60)]
    state, outputs = feed(state, ACKNOWLEDGED, uptime=uptime)
    assert outputs == []


def test_a_scanner_that_never_answers_is_dead_after_three_questions() -> None:
    state, outputs, uptime = wait(opened())
    assert (outputs, uptime) == ([Send(READ_03)], 100.0 + REPLY_SECONDS)
    state, outputs, uptime = wait(state)
    assert outputs == [Send(READ_03)]
    state, outputs, _ = wait(state)
    assert [type(output) for output in outputs] == [Dead]


def test_an_error_answer_is_asked_again_at_once() -> None:
    crc_wrong = bytes.fromhex("02000101000401")
    state, outputs = feed(opened(), crc_wrong, crc_wrong)
    assert outputs == [Send(READ_03), Send(READ_03)]
    _, outputs = feed(state, crc_wrong)
    assert [type(output) for output in outputs] == [Dead]


def test_framed_codes_come_whole_wherever_they_are_split() -> None:
    lookalikes = [TICKET, ACKNOWLEDGED, ALIVE, b"\r\n", b"\x00\x1b", b"\x7e\x00", b"\x03\x00\x01A"]
    stream = b"".join(framed(code) for code in lookalikes[:3]) + ACKNOWLEDGED + ALIVE
    stream += b"".join(framed(code) for code in lookalikes[3:])
    for first in range(1, len(stream)):
        for second in range(first, len(stream)):
            pieces = [stream[:first], stream[first:second], stream[second:]]
            state, outputs = feed(settled(), *(piece for piece in pieces if piece))
            assert codes_of(outputs) == lookalikes, (first, second)
            assert not state.frame


def test_an_answer_is_taken_out_from_before_a_bare_code() -> None:
    stream = ACKNOWLEDGED + TICKET + b"\r" + ALIVE + b"SECOND\r\n" + ACKNOWLEDGED
    for cut in range(1, len(stream)):
        _, outputs = feed(opened(), stream[:cut], stream[cut:])
        assert codes_of(outputs) == [TICKET, b"SECOND"], cut


def test_a_bare_code_that_begins_like_an_answer_is_still_a_code() -> None:
    state, outputs = feed(opened(), b"\x02\x00\x00\x01\x00AB\r")
    assert codes_of(outputs) == [b"\x02\x00\x00\x01\x00AB"]
    state, outputs = feed(opened(), b"\x02\x00")
    state, outputs, _ = wait(state)
    assert codes_of(outputs) == [b"\x02\x00"]


def test_a_framed_code_of_2900_bytes_comes_whole() -> None:
    code = bytes(place * 7 % 256 for place in range(2900))
    stream = framed(code)
    pieces = [stream[place : place + 64] for place in range(0, len(stream), 64)]
    assert codes_of(feed(settled(), *pieces)[1]) == [code]


def test_a_longer_frame_is_delivered_once_cut_and_the_next_one_whole() -> None:
    stream = framed(b"\x07" * 5000) + framed(TICKET)
    pieces = [stream[place : place + 500] for place in range(0, len(stream), 500)]
    assert codes_of(feed(settled(), *pieces)[1]) == [b"\x07" * CODE_BYTES_MAX, TICKET]


def test_half_a_frame_is_thrown_away_when_its_rest_does_not_come() -> None:
    state, outputs = feed(settled(), framed(TICKET)[:12])
    assert outputs == []
    assert state.deadline == pytest.approx(100.0 + FRAME_SILENCE_SECONDS)
    state, nothing = step_grow(state, b"", 100.0 + FRAME_SILENCE_SECONDS)
    assert nothing == ()
    assert codes_of(feed(state, framed(TICKET), uptime=101.0)[1]) == [TICKET]


def test_noise_between_frames_is_no_code() -> None:
    _, outputs = feed(settled(), b"\x00\xff\x00", framed(TICKET), b"\xff")
    assert outputs == [Read(TICKET, 100.0, 100.0)]


def test_a_tail_behind_a_frame_is_no_empty_code() -> None:
    _, outputs = feed(settled(), framed(TICKET) + b"\r\n" + framed(b"SECOND") + b"\r\n")
    assert codes_of(outputs) == [TICKET, b"SECOND"]


def test_a_code_that_comes_bare_makes_us_look_at_the_settings_again() -> None:
    state, outputs = feed(settled(), TICKET + b"\r")
    assert outputs == [Read(TICKET, 100.0, 100.0), Send(READ_03)]
    assert not state.framed


def test_a_heartbeat_every_ten_seconds_and_three_misses_are_death() -> None:
    state, outputs, uptime = wait(settled())
    assert (outputs, uptime) == ([Send(HEARTBEAT)], 110.0)
    state, outputs = feed(state, ALIVE[:3], ALIVE[3:], uptime=110.1)
    assert outputs == []
    for due in (120.0, 130.0, 140.0):
        state, outputs, uptime = wait(state)
        assert (outputs, uptime) == ([Send(HEARTBEAT)], due)
    state, outputs, uptime = wait(state)
    assert [type(output) for output in outputs] == [Dead]
    assert uptime == pytest.approx(140.0 + REPLY_SECONDS)


def test_a_code_is_a_sign_of_life_too() -> None:
    state = settled()
    for due in (110.0, 120.0, 130.0, 140.0, 150.0):
        state, outputs, uptime = wait(state)
        assert (outputs, uptime) == ([Send(HEARTBEAT)], due)
        state, outputs = feed(state, framed(TICKET), uptime=uptime)
        assert codes_of(outputs) == [TICKET]


def test_a_model_without_heartbeat_says_so_and_lives() -> None:
    state = settled()
    for _ in range(5):
        state, outputs, uptime = wait(state)
        assert outputs == [Send(HEARTBEAT)]
        state, outputs = feed(state, bytes.fromhex("02000301006A61"), uptime=uptime)
        assert outputs == []


def test_the_settings_are_looked_at_again_every_minute() -> None:
    state, uptime = settled(), 100.0
    for _ in range(5):
        state, outputs, uptime = wait(state)
        assert outputs == [Send(HEARTBEAT)]
        state, outputs = feed(state, ALIVE, uptime=uptime)
    state, outputs, uptime = wait(state)
    assert (outputs, uptime) == ([Send(READ_03)], 160.0)
    state, outputs = feed(state, values(0x00, 0x87), uptime=uptime)
    assert outputs == [Send(command(Order.WRITE, 0x03, b"\x02"))]


def test_nothing_is_asked_that_is_not_wanted() -> None:
    framing = GrowFraming(framed_output=False, setup_codes_disabled=False)
    state, outputs = begin_grow(framing, 100.0)
    assert outputs == (Ready(),)
    assert codes_of(feed(state, TICKET + b"\r")[1]) == [TICKET]


TELLING = st.sampled_from(
    [
        ACKNOWLEDGED,
        ALIVE,
        framed(TICKET),
        values(2, 0),
        values(0x81, 0, 0),
        b"\x02",
        b"\x03\x00",
        b"\r",
    ]
)


@given(st.lists(st.one_of(TELLING, st.binary(min_size=1, max_size=12), st.just(b"")), max_size=30))
def test_whatever_comes_time_goes_on_and_a_ticket_is_read_after_it(pieces: list[bytes]) -> None:
    state, uptime = settled(), 100.0
    for piece in pieces:
        assert state.deadline is not None
        uptime = uptime + 0.01 if piece else max(state.deadline, uptime)
        state, outputs = step_grow(state, piece, uptime)
        if any(isinstance(output, Dead) for output in outputs):
            return
    for _ in range(3):
        uptime += FRAME_SILENCE_SECONDS
        state, outputs = step_grow(state, b"", uptime)
    assert state.deadline is not None
    assert state.deadline > uptime
    state, outputs = step_grow(state, framed(TICKET), uptime)
    assert codes_of(list(outputs)) == [TICKET]
