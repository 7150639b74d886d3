"""What an enrolled device is told: where everything is, and its zone's settings."""

import tomllib
from collections.abc import Collection, Iterable
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import msgspec
from django.conf import settings

from central.claims import hubs
from central.claims.models import ZoneClaims
from central.identity import authority, staff_cards
from central.identity.enrolling import Refused
from central.identity.models import Placement, StaffCard, ZoneText
from central.venue.models import Device, Zone
from rules import zone as zones
from wire.codec import WireError
from wire.enrolment import Configuration

TEXT_BYTES_MAX = 16 * 1024
"""More does not fit into what a device takes at once."""
HUB_KEY = "claims_key"
BYTE_ORDER_MARK = "\ufeff"
"""Editors on Windows put it before a text, and only there it is allowed."""


class AddressMissing(authority.AuthorityMissing):
    """central.toml does not say how devices reach central."""


def url() -> str:
    """Return how devices reach central; raise AddressMissing."""
    told: str = settings.DEVICES.url
    if not told:
        raise AddressMissing(
            'central.toml: devices: url: say how devices reach central, "https://…"'
        )
    return told.rstrip("/")


def of(device: Device) -> Configuration:
    """Return a device's configuration; raise Refused or AddressMissing."""
    is_hub = hubs.of(device) is not None
    written = "" if is_hub else _placed(device)
    return Configuration(
        venue=device.venue.code,
        broker_host=settings.DEVICES.broker_host or urlsplit(url()).hostname or "",
        broker_port=settings.DEVICES.broker_port,
        broker_ca=(authority.public() / "ca.pem").read_text(),
        central_url=url(),
        zone=written,
        hub=is_hub,
    )


def _placed(device: Device) -> str:
    """Return the settings of a device's zone, in which it stands from here on."""
    zone = zone_of(device)
    written = good_text(zone)
    # It is sent what this zone becomes, and no other one's settings.
    Placement.objects.get_or_create(device=device, defaults={"zone": zone})
    return written


def text(zone: Zone) -> str:
    """Return what a zone's zone.toml says: what was written for it, its hub's key, its cards."""
    return completed(zone, as_written(zone), staff_cards.good_in(zone))


def as_written(zone: Zone) -> str:
    """Return a zone's settings as an admin wrote them, or else its name and checkpoint."""
    by_hand = ZoneText.objects.filter(zone=zone).first()
    if by_hand is not None:
        return by_hand.text
    # A JSON string is a TOML string as well.
    told = {"zone": zone.name, "checkpoint": zone.checkpoint.code, "time_zone": settings.TIME_ZONE}
    claims = ZoneClaims.objects.filter(zone=zone).first()
    if claims is not None:
        told["claims"] = claims.policy
    return "".join(f"{key} = {msgspec.json.encode(told[key]).decode()}\n" for key in told)


def completed(zone: Zone, told: str, cards: Iterable[StaffCard]) -> str:
    """Add to a text what central itself knows of the zone; tables come after every key."""
    keyed, listed = _with_hub(zone, told), staff_cards.toml(cards)
    return f"{keyed.rstrip()}\n{listed}" if listed else keyed


def _with_hub(zone: Zone, told: str) -> str:
    """Add whose answers to claims are believed, where that is a hub's, and it is not said yet."""
    hub, keys = hubs.serving(zone.venue), _keys(told)
    if hub is None or keys is None or HUB_KEY in keys:
        return told
    line = f'{HUB_KEY} = "{hub.key}"\n'
    ended = f"{told.rstrip()}\n{line}"
    # After a table it would be a key of that table, which every device refuses.
    return ended if HUB_KEY in (_keys(ended) or ()) else line + told.removeprefix(BYTE_ORDER_MARK)


def _keys(told: str) -> Collection[str] | None:
    """Return the keys of a text outside of its tables; None: it is no TOML."""
    try:
        return tomllib.loads(told.removeprefix(BYTE_ORDER_MARK))
    except (ValueError, RecursionError):
        return None


def good_text(zone: Zone) -> str:
    """Return what a zone's zone.toml says; raise Refused with what a device would say of it."""
    written = text(zone)
    wrong = fault(zone, written)
    if wrong:
        raise Refused(409, f"{zone}: {wrong}")
    return written


def fault(zone: Zone, written: str) -> str:
    """Return what is wrong with a text written for `zone`, as its devices would say, or nothing."""
    if len(written.encode()) > TEXT_BYTES_MAX:
        return f"超过 {TEXT_BYTES_MAX} 字节 · more than {TEXT_BYTES_MAX} bytes"
    try:
        told = zones.read(written.encode(), "zone.toml", ZoneInfo)
    except WireError as error:
        return f"设置有误 · {error}"
    if told.zone.checkpoint != zone.checkpoint.code:
        return (
            f'checkpoint = "{zone.checkpoint.code}": 与区域不符 · not the checkpoint of this zone'
        )
    return ""


def zone_of(device: Device) -> Zone:
    """Return the zone that was chosen for a device, or the only one there is; raise Refused."""
    placed = Placement.objects.filter(device=device).select_related("zone__checkpoint").first()
    if placed is not None:
        return placed.zone
    zones = list(Zone.objects.filter(venue=device.venue).select_related("checkpoint")[:2])
    if len(zones) != 1:
        why = "还没有选择区域 · no zone has been chosen for this device: choose one at central"
        raise Refused(409, why)
    return zones[0]
