"""Where decisions are made: the device, its lanes, and what their zone chose."""

from dataclasses import dataclass
from datetime import tzinfo

from edge.core.decision import Place
from edge.gate.config import LaneConfig, ZoneConfig
from rules.verdict import Door
from wire.event import ClockQuality, Rung


@dataclass(frozen=True, slots=True)
class Identity:
    """What a device is, and in which life it runs."""

    device: bytes
    boot: bytes
    digest_key: bytes
    """Blurs refused codes; drawn anew with every start, kept nowhere."""


class Places:
    """One for each lane, rung and clock, made when it is first asked for."""

    def __init__(self, identity: Identity, zone: ZoneConfig, time_zone: tzinfo) -> None:
        self._identity = identity
        self._made: dict[tuple[str, Rung, ClockQuality], Place] = {}
        self.configure(zone, time_zone)

    def configure(self, zone: ZoneConfig, time_zone: tzinfo) -> None:
        """Go by these settings from now on."""
        self._zone, self._time_zone = zone, time_zone
        self._made.clear()

    def of(self, lane: LaneConfig, rung: Rung, clock: ClockQuality) -> Place:
        known = self._made.get((lane.name, rung, clock))
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
            clock=clock,
        )
        digest_key, claims = self._identity.digest_key, self._zone.claims
        place = Place(door, lane.direction, digest_key, self._time_zone, claims)
        self._made[lane.name, rung, clock] = place
        return place
