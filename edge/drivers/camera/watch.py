"""The process that watches a camera: `python -m edge.drivers.camera.watch JSON`.

It is a process of its own because looking for codes in the gate's own would stretch a pulse of
100 ms to 600 ms, because a camera's driver can hang in the kernel for good, and because reading
pictures is the one thing at a door that is done by large libraries in C. It ends with whoever
started it, and says why whenever it ends by itself.
"""

import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from edge.core import sighting
from edge.drivers.camera.words import Fault, Look, Seen, Told, Word, framed
from edge.drivers.interfaces import DriverError
from edge.runtime.clock import Clock, SystemClock

if TYPE_CHECKING:
    from edge.drivers.camera.source import Grey

LOOK_SECONDS = 0.5
FIRST_PICTURE_SECONDS = 10.0
NEXT_PICTURE_SECONDS = 2.0
STILL_SECONDS = 2.0
STILL_PICTURES = 5
VARIED_DEVIATION = 4.0
"""Of the light in a picture that shows something, from 0 to 255."""
PR_SET_PDEATHSIG = 1
NICE = 5


def main(argv: list[str]) -> int:
    """Watch until told to end; 1 when it gave up, having said why."""
    told, clock = msgspec.json.decode(argv[0], type=Told), SystemClock()
    _end_with_whoever_started()
    out = sys.stdout.buffer

    def say(word: Word) -> None:
        out.write(framed(word))
        out.flush()

    with contextlib.suppress(BrokenPipeError):
        try:
            _watch(told, clock, say)
        except DriverError as error:
            say(Fault(str(error)))
        except ImportError as missing:
            say(Fault(
                f"{told.name} cannot be watched, since {missing.name or missing} is not installed; "
                "run provisioning/install with --camera"
            ))  # fmt: skip
    # Not `exit`: a thread may hang in the camera's driver, and would be waited for.
    os._exit(1)


def _end_with_whoever_started() -> None:
    parent = os.getppid()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)
    # Somebody's ticket that was read is judged before the next picture is looked at. Where
    # systemd's filter does not allow it, all are alike.
    with contextlib.suppress(OSError):
        os.nice(NICE)


def _watch(told: Told, clock: Clock, say: Callable[[Word], None]) -> None:
    # Here, and not above: a library that is missing is to be said in a sentence.
    import cv2

    from edge.drivers.camera.decoder import open_decoder
    from edge.drivers.camera.source import keep, open_source

    cv2.setNumThreads(1)
    decoder, source = open_decoder(told), open_source(told, clock)
    view, count = sighting.View(told.pace), _Count(clock.now().uptime)
    still, wanted, due = _Still(), told.picture, clock.now().uptime + FIRST_PICTURE_SECONDS
    try:
        while True:
            picture = source.newest(max(due - clock.now().uptime, 0.0))
            grey = picture.grey() if picture else None
            if picture is None or grey is None:
                count.damaged += picture is not None
                if clock.now().uptime >= due:
                    given = "damaged pictures" if count.damaged or source.damaged else "no picture"
                    raise DriverError(f"{told.name} gives {given}; look to its cable")
                continue
            if wanted:
                keep(grey, wanted)
                wanted = ""
            if still.look(picture.mark(), picture.uptime) and _varied(grey):
                raise DriverError(
                    f"{told.name} has shown one and the same picture for {STILL_SECONDS:g} s; "
                    "plug it in again"
                )
            began = clock.now().uptime
            found = decoder.find(grey)
            now = clock.now().uptime
            due = now + NEXT_PICTURE_SECONDS
            view, code = sighting.step(view, found.sightings, picture.uptime)
            if code is not None:
                say(Seen(code, picture.uptime, now))
            count.add(now - began, found.module_pixels)
            if now - count.since >= LOOK_SECONDS:
                middle = grey[grey.shape[0] // 4 :: 2, grey.shape[1] // 4 :: 2]
                sharpness = cv2.meanStdDev(cv2.Laplacian(middle, cv2.CV_32F))[1][0, 0] ** 2
                say(count.told(now, grey.shape, cv2.mean(grey)[0], sharpness, source.damaged))
                count = _Count(now, broken_before=source.damaged)
    finally:
        source.close()


def _varied(grey: "Grey") -> bool:
    """Whether there is anything to see; the dark, or a wall, may well look the same for long."""
    import cv2

    return float(cv2.meanStdDev(grey)[1][0, 0]) >= VARIED_DEVIATION


@dataclass(slots=True)
class _Count:
    """What is counted from one look to the next."""

    since: float
    broken_before: int = 0
    pictures: int = 0
    damaged: int = 0
    seconds: list[float] = field(default_factory=list)
    module_pixels: float = 0.0

    def add(self, seconds: float, module_pixels: float) -> None:
        self.pictures += 1
        self.seconds.append(seconds)
        self.module_pixels = module_pixels or self.module_pixels

    def told(
        self, now: float, shape: tuple[int, ...], brightness: float, sharpness: float, broken: int
    ) -> Look:
        return Look(
            pictures=self.pictures,
            damaged=self.damaged + broken - self.broken_before,
            width=shape[1],
            height=shape[0],
            brightness=float(brightness),
            sharpness=float(sharpness),
            decode_seconds=sum(self.seconds) / max(len(self.seconds), 1),
            module_pixels=self.module_pixels,
            seconds=now - self.since,
        )


@dataclass(slots=True)
class _Still:
    """Notices a camera that goes on giving its last picture, as one that was unplugged may."""

    mark: int = 0
    since: float = 0.0
    pictures: int = 0

    def look(self, mark: int, uptime: float) -> bool:
        """Take the next picture; return whether the same came for too long. A real one varies."""
        if mark != self.mark:
            self.mark, self.since, self.pictures = mark, uptime, 0
        self.pictures += 1
        return self.pictures >= STILL_PICTURES and uptime - self.since >= STILL_SECONDS


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
