"""What gate and kiosk are told of their readers: `reader = [{ kind = … }]`, read by the catalog."""

from typing import Annotated, Literal

import msgspec

from edge.drivers.camera.words import Symbology, Told

Baud = Annotated[int, msgspec.Meta(ge=300, le=4_000_000)]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]


class _Reader(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind"):
    pass


class SerialReaderConfig(_Reader, frozen=True, tag="serial"):
    """A scanner on a serial line: kind = "serial", path = "/dev/gatehouse/scanner-1"."""

    path: str
    baud: Baud = 9600
    framing: Annotated[str, msgspec.Meta(pattern="^(line|grow)$")] = "line"
    """line: CR, LF, CRLF or a pause end a code; grow: the "7E 00" family, framed."""
    idle_gap_seconds: Annotated[float, msgspec.Meta(ge=0.0, le=2.0)] = 0.05


class KeyboardReaderConfig(_Reader, frozen=True, tag="keyboard"):
    """A scanner that types: path = "/dev/input/by-path/…-event-kbd"."""

    path: str


class CameraReaderConfig(_Reader, frozen=True, tag="camera"):
    """A camera: kind = "camera", path = "/dev/v4l/by-path/…-video-index0"; or `command`, a program
    that writes JPEG pictures to its standard output, as rpicam-vid does for a ribbon camera."""

    path: Text | None = None
    command: Annotated[tuple[Text, ...], msgspec.Meta(max_length=40)] = ()
    width: Annotated[int, msgspec.Meta(ge=160, le=3840)] = 1280
    height: Annotated[int, msgspec.Meta(ge=120, le=2160)] = 720
    pictures_per_second: Annotated[int, msgspec.Meta(ge=1, le=60)] = 20
    """What the camera is asked for; a command says it by itself."""
    decoder: Literal["zxing", "zbar"] = "zxing"
    symbologies: Annotated[tuple[Symbology, ...], msgspec.Meta(min_length=1)] = ("qr",)
    """Each further one makes looking slower; zbar reads QR codes only."""
    exposure: int | None = None
    """By hand, in the camera's own unit (V4L2: 100 µs); left out, the camera chooses."""
    focus: int | None = None
    """By hand, in the camera's own unit; a fixed focus is quicker than one that searches."""

    def __post_init__(self) -> None:
        if (self.path is None) == (not self.command):
            raise ValueError("path or command is needed, and not both")
        if self.decoder == "zbar" and self.symbologies != ("qr",):
            raise ValueError('zbar reads QR codes only; leave symbologies out, or use "zxing"')

    def told(self, picture: str = "") -> Told:
        """Return what the process that watches it is told."""
        return Told(
            *(self.path or "", self.command, self.width, self.height, self.pictures_per_second),
            *(self.decoder, self.symbologies, self.exposure, self.focus),
            picture=picture,
        )


class SimulatedReaderConfig(_Reader, frozen=True, tag="simulated"):
    pass


ReaderConfig = (
    SerialReaderConfig | KeyboardReaderConfig | CameraReaderConfig | SimulatedReaderConfig
)
