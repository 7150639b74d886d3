"""Snapshots of a venue's list: when one is made, of what, and which are kept.

A device reads all changes since its snapshot at each start, so a chain that has grown long is cut
short by a newer snapshot; devices fetch it in their own time (edge/core/list_renewal.py). What is
to be forgotten, a holder's name, goes with the snapshots and changes of before: central drops its
own, and says in the heartbeat that the devices' are to be replaced.
"""

import logging
import threading
import time
from functools import partial
from math import inf
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.db.models import Max, Sum
from django.db.models.functions import Length

from central.database import kept_trying, one_moment
from central.ledger.uses import reported
from central.lists.build import Contents, build
from central.lists.changes import head
from central.lists.models import Change, Forgotten, Snapshot
from central.venue import trust
from central.venue.models import Event, SigningKey, Ticket, TicketClass, Venue
from central.venue.told import NEVER_USED
from wire.codec import encode
from wire.signed import Purpose
from wire.snapshot import SCHEMA_VERSION, About

log = logging.getLogger("central.publish")

CHANGES_MAX = 5000
CHAIN_BYTES_MAX = 1_000_000
"""Half of what devices let gather, so that there is a newer snapshot when they look for one."""
AGAIN_SECONDS = 600.0
"""To read a million tickets takes half a minute, and a slow device may be fetching the last."""
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
    _drop_old(venue)
    _drop_forgotten(venue)
    return made


def folder() -> Path:
    """Where snapshots lie."""
    return Path(settings.DIRECTORY) / "list"


def newest(venue: Venue) -> Snapshot | None:
    return Snapshot.objects.filter(venue=venue).order_by("-pk").first()


def forget_from_now(venue: Venue) -> None:
    """Have all snapshots and changes replaced that say what the database says no more.

    To be called with the last such change, in its transaction.
    """
    Forgotten.objects.update_or_create(venue=venue, defaults={"before": head(venue)[0]})


def forgotten_before(venue: Venue) -> int:
    """Return the change before which there is something to be forgotten; 0: there is nothing."""
    found = Forgotten.objects.filter(venue=venue).first()
    return found.before if found else 0


class Since:
    """Counts what has changed since a snapshot; each change is looked at once."""

    def __init__(self) -> None:
        self._snapshot = -1
        self._upto, self._size_bytes = 0, 0

    def count(self, made: Snapshot) -> tuple[int, int]:
        """Return how many changes there are since, and their bytes."""
        if made.pk != self._snapshot:
            self._snapshot, self._upto, self._size_bytes = made.pk, made.sequence, 0
        newer = Change.objects.filter(venue=made.venue_id, sequence__gt=self._upto)
        found = newer.aggregate(last=Max("sequence"), size=Sum(Length("body")))
        self._upto = found["last"] or self._upto
        self._size_bytes += found["size"] or 0
        return self._upto - made.sequence, self._size_bytes


class Building:
    """Makes a snapshot where much has changed since the last, and holds up no heartbeat."""

    def __init__(self, venue: Venue, stopping: threading.Event) -> None:
        self._venue = venue
        self._stopping = stopping
        self._thread: threading.Thread | None = None
        self._began_at = -inf
        self._since = Since()

    def look(self) -> None:
        """Begin one if it is wanted, and none is under way."""
        if self._thread is not None and self._thread.is_alive():
            return
        if self._wanted():
            self._began_at = time.monotonic()
            self._thread = threading.Thread(target=self._build, daemon=True)
            self._thread.start()

    def join(self) -> None:
        """Wait for the one that is under way."""
        if self._thread is not None:
            self._thread.join()

    def _wanted(self) -> bool:
        made = newest(self._venue)
        if made is None or made.sequence < forgotten_before(self._venue):
            return True
        if time.monotonic() - self._began_at < AGAIN_SECONDS:
            return False
        changes, size_bytes = self._since.count(made)
        return changes > CHANGES_MAX or size_bytes > CHAIN_BYTES_MAX

    def _build(self) -> None:
        try:
            kept_trying(partial(snapshot, self._venue), self._stopping)
        except (OSError, trust.TrustMissing) as error:
            log.error("no snapshot could be made: %s", error)
            self._stopping.wait(RETRY_SECONDS)
        finally:
            connection.close()


def _drop_old(venue: Venue) -> None:
    for old in Snapshot.objects.filter(venue=venue).order_by("-pk")[KEPT_SNAPSHOTS:]:
        (folder() / f"{old.version}.db.zst").unlink(missing_ok=True)
        old.delete()


def _drop_forgotten(venue: Venue) -> None:
    """Drop what says more than the newest snapshot may: devices that need it take that instead."""
    made, before = newest(venue), forgotten_before(venue)
    if made is None or made.sequence < before:
        return
    for old in Snapshot.objects.filter(venue=venue, sequence__lt=before):
        (folder() / f"{old.version}.db.zst").unlink(missing_ok=True)
        old.delete()
    # The last stays: the chain goes on from its number and hash.
    Change.objects.filter(venue=venue, sequence__lt=before).delete()
