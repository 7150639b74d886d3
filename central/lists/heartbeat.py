"""The heartbeat: how far a venue's list goes and what time it is, signed.

Devices take a time that goes back for an old heartbeat played again. So a clock of central's that
was set back is followed slowly, and the last time said is remembered from one run to the next.
After a large error that would take for ever: then a person says `gatehouse central clock reset`.
"""

import time
from contextlib import suppress
from math import inf
from pathlib import Path

from django.conf import settings

from central.lists import essentials
from central.lists.changes import head
from central.lists.snapshots import forgotten_before, newest
from central.venue import trust
from central.venue.models import Venue
from wire.codec import encode
from wire.signed import Purpose
from wire.snapshot import Heartbeat

SLOWER = 0.999
"""The pace at which a clock that is ahead is waited for; devices bear as much."""
STEP_SECONDS = 0.001


AHEAD_SECONDS = 60.0
"""Heartbeats so far ahead of the clock need a person; what is less is waited for."""


def _path() -> Path:
    return Path(settings.DIRECTORY) / "heartbeat"


def _wish() -> Path:
    """There while a person wants it forgotten what was said."""
    return Path(settings.DIRECTORY) / "heartbeat.reset"


def ahead(now: float) -> float:
    """Return by how many seconds what heartbeats say is ahead of the clock; 0 if it is not."""
    try:
        return max(0.0, float(_path().read_text()) - now)
    except (OSError, ValueError):
        return 0.0


def reset() -> None:
    """Let the next heartbeat say what the clock says; raise OSError."""
    _wish().touch()


class Pulse:
    """Says heartbeats whose walls always grow."""

    def __init__(self) -> None:
        self._path = _path()
        self._said_at = time.monotonic()
        self._wall = 0.0
        self._essentials, self._written_at = 0, -inf
        with suppress(OSError, ValueError):
            self._wall = float(self._path.read_text())

    def beat(self, venue: Venue) -> bytes:
        """Return the next heartbeat, sealed; the essentials are kept new along with it."""
        now = time.monotonic()
        if _wish().exists():
            self._wall = 0.0
        least = self._wall + max(STEP_SECONDS, (now - self._said_at) * SLOWER)
        self._wall, self._said_at = max(time.time(), least), now
        sequence, at_head = head(venue)
        roles = trust.newest_roles(venue)
        if self._essentials <= sequence and now - self._written_at >= essentials.AGAIN_SECONDS:
            self._essentials, self._written_at = essentials.write(venue), now
        made = newest(venue)
        said = Heartbeat(
            *(venue.code, sequence, at_head, self._wall, self._essentials, roles),
            snapshot=made.sequence if made else 0,
            forget=forgotten_before(venue),
        )
        with suppress(OSError):  # Then the next run has only the system's clock.
            self._path.write_text(repr(self._wall))
            _wish().unlink(missing_ok=True)
        return trust.sealed(encode(said), Purpose.HEARTBEAT)
