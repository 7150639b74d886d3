"""What a venue chose for a zone: one reading of zone.toml, by whoever writes it and obeys it.

Central reads a text by this before it signs it, gate and kiosk by the same before they take it
into use: what an admin is told at once is what the device would have said.
"""

from collections.abc import Callable
from datetime import tzinfo
from enum import Enum, StrEnum
from typing import Annotated, NamedTuple

import msgspec

from rules.kiosk import KioskChoice
from rules.verdict import AfterUncertain, WhenClockSuspect
from wire import toml
from wire.codec import WireError
from wire.event import Rung

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
Seconds = Annotated[float, msgspec.Meta(ge=0.0, le=120.0)]


class WhenSuspect(Enum):
    """What a lane does when its sensor is no longer believed."""

    SPEND = "spend"  # Assume that whoever is let in walks in.
    CLOSE = "close"  # Out of service until somebody has looked.


class WhenUsedUp(StrEnum):
    SEE_STAFF = "see-staff"
    GO_ON = "go-on"


class Policy(StrEnum):
    """What a zone asks of the ledger of claims."""

    AVAILABLE = "available"
    HYBRID = "hybrid"
    CONSISTENT = "consistent"


class CardDoes(StrEnum):
    """What a staff card does to the lane, or the kiosk, that it is shown to."""

    OPEN_ONCE = "open-once"
    FREE_PASS = "free-pass"  # For so many minutes; shown again, back to normal.
    OUT_OF_SERVICE = "out-of-service"  # Until one is shown again.
    KIOSK = "kiosk"  # Opens the staff's pages; no gate obeys it.


class StaffCard(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One card, by which staff act at a device of the zone without central."""

    name: Name
    """Whose it is; stands in each row of what was done by it."""
    digest: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    """`wire.staff_card.digest` of its code."""
    does: CardDoes = CardDoes.OPEN_ONCE
    minutes: Annotated[float, msgspec.Meta(ge=1.0, le=24 * 60.0)] = 30.0
    """After which free passage ends by itself."""


class ZoneConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the venue chose for this zone; checked before it is signed and before it is applied."""

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
    staff: tuple[StaffCard, ...] = ()
    """Cards that its gates and kiosks obey."""
    kiosk: KioskChoice = KioskChoice()
    """What its kiosks go by; gates ignore it."""


class Settings(NamedTuple):
    zone: ZoneConfig
    time_zone: tzinfo


def read(raw: bytes, name: str, time_zones: Callable[[str], tzinfo]) -> Settings:
    """Read a zone.toml; raise WireError, whose sentence begins with `name` and the key.

    `time_zones` is zoneinfo.ZoneInfo, which looks into the machine's own tables.
    """
    zone = toml.parse(raw, name, ZoneConfig)
    cards = [card.digest for card in zone.staff]
    if twice := next((one for one in zone.staff if cards.count(one.digest) > 1), None):
        raise WireError(f"{name}: staff: two cards of one code, {twice.name}'s among them")
    try:
        return Settings(zone, time_zones(zone.time_zone))
    except (LookupError, ValueError, OSError):  # OSError: the name of a folder of zones.
        raise WireError(f"{name}: time_zone: no such zone: {zone.time_zone}") from None
