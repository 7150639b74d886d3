"""What a gate is told: its hardware (gate.toml, never changed remotely), its zone (zone.toml)."""

from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from edge.core.budget import Terms, WhenUsedUp
from edge.core.claiming import Policy
from edge.core.lane import Habits, WhenSuspect
from edge.drivers.catalog import InputConfig, OutputConfig, PanelConfig, ReaderConfig
from edge.runtime.config import ConfigError
from rules.verdict import AfterUncertain, WhenClockSuspect
from wire.event import Direction, Rung

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
Seconds = Annotated[float, msgspec.Meta(ge=0.0, le=120.0)]


class LaneConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One direction of one lane, and what hangs on it."""

    name: Name
    direction: Direction = Direction.ENTRY
    free: bool = False
    """Needs no ticket; whoever passes is counted (an exit)."""
    reader: tuple[ReaderConfig, ...] = ()
    relay: OutputConfig | None = None
    hold: OutputConfig | None = None
    """The board's own free-passage input; without it the entry relay is held instead."""
    pass_contact: InputConfig | None = None
    opposite_contact: InputConfig | None = None
    beam: InputConfig | None = None
    not_ready: InputConfig | None = None
    key_open_once: InputConfig | None = None
    key_free_pass: InputConfig | None = None
    key_out_of_service: InputConfig | None = None
    panel: tuple[PanelConfig, ...] = ()
    free_opposite: bool = False
    board_counts: bool = False
    window_seconds: Annotated[float, msgspec.Meta(ge=1.0, le=60.0)] = 5.0
    pulse_seconds: Annotated[float, msgspec.Meta(ge=0.1, le=1.0)] = 0.3
    gap_seconds: Annotated[float, msgspec.Meta(ge=0.0, le=5.0)] = 0.5
    unsensed_seconds: Seconds = 3.0


class GateConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    lane: Annotated[tuple[LaneConfig, ...], msgspec.Meta(min_length=1, max_length=16)]
    directory: str = "/var/lib/gatehouse"
    intercom: str = "/run/gatehouse/sync.sock"
    fire: InputConfig | None = None
    service_contact: InputConfig | None = None
    """Button, jumper or cabinet contact: while it is held, an enrolment code is read."""


class ZoneConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the venue chose for this zone; written by sync, checked before it is applied."""

    checkpoint: Name
    zone: str = ""
    time_zone: str = "Asia/Shanghai"
    after_uncertain: AfterUncertain = AfterUncertain.RETRY_ONCE
    admits_unlisted: tuple[Rung, ...] = (Rung.SIGNATURE_AND_REVOCATIONS, Rung.SIGNATURE_ONLY)
    when_suspect: WhenSuspect = WhenSuspect.SPEND
    patience_seconds: Seconds = 3.0
    late_seconds: Seconds = 3.0
    stale_after_seconds: Annotated[float, msgspec.Meta(ge=5.0)] = 300.0
    offline_admissions_max: Annotated[int, msgspec.Meta(ge=0)] = 500
    """Persons admitted whom the list does not confirm, until it is fresh again."""
    offline_hours_max: Annotated[float, msgspec.Meta(gt=0.0)] = 72.0
    """Since central last confirmed the list."""
    when_budget_used_up: WhenUsedUp = WhenUsedUp.SEE_STAFF
    when_clock_suspect: WhenClockSuspect = WhenClockSuspect.SEE_STAFF
    claims: Policy = Policy.AVAILABLE
    claims_key: Annotated[str, msgspec.Meta(pattern="^([0-9a-f]{64})?$")] = ""
    """The hub's public key, where a hub answers claims; else central does."""


def habits(lane: LaneConfig, zone: ZoneConfig) -> Habits:
    """Return the lane's habits: what the hardware is, and what the zone chose."""
    return Habits(
        direction=lane.direction,
        sensor=lane.pass_contact is not None,
        free=lane.free,
        board_counts=lane.board_counts,
        free_opposite=lane.free_opposite,
        window_seconds=lane.window_seconds,
        late_seconds=zone.late_seconds,
        patience_seconds=zone.patience_seconds,
        pulse_seconds=lane.pulse_seconds,
        gap_seconds=lane.gap_seconds,
        unsensed_seconds=lane.unsensed_seconds,
        when_suspect=zone.when_suspect,
    )


def terms(zone: ZoneConfig) -> Terms:
    """Return what the zone allows without a list that confirms it."""
    return Terms(zone.offline_admissions_max, zone.offline_hours_max, zone.when_budget_used_up)


def time_zone_of(zone: ZoneConfig) -> ZoneInfo:
    """Return the zone's time zone; raise ConfigError."""
    try:
        return ZoneInfo(zone.time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        raise ConfigError(f"zone.toml: time_zone: no such zone: {zone.time_zone}") from None


def zone_path(directory: Path) -> Path:
    return directory / "config" / "zone.toml"
