"""What a gate is told: its hardware (gate.toml, never changed remotely), its zone (zone.toml)."""

from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import msgspec

from edge.core.budget import Terms
from edge.core.lane import Habits
from edge.drivers.catalog import InputConfig, OutputConfig, PanelConfig, ReaderConfig
from edge.runtime import config
from edge.runtime.config import ConfigError
from edge.store import configuration
from rules import zone as zones
from rules.zone import CardDoes, Name, Seconds, Settings, StaffCard
from rules.zone import ZoneConfig as ZoneConfig
from wire.codec import WireError
from wire.event import Direction


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


def cards(zone: ZoneConfig) -> dict[str, StaffCard]:
    """Return the staff's cards that are for gates, by the digest of their codes."""
    return {card.digest: card for card in zone.staff if card.does is not CardDoes.KIOSK}


def terms(zone: ZoneConfig) -> Terms:
    """Return what the zone allows without a list that confirms it."""
    return Terms(zone.offline_admissions_max, zone.offline_hours_max, zone.when_budget_used_up)


def settings_of(raw: bytes, name: str) -> Settings:
    """Read a zone.toml; raise ConfigError naming `name` and the key."""
    try:
        return zones.read(raw, name, ZoneInfo)
    except WireError as error:
        raise ConfigError(str(error)) from None


def settings_in(directory: Path) -> Settings:
    """Read the zone.toml of a device's folder; raise ConfigError."""
    path = configuration.zone_path(directory)
    return settings_of(config.read(path), str(path))
