"""What came to a device and is no order to it, summed, so that a stranger cannot fill the disk.

The first of a kind is a row at once. What comes of that kind within a minute becomes one row with
a count when the minute is over; there are as few kinds as there are things that can be wrong.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

import msgspec

from wire.event import CommandAnswered, ConfigurationRefused
from wire.words import Words

WINDOW_SECONDS = 60.0

TurnedAway = CommandAnswered | ConfigurationRefused


class Stray(Enum):
    """Why something is not for this device to obey, or even to answer as an order."""

    RETAINED = Words("由代理服务器留存，指令从不留存", "kept by the broker, which no order ever is")
    UNREADABLE = Words("无法读取", "cannot be read")
    FORGED = Words("签名无效", "signed by nobody who may")
    FOREIGN = Words("发给另一台设备", "addressed to another device")
    REPLAYED = Words("此前已答复过", "answered before, it or a later one")
    ROLLED_BACK = Words("比现用的旧", "older than the one in use")


@dataclass(frozen=True, slots=True)
class Window:
    ends: float
    repeats: int
    last: TurnedAway


@dataclass(frozen=True, slots=True)
class Strays:
    windows: Mapping[tuple[str, Stray], Window] = field(default_factory=dict)


def add(
    strays: Strays, stray: Stray, row: TurnedAway, uptime: float
) -> tuple[Strays, TurnedAway | None]:
    """Return the strays with one more, and the row to write now, if any."""
    key = (type(row).__name__, stray)
    window = strays.windows.get(key)
    if window:
        counted = Window(window.ends, window.repeats + 1, row)
        return Strays({**strays.windows, key: counted}), None
    return Strays({**strays.windows, key: Window(uptime + WINDOW_SECONDS, 0, row)}), row


def close(strays: Strays, uptime: float) -> tuple[Strays, list[TurnedAway]]:
    """Return the strays without the windows that are over, and the rows of their repeats."""
    over = [window for window in strays.windows.values() if window.ends <= uptime]
    kept = {key: window for key, window in strays.windows.items() if window.ends > uptime}
    return Strays(kept), [
        msgspec.structs.replace(window.last, count=window.repeats)
        for window in over
        if window.repeats
    ]


def said(words: Words) -> str:
    """Return a reason as a row holds it."""
    return f"{words.zh} · {words.en}"
