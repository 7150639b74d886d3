"""Assembles the hub: reads what it is told, opens the store and the link, and runs."""

import argparse
import asyncio
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from edge.core.hub_broker import access_list
from edge.drivers.catalog import Catalog
from edge.hub.config import HubConfig
from edge.hub.daemon import HubDaemon
from edge.hub.ledger import Ledger
from edge.hub.orders import Orders
from edge.hub.roster import Roster
from edge.runtime import config, identity, service, surroundings
from edge.runtime.clock import Clock
from edge.runtime.config import ConfigError
from edge.runtime.identity import DeviceIdentity
from edge.runtime.service import Life, Work
from edge.runtime.surroundings import Surroundings
from edge.store import claims_key
from edge.store.claims import ClaimStore, ClaimsUnwritable
from edge.store.claims_key import FOLDER
from edge.store.database import TooNew
from edge.store.trust import TrustStore
from wire.topic import Topics

LOOK_SECONDS = 0.5


def main(argv: list[str]) -> int:
    """Run the hub; 0 when told to stop, 78 for a configuration that cannot be used."""
    parser = argparse.ArgumentParser(prog="gatehouse hub", description="The ledger of claims.")
    parser.add_argument("--config", type=Path, default=Path("/etc/gatehouse/hub.toml"))
    parser.add_argument("--check", action="store_true", help="only read the configuration")
    parser.add_argument("--key", action="store_true", help="print the key that zones believe")
    parser.add_argument("--access-list", action="store_true", help="print its broker's access list")
    asked = parser.parse_args(argv)
    try:
        if asked.check or asked.key or asked.access_list:
            sys.stdout.write(_said(asked))
            return 0
    except ConfigError as error:
        sys.stderr.write(f"{error}\n")
        return service.EXIT_CONFIG
    around = surroundings.real()
    return service.run_assembled(lambda: assembled(asked.config, around))


def _said(asked: argparse.Namespace) -> str:
    told = config.load(asked.config, HubConfig)
    directory = Path(told.directory)
    if asked.key:
        key = claims_key.public(claims_key.load(directory))
        return f"{_grouped(key) if sys.stdout.isatty() else key}\n"
    who = identity.load(directory)
    if asked.access_list:
        return access_list(who.venue, who.id)
    return f"{asked.config}: good, venue {who.venue}, {len(told.device)} devices\n"


def _grouped(key: str) -> str:
    """Return it as people compare it with what central's page shows."""
    parts = [key[place : place + 4] for place in range(0, len(key), 4)]
    return "\n".join(" ".join(parts[place : place + 8]) for place in range(0, len(parts), 8))


def assembled(
    path: Path, around: Surroundings, opens: Callable[[Clock], Catalog] = Catalog
) -> Work:
    """Read what the hub is told and return what runs it; raise ConfigError.

    `opens(clock)` turns configuration into drivers.
    """
    told = config.load(path, HubConfig)
    directory = Path(told.directory)
    if not identity.enrolled(directory):
        return lambda life: watched(directory, None, around.machine, life)
    who = identity.load(directory)
    key = claims_key.load(directory)
    return lambda life: _run(told, who, key, life, around, opens)


async def watched(directory: Path, stamp: tuple[int, int] | None, clock: Clock, life: Life) -> None:
    """Begin anew once this machine is somebody, or somebody else than `stamp` says."""
    if stamp is None:
        life.ready("not enrolled yet")
    while not life.stopping.is_set():
        if identity.stamp(directory) != stamp:
            life.begin_again("this hub was enrolled")
        if stamp is None:  # Otherwise the daemon's own work says that it lives.
            life.alive()
        await clock.wait(LOOK_SECONDS)


async def _run(
    told: HubConfig,
    who: DeviceIdentity,
    key: Ed25519PrivateKey,
    life: Life,
    around: Surroundings,
    opens: Callable[[Clock], Catalog],
) -> None:
    clock, topics = around.machine, Topics(who.venue)
    thread, tidying = around.thread("claims"), around.thread("tidying")
    directory = Path(told.directory)
    folder, stamp = directory / FOLDER, identity.stamp(directory)
    trust = await tidying.run(TrustStore, directory, who.pin, who.venue)
    roster = Roster(who.device, told.device, trust, tidying)
    names = await roster.load(directory)
    try:
        store = await thread.run(ClaimStore, folder)
        ledger = await thread.run(Ledger, store, key, topics, clock.now(), names)
    except (OSError, TooNew, sqlite3.Error, ClaimsUnwritable) as error:
        raise ConfigError(f"{folder}: {error}") from None
    catalog = opens(clock)
    link = catalog.link(told.broker, who.id, (topics.everything_up(),), around.chance)
    intercom = around.speaks(Path(told.intercom), clock)
    orders = Orders(who.device, trust, tidying, clock, intercom.tell)
    try:
        daemon = HubDaemon(
            *(link, ledger, thread, clock, life, tidying, store.checkpoint),
            *(intercom, orders, roster),
        )
        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(watched(directory, stamp, clock, life))
            await daemon.run()
            watching.cancel()
    finally:
        tidying.close()
        await thread.run(store.close)
        thread.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
