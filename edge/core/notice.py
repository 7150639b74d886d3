"""What a lane tells a person: colour, shape, sound, and words in two languages.

The words say what happened and what to do next. They are chosen here, from values, so that every
panel (a lamp, a serial display, a page) tells the same story.
"""

from dataclasses import dataclass
from enum import StrEnum

from wire.words import Words


class Lamp(StrEnum):
    """Colour and shape together, since some people see no red and green."""

    IDLE = "idle"  # Blue ring: show your ticket.
    GO = "go"  # Green arrow.
    WAIT = "wait"  # Amber bars.
    STOP = "stop"  # Red cross.
    CLOSED = "closed"  # Dark, red bar: this lane is not in service.


class Sound(StrEnum):
    NONE = "none"
    ACCEPT = "accept"  # One short tone, 80 ms.
    REFUSE = "refuse"  # Three tones of 120 ms.
    ALARM = "alarm"  # One long tone, 800 ms.


@dataclass(frozen=True, slots=True)
class Notice:
    lamp: Lamp
    sound: Sound
    title: Words
    advice: Words
    seconds: float | None = None
    """How long to show it; None: until something else is shown."""
