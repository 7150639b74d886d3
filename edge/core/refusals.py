"""Refusals, summed, so that a stuck reader cannot fill the disk.

The first refusal of a code, at a reader, for a reason, is a row at once. Its repeats within a
minute become one row with a count when the minute is over.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from wire.event import Refused
from wire.reason import Reason

WINDOW_SECONDS = 60.0
WINDOWS_MAX = 500
"""Different refusals a minute that are told apart; beyond, they are only counted together."""

Key = tuple[str, bytes, Reason]


@dataclass(frozen=True, slots=True)
class Window:
    ends: float
    repeats: int
    last: Refused


@dataclass(frozen=True, slots=True)
class Refusals:
    windows: Mapping[Key, Window] = field(default_factory=dict)


def add(
    refusals: Refusals, reader: str, refused: Refused, uptime: float
) -> tuple[Refusals, Refused | None]:
    """Return the refusals with one more, and the row to write now, if any."""
    key = (reader, refused.digest, refused.reason)
    if key not in refusals.windows and len(refusals.windows) >= WINDOWS_MAX:
        key = ("", b"", refused.reason)
    window = refusals.windows.get(key)
    if window:  # A minute that is over counts on until it is closed, so that none is lost.
        counted = replace(window, repeats=window.repeats + refused.quantity, last=refused)
        return Refusals({**refusals.windows, key: counted}), None
    opened = Window(uptime + WINDOW_SECONDS, 0, refused)
    return Refusals({**refusals.windows, key: opened}), refused


def deadline(refusals: Refusals) -> float | None:
    """When the next window ends."""
    return min((window.ends for window in refusals.windows.values()), default=None)


def close(refusals: Refusals, uptime: float) -> tuple[Refusals, list[Refused]]:
    """Return the refusals without the windows that are over, and the rows of their repeats."""
    over = [window for window in refusals.windows.values() if window.ends <= uptime]
    kept = {key: window for key, window in refusals.windows.items() if window.ends > uptime}
    return Refusals(kept), [_summed(window) for window in over if window.repeats]


def close_all(refusals: Refusals) -> list[Refused]:
    """Return the rows of all repeats not yet written, when the daemon stops."""
    return close(refusals, float("inf"))[1]


def _summed(window: Window) -> Refused:
    last = window.last
    return Refused(
        lane=last.lane,
        reason=last.reason,
        scan=last.scan,
        checkpoint=last.checkpoint,
        direction=last.direction,
        cti=last.cti,
        quantity=1,
        length=last.length,
        form=last.form,
        digest=last.digest,
        count=window.repeats,
    )
