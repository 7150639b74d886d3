"""Where pictures come from: a video device of the kernel, or a program that writes JPEG pictures.

Either way a thread takes each picture as it comes and keeps the newest only: what waits in a
buffer is a visitor who has already moved on. Only the newest is turned into a grey image.

`Device` uses OpenCV on Video4Linux, in the order of settings that keeps its buffer short (format,
size, rate, buffers), and takes the camera's JPEG as it is, since decoding it to grey alone takes
half as long. Tried with video files in the place of a camera; not yet with a camera.

`Program` is for what no video device shows: the ribbon cameras of a Raspberry Pi, by libcamera's
`rpicam-vid -t 0 -n --codec mjpeg --width 1280 --height 720 --framerate 20 --flush -o -`. Tried with
a program that behaves like it; not yet with a camera.
"""

import contextlib
import errno
import os
import subprocess
import threading
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.core import mjpeg
from edge.drivers.camera.words import Told
from edge.drivers.interfaces import DriverError
from edge.runtime.clock import Clock

Grey = NDArray[np.uint8]
PIXELS_MAX = 4096 * 2304
"""More than any camera of ours has (3840 × 2160); what says that it is larger is damaged."""
READ_BYTES = 256 * 1024
WORDS_BYTES_MAX = 300
V4L2_SELECT_SECONDS = "2"
"""OpenCV's own is 10."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture as it came: `raw` is an array of OpenCV's, or the bytes of a JPEG."""

    raw: NDArray[np.uint8] | bytes
    uptime: float

    def mark(self) -> int:
        """Return what two pictures share only if they are the same."""
        raw = self.raw if isinstance(self.raw, bytes) else np.ascontiguousarray(self.raw[::8]).data
        return zlib.crc32(raw)

    def grey(self) -> Grey | None:
        """Return the picture in shades of grey, height × width; None if it is damaged."""
        if isinstance(self.raw, bytes):
            return _from_jpeg(np.frombuffer(self.raw, np.uint8))
        match self.raw.shape:
            case (1, _) | (_,) | (_, 1):
                return _from_jpeg(self.raw.reshape(-1))
            case (_, _):
                return self.raw
            case (_, _, 2):
                return np.ascontiguousarray(self.raw[:, :, 0])  # YUYV: every first byte is light.
            case (_, _, 3):
                return np.asarray(cv2.cvtColor(self.raw, cv2.COLOR_BGR2GRAY), np.uint8)
            case _:
                return None


def _from_jpeg(raw: NDArray[np.uint8]) -> Grey | None:
    if not 0 < mjpeg.pixels(raw.tobytes()) <= PIXELS_MAX:
        return None
    try:
        # None for what is no picture, whatever the types say.
        made: object = cv2.imdecode(raw, cv2.IMREAD_GRAYSCALE)
    except cv2.error:
        return None
    return np.asarray(made, np.uint8) if made is not None else None


class Source(Protocol):
    def newest(self, seconds: float) -> Picture | None:
        """Wait up to `seconds` for a picture newer than the last; raise DriverError if it ended."""

    @property
    def damaged(self) -> int:
        """How many pictures broke off, since the beginning."""

    def close(self) -> None:
        """Let go of the camera; never raises."""


class _Newest:
    """The newest picture, or why there is none any more."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._picture: Picture | None = None
        self._ended: str | None = None

    def put(self, raw: NDArray[np.uint8] | bytes) -> None:
        uptime = self._clock.now().uptime
        with self._changed:
            self._picture = Picture(raw, uptime)
            self._changed.notify()

    def end(self, why: str) -> None:
        with self._changed:
            self._ended = why
            self._changed.notify()

    def take(self, seconds: float) -> Picture | None:
        with self._changed:
            self._changed.wait_for(lambda: self._picture or self._ended is not None, seconds)
            picture, self._picture = self._picture, None
            if picture is None and self._ended is not None:
                raise DriverError(self._ended)
            return picture


class Device:
    """A camera of Video4Linux; `opens` makes OpenCV's capture of the path."""

    damaged = 0

    def __init__(
        self, told: Told, clock: Clock, opens: Callable[[str], cv2.VideoCapture] | None = None
    ) -> None:
        self._name = told.name
        if opens is None:
            _check(told.path)
            opens = _opened
        self._capture = opens(told.path)
        if not self._capture.isOpened():
            raise DriverError(
                f"{told.path} gives no pictures; it may be in use, or no camera: use the first "
                "device of its port, …-video-index0"
            )
        _set_up(self._capture, told)
        self._newest, self._stopping = _Newest(clock), False
        self._thread = threading.Thread(target=self._grab, name="camera", daemon=True)
        self._thread.start()

    def newest(self, seconds: float) -> Picture | None:
        return self._newest.take(seconds)

    def close(self) -> None:
        self._stopping = True
        self._thread.join(timeout=1.0)  # One that hangs in the kernel is ended with the process.
        if not self._thread.is_alive():
            self._capture.release()

    def _grab(self) -> None:
        while not self._stopping:
            with contextlib.suppress(cv2.error):
                good, raw = self._capture.read()
                if good:
                    self._newest.put(np.asarray(raw, np.uint8))
                    continue
            self._newest.end(f"{self._name} gives no more pictures; plug it in again")
            return


def _check(path: str) -> None:
    """Say better than OpenCV why a device cannot be opened."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC))
    except OSError as error:
        match error.errno:
            case errno.ENOENT | errno.ENODEV | errno.ENXIO:
                why = "is not there; plug the camera in, or correct its path"
            case errno.EACCES | errno.EPERM:
                why = "may not be opened; give this user the group that owns it"
            case errno.EBUSY:
                why = "is in use; stop the other program that shows it"
            case _:
                why = f"could not be opened: {error.strerror}; correct its path"
        raise DriverError(f"{path} {why}") from None


def _opened(path: str) -> cv2.VideoCapture:
    os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", V4L2_SELECT_SECONDS)
    return cv2.VideoCapture(path, cv2.CAP_V4L2)


def _set_up(capture: cv2.VideoCapture, told: Told) -> None:
    """Ask for what was told; a camera that cannot do it takes what is nearest."""
    fourcc = cv2.VideoWriter.fourcc(*"MJPG")
    settings: list[tuple[int, float]] = [
        (cv2.CAP_PROP_FOURCC, fourcc),
        (cv2.CAP_PROP_FRAME_WIDTH, told.width),
        (cv2.CAP_PROP_FRAME_HEIGHT, told.height),
        (cv2.CAP_PROP_FPS, told.pictures_per_second),
        (cv2.CAP_PROP_BUFFERSIZE, 1),
        (cv2.CAP_PROP_CONVERT_RGB, 0),
    ]
    if told.exposure is not None:  # 1: by hand, as V4L2 counts.
        settings += [(cv2.CAP_PROP_AUTO_EXPOSURE, 1), (cv2.CAP_PROP_EXPOSURE, told.exposure)]
    if told.focus is not None:
        settings += [(cv2.CAP_PROP_AUTOFOCUS, 0), (cv2.CAP_PROP_FOCUS, told.focus)]
    for what, value in settings:
        capture.set(what, value)


class Program:
    """A program that writes JPEG pictures to its standard output."""

    def __init__(self, told: Told, clock: Clock) -> None:
        self._name = told.name
        try:
            self._process = subprocess.Popen(
                told.command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
            )
        except OSError as error:
            raise DriverError(
                f"{self._name} could not be started ({error.strerror}); install it, or correct "
                "the camera's command"
            ) from None
        self._newest, self._stream, self._last_words = _Newest(clock), mjpeg.Stream(), b""
        self._threads = [
            threading.Thread(target=work, name=name, daemon=True)
            for work, name in ((self._read, "camera"), (self._hear, "camera-words"))
        ]
        for thread in self._threads:
            thread.start()

    @property
    def damaged(self) -> int:
        return self._stream.damaged

    def newest(self, seconds: float) -> Picture | None:
        return self._newest.take(seconds)

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        for thread in self._threads:
            thread.join(timeout=1.0)

    def _read(self) -> None:
        out = self._process.stdout
        while out and (piece := out.read(READ_BYTES)):
            self._stream, pictures = mjpeg.step(self._stream, piece)
            if pictures:
                self._newest.put(pictures[-1])
        self._process.wait()
        self._threads[1].join(timeout=1.0)
        words = " ".join(self._last_words.decode(errors="replace").split())
        said = f", saying: {words}" if words else ""
        self._newest.end(f"{self._name} has ended{said}; plug it in again")

    def _hear(self) -> None:
        """Keep the last of what it says; a pipe that nobody reads would stop it."""
        said = self._process.stderr
        while said and (piece := said.read(4096)):
            self._last_words = (self._last_words + piece)[-WORDS_BYTES_MAX:]


def open_source(told: Told, clock: Clock) -> Source:
    """Open the camera; raise DriverError."""
    if told.command:
        return Program(told, clock)
    return Device(told, clock)


def keep(grey: Grey, path: str) -> None:
    """Write a picture as PNG, for whoever aims the camera; raise DriverError."""
    made, png = cv2.imencode(".png", grey)
    try:
        Path(path).write_bytes(png.tobytes() if made else b"")
    except OSError as error:
        raise DriverError(f"{path} could not be written: {error.strerror}") from None
