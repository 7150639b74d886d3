"""Where decisions are made: the device, its lanes, and what their zone chose."""

from dataclasses import dataclass
from datetime import tzinfo

from edge.core.decision import Place
from edge.gate.config import LaneConfig, ZoneConfig
from rules.verdict import Door
from wire.event import Rung


@dataclass(frozen=True, slots=True)
class Identity:
    """What a device is, and in which life it runs."""

    device: bytes
    boot: bytes
    digest_key: bytes
    """Blurs refused codes; drawn anew with every start, kept nowhere."""


class Places:
    """One for each lane and rung, made when it is first asked for."""

    def __init__(self, identity: Identity, zone: ZoneConfig, time_zone: tzinfo) -> None:
        self._identity = identity
        self._made: dict[tuple[str, Rung], Place] = {}
        self.configure(zone, time_zone)

    def configure(self, zone: ZoneConfig, time_zone: tzinfo) -> None:
        """Go by these settings from now on."""
        self._zone, self._time_zone = zone, time_zone
        self._made.clear()

    def of(self, lane: LaneConfig, rung: Rung) -> Place:
        known = self._made.get((lane.name, rung))
        if known:
            return known
        door = Door(
            checkpoint=self._zone.checkpoint,
            lane=lane.name,
            boot=self._identity.boot,
            rung=rung,
            after_uncertain=self._zone.after_uncertain,
            admits_unlisted=frozenset(self._zone.admits_unlisted),
            when_clock_suspect=self._zone.when_clock_suspect,
        )
        digest_key, claims = self._identity.digest_key, self._zone.claims
        place = Place(door, lane.direction, digest_key, self._time_zone, claims)
        self._made[lane.name, rung] = place
        return place
