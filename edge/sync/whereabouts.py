"""Where the venue's hub is, and whether this device is it: as central says.

It stands in central's signed configuration, so that a hub that comes, moves or goes is followed by
every device without a hand. What an installer wrote into sync.toml goes before (config.py).
"""

import logging

from wire.codec import WireError
from wire.configuration import Desired, HubPlace, checked_place

log = logging.getLogger("sync.whereabouts")


def place_of(desired: Desired | None) -> HubPlace | None:
    """Return where central says that the hub is."""
    if desired is None or desired.hub is None:
        return None
    try:
        return checked_place(desired.hub)
    except WireError as error:
        log.error("the hub's place: %s", error)
        return None


def is_hub(desired: Desired | None) -> bool:
    """Whether this device is the hub."""
    return desired is not None and desired.roster is not None


def moved(before: Desired | None, after: Desired) -> bool:
    """Whether sync has to connect to somebody else than it does, or has other duties."""
    return (place_of(before), is_hub(before)) != (place_of(after), is_hub(after))
