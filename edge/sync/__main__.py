"""Assembles sync: reads what it is told, opens the store, the link and the intercom, and runs."""

import argparse
import logging
import random
import sqlite3
import sys
from pathlib import Path

from edge.drivers.catalog import Catalog
from edge.runtime import config, identity, service
from edge.runtime.clock import SystemClock
from edge.runtime.config import ConfigError
from edge.runtime.identity import DeviceIdentity
from edge.runtime.intercom import IntercomServer
from edge.runtime.service import Life
from edge.runtime.workers import Workers
from edge.store.database import TooNew
from edge.store.delivery import DeliveryStore
from edge.store.outbox import JournalReader
from edge.store.trust import TrustStore
from edge.store.whitelist import WhitelistWriter
from edge.sync.carrier import Carrier
from edge.sync.config import LinkConfig, SyncConfig, link_path
from edge.sync.daemon import SyncDaemon
from edge.sync.inward import Inward
from edge.sync.outward import Outward
from edge.sync.roles import RolesFollower
from wire.topic import Topics

VERSION = "0.1.0"

log = logging.getLogger("sync")


def main(argv: list[str]) -> int:
    """Run sync; 0 when told to stop, 78 for a configuration that cannot be used."""
    parser = argparse.ArgumentParser(prog="gatehouse sync", description="The device's sync.")
    parser.add_argument("--config", type=Path, default=Path("/etc/gatehouse/sync.toml"))
    parser.add_argument("--check", action="store_true", help="only read the configuration")
    asked = parser.parse_args(argv)
    try:
        told = config.load(asked.config, SyncConfig)
        who = identity.load(Path(told.directory))
        linked = config.load(link_path(Path(told.directory)), LinkConfig)
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return service.EXIT_CONFIG
    if asked.check:
        sys.stdout.write(f"{asked.config}: good, venue {who.venue}\n")
        return 0
    return service.run(lambda life: _run(told, who, linked, life))


async def _run(told: SyncConfig, who: DeviceIdentity, linked: LinkConfig, life: Life) -> None:
    clock, workers, directory = SystemClock(), Workers(), Path(told.directory)
    # Three threads, so that a download and a list being built hold up no row.
    journal_thread, list_thread = workers.single("journal"), workers.single("list")
    fetch_thread = workers.single("fetch")
    topics, device = Topics(who.venue), who.id
    intercom = IntercomServer(Path(told.intercom.path))
    try:
        await intercom.open()
    except OSError as error:
        raise ConfigError(f"[intercom] path {told.intercom.path}: {error.strerror}") from None
    catalog = Catalog(clock)
    listened = (
        *(topics.ack(device), topics.deltas(), topics.heartbeat()),
        topics.command(device),
    )
    link = catalog.link(linked.broker, device, listened, random.random)
    fetch = catalog.fetch(linked.central, fetch_thread)

    rows = JournalReader(directory, bytes.fromhex(device))
    try:
        saved = await journal_thread.run(_open_saved, directory)
        trust = await list_thread.run(TrustStore, directory, who.pin, who.venue)
        writer = await list_thread.run(WhitelistWriter, directory, trust)
    except OSError as error:
        raise ConfigError(f"directory {directory}: {error.strerror}") from None
    outward = Outward(link, rows, saved, journal_thread, clock, topics, device, VERSION)
    inward = Inward(
        fetch,
        writer,
        RolesFollower(fetch, trust, who.venue, clock),
        intercom,
        directory / "list" / "incoming",
        list_thread,
        clock,
        random.random,
    )
    carrier = Carrier(link, intercom.tell, clock, topics, device)
    daemon = SyncDaemon(link, outward, inward, intercom, clock, life, topics, device, carrier)
    try:
        await daemon.run()
    finally:
        fetch.close()
        for thread in (journal_thread, list_thread, fetch_thread):
            thread.close()


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
