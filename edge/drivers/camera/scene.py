"""What is to be seen in pictures before anybody looks for a code: whether anything moves at all.

A camera at a door sees an empty lane for most of its life. Looking for codes in all of that would
take half a core for nothing, in a closed cabinet; and a camera that was unplugged may go on giving
its last picture for ever.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from edge.drivers.camera.source import Grey

STILL_SECONDS = 2.0
STILL_PICTURES = 5
VARIED_DEVIATION = 4.0
"""Of the light in a picture that shows something, from 0 to 255."""
CALM_SECONDS, CALM_PICTURES = 2.0, 4
"""Where nothing has moved for so long, one picture of so many is looked at."""
CELLS = (80, 45)
CELL_LEVELS, CELLS_MOVED = 10, 8
"""A picture of so many cells has moved where so many differ by more than so many levels of grey:
a phone is a hundred, noise is none."""


@dataclass(slots=True)
class Calm:
    """Spares the work of looking for codes where nobody is; a phone that comes into view moves."""

    before: Grey | None = None
    moved: float = -CALM_SECONDS
    passed_over: int = 0

    def look(self, grey: Grey, uptime: float) -> bool:
        """Take the next picture; return whether it is to be looked at."""
        cells = cv2.resize(grey, CELLS, interpolation=cv2.INTER_AREA)
        if self.before is not None:
            differ = cv2.threshold(cv2.absdiff(cells, self.before), CELL_LEVELS, 1, 0)[1]
            if cv2.countNonZero(differ) >= CELLS_MOVED:
                self.moved = uptime
        self.before = np.asarray(cells, np.uint8)
        if uptime - self.moved >= CALM_SECONDS and self.passed_over < CALM_PICTURES - 1:
            self.passed_over += 1
            return False
        self.passed_over = 0
        return True


@dataclass(slots=True)
class Still:
    """Notices a camera that goes on giving its last picture, as one that was unplugged may."""

    seconds: float = STILL_SECONDS
    mark: int = 0
    since: float = 0.0
    pictures: int = 0

    def look(self, mark: int, uptime: float) -> bool:
        """Take the next picture; return whether the same came for too long. A real one varies."""
        if mark != self.mark:
            self.mark, self.since, self.pictures = mark, uptime, 0
        self.pictures += 1
        return self.pictures >= STILL_PICTURES and uptime - self.since >= self.seconds


def varied(grey: Grey) -> bool:
    """Whether there is anything to see; the dark, or a wall, may well look the same for long."""
    return float(cv2.meanStdDev(grey)[1][0, 0]) >= VARIED_DEVIATION
