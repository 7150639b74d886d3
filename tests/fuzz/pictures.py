"""Harnesses of a camera: a stream of JPEG pictures, and what is said to be one.

A stream is a story of pieces. Whatever comes, a picture is some of what came, whole from its first
marker to its last, and little more than one is kept. A picture becomes shades of grey or nothing.
"""

import io

from PIL import Image

from edge.core import mjpeg
from edge.drivers.camera.source import PIXELS_MAX, Picture
from tests.fuzz.harness import Harness, Taken


def stream(data: bytes) -> bool:
    """A program that writes pictures."""
    taken, state, came, through = Taken(data), mjpeg.Stream(), b"", 0
    while taken:
        piece = taken.some(taken.number(2))
        came += piece
        state, pictures = mjpeg.step(state, piece)
        for picture in pictures:
            assert picture in came
            assert picture.startswith(mjpeg.SOI)
            assert picture.endswith(mjpeg.EOI)
        assert state.rest in came
        through += len(pictures)
    return through > 1


def picture(data: bytes) -> bool:
    """One picture, of which nobody says that it is one."""
    grey = Picture(data, 0.0).grey()
    if grey is None:
        return False
    assert grey.ndim == 2
    assert grey.size <= PIXELS_MAX
    return True


def _jpeg(width: int, **how: bool) -> bytes:
    made = io.BytesIO()
    Image.linear_gradient("L").resize((width, 24)).save(made, "JPEG", quality=30, **how)
    return made.getvalue()


def _piece(content: bytes) -> bytes:
    return len(content).to_bytes(2, "big") + content


def _streams() -> list[bytes]:
    one, two = _jpeg(32), _jpeg(40, progressive=True)
    return [
        _piece(one) + _piece(two),
        _piece(b"dirt\xff" + one[:300]) + _piece(one[300:] + two),
        _piece(one[: len(one) // 2]) + _piece(two + one),
    ]


HARNESSES = (
    Harness("pictures", stream, _streams),
    Harness("picture", picture, lambda: [_jpeg(32), _jpeg(40, progressive=True)]),
)
