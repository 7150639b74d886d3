"""A stream of JPEG pictures, one after the other, split into pictures.

That is what `rpicam-vid --codec mjpeg -o -` writes, and most programs that can show a camera:
no container, no lengths. A picture goes from SOI to EOI; before its scan come segments that say
how long they are (a thumbnail in one of them has markers of its own), and within the scan 0xFF is
always followed by 0x00 or a restart marker (ITU-T T.81, B.1.1). A picture that breaks off where
another begins is thrown away, and so is whatever stands between two.
"""

from dataclasses import dataclass, replace

PICTURE_BYTES_MAX = 8 * 1024 * 1024
"""More than any camera makes of a picture of ours; what is longer is none."""
SOI, EOI = b"\xff\xd8", b"\xff\xd9"
SOS = 0xDA
ALONE = (0x01, *range(0xD0, 0xD8))
"""Markers without a segment: TEM and the restart markers."""
FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""SOF0 to SOF15: they say how large the picture is."""


@dataclass(frozen=True, slots=True)
class Stream:
    """What has come of the picture that is under way; `looked`: up to where it was looked at."""

    rest: bytes = b""
    looked: int = 0
    in_scan: bool = False
    damaged: int = 0
    """Pictures that broke off, since the beginning."""


def step(stream: Stream, piece: bytes) -> tuple[Stream, tuple[bytes, ...]]:
    """Take more bytes; return the pictures that they complete."""
    state = replace(stream, rest=stream.rest + piece)
    pictures = list[bytes]()
    while True:
        state, picture = _next(state)
        if picture is None:
            return state, tuple(pictures)
        if picture:
            pictures.append(picture)


def pixels(picture: bytes) -> int:
    """Return how many pixels a picture says that it has; 0 if it does not say.

    Whoever decodes it takes memory for so many before any damage is seen.
    """
    at = len(SOI)
    while len(picture) >= at + 9 and picture[at] == 0xFF:
        marker = picture[at + 1]
        if marker in (0xFF, *ALONE):
            at += 1 if marker == 0xFF else 2
        elif marker in FRAMES:
            height, width = picture[at + 5 : at + 7], picture[at + 7 : at + 9]
            return int.from_bytes(height, "big") * int.from_bytes(width, "big")
        else:
            at += 2 + int.from_bytes(picture[at + 2 : at + 4], "big")
    return 0


def _next(state: Stream) -> tuple[Stream, bytes | None]:
    """Return the next picture; b"": something was thrown away; None: wait for more bytes."""
    rest, at = state.rest, state.looked
    if not rest.startswith(SOI):
        return _begin(state)
    if state.in_scan:
        return _scan(state)
    if len(rest) > PICTURE_BYTES_MAX:
        return _broken(state, len(SOI))
    at = at or len(SOI)
    while len(rest) >= at + 4:
        marker = rest[at + 1]
        if rest[at] != 0xFF or marker in (0xD8, 0xD9, 0x00):
            return _broken(state, at)
        if marker in (0xFF, *ALONE):
            at += 1 if marker == 0xFF else 2  # 0xFF may be repeated before a marker.
            continue
        at += 2 + int.from_bytes(rest[at + 2 : at + 4], "big")
        if marker == SOS:
            return _scan(replace(state, looked=at, in_scan=True))
    return replace(state, looked=at), None


def _begin(state: Stream) -> tuple[Stream, bytes | None]:
    """Throw away what stands before a picture."""
    found = state.rest.find(SOI)
    if found < 0:
        half = state.rest[-1:] if state.rest.endswith(SOI[:1]) else b""
        return _from(state, half), None
    return _from(state, state.rest[found:]), b""


def _from(state: Stream, rest: bytes) -> Stream:
    return Stream(rest, damaged=state.damaged)


def _scan(state: Stream) -> tuple[Stream, bytes | None]:
    """Look for the end of the picture's scan, or for what cannot be in it."""
    rest, at = state.rest, state.looked
    while (at := rest.find(b"\xff", at)) >= 0 and at + 1 < len(rest):
        marker = rest[at + 1]
        if marker == EOI[1]:
            end = at + len(EOI)
            return _from(state, rest[end:]), rest[:end]
        if marker == SOI[1]:
            return _broken(state, at)
        at += 1
    if len(rest) > PICTURE_BYTES_MAX:
        return _broken(state, len(SOI))
    looked = at if at >= 0 else max(len(rest), state.looked)
    return replace(state, looked=looked), None


def _broken(state: Stream, at: int) -> tuple[Stream, bytes | None]:
    """Throw away the picture up to `at`."""
    return Stream(state.rest[at:], damaged=state.damaged + 1), b""
