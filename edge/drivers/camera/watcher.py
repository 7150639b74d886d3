"""Looks at one picture after the other, and says what somebody shows and how the camera does."""

from collections.abc import Callable
from dataclasses import dataclass, field

import cv2

from edge.core import sighting
from edge.drivers.camera.decoder import open_decoder
from edge.drivers.camera.scene import Calm, Still, varied
from edge.drivers.camera.source import Grey, Picture, keep, open_source
from edge.drivers.camera.words import Look, Seen, Told, Word
from edge.drivers.interfaces import DriverError
from edge.runtime.clock import Clock

LOOK_SECONDS = 0.5
FIRST_PICTURE_SECONDS = 10.0
NEXT_PICTURE_SECONDS = 2.0


class Watcher:
    """Watches one camera until it fails."""

    def __init__(self, told: Told, clock: Clock, say: Callable[[Word], None]) -> None:
        cv2.setNumThreads(1)
        self._told, self._clock, self._say = told, clock, say
        self._decoder, self._source = open_decoder(told), open_source(told, clock)
        self._view, self._still, self._calm = sighting.View(told.pace), Still(), Calm()
        self._count = _Count(clock.now().uptime)
        self._kept = not told.picture

    def run(self) -> None:
        """Say what it sees, for ever; raise DriverError when the camera fails."""
        patience = FIRST_PICTURE_SECONDS
        try:
            while True:
                picture, grey = self._next(patience)
                patience = NEXT_PICTURE_SECONDS
                self._see(picture, grey)
                now = self._clock.now().uptime
                if now - self._count.since >= LOOK_SECONDS:
                    self._say(self._count.told(now, grey, self._source.damaged))
                    self._count = _Count(now, self._source.damaged)
        finally:
            self._source.close()

    def _next(self, patience: float) -> tuple[Picture, Grey]:
        """Return the next picture that is whole; raise DriverError if none comes for so long."""
        due = self._clock.now().uptime + patience
        damaged = 0
        while (left := due - self._clock.now().uptime) > 0:
            picture = self._source.newest(left)
            grey = picture.grey() if picture else None
            if picture and grey is not None:
                return picture, grey
            damaged += picture is not None
            self._count.damaged += picture is not None
        gives = "damaged pictures" if damaged or self._source.damaged else "no picture"
        raise DriverError(f"{self._told.name} gives {gives}; look to its cable")

    def _see(self, picture: Picture, grey: Grey) -> None:
        if not self._kept:
            keep(grey, self._told.picture)
            self._kept = True
        if self._still.look(picture.mark(), picture.uptime) and varied(grey):
            raise DriverError(
                f"{self._told.name} has shown one and the same picture for "
                f"{self._still.seconds:g} s; plug it in again"
            )
        self._count.pictures += 1
        if not self._calm.look(grey, picture.uptime):
            return
        began = self._clock.now().uptime
        found = self._decoder.find(grey)
        read = self._clock.now().uptime
        self._view, code = sighting.step(self._view, found.sightings, picture.uptime)
        if code is not None:
            self._say(Seen(code, picture.uptime, read))
        self._count.add(read - began, found.module_pixels)


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
        self.seconds.append(seconds)
        self.module_pixels = module_pixels or self.module_pixels

    def told(self, now: float, grey: Grey, broken: int) -> Look:
        height, width = grey.shape
        middle = grey[height // 4 :: 2, width // 4 :: 2]
        sharpness = cv2.meanStdDev(cv2.Laplacian(middle, cv2.CV_32F))[1][0, 0] ** 2
        return Look(
            pictures=self.pictures,
            damaged=self.damaged + broken - self.broken_before,
            width=width,
            height=height,
            brightness=float(cv2.mean(grey)[0]),
            sharpness=float(sharpness),
            decode_seconds=sum(self.seconds) / max(len(self.seconds), 1),
            module_pixels=self.module_pixels,
            seconds=now - self.since,
        )
