"""What a device that has lost its journal still knows of its rights: what central tells it again.

The uses that central had heard of come back on the list. The doors wait for a list that central
confirms, ten seconds at most; after that they work *without memory*: what they let in is not
confirmed by anybody, and drawn from the offline budget, until central has been heard.
"""

from enum import Enum

ASKING_SECONDS = 10.0


class Memory(Enum):
    WHOLE = "whole"
    ASKING = "asking"
    WITHOUT = "without"


def memory(lost_at: float | None, confirmed_at: float | None, uptime: float) -> Memory:
    """Return what is remembered at `uptime`.

    `lost_at`: when a journal that may have forgotten something was opened; None: it is whole.
    `confirmed_at`: when central last said that our list, with its uses, is the newest.
    """
    if lost_at is None or (confirmed_at is not None and confirmed_at >= lost_at):
        return Memory.WHOLE
    return Memory.ASKING if uptime - lost_at < ASKING_SECONDS else Memory.WITHOUT
