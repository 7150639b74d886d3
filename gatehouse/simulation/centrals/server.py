"""Central's own code on a database in memory, in the time of the simulation.

Django is made ready once in a process. What a seed begins with, tables and tickets, is made once as
well and kept as a picture, which each run starts from and each backup is like.
"""

import atexit
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gatehouse.simulation.centrals.tickets import (
    AUDIENCE,
    CHECKPOINT,
    KIND_NAME,
    LIST_KEY,
    ROTATION_KEY,
    SHOW_NAME,
    VENUE,
    VENUE_NAME,
    Pool,
    pool,
)
from wire.words import Words

CONFIGURATION = 'venue = "{venue}"\ndirectory = "{folder}"\n[devices]\ntokens = true\n'


class CentralTime:
    """What central's modules get for the module `time`."""

    def __init__(self, wall: Callable[[], float]) -> None:
        self._wall = wall
        self._names = 0

    def time(self) -> float:
        return self._wall()

    def monotonic(self) -> float:
        return self._wall()

    def time_ns(self) -> int:
        self._names += 1  # No two snapshots of one moment have the same name.
        return round(self._wall() * 1e9) + self._names


def ready() -> None:
    """Make Django ready in this process, unless somebody has."""
    import django
    from django.apps import apps

    if apps.ready:
        return
    folder = Path(tempfile.mkdtemp(prefix="gatehouse-simulated-central-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    told = folder / "central.toml"
    told.write_text(CONFIGURATION.format(venue=VENUE, folder=folder))
    os.environ["GATEHOUSE_CENTRAL_CONFIG"] = str(told)
    os.environ["DJANGO_SETTINGS_MODULE"] = "central.settings"
    django.setup()
    del os.environ["GATEHOUSE_CENTRAL_CONFIG"]
    del os.environ["DJANGO_SETTINGS_MODULE"]


@contextmanager
def in_memory() -> Iterator[None]:
    """Let Django work on an empty database in memory, and afterwards on what it worked on."""
    ready()
    from django.conf import settings
    from django.db import connections

    from central.database import settings_of

    before = connections.settings["default"]
    told = settings_of("sqlite", Path(settings.DIRECTORY))
    told["NAME"] = ":memory:"
    told["OPTIONS"] = {"transaction_mode": "IMMEDIATE"}
    connections.settings["default"] = connections.configure_settings({"default": told})["default"]
    if hasattr(connections["default"], "connection"):
        connections["default"].close()
        del connections["default"]
    try:
        yield
    finally:
        raw = connections["default"].connection
        if raw is not None:
            raw.close()
        del connections["default"]
        connections.settings["default"] = before


def picture() -> bytes:
    """Return the database as it is, between two transactions."""
    return bytes(_raw().serialize())


def put_back(image: bytes) -> None:
    """Go on from a picture."""
    _raw().deserialize(image)


def _raw() -> Any:
    from django.db import connection

    connection.ensure_connection()
    return connection.connection


@contextmanager
def central_of(
    wall: Callable[[], float],
    folder: Path,
    sealed: Callable[..., bytes],
    signs: tuple[bytes, Ed25519PrivateKey],
) -> Iterator[None]:
    """Let central's modules live in this time, keep files here, and seal by these keys.

    `signs`: what signs tickets, and its name.
    """
    with in_memory():
        from django.core import signing

        from central.claims import answering
        from central.exchange import delegating, finding, granting
        from central.ledger import findings, footing, ingest, messages
        from central.lists import essentials, snapshots
        from central.orders import desired, reports
        from central.tickets import refunds
        from central.venue import keys, trust

        time = CentralTime(wall)
        timed = (
            *(findings, footing, ingest, messages, essentials, snapshots, desired, reports),
            *(refunds, delegating, finding, granting, signing, answering),
        )
        instead: list[tuple[ModuleType, str, object]] = [(one, "time", time) for one in timed]
        instead += [(snapshots, "folder", lambda: folder), (trust, "sealed", sealed)]
        instead += [(keys, "active", lambda _venue: signs)]
        before = [(module, name, getattr(module, name)) for module, name, _ in instead]
        try:
            for module, name, value in instead:
                setattr(module, name, value)
            yield
        finally:
            for module, name, value in before:
                setattr(module, name, value)


@lru_cache(maxsize=4)
def beginning(count: int, roles: bytes) -> bytes:
    """Return the picture of a venue with `count` tickets and nothing that has happened."""
    from django.core.management import call_command

    with in_memory():
        call_command("migrate", interactive=False, verbosity=0)
        _fill(pool(count), roles)
        return picture()


def _fill(tickets: Pool, roles: bytes) -> None:
    from central.venue.models import (
        Checkpoint,
        Event,
        RolesVersion,
        SigningKey,
        Ticket,
        TicketClass,
        Venue,
    )

    venue = Venue.objects.create(code=VENUE, list_key=LIST_KEY, **_named(VENUE_NAME))
    Checkpoint.objects.create(venue=venue, code=CHECKPOINT)
    RolesVersion.objects.create(venue=venue, version=1, bundle=roles)
    public = tickets.key.public_key().public_bytes_raw()
    SigningKey.objects.create(venue=venue, kid=tickets.kid, public=public)
    times = {"opens": 0, "closes": 2**32 - 1, "rotation_key": ROTATION_KEY}
    show = Event.objects.create(venue=venue, audience=AUDIENCE, **times, **_named(SHOW_NAME))
    kind = TicketClass.objects.create(event=show, code=1, uses={CHECKPOINT: 1}, **_named(KIND_NAME))
    Ticket.objects.bulk_create(
        Ticket(
            cti=one.cti,
            ticket_class=kind,
            serial=one.serial,
            quantity=one.quantity,
            flags=one.ticket.flags,
            not_before=one.ticket.not_before,
            expires=one.ticket.expires,
            issued_at=one.ticket.issued_at,
            order_number=one.order,
            phone_digits=one.digits,
        )
        for one in tickets.tickets
        if one.listed
    )


def _named(words: Words) -> dict[str, str]:
    return {"name_zh": words.zh, "name_en": words.en}


def delegate(devices: Iterable[int], first: int, last: int) -> None:
    """Give kiosks leave to exchange alone, as an admin does."""
    from central.exchange.models import Delegation
    from central.venue.models import Event

    show = Event.objects.get(audience=AUDIENCE)
    hours = {"valid_from": first, "valid_until": last}
    for device in devices:
        Delegation.objects.create(device_id=device, event=show, **hours)


def enter_devices(identities: list[str]) -> None:
    """Write down the venue's devices, in the order of their numbers."""
    from central.venue.models import Device, Venue

    venue = Venue.objects.get(code=VENUE)
    Device.objects.bulk_create(
        Device(venue=venue, identity=identity, name=f"gate {number}")
        for number, identity in enumerate(identities, 1)
    )
