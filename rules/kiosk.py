"""What a venue chose for its kiosks: the table [kiosk] of zone.toml, read like the rest of it.

What is left out is as the kiosk's own kiosk.toml has it, which an installer wrote.
"""

import re
from enum import StrEnum
from typing import Annotated

import msgspec

MINUTES_A_DAY = 24 * 60
HOURS = r"([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-3]):([0-5][0-9])"
Language = Annotated[str, msgspec.Meta(pattern="^[a-z]{2}$")]
Languages = Annotated[tuple[Language, ...], msgspec.Meta(min_length=1, max_length=6)]
Hours = Annotated[str, msgspec.Meta(pattern=f"^({HOURS})?$")]
"""When it serves, each day: `09:00-22:00`, also over midnight; empty: always."""


class WhenOffline(StrEnum):
    """What a visitor is told while central cannot be asked, as the zone chose."""

    GO_TO_GATE = "go-to-gate"
    SEE_STAFF = "see-staff"
    EXCHANGE = "exchange"  # By a delegated key; staff where there is none, or not for this.


class Receipts(StrEnum):
    """Whether a visitor gets a receipt beside the tickets, as the venue chose."""

    NEVER = "never"
    ASKED = "asked"  # By a touch, while the tickets wait to be taken.
    ALWAYS = "always"


class KioskChoice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """None: as kiosk.toml has it. The names are those of kiosk.toml."""

    languages: Languages | None = None
    """The first is shown first."""
    when_offline: WhenOffline | None = None
    codes_admit: bool | None = None
    by_order: bool | None = None
    by_identity: bool | None = None
    receipts: Receipts | None = None
    hours: Hours | None = None

    def chosen(self) -> dict[str, object]:
        """Return what was chosen, by name."""
        told = {name: getattr(self, name) for name in self.__struct_fields__}
        return {name: value for name, value in told.items() if value is not None}


def serves(hours: str, minute: int) -> bool:
    """Whether it serves at this minute of the venue's day."""
    found = re.fullmatch(HOURS, hours)
    if found is None:
        return True
    first_hour, first, last_hour, last = map(int, found.groups())
    begins, ends = first_hour * 60 + first, last_hour * 60 + last
    return (minute - begins) % MINUTES_A_DAY < ((ends - begins) % MINUTES_A_DAY or MINUTES_A_DAY)
