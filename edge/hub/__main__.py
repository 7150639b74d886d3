"""Assembles the hub: reads what it is told, opens the store and the link, and runs."""

import argparse
import os
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from edge.drivers.catalog import Catalog
from edge.hub.access import access_list
from edge.hub.config import HubConfig
from edge.hub.daemon import HubDaemon
from edge.hub.ledger import Ledger
from edge.hub.orders import Orders
from edge.runtime import config, identity, service, surroundings
from edge.runtime.clock import Clock
from edge.runtime.config import ConfigError
from edge.runtime.identity import DeviceIdentity
from edge.runtime.service import Life, Work
from edge.runtime.surroundings import Surroundings
from edge.store.claims import ClaimStore, ClaimsUnwritable
from edge.store.database import TooNew, make_directory, sync_directory
from edge.store.trust import TrustStore
from wire.topic import Topics

FOLDER, KEY = "hub", "claims.key"


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
        return public(_key(directory)) + "\n"
    who = identity.load(directory)
    if asked.access_list:
        return access_list(who.venue, who.id)
    return f"{asked.config}: good, venue {who.venue}, {len(told.device)} devices\n"


def public(key: Ed25519PrivateKey) -> str:
    """Return what stands in zones as `claims_key`."""
    return key.public_key().public_bytes_raw().hex()


def assembled(
    path: Path, around: Surroundings, opens: Callable[[Clock], Catalog] = Catalog
) -> Work:
    """Read what the hub is told and return what runs it; raise ConfigError.

    `opens(clock)` turns configuration into drivers.
    """
    told = config.load(path, HubConfig)
    who = identity.load(Path(told.directory))
    key = _key(Path(told.directory))
    return lambda life: _run(told, who, key, life, around, opens)


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
    names = {bytes.fromhex(one.id): one.name for one in told.device}
    folder = Path(told.directory) / FOLDER
    try:
        store = await thread.run(ClaimStore, folder)
        ledger = await thread.run(Ledger, store, key, topics, clock.now(), names)
    except (OSError, TooNew, sqlite3.Error, ClaimsUnwritable) as error:
        raise ConfigError(f"{folder}: {error}") from None
    catalog = opens(clock)
    link = catalog.link(told.broker, who.id, (topics.everything_up(),), around.chance)
    intercom = around.speaks(Path(told.intercom), clock)
    trust = await tidying.run(TrustStore, Path(told.directory), who.pin, who.venue)
    orders = Orders(who.device, trust, tidying, clock, intercom.tell)
    try:
        daemon = HubDaemon(
            *(link, ledger, thread, clock, life, tidying, store.checkpoint),
            *(intercom, orders),
        )
        await daemon.run()
    finally:
        tidying.close()
        await thread.run(store.close)
        thread.close()


def _key(directory: Path) -> Ed25519PrivateKey:
    """Return the key that signs answers, made when it is first asked for; raise ConfigError."""
    place = directory / FOLDER / KEY
    try:
        if not place.exists():
            _make_key(place)
        key = load_pem_private_key(place.read_bytes(), None)
    except (OSError, ValueError, TypeError) as error:
        raise ConfigError(f"{place}: cannot be read as a key: {error}") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigError(f"{place}: not an Ed25519 key")
    return key


def _make_key(place: Path) -> None:
    """On disk whole, or not at all; for its owner alone."""
    make_directory(place.parent)
    made = Ed25519PrivateKey.generate()
    fresh = place.with_suffix(".next")
    fresh.unlink(missing_ok=True)
    handle = os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(place)
    sync_directory(place.parent)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
