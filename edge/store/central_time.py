"""What time it is at central, by its heartbeats of this life, each verified here.

For daemons to judge by: sync carries heartbeats and is believed in none.
"""

from math import inf

from edge.core.heartbeat import Heartbeats, hear
from edge.store.trust import TrustStore
from wire.codec import decode
from wire.signed import Purpose, Untrusted
from wire.snapshot import Heartbeat


class CentralTime:
    """Used on one thread, the one of `trust`."""

    def __init__(self, trust: TrustStore) -> None:
        self._trust = trust
        self._heartbeats = Heartbeats()

    def hear(self, sealed: bytes, uptime: float) -> tuple[Heartbeat, float] | None:
        """Take a heartbeat that came at `uptime`; return it, and when it was said, if it is new.

        Raise Untrusted if it is not central's, WireError if it is none.
        """
        said = decode(self._trust.unseal(sealed, Purpose.HEARTBEAT), Heartbeat)
        if said.venue != self._trust.venue:
            raise Untrusted(f"meant for {said.venue[:40]!r}")
        self._heartbeats, at = hear(self._heartbeats, said.wall, uptime)
        return None if at is None else (said, at)

    def wall(self, uptime: float) -> float | None:
        """Return what time it is at central, in Unix seconds; None before the first heartbeat."""
        ahead = self._heartbeats.ahead
        return None if ahead == -inf else uptime + ahead
