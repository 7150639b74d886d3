"""The hub of a venue as central knows it: where it is, who may ask it, whose answers count.

Three words make a hub. An admin says that a device is one, and where it is reached; the device
says by which key it signs; an admin takes that key. Only then do zones believe it and devices go
there: whoever used a stolen enrolment code is a hub that nobody asks.
"""

import logging

from central.claims.models import Hub
from central.identity.models import Certificate
from central.venue.models import Device, Venue
from wire.codec import WireError, encode
from wire.configuration import NAME_MAX, HubPlace, Member, read_place

log = logging.getLogger("central.hubs")

ROSTER_BYTES_MAX = 192 * 1024
"""More does not fit into what a hub takes at once; then its devices have no names."""
LOCAL = ("localhost", "127.0.0.1")
"""By these the hub's own program calls its broker."""


def serving(venue: Venue) -> Hub | None:
    """Return who answers claims in central's place: nobody before an admin took its key."""
    return Hub.objects.filter(venue=venue).exclude(key="").first()


def of(device: Device) -> Hub | None:
    """Return the hub that this device is."""
    return Hub.objects.filter(device=device).first()


def place(hub: Hub | None) -> HubPlace | None:
    """Return where devices find it, where that is known: an address was read before it was kept."""
    if hub is None or not hub.host:
        return None
    try:
        return read_place(hub.host)
    except WireError as error:
        log.error("hub: %s", error)
        return None


def names(hub: Hub) -> list[str]:
    """Return by what names its broker may be called; raise WireError for no such place."""
    return list(dict.fromkeys((read_place(hub.host).host, *LOCAL)))


def roster(hub: Hub) -> tuple[Member, ...]:
    """Return the devices that may ask it: who is or was one of the venue's, and is not denied."""
    enrolled = Certificate.objects.filter(revoked_at=None).values("device")
    found = Device.objects.filter(venue=hub.venue, denied=None).exclude(hub=hub)
    known = (found.filter(pk__in=enrolled) | found.filter(last_seen__isnull=False)).distinct()
    members = tuple(
        Member(bytes.fromhex(device.identity), device.name[:NAME_MAX])
        for device in known.order_by("pk")
    )
    if len(encode(members)) > ROSTER_BYTES_MAX:
        return tuple(Member(one.device) for one in members)
    return members


def report(hub: Hub, key: bytes, now: int) -> None:
    """Keep what the device itself says that it signs by; for an admin to take."""
    said = key.hex()
    Hub.objects.filter(pk=hub.pk).update(heard_at=now)
    if said != hub.reported_key:
        Hub.objects.filter(pk=hub.pk).update(reported_key=said, reported_at=now)


def accept(hub: Hub, seen: str) -> bool:
    """Believe the key that an admin saw; False if the device has said another one since."""
    taken = Hub.objects.filter(pk=hub.pk, reported_key=seen).exclude(reported_key="")
    return bool(taken.update(key=seen))


def waiting() -> list[Hub]:
    """Return the hubs whose key an admin has not taken yet."""
    return [hub for hub in Hub.objects.exclude(reported_key="") if hub.reported_key != hub.key]


def end(device: Device) -> None:
    """Believe this device's answers no more; central is the ledger until another hub is named."""
    Hub.objects.filter(device=device).update(key="", reported_key="")
