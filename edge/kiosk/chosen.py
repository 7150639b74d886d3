"""What a kiosk goes by: its own kiosk.toml, and above it what central chose for its zone.

Of zone.toml a kiosk uses the time zone, the table [kiosk] (rules/kiosk.py) and the staff's cards
that are for kiosks; the template of its papers comes with it. All of it is good, or none is taken.
"""

from dataclasses import dataclass
from datetime import datetime, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec

from edge.core.visit_terms import Habits
from edge.kiosk.config import KioskConfig, habits, time_zone_of
from edge.kiosk.spoken import words
from edge.runtime.config import ConfigError
from edge.store import configuration
from paper import default
from paper import template as papers
from paper.template import Template, TemplateError
from rules import kiosk, zone
from rules.zone import CardDoes, StaffCard
from wire.codec import WireError

STALE_AFTER_SECONDS = 300.0
"""Where there is no zone.toml: what it says if nothing is said."""


@dataclass(frozen=True, slots=True)
class Chosen:
    told: KioskConfig
    """With what central chose in the place of what stands in kiosk.toml."""
    zone: tzinfo
    template: Template
    stale_after_seconds: float
    """After which a list that central has not confirmed counts as stale."""
    claims_key: str = ""
    """The public key of the venue's hub, where there is one."""
    cards: tuple[StaffCard, ...] = ()
    """The staff's, as the zone has them."""

    @property
    def staff(self) -> dict[str, str]:
        """Return whose card opens the staff's pages, by its digest: kiosk.toml's and the zone's."""
        own = {one.digest: one.name for one in self.told.staff}
        return own | {one.digest: one.name for one in self.cards if one.does is CardDoes.KIOSK}

    @property
    def habits(self) -> Habits:
        return habits(self.told)

    def serves(self, wall: float) -> bool:
        """Whether it is open at this time (Unix seconds)."""
        at = datetime.fromtimestamp(wall, self.zone)
        return kiosk.serves(self.told.hours, at.hour * 60 + at.minute)


def load(told: KioskConfig) -> Chosen:
    """Return what lies in the kiosk's folder; raise ConfigError."""
    directory = Path(told.directory)
    path, template = configuration.zone_path(directory), configuration.template_path(directory)
    if not path.exists():
        return of(told, None, _read(template), str(path), str(template))
    return of(told, _read(path), _read(template), str(path), str(template))


def of(told: KioskConfig, text: str | None, paper: str, name: str, template: str) -> Chosen:
    """Check all of it; raise ConfigError, which begins with `name` or `template`.

    `text`: of zone.toml, None where there is none; `paper`: the template, empty for the default.
    """
    local: tzinfo = time_zone_of(told)
    claims_key, stale_after_seconds = "", STALE_AFTER_SECONDS
    cards: tuple[StaffCard, ...] = ()
    if text is not None:
        try:
            settings = zone.read(text.encode(), name, ZoneInfo)
        except WireError as error:
            raise ConfigError(str(error)) from None
        told = msgspec.structs.replace(told, **settings.zone.kiosk.chosen())
        local, claims_key = settings.time_zone, settings.zone.claims_key
        stale_after_seconds, cards = settings.zone.stale_after_seconds, settings.zone.staff
    for language in told.languages:
        try:
            words(language)
        except FileNotFoundError:
            raise ConfigError(f"{name}: languages: there is no file for {language!r}") from None
    try:
        template_read = papers.read(paper or default.TEMPLATE)
        return Chosen(told, local, template_read, stale_after_seconds, claims_key, cards)
    except TemplateError as error:
        raise ConfigError(f"{template}: {error}") from None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig") if path.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from None
