"""What a kiosk is told: its hardware, its page, who is staff, and what the venue chose.

From languages to hours central may choose otherwise, for the kiosk's zone (`chosen`).
"""

from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from edge.core.visit_terms import Habits
from edge.drivers.catalog import InputConfig, PrinterConfig, ReaderConfig
from edge.runtime.config import ConfigError
from rules.kiosk import Hours, Languages, Receipts, WhenOffline

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
Seconds = Annotated[float, msgspec.Meta(ge=5.0, le=600.0)]
ADDRESS_FILE = "/run/gatehouse-kiosk/address"


class StaffConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One staff card: the digest of its code, which `gatehouse kiosk --card CODE` says.

    The zone may have others, which central makes and withdraws.
    """

    name: Name
    digest: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


class PageConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The page for the kiosk's own browser; nobody else can reach it."""

    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 8600
    """0: any free one; the browser is told by the file."""
    address_file: str = ADDRESS_FILE
    """Where the browser finds the page's address, with its token of this boot."""


class KioskConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: Name
    printer: PrinterConfig
    reader: tuple[ReaderConfig, ...] = ()
    """Of codes: the visitors' and the staff's cards."""
    card: ReaderConfig | None = None
    """Of ID cards: what it reads is a number."""
    headphones: InputConfig | None = None
    """Closed while a plug is in the jack: the prompts are spoken then."""
    page: PageConfig = PageConfig()
    staff: tuple[StaffConfig, ...] = ()
    service_contact: InputConfig | None = None
    """Button, jumper or cabinet contact: while it is held, an enrolment code is read."""
    directory: str = "/var/lib/gatehouse"
    intercom: str = "/run/gatehouse/sync.sock"
    time_zone: str = "Asia/Shanghai"
    languages: Languages = ("zh", "en")
    """The first is shown first; each is a file in `words`."""
    when_offline: WhenOffline = WhenOffline.SEE_STAFF
    codes_admit: bool = True
    """The gates take the phone's code as well."""
    by_order: bool = True
    by_identity: bool = True
    receipts: Receipts = Receipts.NEVER
    """never; asked: by a touch, once the tickets are out; always."""
    hours: Hours = ""
    """When it serves; it goes by this only while central confirms the time."""
    roll_tickets: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 400
    take_seconds: Seconds = 30.0
    """How long a paper may stand in the printer's mouth before it is drawn back."""


def habits(told: KioskConfig) -> Habits:
    return Habits(
        languages=told.languages,
        when_offline=told.when_offline,
        codes_admit=told.codes_admit,
        by_order=told.by_order,
        by_identity=told.by_identity,
        receipts=told.receipts,
        roll_tickets=told.roll_tickets,
    )


def time_zone_of(told: KioskConfig) -> ZoneInfo:
    """Return the kiosk's time zone; raise ConfigError."""
    try:
        return ZoneInfo(told.time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        raise ConfigError(f"kiosk.toml: time_zone: no such zone: {told.time_zone}") from None
