"""What the process that watches a camera is told, and what it says to whoever started it.

It is told once, as JSON on its command line. What it says comes on its standard output: four bytes
of length, most significant first, and a struct in MessagePack. Pictures never leave it, but for
one that is asked for while a camera is being aimed.
"""

from typing import Annotated, Literal

import msgspec

from edge.core.sighting import AGAIN_SECONDS, APART_SECONDS, AWAY_SECONDS, Pace

FRAME_BYTES_MAX = 64 * 1024
"""More than any code holds, with room for what stands around it."""
SILENT_SECONDS_MAX = 5.0
"""It speaks twice a second; silent for so long, it hangs."""
BEGIN_SECONDS_MAX = 20.0
"""As long as libraries, a camera and its first picture may take on a slow card."""

Symbology = Literal["qr", "aztec", "data_matrix", "pdf417"]


class Told(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which camera, and how it is to be watched; see `CameraReaderConfig`."""

    path: str = ""
    command: tuple[str, ...] = ()
    width: int = 1280
    height: int = 720
    pictures_per_second: int = 20
    decoder: Literal["zxing", "zbar"] = "zxing"
    symbologies: tuple[Symbology, ...] = ("qr",)
    exposure: int | None = None
    focus: int | None = None
    away_seconds: float = AWAY_SECONDS
    again_seconds: float = AGAIN_SECONDS
    apart_seconds: float = APART_SECONDS
    picture: str = ""
    """Where one picture is to be kept, as PNG; nowhere, unless a camera is being aimed."""

    @property
    def pace(self) -> Pace:
        return Pace(self.away_seconds, self.again_seconds, self.apart_seconds)

    @property
    def name(self) -> str:
        """Return how the camera is called in a sentence."""
        return self.path or f"the camera of {self.command[0]}"


class Seen(msgspec.Struct, frozen=True, tag="seen"):
    """A code to be judged. Uptimes: when the picture came, and when it had been read."""

    data: Annotated[bytes, msgspec.Meta(max_length=8192)]
    taken_uptime: float
    read_uptime: float


class Look(msgspec.Struct, frozen=True, tag="look"):
    """How the camera does, twice a second; counted since the look before."""

    pictures: int
    damaged: int
    width: int
    height: int
    brightness: float
    """Mean of the last picture, 0 to 255."""
    sharpness: float
    """Variance of the Laplacian in its middle; only good to be compared with itself."""
    decode_seconds: float
    """Mean time to look for codes in one picture."""
    module_pixels: float
    """How large a module of the last code was, 0 where none was read."""
    seconds: float
    """How long it counted."""


class Fault(msgspec.Struct, frozen=True, tag="fault"):
    """Why it gives up: a sentence that names the camera and says what to do."""

    why: str


Word = Seen | Look | Fault
_DECODER = msgspec.msgpack.Decoder(Word)


def framed(word: Word) -> bytes:
    body = msgspec.msgpack.encode(word)
    return len(body).to_bytes(4, "big") + body


def unframed(body: bytes) -> Word:
    """Return what `body`, without its length, says; raise ValueError if it is none of our words."""
    word: Word = _DECODER.decode(body)
    return word
