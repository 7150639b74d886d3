"""Codes out of pieces: the plain line."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.core.framing import (
    CODE_BYTES_MAX,
    EMPTY_QUIET_SECONDS,
    LineFraming,
    LineState,
    Read,
    Ready,
    begin_line,
    step_line,
)

TICKET = b"GH12KLNA4TUOVXW6MRSGE3TSMBRGI4TGNBZ"


def line(framing: LineFraming | None = None) -> LineState:
    state, outputs = begin_line(framing or LineFraming())
    assert outputs == (Ready(),)
    return state


def feed(state: LineState, *pieces: bytes, uptime: float = 100.0) -> tuple[LineState, list[bytes]]:
    codes: list[Read] = []
    for piece in pieces:
        state, read = step_line(state, piece, uptime)
        codes += read
    return state, [code.data for code in codes]


def silence(state: LineState) -> tuple[LineState, list[bytes]]:
    assert state.deadline is not None
    state, codes = step_line(state, b"", state.deadline)
    assert state.deadline is None
    return state, [code.data for code in codes]


@pytest.mark.parametrize("tail", [b"\r", b"\n", b"\r\n"])
def test_each_tail_ends_one_code(tail: bytes) -> None:
    state, codes = feed(line(), TICKET + tail + b"SECOND" + tail)
    assert codes == [TICKET, b"SECOND"]
    assert state.deadline is None


@pytest.mark.parametrize("tail", [b"\r", b"\n", b"\r\n", b"\n\r", b"\r\r"])
def test_every_place_to_split_two_codes_gives_the_same(tail: bytes) -> None:
    stream = TICKET + tail + b"\x00\x1b[A\xff" + tail
    for first in range(len(stream) + 1):
        for second in range(first, len(stream) + 1):
            pieces = (stream[:first], stream[first:second], stream[second:])
            _, codes = feed(line(), *(piece for piece in pieces if piece))
            assert codes == [TICKET, b"\x00\x1b[A\xff"], (first, second)


@given(
    st.lists(st.binary(max_size=40)),
    st.sampled_from([b"\r", b"\n", b"\r\n"]),
    st.lists(st.integers(0, 2000)),
)
def test_pieces_never_matter(codes: list[bytes], tail: bytes, cuts: list[int]) -> None:
    stream = b"".join(code + tail for code in codes)
    places = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    pieces = [stream[a:b] for a, b in itertools.pairwise(places) if a < b]
    whole = feed(line(), *([stream] if stream else []))
    assert feed(line(), *pieces) == whole
    assert b"".join(whole[1]) == stream.replace(b"\r", b"").replace(b"\n", b"")


def test_a_pause_ends_a_code_without_tail_and_its_late_tail_is_not_another() -> None:
    state, codes = feed(line(LineFraming(idle_gap_seconds=0.05)), TICKET[:10], TICKET[10:])
    assert codes == []
    assert state.deadline == pytest.approx(100.05)
    assert step_line(state, b"", 100.049) == (state, ())
    state, codes = silence(state)
    assert codes == [TICKET]
    assert feed(state, b"\r\n", uptime=100.2)[1] == []


def test_without_idle_gap_half_a_code_is_thrown_away_after_a_second() -> None:
    state, _ = feed(line(LineFraming(idle_gap_seconds=0)), TICKET[:10])
    assert state.deadline == pytest.approx(101.0)
    state, codes = silence(state)
    assert codes == []
    assert feed(state, TICKET + b"\r", uptime=105.0)[1] == [TICKET]


def test_bytes_that_waited_behind_a_pause_of_ours_belong_to_the_code() -> None:
    state, _ = feed(line(), TICKET[:10])
    assert feed(state, TICKET[10:] + b"\r", uptime=100.4)[1] == [TICKET]


def test_a_tail_alone_is_an_empty_code_once_in_a_quiet_second() -> None:
    state, codes = feed(line(), b"\r", b"\r", b"\r\n")
    assert codes == [b""]
    state, codes = feed(state, b"\n", uptime=100.0 + EMPTY_QUIET_SECONDS)
    assert codes == [b""]
    state, codes = feed(state, TICKET + b"\r\r\n\n", uptime=200.0)
    assert codes == [TICKET]


def test_the_largest_code_comes_whole_and_a_larger_one_once_cut() -> None:
    largest = b"\x07" * CODE_BYTES_MAX
    assert feed(line(), largest + b"\r")[1] == [largest]
    state, codes = feed(line(), *[b"\x07" * 100] * 60)
    assert codes == [largest]
    assert feed(state, b"\x07\rNEXT\r")[1] == [b"NEXT"]


def test_noise_without_end_is_one_code_until_the_line_is_quiet() -> None:
    state, codes = feed(line(), *[b"\xff" * 1000] * 50)
    assert len(codes) == 1
    state, codes = silence(state)
    assert codes == []
    assert feed(state, TICKET + b"\r", uptime=101.0)[1] == [TICKET]


def test_a_binary_code_of_2900_bytes_needs_another_end_than_a_byte() -> None:
    code = bytes(place % 256 for place in range(2900))
    state, codes = feed(line(LineFraming(terminators=b"")), code[:1000], code[1000:])
    assert codes == []
    assert silence(state)[1] == [code]


def test_first_and_last_byte_have_their_own_times() -> None:
    state, _ = step_line(line(), b"AB", 100.0)
    state, codes = step_line(state, b"C\rD\r", 100.02)
    assert codes == (Read(b"ABC", 100.0, 100.02), Read(b"D", 100.02, 100.02))
    state, _ = step_line(state, b"E", 101.0)
    _, codes = step_line(state, b"", 101.5)
    assert codes == (Read(b"E", 101.0, 101.0),)


def test_tab_can_be_a_terminator() -> None:
    state = line(LineFraming(terminators=b"\t"))
    assert feed(state, b"A\tB\rC\t")[1] == [b"A", b"B\rC"]


def test_a_line_feed_behind_a_return_is_part_of_it_even_alone() -> None:
    state = line(LineFraming(terminators=b"\r"))
    state, codes = feed(state, b"A\r", b"\nB\r")
    assert codes == [b"A", b"B"]
    assert feed(state, b"\nC\r", uptime=900.0)[1] == [b"C"]
