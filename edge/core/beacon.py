"""A lane that lets itself be found: it blinks and beeps while nobody needs its panel.

Every second it says "here" or what it says at rest. Somebody who is being judged, let in or told
no is shown that and nothing else, and a lane that fire has released says only "leave now".
"""

from dataclasses import replace

from edge.core import notice
from edge.core.lane import Beacon, Command, Lane, Show, State
from edge.core.opening import At, Step, resting

BLINK_SECONDS = 1.0


def identify(lane: Lane, seconds: float, at: At) -> Step:
    if lane.state is State.RELEASED:
        return lane, []
    beacon = Beacon(at.now + seconds, at.now)
    return blink(replace(lane, beacon=beacon), beacon, at)


def blink(lane: Lane, beacon: Beacon, at: At) -> Step:
    """Turn the light on, off, or off for good."""
    free = lane.state is State.CLOSED
    if beacon.until <= at.now:
        rest: list[Command] = [Show(resting(lane, at.habits))] if free and beacon.lit else []
        return replace(lane, beacon=None), rest
    lit = free and not beacon.lit
    turned = replace(lane, beacon=Beacon(beacon.until, at.now + BLINK_SECONDS, lit))
    if not free:
        return turned, []
    return turned, [Show(notice.HERE if lit else resting(lane, at.habits))]
