"""`gatehouse central publish`: snapshots, changes and the heartbeat of a venue's list.

The newest snapshot is rebuilt when many changes have come since. A heartbeat, every second and
retained, says how far the list goes; whoever is behind fetches the rest over HTTP, so that the
broker can lose anything.
"""

import logging
import threading
import time
from functools import partial
from pathlib import Path

import paho.mqtt.client as mqtt
from django.conf import settings
from django.db import connection

from central import life
from central.database import kept_trying, one_moment
from central.identity.broker import Guard
from central.identity.renewing import Renewing
from central.ledger.uses import reported
from central.link import Program, connect
from central.lists.build import Contents, build
from central.lists.changes import head
from central.lists.heartbeat import Pulse
from central.lists.models import Change, Snapshot
from central.lists.waking import waking
from central.orders.desired import Wishes
from central.orders.sending import send_orders
from central.venue import trust
from central.venue.models import NEVER_USED, Event, SigningKey, Ticket, TicketClass, Venue
from wire.codec import encode
from wire.signed import Purpose
from wire.snapshot import SCHEMA_VERSION, About
from wire.topic import Topics

log = logging.getLogger("central.publish")

HEARTBEAT_SECONDS = 1.0
LOOK_SECONDS = 0.1
CHANGES_MAX = 5000
KEPT_SNAPSHOTS = 3
RETRY_SECONDS = 5.0


def snapshot(venue: Venue) -> Snapshot:
    """Build a snapshot of the list as it stands now."""
    with one_moment():
        sequence, at_head = head(venue)
        list_key = bytes(venue.list_key)
        about = About(SCHEMA_VERSION, venue.code, list_key, sequence, at_head, int(time.time()))
        contents = Contents(
            about=about,
            classes=tuple(
                (kind.pk, encode(kind.record()))
                for kind in TicketClass.objects.filter(event__venue=venue).select_related("event")
            ),
            events=tuple(
                (event.audience, encode(event.record()))
                for event in Event.objects.filter(venue=venue)
            ),
            signing_keys=tuple(
                (bytes(key.kid), encode(key.record()))
                for key in SigningKey.objects.filter(venue=venue)
            ),
        )
        tickets = Ticket.objects.filter(ticket_class__event__venue=venue)
        uses = reported(None)
        rows = [
            ticket.row(list_key, uses.get(bytes(ticket.cti), NEVER_USED))
            for ticket in tickets.iterator(5000)
        ]
    # The time in its name makes it unique even if a database was put back to yesterday.
    version = f"{venue.code}-{sequence}-{time.time_ns()}"
    manifest = build(folder(), version, contents, rows)
    sealed = trust.sealed(encode(manifest), Purpose.LIST)
    made = Snapshot.objects.create(venue=venue, version=version, sequence=sequence, manifest=sealed)
    _forget_old(venue)
    return made


def folder() -> Path:
    """Where snapshots lie."""
    return Path(settings.DIRECTORY) / "list"


def newest(venue: Venue) -> Snapshot | None:
    return Snapshot.objects.filter(venue=venue).order_by("-pk").first()


def run(stopping: threading.Event) -> None:
    """Publish until told to stop."""
    topics = Topics(settings.TOLD.venue)
    client = connect(settings.TOLD.broker, Program.PUBLISH, topics.venue)
    guard = Guard(settings.TOLD.broker, topics.venue) if settings.TOLD.broker.tls else None
    found = kept_trying(partial(_found, topics.venue), stopping)
    if found is None:
        return
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
    venue = Venue.objects.get(code=code)
    return venue, head(venue)[0]


class Building:
    """Makes a snapshot where many changes have come since the last, and holds up no heartbeat."""

    def __init__(self, venue: Venue, stopping: threading.Event) -> None:
        self._venue = venue
        self._stopping = stopping
        self._thread: threading.Thread | None = None

    def look(self) -> None:
        """Begin one if it is wanted, and none is under way."""
        if self._thread is not None and self._thread.is_alive():
            return
        made = newest(self._venue)
        if made is None or head(self._venue)[0] - made.sequence > CHANGES_MAX:
            self._thread = threading.Thread(target=self._build, daemon=True)
            self._thread.start()

    def _build(self) -> None:
        try:
            kept_trying(partial(snapshot, self._venue), self._stopping)
        except (OSError, trust.TrustMissing) as error:
            log.error("no snapshot could be made: %s", error)
            self._stopping.wait(RETRY_SECONDS)
        finally:
            connection.close()


def _publish_changes(client: mqtt.Client, topics: Topics, venue: Venue, after: int) -> int:
    for change in Change.objects.filter(venue=venue, sequence__gt=after).order_by("sequence"):
        client.publish(topics.deltas(), bytes(change.body), qos=1)
        after = change.sequence
    return after


def _forget_old(venue: Venue) -> None:
    for old in Snapshot.objects.filter(venue=venue).order_by("-pk")[KEPT_SNAPSHOTS:]:
        (folder() / f"{old.version}.db.zst").unlink(missing_ok=True)
        old.delete()
