"""Assembles sync: reads what it is told, opens the store, the link and the intercom, and runs."""

import argparse
import logging
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

from edge.drivers.catalog import Catalog, CentralConfig, TlsConfig
from edge.drivers.interfaces import Fetch, Link
from edge.runtime import config, identity, service, surroundings
from edge.runtime.clock import Clock, TrustedClock
from edge.runtime.config import ConfigError
from edge.runtime.identity import DeviceIdentity
from edge.runtime.intercom import IntercomServer, Word
from edge.runtime.service import Life, Work
from edge.runtime.surroundings import Surroundings
from edge.runtime.workers import SingleThread
from edge.store.database import TooNew
from edge.store.delivery import DeliveryStore
from edge.store.essentials import EssentialsStore
from edge.store.identity_folder import IdentityFolder
from edge.store.list_writer import WhitelistWriter
from edge.store.outbox import JournalReader
from edge.store.trust import TrustStore
from edge.sync.carrier import Carrier
from edge.sync.config import HubConfig, LinkConfig, SyncConfig, hub_of, link_path
from edge.sync.daemon import SyncDaemon
from edge.sync.enrolment import Enroller, Opens
from edge.sync.essentials import EssentialsFollower
from edge.sync.hub_broker import HubBroker
from edge.sync.inward import Inward
from edge.sync.keeper import Keeper
from edge.sync.kiosk_asked import KioskQuestions
from edge.sync.near import NearFirst
from edge.sync.new_list import Aside
from edge.sync.outward import Outward
from edge.sync.own_time import OwnTime
from edge.sync.renewal import Renewal
from edge.sync.roles import RolesFollower
from edge.sync.sideways import Forgetful, Sideways
from edge.sync.time_asked import TimeAsked
from edge.sync.unenrolled import UnenrolledSync
from edge.sync.whereabouts import is_hub, moved, place_of
from wire.configuration import Desired
from wire.topic import Topics

VERSION = "0.1.0"

Stores = tuple[DeliveryStore, TrustStore, WhitelistWriter, EssentialsStore]

THREADS = ("journal", "list", "fetch", "snapshot", "enrolment", "time", "kiosk")

log = logging.getLogger("sync")


def main(argv: list[str]) -> int:
    """Run sync; 0 when told to stop, 78 for a configuration that cannot be used."""
    parser = argparse.ArgumentParser(prog="gatehouse sync", description="The device's sync.")
    parser.add_argument("--config", type=Path, default=Path("/etc/gatehouse/sync.toml"))
    parser.add_argument("--check", action="store_true", help="only read the configuration")
    asked = parser.parse_args(argv)
    if asked.check:
        try:
            sys.stdout.write(f"{asked.config}: good, {_checked(asked.config)}\n")
        except ConfigError as error:
            sys.stderr.write(f"{error}\n")
            return service.EXIT_CONFIG
        return 0
    around = surroundings.real()
    return service.run_assembled(lambda: assembled(asked.config, around))


def _checked(path: Path) -> str:
    directory = Path(config.load(path, SyncConfig).directory)
    if not identity.enrolled(directory):
        return "not enrolled yet"
    config.load(link_path(directory), LinkConfig)
    return f"venue {identity.load(directory).venue}"


def assembled(
    path: Path, around: Surroundings, opens: Callable[[Clock], Catalog] = Catalog
) -> Work:
    """Read what sync is told and return what runs it; raise ConfigError.

    An enrolment that was cut off takes effect. `opens(clock)` turns configuration into drivers.
    """
    told = config.load(path, SyncConfig)
    directory = Path(told.directory)
    try:
        IdentityFolder(directory).settle()
    except OSError as error:
        raise ConfigError(f"{directory / identity.FOLDER}: {error.strerror}") from None
    if not identity.enrolled(directory):
        return lambda life: _run_unenrolled(told, life, around, opens)
    who = identity.load(directory)
    linked = config.load(link_path(directory), LinkConfig)
    return lambda life: _run(told, who, linked, life, around, opens)


class _Opens:
    """Fetches for enrolment and renewal, on a thread that no download holds up."""

    def __init__(self, catalog: Catalog, thread: SingleThread) -> None:
        self._catalog = catalog
        self._thread = thread

    def unverified(self, url: str) -> Fetch:
        return self._catalog.unverified_fetch(url, self._thread)

    def verified(self, url: str, authority: Path, pair: Path | None) -> Fetch:
        tls = TlsConfig(str(authority), str(pair) if pair else None)
        return self._catalog.fetch(CentralConfig(url, tls=tls), self._thread)


async def _run_unenrolled(
    told: SyncConfig, life: Life, around: Surroundings, opens: Callable[[Clock], Catalog]
) -> None:
    clock, directory = around.machine, Path(told.directory)
    thread, intercom = around.thread("enrolment"), await _opened(told, around)
    fetches = _Opens(opens(clock), thread)
    enroller = Enroller(directory, fetches, lambda: 0, intercom.tell, life.begin_again)
    try:
        await UnenrolledSync(enroller, intercom, clock, life).run()
    finally:
        thread.close()


async def _run(
    told: SyncConfig,
    who: DeviceIdentity,
    linked: LinkConfig,
    life: Life,
    around: Surroundings,
    opens: Callable[[Clock], Catalog],
) -> None:
    clock, chance = TrustedClock(around.machine, floor=0.0), around.chance
    directory, topics, device = Path(told.directory), Topics(who.venue), who.id
    # A thread each, so that a download and a list being built hold up neither row nor time.
    threads = [around.thread(name) for name in THREADS]
    journal_thread, list_thread, *others = threads
    fetch_thread, snapshot_thread, enrolment_thread, time_thread, kiosk_thread = others
    intercom, catalog = await _opened(told, around), opens(clock)
    # What takes minutes has a connection and a thread of its own: a change may have to be fetched.
    aside = Aside(catalog.fetch(linked.central, snapshot_thread), snapshot_thread, directory)
    rows = JournalReader(directory, who.device)
    saved, trust, *_ = stores = await _stores(directory, who, journal_thread, list_thread)
    keeper = await _keeper(directory, who, trust, list_thread, clock, intercom, life)
    hub = hub_of(told, keeper.desired, directory)
    link = catalog.link(linked.broker, device, _listened(topics, device, hub), chance)
    fetch = _fetch(hub, linked, catalog, fetch_thread)
    to_central = (link, rows, saved, journal_thread, around.machine, topics, device, VERSION)
    outward = Outward(*to_central, lambda: keeper.version)
    # The answer proves itself: whoever asks for the time can judge no certificate's dates.
    time_fetch = catalog.unverified_fetch(linked.central.url, time_thread)
    kiosk_fetch = catalog.fetch(linked.central, kiosk_thread)
    own_time = OwnTime(clock, time_fetch, trust, around.draw, intercom.tell)
    roles = RolesFollower(fetch, trust, trust.venue, around.machine)
    inward = _inward(fetch, stores, roles, own_time, list_thread, aside, around.machine, chance)
    fetches = _Opens(catalog, enrolment_thread)
    enroller = Enroller(directory, fetches, outward.unacknowledged, intercom.tell, life.begin_again)
    renewal = _renewal(directory, linked, device, fetches, clock, life, chance)
    carrier = Carrier(link, intercom.tell, clock, topics, device, roles)
    broker = _hub_broker(who, keeper, linked, catalog, directory, enrolment_thread, clock, chance)
    near = _hub_link(hub, catalog, topics, device, chance)
    said = (intercom.tell, topics, journal_thread, around.machine)
    sideways = way_to_ledger(directory, who, near, link, *said)
    daemon = SyncDaemon(
        *(link, outward, inward, intercom, clock, life, topics, device),
        *(carrier, enroller, renewal, TimeAsked(time_fetch, intercom.tell), keeper, own_time),
        *(sideways, KioskQuestions(kiosk_fetch, intercom.tell), broker),
    )
    closing: list[Fetch | SingleThread] = [fetch, aside.fetch, time_fetch, kiosk_fetch, *threads]
    try:
        await daemon.run()
    finally:
        for one in closing:
            one.close()


async def _keeper(
    directory: Path,
    who: DeviceIdentity,
    trust: TrustStore,
    thread: SingleThread,
    clock: Clock,
    intercom: IntercomServer,
    life: Life,
) -> Keeper:
    """Return who keeps central's configuration, with what an earlier life kept."""

    def changed(before: Desired | None, after: Desired) -> None:
        if moved(before, after):
            life.begin_again("the hub is elsewhere")

    keeper = Keeper(directory, who.device, trust, thread, clock, intercom.tell, changed)
    await keeper.load()
    return keeper


def _hub_broker(
    who: DeviceIdentity,
    keeper: Keeper,
    linked: LinkConfig,
    catalog: Catalog,
    directory: Path,
    thread: SingleThread,
    clock: Clock,
    chance: Callable[[], float],
) -> HubBroker | None:
    """Return who looks after a broker, where this device is the hub and nobody does it by hand."""
    place = place_of(keeper.desired)
    if place is None or not is_hub(keeper.desired) or linked.central.tls is None:
        return None
    fetch = catalog.fetch(linked.central, thread)
    return HubBroker(directory, who, place, linked.central.url, fetch, clock, chance, keeper)


def _fetch(
    hub: HubConfig | None, linked: LinkConfig, catalog: Catalog, thread: SingleThread
) -> Fetch:
    """Return where lists come from: the hub first, where there is one."""
    fetch = catalog.fetch(linked.central, thread)
    if hub is None or hub.lists is None:
        return fetch
    return NearFirst(fetch, catalog.fetch(hub.lists, thread))


def way_to_ledger(
    directory: Path,
    who: DeviceIdentity,
    near: Link | None,
    link: Link,
    tell: Callable[[Word], None],
    topics: Topics,
    thread: SingleThread,
    clock: Clock,
) -> Sideways:
    """Return the way to the ledger of claims: the hub's, where there is one."""
    if near is None:
        return Sideways(link, tell, topics, who.id)
    heard = JournalReader(directory, who.device)
    to_hub = (near, heard, Forgetful(), thread, clock, topics, who.id, VERSION)
    return Sideways(near, tell, topics, who.id, Outward(*to_hub))


def _inward(
    fetch: Fetch,
    stores: Stores,
    roles: RolesFollower,
    own_time: OwnTime,
    thread: SingleThread,
    aside: Aside,
    clock: Clock,
    chance: Callable[[], float],
) -> Inward:
    _, _, writer, essentials = stores
    following = roles, EssentialsFollower(fetch, essentials, thread, clock)
    return Inward(fetch, writer, *following, own_time, thread, aside, clock, chance)


async def _stores(
    directory: Path, who: DeviceIdentity, journal_thread: SingleThread, list_thread: SingleThread
) -> Stores:
    try:
        saved = await journal_thread.run(_open_saved, directory)
        trust = await list_thread.run(TrustStore, directory, who.pin, who.venue)
        writer = await list_thread.run(WhitelistWriter, directory, trust)
        essentials = await list_thread.run(EssentialsStore, directory, trust)
    except OSError as error:
        raise ConfigError(f"directory {directory}: {error.strerror}") from None
    return saved, trust, writer, essentials


def _listened(topics: Topics, device: str, hub: HubConfig | None) -> tuple[str, ...]:
    ours: tuple[str, ...] = (topics.command(device), topics.configuration(device))
    ours += () if hub else (topics.claim_answer(device),)
    return topics.ack(device), topics.deltas(), topics.heartbeat(), *ours


def _hub_link(
    hub: HubConfig | None,
    catalog: Catalog,
    topics: Topics,
    device: str,
    chance: Callable[[], float],
) -> Link | None:
    if hub is None:
        return None
    answers = (topics.claim_answer(device), topics.ack(device))
    return catalog.link(hub.broker, device, answers, chance)


def _renewal(
    directory: Path,
    linked: LinkConfig,
    device: str,
    opens: Opens,
    clock: Clock,
    life: Life,
    chance: Callable[[], float],
) -> Renewal | None:
    """Return who looks after the certificate; None where there is a token instead."""
    if linked.central.tls is None:
        return None
    folder, url = IdentityFolder(directory), linked.central.url
    return Renewal(folder, device, url, opens, clock, chance, life.begin_again)


async def _opened(told: SyncConfig, around: Surroundings) -> IntercomServer:
    intercom = around.listens(Path(told.intercom.path))
    try:
        await intercom.open()
    except OSError as error:
        raise ConfigError(f"[intercom] path {told.intercom.path}: {error.strerror}") from None
    return intercom


def _open_saved(directory: Path) -> DeliveryStore:
    try:
        return DeliveryStore(directory)
    except TooNew as error:
        raise ConfigError(str(error)) from None
    except sqlite3.OperationalError as error:
        raise ConfigError(f"{directory}/delivery.db: {error}") from None
    except sqlite3.DatabaseError as error:
        # Damaged. All it says can be asked of central again.
        log.error("delivery.db is damaged (%s); it is put aside and begun again", error)
        for name in ("delivery.db-wal", "delivery.db-shm"):
            (directory / name).unlink(missing_ok=True)
        (directory / "delivery.db").replace(directory / "delivery.db.damaged")
        return DeliveryStore(directory)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
