"""What each device is to be configured as: compared with its zone, sealed, published.

A change is a new version, one more than any of ours and than any that the device has reported: so
also after central was put back from a copy. Retained, and sent again to a device whose hello says
that it was sent an older one.
"""

import hashlib
import logging
import time
from typing import NamedTuple

import paho.mqtt.client as mqtt

from central.claims import hubs
from central.claims.models import Hub
from central.identity import configuration
from central.identity.models import Placement
from central.orders.models import Desired, Report
from central.orders.reports import COUNTER_MAX
from central.papers import configuration as papers
from central.venue import trust
from central.venue.models import Device, Venue, Zone
from wire import configuration as wire
from wire.codec import encode
from wire.configuration import HubPlace, Member
from wire.signed import Purpose
from wire.topic import Topics

log = logging.getLogger("central.desired")


class Wanted(NamedTuple):
    """What a device is to be told, and what is wrong with it."""

    text: str = ""
    paper: str = ""
    fault: str = ""
    hub: HubPlace | None = None
    roster: tuple[Member, ...] | None = None

    @property
    def beside(self) -> str:
        """Name what is said of the hub, so that a change of it is seen."""
        if self.hub is None and self.roster is None:
            return ""
        return hashlib.sha256(encode((self.hub, self.roster))).hexdigest()


LOOK_SECONDS = 2.0


class Wishes:
    """Looks at all of them every few seconds: a venue has thousands, which change once a day."""

    def __init__(self) -> None:
        self._looked_at = -LOOK_SECONDS

    def look(self, client: mqtt.Client, topics: Topics, venue: Venue) -> int:
        """Return how many were published."""
        now = time.monotonic()
        if now - self._looked_at < LOOK_SECONDS:
            return 0
        self._looked_at = now
        refresh(venue)
        return publish_desired(client, topics, venue)


def refresh(venue: Venue) -> int:
    """Bring the configurations of a venue's devices up to date; return how many changed.

    A text with a fault is not sent; the page of configurations says what is wrong with it. A
    device that was placed nowhere is left alone, also where there is but one zone.
    """
    found = Zone.objects.filter(venue=venue).select_related("checkpoint")
    zones = {zone.pk: zone for zone in found}
    placed = dict(Placement.objects.values_list("device_id", "zone_id"))
    texts = {pk: _checked(zone) for pk, zone in zones.items()}
    wishes = Desired.objects.filter(device__venue=venue).defer("envelope")
    known = {one.device_id: one for one in wishes}
    reports = {one.device_id: one for one in Report.objects.filter(device__venue=venue)}
    hub = Hub.objects.filter(venue=venue).first()
    serving = hubs.place(hubs.serving(venue))
    changed = 0
    for device in Device.objects.filter(venue=venue):
        zone = placed.get(device.pk)
        if hub is not None and hub.device_id == device.pk:
            wanted = Wanted(hub=hubs.place(hub), roster=hubs.roster(hub))
        elif zone in texts:
            wanted = texts[zone]._replace(hub=serving)
        else:
            continue
        report = reports.get(device.pk)
        reported = max(report.applied, report.refused) if report else 0
        changed += _wish(device, wanted, known.get(device.pk), reported)
    return changed


def publish_desired(client: mqtt.Client, topics: Topics, venue: Venue) -> int:
    """Publish what changed; return how many."""
    published = 0
    waiting = Desired.objects.filter(device__venue=venue, published=False, version__gt=0)
    for desired in waiting.select_related("device"):
        if not client.is_connected():
            break
        topic = topics.configuration(desired.device.identity)
        client.publish(topic, bytes(desired.envelope), qos=1, retain=True)
        Desired.objects.filter(pk=desired.pk, version=desired.version).update(published=True)
        published += 1
    return published


def owed(device: Device, has: int) -> bytes | None:
    """Return the envelope for a device that was sent version `has`, or None."""
    known = has if 0 <= has <= COUNTER_MAX else 0
    desired = Desired.objects.filter(device=device, version__gt=known).first()
    return bytes(desired.envelope) if desired else None


def _checked(zone: Zone) -> Wanted:
    """Return a zone's text, its template of papers, and what is wrong with one of them."""
    text, paper = configuration.text(zone), papers.text(zone)
    fault = configuration.fault(zone, text) or (papers.fault(paper) if paper else "")
    return Wanted(text, paper, fault)


def _wish(device: Device, wanted: Wanted, known: Desired | None, reported: int) -> bool:
    """Return whether there is a new version now."""
    text, paper, fault, hub, roster = wanted
    if known is None:
        known = Desired(device=device, version=0, made_at=int(time.time()))
    same = (known.text, known.paper, known.beside) == (text, paper, wanted.beside)
    if fault or (same and known.version >= reported):
        if known.problem != fault:
            known.problem = fault
            known.save()
        return False
    version = max(known.version, reported) + 1
    said = wire.Desired(bytes.fromhex(device.identity), version, text, paper, hub, roster)
    try:
        envelope = trust.sealed(encode(said), Purpose.CONFIGURATION)
    except trust.TrustMissing as missing:
        log.error("configuration of %s not sealed: %s", device.name, missing)
        return False
    known.version, known.text, known.paper, known.envelope = version, text, paper, envelope
    known.beside = wanted.beside
    known.problem, known.published, known.made_at = "", False, int(time.time())
    known.save()
    return True
