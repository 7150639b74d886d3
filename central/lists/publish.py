"""`gatehouse central publish`: snapshots, changes and the heartbeat of a venue's list.

A heartbeat, every second and retained, says how far the list goes; whoever is behind fetches the
rest over HTTP, so that the broker can lose anything.
"""

import logging
import threading
import time
from functools import partial

import paho.mqtt.client as mqtt
from django.conf import settings

from central import life
from central.database import kept_trying
from central.identity.broker import Guard
from central.identity.renewing import Renewing
from central.link import Program, connect
from central.lists.changes import head
from central.lists.heartbeat import Pulse
from central.lists.models import Change
from central.lists.snapshots import Building
from central.lists.waking import waking
from central.orders.desired import Wishes
from central.orders.sending import send_orders
from central.venue import trust
from central.venue.models import Venue
from wire.signed import Purpose
from wire.topic import Topics

log = logging.getLogger("central.publish")

HEARTBEAT_SECONDS = 1.0
LOOK_SECONDS = 0.1
SIGNED = (
    *(Purpose.LIST, Purpose.ESSENTIALS, Purpose.HEARTBEAT),
    *(Purpose.COMMAND, Purpose.CONFIGURATION),
)
"""What for: without any of these keys the doors would not be told what central says."""


def run(stopping: threading.Event) -> None:
    """Publish until told to stop; raise TrustMissing where there is nothing to sign with."""
    topics = Topics(settings.TOLD.venue)
    found = kept_trying(partial(_found, topics.venue), stopping)
    if found is None:
        return
    trust.check(SIGNED)
    client = connect(settings.TOLD.broker, Program.PUBLISH, topics.venue)
    guard = Guard(settings.TOLD.broker, topics.venue) if settings.TOLD.broker.tls else None
    venue, published = found
    pulse, beat_at, wishes, renewing = Pulse(), 0.0, Wishes(), Renewing()
    life.ready()
    watch, building = waking(), Building(venue, stopping)
    while not watch.wait(stopping, LOOK_SECONDS):
        look = partial(_publish_changes, client, topics, venue, published)
        published = kept_trying(look, stopping) or published
        kept_trying(partial(send_orders, client, topics, venue), stopping)
        if time.monotonic() - beat_at >= HEARTBEAT_SECONDS:
            beat_at = time.monotonic()
            kept_trying(building.look, stopping)
            beat = kept_trying(partial(pulse.beat, venue), stopping)
            if beat is not None:
                client.publish(topics.heartbeat(), beat, qos=0, retain=True)
            kept_trying(partial(wishes.look, client, topics, venue), stopping)
            renewing.look()
            life.alive()
        if guard:
            kept_trying(guard.look, stopping)
    client.loop_stop()


def _found(code: str) -> tuple[Venue, int]:
    venue = Venue.objects.filter(code=code).first()
    if venue is None:
        raise trust.TrustMissing(f"there is no venue {code} yet: run gatehouse central prepare")
    return venue, head(venue)[0]


def _publish_changes(client: mqtt.Client, topics: Topics, venue: Venue, after: int) -> int:
    for change in Change.objects.filter(venue=venue, sequence__gt=after).order_by("sequence"):
        client.publish(topics.deltas(), bytes(change.body), qos=1)
        after = change.sequence
    return after
