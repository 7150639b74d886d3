"""What a device is to be configured as: desired by central, reported by the device.

Travels in an envelope (wire/signed.py, purpose configuration), retained: it is the same whenever
it comes. The device answers with an event, applied or refused, and says its version in `Hello`.

Where the venue's hub is, is said to everybody in it; who may ask a hub, to that hub.
"""

import re

import msgspec

from wire.codec import WireError

BROKER_PORT = 8883
_PLACE = re.compile(
    r"(?P<host>[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:]+\])(?::(?P<port>[1-9][0-9]{0,4}))?"
)
HOST_MAX = 63
"""As much as a certificate's common name holds."""
NAME_MAX = 40
"""Characters of a device's name, as a panel shows it."""


class HubPlace(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a venue's hub is reached by its devices."""

    host: str
    """A name, or an address; one of IPv6 without brackets."""
    port: int = BROKER_PORT
    """Of its broker."""


class Member(msgspec.Struct, frozen=True, array_like=True):
    """A device that may claim and use rights of this venue."""

    device: bytes
    name: str = ""
    """For people: "used at …"."""


class Desired(msgspec.Struct, frozen=True):
    """The whole of it; a device applies all or nothing."""

    device: bytes
    """8 bytes."""
    version: int
    """Grows with each change; an older one is refused."""
    zone: str
    """The text of zone.toml; empty for a hub."""
    paper: str = ""
    """The template of a kiosk's papers (paper/template.py); empty: the default. Gates ignore it."""
    hub: HubPlace | None = None
    """Where the venue's hub is; to the hub itself, by what names it is called."""
    roster: tuple[Member, ...] | None = None
    """To a hub: all that may ask it. None: this device is no hub."""


def read_place(text: str) -> HubPlace:
    """Read `host` or `host:port`, as an admin writes it; raise WireError."""
    found = _PLACE.fullmatch(text.strip().lower())
    if found is None:
        raise WireError(f"{text}: a host or an address, with a port where it is not {BROKER_PORT}")
    place = HubPlace(found["host"].strip("[]"), int(found["port"] or BROKER_PORT))
    return checked_place(place)


def checked_place(place: HubPlace) -> HubPlace:
    """Return a place that a connection can be tried to; raise WireError."""
    named = f"[{place.host}]" if ":" in place.host else place.host
    if len(place.host) > HOST_MAX or not _PLACE.fullmatch(named) or not 0 < place.port < 2**16:
        raise WireError(f"{place.host[:40]}:{place.port}: nobody can be reached there")
    return place
