"""A stream of JPEG pictures comes apart into pictures, however it is cut, torn or soiled."""

import io
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from edge.core import mjpeg
from edge.core.mjpeg import EOI, PICTURE_BYTES_MAX, SOI, Stream


def jpeg(width: int, **how: bool | bytes) -> bytes:
    made, chance = io.BytesIO(), random.Random(width)
    picture = Image.frombytes("L", (width, 40), chance.randbytes(width * 40))
    picture.save(made, "JPEG", quality=90, **how)
    return made.getvalue()


THUMBNAIL = b"Exif\0\0" + jpeg(16)
PLAIN, PROGRESSIVE, RESTARTING = jpeg(64), jpeg(96, progressive=True), jpeg(128)
WITH_THUMBNAIL = jpeg(80, exif=THUMBNAIL)
AFTER = PLAIN * (0xFFFF // len(PLAIN) + 2)
"""More than any segment can be long."""
PICTURES = (PLAIN, PROGRESSIVE, WITH_THUMBNAIL, RESTARTING)


def split(content: bytes, sizes: list[int]) -> tuple[Stream, list[bytes]]:
    """Feed `content` in pieces of these sizes, in turn."""
    stream, pictures, at, number = Stream(), list[bytes](), 0, 0
    while at < len(content):
        size = sizes[number % len(sizes)]
        stream, more = mjpeg.step(stream, content[at : at + size])
        pictures += more
        at, number = at + size, number + 1
    return stream, pictures


@given(st.lists(st.integers(1, 3000), min_size=1, max_size=8))
def test_however_the_stream_is_cut_the_same_pictures_come_of_it(sizes: list[int]) -> None:
    stream, pictures = split(b"".join(PICTURES), sizes)
    assert pictures == list(PICTURES)
    assert stream == Stream()


@given(st.binary(max_size=200), st.integers(2, len(PLAIN) - 1), st.integers(100, 5000))
def test_a_torn_picture_takes_none_of_its_neighbours_along(
    dirt: bytes, torn_at: int, size: int
) -> None:
    dirt = dirt.replace(b"\xff", b"")
    content = PLAIN + dirt + RESTARTING + PLAIN[:torn_at] + WITH_THUMBNAIL + dirt + AFTER
    stream, pictures = split(content, [size])
    assert pictures[:2] == [PLAIN, RESTARTING]
    # Torn within a segment, it eats as much of what follows as the segment still lacks.
    assert pictures[-1] == PLAIN
    assert stream.damaged <= 3
    assert all(picture.startswith(SOI) and picture.endswith(EOI) for picture in pictures)


@pytest.mark.parametrize("torn_at", [len(PLAIN) // 2, len(PLAIN) - 2])
def test_a_picture_that_breaks_off_in_its_scan_is_thrown_away_and_counted(torn_at: int) -> None:
    stream, pictures = split(PLAIN[:torn_at] + RESTARTING, [100])
    assert pictures == [RESTARTING]
    assert stream.damaged == 1


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_any_bytes_give_pictures_or_none_and_little_is_kept(pieces: list[bytes]) -> None:
    stream = Stream()
    for piece in pieces:
        stream, pictures = mjpeg.step(stream, piece)
        assert all(picture.startswith(SOI) and picture.endswith(EOI) for picture in pictures)
    assert len(stream.rest) <= sum(map(len, pieces))


def test_a_picture_without_an_end_is_given_up() -> None:
    stream, endless = Stream(), PLAIN[: -len(EOI)]
    stream, _ = mjpeg.step(stream, endless)
    for _ in range(PICTURE_BYTES_MAX // 500_000 + 2):
        stream, pictures = mjpeg.step(stream, b"\x00" * 500_000)
        assert not pictures
        assert len(stream.rest) <= PICTURE_BYTES_MAX + 500_000
    assert stream.damaged == 1
    stream, pictures = mjpeg.step(stream, PLAIN)
    assert pictures == (PLAIN,)


def test_half_a_marker_at_the_end_of_a_piece_is_not_lost() -> None:
    stream, pictures = mjpeg.step(Stream(), b"dirt\xff")
    assert not pictures
    stream, pictures = mjpeg.step(stream, PLAIN[1:])
    assert pictures == (PLAIN,)


def test_a_picture_says_how_large_it_is_and_dirt_says_nothing() -> None:
    for picture, width in ((PLAIN, 64), (PROGRESSIVE, 96), (WITH_THUMBNAIL, 80)):
        assert mjpeg.pixels(picture) == width * 40
    for dirt in (b"", SOI, SOI + EOI, PLAIN[:20], b"GIF89a" + PLAIN, b"\xff" * 50):
        assert mjpeg.pixels(dirt) == 0


@given(st.binary(max_size=400))
def test_any_bytes_say_a_size_or_none(data: bytes) -> None:
    assert 0 <= mjpeg.pixels(SOI + data) <= 0xFFFF**2
